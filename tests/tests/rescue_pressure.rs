//! The rescue under pressure: beside many busy tasks, a busy `block_on`, a limit that is reached again
//! and again, and polls and wakers that come back in between.

use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{BlockedReport, JoinHandle, Runtime, StuckPoll, block_in_place, spawn, yield_now};
use wheelhouse_tests::{
    Gate, LIMIT, Reports, WORKERS, armed_with, eventually, on_built, on_workers,
};

/// Computes for this long, or less if the thread has to wait for its turn meanwhile.
fn compute(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        spin_loop();
    }
}

/// A task whose poll blocks at the gate.
fn blocks(runtime: &Runtime, gate: &Gate) -> JoinHandle<()> {
    let gate = gate.clone();
    runtime.spawn(async move { gate.block() })
}

/// As long as many of the looks take that find everybody busy.
const MANY_LOOKS: Duration = Duration::from_millis(60);

/// Starts tasks that go from poll to poll, more than the threads can keep up with, until it is set.
fn keep_busy(runtime: &Runtime) -> Arc<AtomicBool> {
    let enough = Arc::new(AtomicBool::new(false));
    for _ in 0..300 {
        let enough = Arc::clone(&enough);
        drop(runtime.spawn(async move {
            while !enough.load(SeqCst) {
                compute(Duration::from_micros(100));
                yield_now().await;
            }
        }));
    }
    enough
}

/// One spare is enough for that. If tasks wait and it does not help, more are called each time; but
/// those are other times.
#[test]
fn one_that_blocks_now_and_then_beside_many_that_are_busy() {
    const SPARES: usize = 64;
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        &[2],
        |builder| {
            let builder = builder.max_spare_threads(SPARES);
            builder.on_blocked(reports.hook())
        },
        move |runtime, _| {
            let enough = keep_busy(&runtime);
            for _ in 0..12 {
                let gate = Gate::new();
                let task = blocks(&runtime, &gate);
                told.wait_for_begin(task.id(), LIMIT);
                gate.open();
                task.join().unwrap();
                // Nobody is missing now, and nobody but the clock tells that it has been seen.
                thread::sleep(MANY_LOOKS);
            }
            let metrics = runtime.metrics();
            enough.store(true, SeqCst);
            let started = metrics.spare_threads_started as usize;
            assert!((1..=SPARES / 8).contains(&started), "{metrics:?}");
        },
    );
}

/// How long those in `block_on` go on in vain. It takes a tenth of a second until the hogs are fed.
const PATIENCE: Duration = Duration::from_secs(10);

/// What each hog waits for lies in its own LIFO slot. Whoever is in `block_on` is watched if there is
/// a hook, and moves on, but can't run that. They are several, so that even where processors are few
/// each look finds one that moves.
#[test]
fn threads_in_block_on_that_are_busy_beside_a_hog_on_every_worker() {
    on_built(
        &[1, 2],
        |builder| builder.on_blocked(|_| ()),
        |runtime, workers| {
            let (computing, fed) = (Gauge::default(), Gauge::default());
            for _ in 0..workers {
                let (computing, fed) = (computing.clone(), fed.clone());
                drop(runtime.spawn(hog(workers, computing, fed)));
            }
            thread::scope(|scope| {
                for _ in 0..8 {
                    scope.spawn(|| runtime.block_on(busy_until(&fed, workers)));
                }
            });
            // It lets the hogs go, so that a failure leaves nobody behind.
            let fed = fed.swap(workers, SeqCst);
            assert_eq!(fed, workers, "after {PATIENCE:?}");
        },
    );
}

/// Polls shorter than any that is suspect.
async fn busy_until(fed: &Gauge, workers: usize) {
    let start = Instant::now();
    while fed.load(SeqCst) < workers && start.elapsed() < PATIENCE {
        compute(Duration::from_millis(1));
        yield_now().await;
    }
}

type Gauge = Arc<AtomicUsize>;

/// When all `workers` are `computing`, it puts a task into the slot, and computes until all are `fed`.
async fn hog(workers: usize, computing: Gauge, fed: Gauge) {
    computing.fetch_add(1, SeqCst);
    while computing.load(SeqCst) < workers {
        spin_loop();
    }
    let feed = Arc::clone(&fed);
    drop(spawn(async move { _ = feed.fetch_add(1, SeqCst) }));
    while fed.load(SeqCst) < workers {
        spin_loop();
    }
}

