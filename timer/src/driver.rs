//! The seam between timers and an executor. Not for applications; it may change in any release.
//!
//! An executor claims a [`ShardSet`]: a wheel for each worker and some for other threads. Each
//! worker [enters](ShardSet::enter) its own, so that timers first polled there are armed there, and
//! from time to time [fires](ShardSet::fire) what is due, its own or another's. Who sleeps until
//! the next deadline is the executor's affair: the set publishes [`next`](ShardSet::next) per shard
//! and tells a [`Keeper`] when it falls.
//!
//! Why no deadline is missed: arming stores `next`, then calls [`Keeper::earlier`], which
//! **fences** (SeqCst) and reads the wake time that a timekeeper has published. The timekeeper
//! publishes its wake time, fences (SeqCst), reads every shard's `next`, then sleeps. Of two fences
//! one comes first: either the timekeeper reads the new `next`, or `earlier` reads the wake time
//! and sees that it is too late.

use std::marker::PhantomData;
use std::time::Duration;

pub use crate::budget::{refill as refill_budget, spend as spend_budget};
pub use crate::clock::NEVER;
use crate::clock::{self, Clock};
pub use crate::context::monotonic_nanos;
use crate::context::{self, Place};
pub use crate::paused::{Step, paused_clock};
use crate::slack::Slack;
use crate::table;

/// Who is told that there is something to be done earlier than was known.
pub trait Keeper: Send + Sync {
    /// A shard's next deadline has fallen to `deadline`, in nanoseconds of the set's clock.
    ///
    /// Called on the thread that arms, outside every lock, after the new value was stored where
    /// [`ShardSet::next`] reads it. Whoever implements this fences (SeqCst) before it reads what
    /// the timekeeper has published.
    fn earlier(&self, deadline: u64);
}

/// What one [`ShardSet::fire`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fired {
    /// How many wakers were called.
    pub fired: usize,
    /// Whether the budget ran out first: there is more to do at the same time.
    pub more: bool,
}

/// Shards that a runtime has claimed, numbered from 0: one a worker, then the external ones.
///
/// A claim ends with [`close`](ShardSet::close), or when the set is dropped; from then on every
/// method finds the set empty.
#[derive(Debug)]
pub struct ShardSet {
    places: Box<[Place]>,
    workers: usize,
    clock: Clock,
}

impl ShardSet {
    /// Claims `workers` + `external` shards.
    ///
    /// # Panics
    ///
    /// If there is no external shard, or if over 4 million shards are claimed in the process.
    #[track_caller]
    pub fn new(clock: Clock, workers: usize, external: usize, keeper: &'static dyn Keeper) -> Self {
        assert!(
            external > 0,
            "a set of timer shards needs at least 1 external shard, and was asked for 0"
        );
        let manual = clock.is_manual();
        let max_slack = if manual { Slack::NONE } else { Slack::MOST };
        let claim = |_| {
            let (shard, generation) = table::claim(keeper, clock.clone());
            Place {
                shard,
                generation,
                manual,
                max_slack,
            }
        };
        ShardSet {
            places: (0..workers + external).map(claim).collect(),
            workers,
            clock,
        }
    }

    /// Bounds the slack that timers of this set have by default. With [`Duration::ZERO`] all are
    /// exact but those that have a slack of their own. At first there is no bound; one that is set
    /// can't be raised again. By a clock that is set by hand there is no slack at all.
    ///
    /// It is for the timers of threads that enter the set from now on.
    pub fn set_max_slack(&mut self, slack: Duration) {
        let max_slack = Slack::within(clock::duration_nanos(slack));
        for place in &mut self.places {
            place.max_slack = place.max_slack.min(max_slack);
        }
    }

    /// How many shards there are, external ones included.
    pub fn shards(&self) -> usize {
        self.places.len()
    }

    /// What time it is by the set's clock, in nanoseconds since a base that the whole process
    /// shares.
    pub fn now(&self) -> u64 {
        self.clock.nanos()
    }

