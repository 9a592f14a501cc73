//! How workers sleep and are woken: the idle word, the timekeeper, and a parker for each seat.
//!
//! Everything here is told what work and timers there are by its caller, so that a model can put
//! its own in their place.

use super::{
    idle::Idle,
    parker::Parker,
    timekeeper::{Timekeeper, Unpark},
};
use crate::sync::fence;
use crossbeam_utils::CachePadded;
use std::{sync::atomic::Ordering::SeqCst, time::Duration};
use wheelhouse_timer::driver::NEVER;

/// The timekeeper waits no shorter than this, which is what a wait costs: deadlines that lie nearer to each
/// other are served together.
const SHORTEST_WAIT: Duration = Duration::from_micros(50);

pub(crate) struct Sleepers {
    idle: CachePadded<Idle>,
    timekeeper: CachePadded<Timekeeper>,
    parkers: Box<[CachePadded<Parker>]>,
}

/// The timers of a pool: every shard, and the clock.
pub(crate) trait Timers {
    /// The earliest deadline, in nanoseconds; [`NEVER`] if there is none.
    fn next_deadline(&self) -> u64;
    /// What time it is, in nanoseconds.
    fn now(&self) -> u64;
    /// Fires what is due.
    fn fire_due(&self, now: u64);
    /// The timekeeper gets up for a deadline. Whether it is likely to be back so soon that nobody need take
    /// its role meanwhile.
    fn gets_up(&self, _now: u64) -> bool {
        false
    }
    /// Calls `wait`, which waits for a deadline, so that it ends as near to that as it should.
    fn wait<R>(&self, wait: impl FnOnce() -> R) -> R {
        wait()
    }
}

impl Sleepers {
    pub(crate) fn new(seats: usize) -> Self {
        Sleepers {
            idle: CachePadded::new(Idle::new(seats)),
            timekeeper: CachePadded::new(Timekeeper::new()),
            parkers: (0..seats)
                .map(|_| CachePadded::new(Parker::new()))
                .collect(),
        }
    }

    pub(crate) fn idle(&self) -> &Idle {
        &self.idle
    }

    /// Makes the current thread the one that sleeps at `seat`.
    pub(crate) fn adopt(&self, seat: usize) {
        self.parkers[seat].adopt();
    }

    /// Wakes a worker for something that was just pushed, if one is needed.
    #[inline]
    pub(crate) fn notify(&self) {
        if let Some(seat) = self.idle.notify(|| self.timekeeper.seat()) {
            self.parkers[seat].unpark();
        }
    }

    /// Wakes whoever has to know that the next deadline has fallen to `deadline`.
    pub(crate) fn deadline_lowered(&self, deadline: u64) {
        match self.timekeeper.lowered(deadline) {
            Unpark::Seat(seat) => self.parkers[seat].unpark(),
            Unpark::Anyone => self.appoint_timekeeper(),
            Unpark::Nobody => {}
        }
    }

    /// Stirs a parked worker, if there is one, so that it finds the timekeeper's role free.
    fn appoint_timekeeper(&self) {
        if let Some(seat) = self.idle.a_parked_seat() {
            self.parkers[seat].unpark();
        }
    }

    /// Waits at a spare's seat, for at most `limit`, until it is called. It may return early.
    pub(crate) fn wait_on_bench(&self, seat: usize, limit: Duration) {
        self.parkers[seat].park_on_driver(limit);
    }

    /// Wakes the spare that waits there.
    pub(crate) fn call_from_bench(&self, seat: usize) {
        self.parkers[seat].unpark();
    }

    /// Has the worker at `seat`, which sleeps, look whether it is one too many.
    pub(crate) fn recall(&self, seat: usize) {
        self.parkers[seat].unpark();
    }

    /// Closes the pool and wakes everybody.
    pub(crate) fn close(&self) {
        if self.idle.close() {
            self.parkers.iter().for_each(|parker| parker.unpark());
        }
    }

