//! Which worker waits for the next deadline.
//!
//! At most one parked worker, the **timekeeper**, sleeps until the earliest deadline of all shards;
//! the others sleep until they are woken. Running workers look at the time now and then.
//!
//! The timekeeper publishes when it will wake, fences, reads every shard once more, and only then
//! sleeps. Whoever lowers a shard's deadline stores it, fences, and reads what the timekeeper has
//! published: if that is later, it unparks the timekeeper. So of the two, one sees the other. If
//! there is no timekeeper, whoever armed the timer stirs any parked worker, which then finds the
//! role free and takes it: the arming worker may go on to compute for a second.
//!
//! A timekeeper that gets up gives the role back, fences, and stirs another parked worker if any
//! deadline is left, before it polls a task. A worker parks (sets its bit, fences) before it asks
//! for the role. So either the one who gives the role back sees the parked worker, or that worker
//! sees the role free.
//!
//! To be stirred is nobody's own: the worker may be granted a search at the same moment, or find
//! work, and never ask for the role. So every worker that stops sleeping clears its bit, fences, and
//! stirs another if the role is free and a deadline is left
//! ([`Sleepers::sleep`](super::sleepers::Sleepers::sleep)). Whoever armed a timer stored the
//! deadline, fenced, and read the bits: either it did not see this worker's bit, and stirred another,
//! or this worker sees the deadline.

use crate::sync::{AtomicU64, AtomicUsize, fence};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release, SeqCst};

pub(crate) struct Timekeeper {
    /// One more than the timekeeper's seat; 0 if there is none.
    seat: AtomicUsize,
    /// When it will wake, in nanoseconds of the runtime's clock.
    wakes_at: AtomicU64,
}

/// Whom to unpark for a deadline that fell.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unpark {
    /// The timekeeper, who would sleep too long.
    Seat(usize),
    /// Any parked worker: nobody keeps time.
    Anyone,
    /// Nobody: the timekeeper wakes early enough.
    Nobody,
}

impl Timekeeper {
    pub(crate) fn new() -> Self {
        Timekeeper {
            seat: AtomicUsize::new(0),
            wakes_at: AtomicU64::new(0),
        }
    }

    /// The timekeeper's seat.
    pub(crate) fn seat(&self) -> Option<usize> {
        // Relaxed: a hint for those who choose whom to wake.
        self.seat.load(Relaxed).checked_sub(1)
    }

    /// Takes the role if it is free. The caller has parked, and thereby fenced.
    pub(crate) fn take(&self, seat: usize) -> bool {
        // AcqRel pairs with `give_back`; Relaxed: on failure somebody else keeps time.
        self.seat
            .compare_exchange(0, seat + 1, AcqRel, Relaxed)
            .is_ok()
    }

    /// Publishes when the timekeeper will wake: at the value of `next_deadline`, which reads every
    /// shard.
    pub(crate) fn plan(&self, next_deadline: impl Fn() -> u64) -> u64 {
        loop {
            let deadline = next_deadline();
            // Relaxed: the fence publishes it; it pairs with the fence in `lowered`.
            self.wakes_at.store(deadline, Relaxed);
            fence(SeqCst);
            if next_deadline() >= deadline {
                return deadline;
            }
        }
    }

    /// Gives the role of the worker at `seat` back, if it still has it. The caller then sees to it that a
    /// parked worker, if there is one and a deadline is left, takes it.
    pub(crate) fn give_back(&self, seat: usize) {
        // Release pairs with `take`; the fence with those in `lowered` and `Idle::park`. Relaxed: on
        // failure the role has been taken away, and whoever did that sees to the rest.
        let _ = self.seat.compare_exchange(seat + 1, 0, Release, Relaxed);
        fence(SeqCst);
    }

    /// For a shard whose published next deadline has fallen to `deadline`.
    pub(crate) fn lowered(&self, deadline: u64) -> Unpark {
        // Pairs with the fences in `plan` and `give_back`.
        fence(SeqCst);
        // Acquire pairs with `take`: what is read next is this timekeeper's plan, or a plan that
        // it is about to replace, after which it reads the shards.
        let Some(seat) = self.seat.load(Acquire).checked_sub(1) else {
            return Unpark::Anyone;
        };
        // Relaxed: the fence orders it after the store of the deadline.
        if self.wakes_at.load(Relaxed) > deadline {
            Unpark::Seat(seat)
        } else {
            Unpark::Nobody
        }
    }
}