    /// The set's clock.
    pub fn clock(&self) -> &Clock {
        &self.clock
    }

    /// When firing a shard is worth trying, in nanoseconds; [`NEVER`] if nothing is armed.
    ///
    /// No later than the shard's first deadline (rounded up by the tick and the timer's slack). It
    /// may be earlier; to fire at that time then calls nobody and raises it.
    ///
    /// # Panics
    ///
    /// As all methods that take a shard's number: if there is no such shard.
    pub fn next(&self, shard: usize) -> u64 {
        let place = &self.places[shard];
        place.shard.next(place.generation)
    }

    /// The least [`next`](ShardSet::next) of all shards.
    pub fn next_deadline(&self) -> u64 {
        (0..self.places.len())
            .map(|shard| self.next(shard))
            .min()
            .unwrap_or(NEVER)
    }

    /// As [`next_deadline`](ShardSet::next_deadline), after a look into every wheel: what was taken
    /// out does not count any more.
    pub(crate) fn look(&self) -> u64 {
        let looks = self.places.iter();
        let looks = looks.map(|place| place.shard.look(place.generation));
        looks.min().unwrap_or(NEVER)
    }

    /// Fires all that is due by `now`. Whether there was anything.
    pub(crate) fn fire_all(&self, now: u64) -> bool {
        let fired = (0..self.shards()).map(|shard| self.fire(shard, now, usize::MAX).fired);
        fired.sum::<usize>() > 0
    }

    /// Calls the wakers of what is due in a shard by `now`, outside its lock. Any thread may, and
    /// several at a time.
    ///
    /// At most `budget` timers are fired or moved to a finer level. A waker that panics is
    /// contained. While nothing is due this costs two loads.
    pub fn fire(&self, shard: usize, now: u64, budget: usize) -> Fired {
        let place = &self.places[shard];
        place.shard.fire(place.generation, now, budget)
    }

    /// Sends timers that are first polled on this thread to a shard, until the guard is dropped.
    /// Nests.
    pub fn enter(&self, shard: usize) -> Entered {
        Entered {
            before: context::replace_place(Some(self.places[shard])),
            _not_send: PhantomData,
        }
    }

    /// As [`enter`](ShardSet::enter), with one of the external shards, always the same for a
    /// thread.
    pub fn enter_external(&self) -> Entered {
        let external = self.places.len() - self.workers;
        self.enter(self.workers + context::thread_number() % external)
    }

    /// Gives the shards back and calls the wakers of all their timers, so that each is polled and
    /// moves elsewhere.
    ///
    /// A second call does nothing. A timer that is polled afterwards on a thread that has still
    /// entered this set goes to the driver thread of this crate.
    pub fn close(&self) {
        for place in &self.places {
            place.shard.close(place.generation);
        }
        if let Some((_, asked)) = self.clock.paused() {
            asked.close();
        }
    }

    /// How many timers are armed.
    pub fn len(&self) -> usize {
        self.places
            .iter()
            .map(|place| place.shard.len(place.generation))
            .sum()
    }

    /// Whether no timer is armed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Where a thread's timers go that doesn't belong to a worker.
    pub(crate) fn external_place(&self) -> Place {
        let external = self.places.len() - self.workers;
        self.places[self.workers + context::thread_number() % external]
    }
}

impl Drop for ShardSet {
    fn drop(&mut self) {
        self.close();
    }
}

/// While it lives, timers first polled on its thread go to the shard that was entered. Dropping it
/// restores what was entered before; guards of one thread are dropped in the reverse of their
/// order.
#[must_use = "the shard is left when the guard is dropped"]
#[derive(Debug)]
pub struct Entered {
    before: Option<Place>,
    /// What was entered is the thread's own.
    _not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        context::replace_place(self.before);
    }
}

#[cfg(test)]
mod tests;
