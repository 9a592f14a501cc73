//! The worker's loop: find a task, poll it; if there is none, park.

use super::{pace::Pace, pool::Pool, queue::LocalQueue, sleepers::Timers, watch::Watch};
use crate::{
    budget,
    context::{self, Local},
    debug,
    linger::Linger,
    shared::Shared,
    task::{Runnable, Runner, Stamp},
    threads::Running,
};
use std::{sync::Arc, time::Duration};
use wheelhouse_timer::driver::NEVER;

/// The most tasks that run from the LIFO slot in a row while others wait in the deque.
const LIFO_RUN: u32 = 3;

/// How long a spare stays that nobody needs.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

struct Worker<'a> {
    pool: &'static Pool,
    seat: usize,
    shared: &'a Shared,
    queue: &'a LocalQueue,
    watch: Watch<'a>,
    /// Its timers. A spare shares those of a worker.
    shard: usize,
    runner: Runner<'a>,
    pace: Pace,
    /// Polls from the LIFO slot since the last one from elsewhere.
    lifo_run: u32,
    /// Whether the pool counts this worker as searching.
    searching: bool,
    linger: Linger,
    /// Whether a task has come from outside since the worker lingered or parked.
    ran_foreign: bool,
    /// The neighbour at which the last steal began.
    victim: usize,
    /// Whether it stands in for others.
    spare: bool,
    /// Whether it has polled since it came, or was called.
    has_polled: bool,
}

/// The body of a worker's thread.
pub(crate) fn run(shared: &Arc<Shared>, seat: usize, running: &Arc<Running>) {
    let end = AbortOnUnwind("a worker");
    let pool = shared.pool();
    let shard = seat % pool.workers();
    pool.is_back();
    pool.sleepers().adopt(seat);
    let _watched = shared.monitor().watch(running, Some(seat));
    let _timers = shared.timers().enter(shard);
    let local = Local {
        queue: LocalQueue::open(pool, seat),
        shared: Arc::clone(shared),
        running: Arc::clone(running),
    };
    context::as_worker(&local, || {
        let watch = Watch::new(shared, running.polling(), &local.queue);
        let mut worker = Worker {
            pool,
            seat,
            shared: &local.shared,
            queue: &local.queue,
            shard,
            runner: Runner {
                registry: pool.registry(),
                list: pool.registry().list_of(seat),
                now: Stamp::of(0),
                running: Some(running),
            },
            pace: Pace::new(watch.now()),
            watch,
            lifo_run: 0,
            searching: false,
            linger: Linger::new(),
            ran_foreign: false,
            victim: seat,
            spare: seat >= pool.workers(),
            has_polled: false,
        };
        while let Some(task) = worker.next_task() {
            // Asked after the task was taken from its queue: so what is spawned after a shutdown has begun
            // is never polled.
            if pool.was_closed() {
                local.queue.give_back(task);
                break;
            }
            worker.poll(task);
        }
        if pool.is_closed() {
            worker.leave();
        }
        worker.hand_time_over();
        // Whoever sits here next is another.
        pool.crew().returned(local.queue.mark());
    });
    local.queue.close();
    std::mem::forget(end);
}

/// A worker that ended silently would leave its tasks, and the seat's next worker, without a deque; a
/// monitor, the workers without help.
pub(super) struct AbortOnUnwind(pub(super) &'static str);

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        debug::say(format_args!(
            "{} has panicked outside any task, which is a bug: aborting",
            self.0
        ));
        std::process::abort();
    }
}