    /// Sleeps until `has_work`, or a timer is due, or somebody grants this worker a search. True:
    /// the worker is counted as searching, because it was granted a search, or because there is
    /// work. Whoever pushed that may have left it to the search that ended here, so the worker
    /// owes the look that comes with the end of a search.
    pub(crate) fn sleep(
        &self,
        seat: usize,
        was_searching: bool,
        has_work: impl Fn() -> bool,
        timers: &impl Timers,
    ) -> bool {
        self.idle.park(seat, was_searching);
        let (keeps_time, due) = self.sleep_parked(seat, &has_work, timers);
        if keeps_time {
            self.timekeeper.leave(seat);
        }
        let granted = self.idle.withdraw(seat);
        if granted && keeps_time {
            // While wakers are called, which may block, nobody may count on this worker's search.
            self.end_search(&has_work);
        }
        let mut stays = false;
        if keeps_time {
            let now = timers.now();
            stays = due && timers.gets_up(now);
            timers.fire_due(now);
        }
        if !stays {
            self.hand_time_over(seat, || timers.next_deadline());
        }
        let searches = granted || !due;
        if searches && (!granted || keeps_time) {
            self.idle.start_searching();
        }
        searches
    }

    /// Ends a search, and looks whether there is anything that others left to it.
    pub(crate) fn end_search(&self, has_work: impl Fn() -> bool) {
        if self.idle.stop_searching() && has_work() {
            self.notify();
        }
    }

    /// Whether the worker is the timekeeper, and whether a timer is due.
    fn sleep_parked(
        &self,
        seat: usize,
        has_work: impl Fn() -> bool,
        timers: &impl Timers,
    ) -> (bool, bool) {
        let mut keeps_time = false;
        while !has_work() && self.idle.is_parked(seat) {
            keeps_time = keeps_time || self.timekeeper.take(seat);
            if !keeps_time {
                self.parkers[seat].park();
            } else if self.sleep_until_deadline(seat, timers) {
                return (true, true);
            }
        }
        (keeps_time, false)
    }

    /// Sleeps until the earliest deadline, or a token. True: the deadline is there.
    fn sleep_until_deadline(&self, seat: usize, timers: &impl Timers) -> bool {
        let deadline = self.timekeeper.plan(|| timers.next_deadline());
        if deadline == NEVER {
            self.parkers[seat].park();
            return false;
        }
        let left = deadline.saturating_sub(timers.now());
        if left > 0 {
            let limit = Duration::from_nanos(left).max(SHORTEST_WAIT);
            timers.wait(|| self.parkers[seat].park_on_driver(limit));
        }
        deadline <= timers.now()
    }

    /// Takes the timekeeper's role from the worker at `seat`, if it has it: it does something else for a
    /// while, or is held up in a poll, or in a waker that it has called. Another sees to the timers.
    pub(crate) fn relieve(&self, seat: usize, next_deadline: impl Fn() -> u64) {
        if self.timekeeper.seat() == Some(seat) {
            self.hand_time_over(seat, next_deadline);
        }
    }

    /// The worker at `seat`, which does not sleep, is no longer the timekeeper, if it was. Another one that
    /// sleeps is, also if this one was only stirred to be.
    fn hand_time_over(&self, seat: usize, next_deadline: impl Fn() -> u64) {
        if self.timekeeper.seat() == Some(seat) {
            self.timekeeper.give_back(seat);
        }
        self.have_time_kept(next_deadline);
    }

    /// Before a worker that slept polls tasks: if it was to keep time, or had been stirred to do so,
    /// another must.
    fn have_time_kept(&self, next_deadline: impl Fn() -> u64) {
        // Pairs with the fence in `Timekeeper::lowered`: whoever armed a timer saw this worker's bit
        // and stirred it, or this worker sees the deadline.
        fence(SeqCst);
        if self.timekeeper.seat().is_none() && next_deadline() != NEVER {
            self.appoint_timekeeper();
        }
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "sleepers_models.rs"]
mod models;
