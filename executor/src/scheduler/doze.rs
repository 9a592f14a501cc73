//! The monitor's sleep while there is nothing to watch.
//!
//! A worker that comes back from its sleep publishes what it polls, fences, and reads whether the
//! monitor sleeps: if so it wakes it. The monitor says that it sleeps, fences, and looks once more at
//! what is polled. So of the two, one sees the other, and no poll goes unwatched. A worker that goes
//! on from poll to poll does none of this: the monitor does not fall asleep while it sees one do so.

use super::parker::Parker;
use crate::sync::{AtomicBool, fence};
use std::{
    sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst},
    time::Duration,
};

pub(crate) struct Doze {
    asleep: AtomicBool,
    parker: Parker,
}

impl Doze {
    pub(crate) fn new() -> Self {
        Doze {
            asleep: AtomicBool::new(false),
            parker: Parker::new(),
        }
    }

    /// Makes the current thread the monitor's.
    pub(crate) fn adopt(&self) {
        self.parker.adopt();
    }

    /// Waits for a moment, or until the end.
    pub(crate) fn pause(&self, limit: Duration) {
        self.parker.park_on_driver(limit);
    }

    /// Sleeps until somebody stirs, unless there is something to watch.
    pub(crate) fn sleep_unless(&self, busy: impl FnOnce() -> bool) {
        // Relaxed: the fence publishes it, and orders it before the look; it pairs with `stir`.
        self.asleep.store(true, Relaxed);
        fence(SeqCst);
        if !busy() {
            self.parker.park();
        }
        // Relaxed: spares others a needless wake-up.
        self.asleep.store(false, Relaxed);
    }

    /// Wakes the monitor if it sleeps. The caller has just published what it polls.
    pub(crate) fn stir(&self) {
        // Pairs with the fence in `sleep_unless`.
        fence(SeqCst);
        // Relaxed: the fence orders it.
        if self.asleep.load(Relaxed) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // AcqRel: of many who stir, one unparks.
        if self.asleep.swap(false, AcqRel) {
            self.parker.unpark();
        }
    }

    /// Wakes the monitor, however it waits.
    pub(crate) fn end(&self) {
        self.parker.unpark();
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "doze_models.rs"]
mod models;
