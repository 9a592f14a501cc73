//! A worker's side of the watching: it publishes what it does before it calls anybody's code, and
//! wakes the monitor when it comes back from its sleep.

use super::{
    idle::Idle, monitor::Monitor, polling::Polling, queue::LocalQueue, sleepers::Timers,
    stint::Stint,
};
use crate::{os::timer_slack, shared::Shared, task::Runnable};
use std::cell::Cell;
use wheelhouse_timer::driver::{self, NEVER, ShardSet};

/// The most timers that are fired from one shard before tasks are polled again.
const FIRE_BATCH: usize = 256;

pub(super) struct Watch<'a> {
    polling: &'a Polling,
    monitor: &'a Monitor,
    idle: &'a Idle,
    timers: &'a ShardSet,
    /// Whether waits for a deadline are as exact as the system can make them.
    precise: bool,
    queue: &'a LocalQueue,
    stint: Stint,
    /// How many shards of them the workers serve: none if the clock is paused, whose thread does.
    shards: usize,
    /// Whether the worker has slept since it last polled.
    rested: Cell<bool>,
}

impl<'a> Watch<'a> {
    /// For a worker of that runtime.
    pub(super) fn new(shared: &'a Shared, polling: &'a Polling, queue: &'a LocalQueue) -> Self {
        let (pool, timers) = (shared.pool(), shared.timers());
        let paused = pool.quiescence().is_some();
        Watch {
            polling,
            monitor: shared.monitor(),
            idle: pool.idle(),
            timers,
            precise: shared.has_precise_timers(),
            queue,
            stint: Stint::default(),
            shards: if paused { 0 } else { timers.shards() },
            rested: Cell::new(true),
        }
    }

    /// The worker is about to poll a task.
    #[inline]
    pub(super) fn polls(&self, task: &Runnable) {
        self.polling.task(task.id(), task.site());
        self.end_rest();
    }

    #[inline]
    fn end_rest(&self) {
        if self.rested.replace(false) {
            self.monitor.worker_is_back(|| !self.idle.any_parked());
        }
    }

    /// The worker is about to sleep.
    pub(super) fn rests(&self) {
        self.stint.end(|| self.now());
        self.polling.rest();
        self.rested.set(true);
    }

    /// Whether workers serve the timers.
    pub(super) fn fires(&self) -> bool {
        self.shards > 0
    }

    /// Calls the wakers of what is due in one shard, which workers serve.
    pub(super) fn fire(&self, shard: usize, now: u64) {
        if self.timers.next(shard) <= now {
            // Wakers may be anybody's, and block.
            self.polling.wakers();
            self.end_rest();
            let fire = || {
                self.timers.fire(shard, now, FIRE_BATCH);
            };
            if self.stint.should_be_brief() {
                self.queue.quietly(fire);
            } else {
                fire();
            }
        }
    }

    /// Whether the worker is up for a deadline, and expected to sleep again in a moment.
    #[inline]
    pub(super) fn should_be_brief(&self) -> bool {
        self.stint.should_be_brief()
    }

    /// Whether the worker has been up for a deadline for longer than expected; then it no longer is. It owes
    /// the others word of what it has kept to itself.
    pub(super) fn drags_on(&self, now: u64) -> bool {
        let drags_on = self.stint.drags_on(now);
        if drags_on {
            self.stint.end(|| now);
        }
        drags_on
    }
}

impl Timers for Watch<'_> {
    fn next_deadline(&self) -> u64 {
        let nexts = (0..self.shards).map(|shard| self.timers.next(shard));
        nexts.min().unwrap_or(NEVER)
    }

    /// By the system's clock, also if the runtime's own is paused: how long things take is never virtual.
    fn now(&self) -> u64 {
        driver::monotonic_nanos()
    }

    fn fire_due(&self, now: u64) {
        for shard in 0..self.shards {
            self.fire(shard, now);
        }
    }

    fn gets_up(&self, now: u64) -> bool {
        if self.monitor.watches() {
            self.stint.begin(now);
        }
        self.stint.should_be_brief()
    }

    fn wait<R>(&self, wait: impl FnOnce() -> R) -> R {
        if self.precise {
            timer_slack::precisely(wait)
        } else {
            wait()
        }
    }
}
