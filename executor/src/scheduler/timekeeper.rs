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
//! A timekeeper that gets up is *away*. It gives the role back, fences, and stirs another parked worker
//! if any deadline is left, before it polls a task. A worker parks (sets its bit, fences) before it
//! asks for the role. So either the one who gives the role back sees the parked worker, or that worker
//! sees the role free.
//!
//! One that will be back in a moment ([`stint`](super::stint)) stays away without giving the role back, and
//! resumes it before it sleeps. Nobody needs to tell it of a deadline meanwhile: it plans anew, fences,
//! and reads every shard. If it is not back in a moment, it gives the role back then, or has it [taken
//! away](super::sleepers::Sleepers::relieve); that can only happen while it is away.
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
    /// Twice one more than the timekeeper's seat, plus [`AWAY`]; 0 if there is none.
    keeper: AtomicUsize,
    /// When it will wake, in nanoseconds of the runtime's clock.
    wakes_at: AtomicU64,
}

/// It does not sleep, and is expected back.
const AWAY: usize = 1;

/// The word for a timekeeper that is not away.
fn word(seat: usize) -> usize {
    (seat + 1) << 1
}

fn seat_of(keeper: usize) -> Option<usize> {
    (keeper >> 1).checked_sub(1)
}

/// Whom to unpark for a deadline that fell.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unpark {
    /// The timekeeper, who would sleep too long.
    Seat(usize),
    /// Any parked worker: nobody keeps time.
    Anyone,
    /// Nobody: the timekeeper wakes early enough, or is away and reads every shard before it sleeps.
    Nobody,
}

impl Timekeeper {
    pub(crate) fn new() -> Self {
        Timekeeper {
            keeper: AtomicUsize::new(0),
            wakes_at: AtomicU64::new(0),
        }
    }

    /// The timekeeper's seat.
    pub(crate) fn seat(&self) -> Option<usize> {
        // Relaxed: a hint for those who choose whom to wake.
        seat_of(self.keeper.load(Relaxed))
    }

    /// Takes the role if it is free, or resumes it. The caller has parked, and thereby fenced.
    pub(crate) fn take(&self, seat: usize) -> bool {
        // AcqRel pairs with `give_back`; Relaxed: on failure somebody else keeps time.
        let change = |from| {
            self.keeper
                .compare_exchange(from, word(seat), AcqRel, Relaxed)
        };
        change(0)
            .or_else(|keeper| {
                if keeper == word(seat) | AWAY {
                    change(keeper)
                } else {
                    Err(keeper)
                }
            })
            .is_ok()
    }

    /// The timekeeper gets up.
    pub(crate) fn leave(&self, seat: usize) {
        // Release pairs with `take` and `lowered`, as the word that it replaces. Nobody else changes it
        // while the timekeeper is not away.
        self.keeper.store(word(seat) | AWAY, Release);
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

    /// Gives the role of the worker at `seat`, which is away, back, if it still has it. The caller then sees
    /// to it that a parked worker, if there is one and a deadline is left, takes it.
    pub(crate) fn give_back(&self, seat: usize) {
        // Release pairs with `take`; the fence with those in `lowered` and `Idle::park`. Relaxed: on
        // failure the role has been taken away, and whoever did that sees to the rest.
        let _ = self
            .keeper
            .compare_exchange(word(seat) | AWAY, 0, Release, Relaxed);
        fence(SeqCst);
    }

    /// For a shard whose published next deadline has fallen to `deadline`.
    pub(crate) fn lowered(&self, deadline: u64) -> Unpark {
        // Pairs with the fences in `plan` and `give_back`.
        fence(SeqCst);
        // Acquire pairs with `take`: what is read next is this timekeeper's plan, or a plan that
        // it is about to replace, after which it reads the shards.
        let keeper = self.keeper.load(Acquire);
        let Some(seat) = seat_of(keeper) else {
            return Unpark::Anyone;
        };
        if keeper & AWAY != 0 {
            return Unpark::Nobody;
        }
        // Relaxed: the fence orders it after the store of the deadline.
        if self.wakes_at.load(Relaxed) > deadline {
            Unpark::Seat(seat)
        } else {
            Unpark::Nobody
        }
    }
}
