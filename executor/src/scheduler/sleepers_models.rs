//! Loom models of sleeping and waking: the shipped idle word, timekeeper and parkers, with a counter
//! in the place of the queues and another in that of the timer shards. A lost wake-up is a
//! deadlock, which loom reports.

use super::*;
use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{
            AtomicU64, AtomicUsize,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    thread,
};

/// A pool whose tasks are a number.
struct Model {
    sleepers: Sleepers,
    tasks: AtomicUsize,
    /// How many tasks are still to be run before everybody leaves.
    left: Mutex<usize>,
    /// Whether each task takes until all have started, so that no worker can run two.
    long: bool,
    all_started: Condvar,
    next_deadline: AtomicU64,
}

const DEADLINE: u64 = 5;

impl Timers for Model {
    fn next_deadline(&self) -> u64 {
        self.next_deadline.load(Relaxed)
    }

    /// Time stands still: a deadline that is waited for counts as kept.
    fn now(&self) -> u64 {
        0
    }

    fn fire_due(&self, _now: u64) {}
}

impl Model {
    fn new(seats: usize, left: usize) -> Arc<Model> {
        let model = Model {
            sleepers: Sleepers::new(seats),
            tasks: AtomicUsize::new(0),
            left: Mutex::new(left),
            long: seats > 1,
            all_started: Condvar::new(),
            next_deadline: AtomicU64::new(NEVER),
        };
        model.sleepers.idle().open();
        Arc::new(model)
    }

    fn push(&self) {
        // Release pairs with `pop`, as a queue's push does with its pop.
        self.tasks.fetch_add(1, Release);
        self.sleepers.notify();
    }

    fn pop(&self) -> bool {
        self.tasks
            .fetch_update(Acquire, Relaxed, |tasks| tasks.checked_sub(1))
            .is_ok()
    }

    fn has_work(&self) -> bool {
        self.tasks.load(Relaxed) > 0 || self.sleepers.idle().is_closed()
    }

    /// The last task closes the pool.
    fn run_task(&self) {
        let mut left = self.left.lock().unwrap();
        *left -= 1;
        if *left == 0 {
            self.all_started.notify_all();
            drop(left);
            return self.sleepers.close();
        }
        while self.long && *left > 0 {
            left = self.all_started.wait(left).unwrap();
        }
    }

    /// The worker's loop.
    fn work(&self, seat: usize) {
        self.sleepers.adopt(seat);
        let mut searching = false;
        loop {
            if self.pop() {
                let last = searching && self.sleepers.idle().stop_searching();
                searching = false;
                if last && self.has_work() {
                    self.sleepers.notify();
                }
                self.run_task();
            } else if self.sleepers.idle().is_closed() {
                return;
            } else {
                searching = self
                    .sleepers
                    .sleep(seat, searching, || self.has_work(), self);
            }
        }
    }
}

fn spawn_worker(model: &Arc<Model>, seat: usize) -> thread::JoinHandle<()> {
    let model = Arc::clone(model);
    thread::spawn(move || model.work(seat))
}

fn check(preemptions: usize, f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(preemptions);
    builder.check(f);
}

/// A push from outside against workers that are falling asleep.
#[test]
fn loom_push_against_park() {
    check(3, || {
        let model = Model::new(1, 1);
        let worker = spawn_worker(&model, 0);
        model.push();
        worker.join().unwrap();
    });
}

/// Two pushes, two workers, both needed: the second notifier relies on the first's searcher, who
/// must pass the search on.
#[test]
fn loom_two_pushes_against_two_workers() {
    check(2, || {
        let model = Model::new(2, 2);
        let workers = [spawn_worker(&model, 0), spawn_worker(&model, 1)];
        model.push();
        model.push();
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
    });
}

/// Two notifiers at once, one worker: grants, withdrawals and the notifier that finds no bit.
#[test]
fn loom_two_notifiers_against_a_worker() {
    check(3, || {
        let model = Model::new(1, 2);
        let worker = spawn_worker(&model, 0);
        let other = Arc::clone(&model);
        let other = thread::spawn(move || other.push());
        model.push();
        other.join().unwrap();
        worker.join().unwrap();
    });
}

/// A push relies on the search of a spare that goes to the bench: it looks once more as it leaves.
#[test]
fn loom_push_against_a_spare_that_leaves() {
    check(3, || {
        let model = Model::new(1, 1);
        let worker = spawn_worker(&model, 0);
        model.sleepers.idle().start_searching();
        let spare = Arc::clone(&model);
        let spare = thread::spawn(move || spare.sleepers.end_search(|| spare.has_work()));
        model.push();
        spare.join().unwrap();
        worker.join().unwrap();
    });
}

/// Sleeps until somebody waits for the deadline, then ends the model.
fn keep_time(model: &Model, seat: usize) {
    model.sleepers.adopt(seat);
    let kept = std::cell::Cell::new(false);
    let look = Watching { model, kept: &kept };
    while !kept.get() && !model.sleepers.idle().is_closed() {
        model.sleepers.sleep(
            seat,
            false,
            || kept.get() || model.sleepers.idle().is_closed(),
            &look,
        );
    }
    model.sleepers.close();
}

/// The model's timers, noting that their deadline is waited for.
struct Watching<'a> {
    model: &'a Model,
    kept: &'a std::cell::Cell<bool>,
}