/// The limit was reached and left again while another worker slept the whole time.
#[test]
fn the_limit_is_told_again_though_a_worker_slept_in_between() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        &[2],
        |builder| builder.max_spare_threads(0).on_blocked(reports.hook()),
        move |runtime, _| {
            for round in 1..=5 {
                let (first, second) = (Gate::new(), Gate::new());
                let tasks = [&first, &second].map(|gate| {
                    let task = blocks(&runtime, gate);
                    // The second worker sleeps meanwhile.
                    told.wait_for_begin(task.id(), LIMIT);
                    task
                });
                told.wait_for(LIMIT, |all| (limits(all) == round).then_some(()));
                // One after the other: when nobody is missing any more, somebody sleeps.
                for (gate, task) in [second, first].iter().zip(tasks.into_iter().rev()) {
                    gate.open();
                    told.wait_for_end(task.id(), LIMIT);
                    task.join().unwrap();
                }
                eventually("nobody is stuck", LIMIT, || {
                    runtime.metrics().stuck_workers == 0
                });
                assert_eq!(runtime.metrics().spare_limit_hits, round as u64);
            }
        },
    );
}

fn limits(all: &[BlockedReport]) -> usize {
    let limit = |report: &&BlockedReport| matches!(report, BlockedReport::SpareLimit { .. });
    all.iter().filter(limit).count()
}

/// One task after the other that calls `before`, which is given a number of microseconds that differs
/// from round to round, and ends in `block_in_place`. Then, in the same poll, it blocks unannounced: on
/// a task in its own slot.
///
/// If it goes on in the moment in which the monitor has looked at it and is about to sleep, the monitor
/// has to notice. That is a race, and a second of it seldom hits: without the care that is taken, most
/// runs pass, and the rest hang.
#[track_caller]
fn blocks_after_block_in_place(before: fn(u64)) {
    on_workers(&[4], move |runtime, _| {
        let (start, mut round) = (Instant::now(), 0);
        while start.elapsed() < Duration::from_secs(1) {
            round += 1;
            let task = runtime.spawn(async move {
                before((round * 37) % 3000);
                let (sender, receiver) = mpsc::channel();
                drop(spawn(async move { sender.send(round).unwrap() }));
                receiver.recv().expect("the task runs")
            });
            assert_eq!(task.join().unwrap(), round);
        }
    });
}

#[test]
fn a_poll_that_blocks_after_it_was_announced() {
    blocks_after_block_in_place(|micros| {
        // Until a look has seen it.
        compute(Duration::from_micros(1500));
        block_in_place(|| compute(Duration::from_micros(100 + micros)));
    });
}

/// The announcement's end takes the mark away that the monitor has put on the poll.
#[test]
fn a_poll_that_blocks_again_after_it_was_found_blocked() {
    blocks_after_block_in_place(|micros| {
        thread::sleep(Duration::from_micros(1000 + micros));
        block_in_place(|| ());
    });
}

/// It is over when it returns, although its worker polls nothing afterwards.
#[test]
fn a_waker_that_blocks_comes_back() {
    struct Blocks(Gate);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            self.0.block();
        }
    }
    for &workers in WORKERS {
        let reports = Reports::new();
        let told = reports.clone();
        on_built(
            &[workers],
            |builder| builder.on_blocked(reports.hook()),
            move |runtime, _| {
                let (gate, done) = (Gate::new(), Gate::new());
                let (waker, finish) = (Waker::from(Arc::new(Blocks(gate.clone()))), done.clone());
                // Armed on a worker, so that a worker serves it.
                let task = runtime.spawn(async move {
                    let _timer = armed_with(&waker);
                    done.wait().await;
                });
                let began = told.wait_for(LIMIT, |all| all.iter().find_map(begun_waker));
                eventually("it is counted", LIMIT, || {
                    runtime.metrics().stuck_workers == 1
                });
                gate.open();
                let ended = told.wait_for(LIMIT, |all| all.iter().find_map(ended_waker));
                assert_eq!(ended.thread_name(), began.thread_name());
                eventually("nobody is stuck", LIMIT, || {
                    runtime.metrics().stuck_workers == 0
                });
                finish.open();
                task.join().unwrap();
            },
        );
    }
}

fn begun_waker(report: &BlockedReport) -> Option<StuckPoll> {
    match report {
        BlockedReport::Began(poll) if poll.task_id().is_none() => Some(poll.clone()),
        _ => None,
    }
}

fn ended_waker(report: &BlockedReport) -> Option<StuckPoll> {
    match report {
        BlockedReport::Ended(poll) if poll.task_id().is_none() => Some(poll.clone()),
        _ => None,
    }
}