impl Worker<'_> {
    /// The next task to poll; waits for one. None: the pool is closed, or the worker is a spare that
    /// has not been needed for long.
    fn next_task(&mut self) -> Option<Runnable> {
        if self.pace.tick() {
            if self.pool.is_closed() || (self.has_polled && !self.stays()) {
                return None;
            }
            if let Some(task) = self.look_up() {
                return Some(task);
            }
        }
        loop {
            if let Some(task) = self.own_task().or_else(|| self.search()) {
                self.stop_searching();
                return Some(task);
            }
            if self.pool.is_closed() {
                return None;
            }
            if self.retires() {
                if !self.sit_on_bench() {
                    return None;
                }
            } else if !self.linger() {
                self.park();
            }
        }
    }

    /// Waits a little for more to do, if more is likely to come: when this is the only searcher while
    /// others run, or when the last task came from outside. Whoever pushed would have to wake it.
    fn linger(&mut self) -> bool {
        let idle = self.pool.idle();
        let foreign = std::mem::take(&mut self.ran_foreign);
        (foreign || idle.is_only_searcher(self.pool.workers()))
            && self
                .linger
                .until(|look| self.pool.has_work_at(self.seat + 1 + look))
    }

    fn poll(&mut self, task: Runnable) {
        self.watch.polls(&task);
        self.has_polled = true;
        budget::refill();
        if let Some(task) = task.run(&self.runner) {
            self.queue.yield_back(task);
        }
        self.come_back_if_marked();
        if context::undo_forgotten_entries(0) {
            // The guard that is forgotten here is the one of `run`, once more.
            std::mem::forget(self.shared.timers().enter(self.shard));
        }
        if self.watch.should_be_brief() {
            self.make_up_if_not_brief();
        }
    }

    /// If this worker has been up for a deadline for longer than expected, others get what it has kept
    /// to itself.
    #[cold]
    fn make_up_if_not_brief(&mut self) {
        let now = self.now();
        if self.watch.drags_on(now) {
            self.hand_time_over();
            self.queue.tell();
        }
    }

    /// Looks at the clock, and notes what it says.
    fn now(&mut self) -> u64 {
        let now = self.watch.now();
        self.runner.now = Stamp::of(now);
        now
    }

    /// After anybody's code: if that was stuck, others have taken over.
    #[inline]
    fn come_back_if_marked(&self) {
        if self.queue.is_marked() {
            self.come_back();
        }
    }

    /// Now there may be one too many.
    #[cold]
    fn come_back(&self) {
        // Else the monitor could find the same poll stuck again.
        self.watch.rests();
        self.pool.crew().returned(self.queue.mark());
        self.shared.monitor().stir();
    }

    /// A task from the worker's own queues, its timers, or the injector.
    #[inline]
    fn own_task(&mut self) -> Option<Runnable> {
        self.lifo_task().or_else(|| self.queue.pop()).or_else(|| {
            self.fire_own();
            self.lifo_task().or_else(|| self.foreign_task())
        })
    }

    #[inline]
    fn lifo_task(&mut self) -> Option<Runnable> {
        self.lifo_run = self.lifo_run.saturating_add(1);
        if self.lifo_run > LIFO_RUN && !self.queue.is_empty() {
            self.queue.share_lifo();
        }
        let task = self.queue.pop_lifo();
        if task.is_none() {
            self.lifo_run = 0;
        }
        task
    }

    fn foreign_task(&mut self) -> Option<Runnable> {
        let task = self.queue.pop_injector();
        self.ran_foreign |= task.is_some();
        task
    }

    /// What a busy worker does now and then: serves timers and the injector before its own queue.
    #[cold]
    fn look_up(&mut self) -> Option<Runnable> {
        let now = self.now();
        self.pace.adapt(now);
        self.watch.fire_due(now);
        self.come_back_if_marked();
        let task = self.foreign_task()?;
        // What is in the slot would have been next; this task may take long.
        self.queue.share_lifo();
        Some(task)
    }

    fn fire_own(&mut self) {
        let next = self.shared.timers().next(self.shard);
        if next != NEVER {
            let now = self.now();
            if next <= now && self.watch.fires() {
                // While wakers are called, which may block, nobody may count on this worker's search.
                self.stop_searching();
                self.watch.fire(self.shard, now);
                self.come_back_if_marked();
            }
        }
    }

    /// If this worker is the timekeeper, it is no longer: it does something else for a while.
    #[cold]
    fn hand_time_over(&self) {
        let timers = self.shared.timers();
        let sleepers = self.pool.sleepers();
        sleepers.relieve(self.seat, || timers.next_deadline());
    }

    /// Takes work from where others have too much of it.
    fn search(&mut self) -> Option<Runnable> {
        if !self.searching {
            self.searching = true;
            self.pool.idle().start_searching();
        }
        self.victim = self.victim.wrapping_add(1);
        self.queue.steal(self.victim)
    }

    #[inline]
    fn stop_searching(&mut self) {
        if self.searching {
            self.end_search();
        }
    }

    #[cold]
    fn end_search(&mut self) {
        self.searching = false;
        self.pool.sleepers().end_search(|| self.pool.has_work());
    }

    /// Sleeps until there is work, a timer is due, or the pool is closed.
    fn park(&mut self) {
        let (pool, spare) = (self.pool, self.spare);
        let was_searching = self.searching;
        self.watch.rests();
        pool.turns_idle();
        self.searching = pool.sleepers().sleep(
            self.seat,
            was_searching,
            || pool.has_work_or_rings(spare && pool.crew().surplus() > 0),
            &self.watch,
        );
        pool.is_back();
        self.now();
        self.come_back_if_marked();
    }

    /// A spare that is one too many goes to the bench, and stays if it is called.
    fn stays(&mut self) -> bool {
        !self.retires() || self.sit_on_bench()
    }

    /// A spare that is one too many is not counted any more, and goes to the bench.
    fn retires(&self) -> bool {
        self.spare && self.pool.crew().retire()
    }

    /// Waits on the bench until it is called. False: that has not happened for long. What it finds
    /// due then is in its queue.
    #[cold]
    fn sit_on_bench(&mut self) -> bool {
        self.stop_searching();
        self.queue.hand_over();
        self.hand_time_over();
        self.watch.rests();
        if !self.pool.sit_on_bench(self.seat, KEEP_ALIVE) {
            return false;
        }
        self.pool.is_back();
        // It is called because nobody has looked at the timers for a while.
        self.has_polled = false;
        let now = self.now();
        self.pace = Pace::new(now);
        self.watch.fire_due(now);
        self.come_back_if_marked();
        true
    }

    /// Ends every task that is left: those in queues, then those that wait.
    fn leave(&mut self) {
        // A search that is counted for ever would keep the next runtime from waking anybody.
        self.stop_searching();
        let registry = self.pool.registry();
        registry.shut_down(|task| self.watch.polls(task));
        loop {
            self.pool.drain();
            let task = self.queue.pop_lifo().or_else(|| self.queue.pop());
            let task = task.or_else(|| self.queue.steal(self.seat));
            match task.or_else(|| self.pool.steal_lifo()) {
                Some(task) => {
                    self.watch.polls(&task);
                    task.shut_down(registry);
                }
                None => break,
            }
        }
        self.watch.rests();
    }
}