impl Timers for Watching<'_> {
    fn next_deadline(&self) -> u64 {
        self.model.next_deadline()
    }

    /// Asked for only when the deadline is planned for.
    fn now(&self) -> u64 {
        self.kept.set(self.model.next_deadline() == DEADLINE);
        DEADLINE
    }

    fn fire_due(&self, _now: u64) {}
}

impl Model {
    /// As `Pool::drain`.
    fn drain(&self) {
        while self.sleepers.idle().is_closed_then_fence() && self.pop() {}
    }

    fn arm(&self) {
        self.next_deadline.store(DEADLINE, Relaxed);
        self.sleepers.deadline_lowered(DEADLINE);
    }
}

/// A timer is armed while the only other worker parks without a deadline.
#[test]
fn loom_arm_against_park() {
    check(3, || {
        let model = Model::new(1, 0);
        let keeper = Arc::clone(&model);
        let keeper = thread::spawn(move || keep_time(&keeper, 0));
        model.arm();
        keeper.join().unwrap();
    });
}

/// The timekeeper is woken for work, and goes on to compute for ever, while a timer is armed
/// and another worker parks: that one must keep time.
#[test]
fn loom_arm_against_a_timekeeper_that_leaves() {
    check(2, || {
        let model = Model::new(2, 0);
        let leaver = Arc::clone(&model);
        let leaver = thread::spawn(move || {
            leaver.sleepers.adopt(0);
            while !leaver.pop() {
                leaver
                    .sleepers
                    .sleep(0, false, || leaver.has_work(), &*leaver);
            }
        });
        let keeper = Arc::clone(&model);
        let keeper = thread::spawn(move || keep_time(&keeper, 1));
        // The work is the leaver's own: it is unparked for it, and so is whoever was granted it.
        model.tasks.store(1, Release);
        model.sleepers.parkers[0].unpark();
        model.arm();
        leaver.join().unwrap();
        keeper.join().unwrap();
    });
}

/// The timekeeper has got up, with no deadline left, while two workers sleep; in its poll it arms a
/// timer and pushes a task. Whoever is stirred for the timer may be granted the task instead, and go
/// on to compute for ever: the other must keep time.
#[test]
fn loom_arm_and_push_against_two_sleepers() {
    check(2, || {
        let model = Model::new(3, 0);
        assert!(model.sleepers.timekeeper.take(2));
        model.sleepers.timekeeper.leave(2);
        let workers = [0, 1].map(|seat| {
            let model = Arc::clone(&model);
            thread::spawn(move || keep_time_or_run(&model, seat))
        });
        model.sleepers.timekeeper.give_back(2);
        model.arm();
        model.push();
        for worker in workers {
            worker.join().unwrap();
        }
    });
}

/// A timer is armed while the timekeeper is away, and about to come back.
#[test]
fn loom_arm_against_a_timekeeper_that_comes_back() {
    check(3, || {
        let model = Model::new(1, 0);
        let timekeeper = &model.sleepers.timekeeper;
        assert!(timekeeper.take(0));
        timekeeper.leave(0);
        let keeper = Arc::clone(&model);
        let keeper = thread::spawn(move || keep_time(&keeper, 0));
        model.arm();
        keeper.join().unwrap();
    });
}

/// The timekeeper is away, and does not come back: it has the role taken away, while a timer is armed
/// and another worker parks. That one must keep time.
#[test]
fn loom_arm_against_a_timekeeper_that_is_relieved() {
    check(2, || {
        let model = Model::new(2, 0);
        let timekeeper = &model.sleepers.timekeeper;
        assert!(timekeeper.take(0));
        timekeeper.leave(0);
        let monitor = Arc::clone(&model);
        let monitor = thread::spawn(move || {
            let next_deadline = || monitor.next_deadline();
            monitor.sleepers.relieve(0, next_deadline);
        });
        let keeper = Arc::clone(&model);
        let keeper = thread::spawn(move || keep_time(&keeper, 1));
        model.arm();
        monitor.join().unwrap();
        keeper.join().unwrap();
    });
}

/// As [`keep_time`], but leaves for the first task that there is.
fn keep_time_or_run(model: &Model, seat: usize) {
    model.sleepers.adopt(seat);
    let kept = std::cell::Cell::new(false);
    let look = Watching { model, kept: &kept };
    while !kept.get() && !model.sleepers.idle().is_closed() {
        if model.pop() {
            return;
        }
        let has_work = || kept.get() || model.has_work();
        if model.sleepers.sleep(seat, false, has_work, &look) && !kept.get() {
            model.sleepers.idle().stop_searching();
        }
    }
    model.sleepers.close();
}

/// A spawn against a shutdown: the task is run, or drained by one of the two.
#[test]
fn loom_push_against_close() {
    check(3, || {
        let model = Model::new(1, usize::MAX);
        let worker = Arc::clone(&model);
        let worker = thread::spawn(move || {
            worker.work(0);
            worker.drain();
        });
        let closer = Arc::clone(&model);
        let closer = thread::spawn(move || closer.sleepers.close());
        model.push();
        model.drain();
        closer.join().unwrap();
        worker.join().unwrap();
        assert_eq!(model.tasks.load(Relaxed), 0, "a task is stranded");
    });
}
