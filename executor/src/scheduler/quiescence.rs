//! Whether anything of a runtime can run. A runtime with a paused clock asks, for time goes on only
//! if nothing can; no other uses anything of this.
//!
//! Nobody keeps count of what can run: that would be a counter that every wake writes. Instead all are
//! looked at, one after the other: the workers, the queues, the blocking jobs, the threads that
//! [wait](super::waits). What one looks at may change behind one's back; so each of them that can
//! run **raises one counter when it turns idle, before that can be seen, and when it has come back, before
//! it touches anything**, and who looks compares the counter before and after.
//!
//! # Why that suffices
//!
//! Say that somebody reads the counter, sees everybody idle and every queue empty, and reads the same
//! number again.
//!
//! 1. Whoever was seen idle was so during all of that time, or as good as: had it turned idle meanwhile, or
//!    come back and touched anything, it would have raised the counter in between. (It may have raised it
//!    before the first reading and been seen idle only later; but in between it does nothing. It may also
//!    have been woken, and not have come back yet; who woke it comes in 3.)
//! 2. So nobody took anything out of a queue, and one that was seen empty was empty from the beginning.
//!    At the first reading everybody was idle, and there was nothing to do.
//! 3. What is idle only runs again if it is woken: by one who runs, of which there was none; by a timer,
//!    which only the paused clock fires; or by a thread that the runtime does not know of.
//! 4. Such a thread may also begin to wait, and polls its future first. It enters under a lock, and raises
//!    the counter there; the clock is moved under the same lock, if the number is still that of the look.
//!
//! On a machine on which a thread may see the past: a reading of the counter synchronises with all who
//! raised it before, so all that they had done by then is seen; and whoever sees something that was done
//! after a raise sees that raise in its second reading.
//!
//! # Why nobody waits in vain
//!
//! Whoever turns idle fences once that can be seen, and looks at all the others. Of several who do so at
//! the same time, the last one's look finds all of them idle. It rings, and the thread of the clock looks
//! once more, and properly. Whoever is seen running will turn idle later, and look then.

use super::parker::Parker;
use crate::sync::{AtomicU64, AtomicUsize, fence};
use std::{
    sync::atomic::Ordering::{AcqRel, Acquire, SeqCst},
    time::Duration,
};

pub(crate) struct Quiescence {
    /// Raised by whoever turns idle, and by whoever comes back.
    changes: AtomicU64,
    /// What is going on that is no worker's: blocking jobs that have not ended, and threads that move
    /// tasks from queue to queue.
    under_way: AtomicUsize,
    /// The clock's thread sleeps here.
    bell: Parker,
}

impl Quiescence {
    pub(crate) fn new() -> Self {
        Quiescence {
            changes: AtomicU64::new(0),
            under_way: AtomicUsize::new(0),
            bell: Parker::new(),
        }
    }

    /// The caller is about to show that it is idle, and does nothing else before. Then it
    /// [looks](Self::ring_if).
    pub(crate) fn turns_idle(&self) {
        self.raise();
    }

    /// The caller has shown that it is not idle any more, and touches nothing before this.
    pub(crate) fn is_back(&self) {
        self.raise();
    }

    fn raise(&self) {
        // SeqCst, as the readings: they all agree on which of two raises came first.
        self.changes.fetch_add(1, SeqCst);
    }

    /// Something begins that is no worker's.
    pub(crate) fn begin(&self) {
        // AcqRel pairs with `under_way`.
        self.under_way.fetch_add(1, AcqRel);
        self.is_back();
    }

    /// It ends. The caller then [looks](Self::ring_if).
    pub(crate) fn end(&self) {
        self.turns_idle();
        // AcqRel: as in `begin`.
        self.under_way.fetch_sub(1, AcqRel);
    }

    /// How much is going on that is no worker's.
    pub(crate) fn under_way(&self) -> usize {
        // Acquire pairs with `begin` and `end`.
        self.under_way.load(Acquire)
    }

    /// Rings if `all_idle`, which looks at everybody once.
    pub(crate) fn ring_if(&self, all_idle: impl Fn() -> bool) {
        // Between what shows that the caller is idle, and its look at the others; it pairs with theirs.
        fence(SeqCst);
        if all_idle() {
            self.bell.unpark();
        }
    }

    /// Whether nothing can run; `all_idle` looks at everybody once.
    pub(crate) fn is_there(&self, all_idle: impl Fn() -> bool) -> bool {
        // SeqCst: as in `raise`.
        let before = self.changes.load(SeqCst);
        // SeqCst: as above; and the loads of the look, which are Acquire at least, come before it.
        all_idle() && self.changes.load(SeqCst) == before
    }

    /// How often anything has changed that a look depends on.
    pub(crate) fn changes(&self) -> u64 {
        // SeqCst: as in `is_there`.
        self.changes.load(SeqCst)
    }

    /// Makes the current thread the one that is rung for.
    pub(crate) fn adopt(&self) {
        self.bell.adopt();
    }

    /// Has the thread that is rung for look again.
    pub(crate) fn ring(&self) {
        self.bell.unpark();
    }

    /// Waits until it rings.
    pub(crate) fn wait(&self) {
        self.bell.park();
    }

    /// As [`wait`](Self::wait), for about so long. It may return early.
    pub(crate) fn wait_for(&self, limit: Duration) {
        self.bell.park_on_driver(limit);
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "quiescence_models.rs"]
mod models;
