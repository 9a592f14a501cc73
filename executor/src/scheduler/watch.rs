//! A worker's side of the watching: it publishes what it does before it calls anybody's code, and
//! wakes the monitor when it comes back from its sleep.

use super::{
    idle::Idle, monitor::Monitor, polling::Polling, queue::LocalQueue, sleepers::Timers,
    stint::Stint,
};
use crate::{os::timer_slack, task::Runnable};
use std::cell::Cell;
use wheelhouse_timer::driver::ShardSet;

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
    /// Whether the worker has slept since it last polled.
    rested: Cell<bool>,
}

impl<'a> Watch<'a> {
    pub(super) fn new(
        polling: &'a Polling,
        monitor: &'a Monitor,
        idle: &'a Idle,
        timers: &'a ShardSet,
        precise: bool,
        queue: &'a LocalQueue,
    ) -> Self {
        Watch {
            polling,
            monitor,
            idle,
            timers,
            precise,
            queue,
            stint: Stint::default(),
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
        self.stint.end(|| self.timers.now());
        self.polling.rest();
        self.rested.set(true);
    }

    /// Calls the wakers of what is due in one shard.
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
        self.timers.next_deadline()
    }

    fn now(&self) -> u64 {
        self.timers.now()
    }

    fn fire_due(&self, now: u64) {
        for shard in 0..self.timers.shards() {
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
