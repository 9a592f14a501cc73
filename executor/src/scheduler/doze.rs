//! The monitor's sleep while there is nothing to watch, and its long pauses while there is little.
//!
//! A worker that comes back from its sleep publishes what it polls, fences, and reads whether the
//! monitor sleeps: if so it wakes it. The monitor says that it sleeps, fences, and looks once more at
//! what is polled. So of the two, one sees the other, and no poll goes unwatched. A worker that goes
//! on from poll to poll does none of this: the monitor does not fall asleep while it sees one do so.
//!
//! While some workers sleep, next to nothing waits for one that is stuck, and the monitor takes a longer
//! pause. The worker that comes back as the last one cuts it short. Should it mistake another for
//! asleep, the pause ends by itself.

use super::parker::Parker;
use crate::sync::{AtomicUsize, fence};
use std::{
    sync::atomic::Ordering::{AcqRel, Relaxed, SeqCst},
    time::Duration,
};

const AWAKE: usize = 0;
const ASLEEP: usize = 1;
const LONG_PAUSE: usize = 2;

pub(crate) struct Doze {
    state: AtomicUsize,
    parker: Parker,
}

impl Doze {
    pub(crate) fn new() -> Self {
        Doze {
            state: AtomicUsize::new(AWAKE),
            parker: Parker::new(),
        }
    }

    /// Makes the current thread the monitor's.
    pub(crate) fn adopt(&self) {
        self.parker.adopt();
    }

    /// Waits for a moment.
    pub(crate) fn pause(&self, limit: Duration) {
        self.parker.park_on_driver(limit);
    }

    /// Waits for longer, or until the last worker comes back from its sleep: then true.
    pub(crate) fn long_pause(&self, limit: Duration) -> bool {
        // Relaxed: a worker that does not see it leaves the pause as it is.
        self.state.store(LONG_PAUSE, Relaxed);
        let cut_short = self.parker.park_on_driver(limit);
        // Relaxed: as below.
        self.state.store(AWAKE, Relaxed);
        cut_short
    }

    /// Sleeps until somebody stirs, unless there is something to watch.
    pub(crate) fn sleep_unless(&self, busy: impl FnOnce() -> bool) {
        // Relaxed: the fence publishes it, and orders it before the look; it pairs with `stir`.
        self.state.store(ASLEEP, Relaxed);
        fence(SeqCst);
        if !busy() {
            self.parker.park();
        }
        // Relaxed: spares others a needless wake-up.
        self.state.store(AWAKE, Relaxed);
    }

    /// Wakes the monitor if it sleeps, or if it takes a long pause and `all_run`. The caller has just
    /// published what it polls.
    pub(crate) fn stir(&self, all_run: impl FnOnce() -> bool) {
        // Pairs with the fence in `sleep_unless`.
        fence(SeqCst);
        // Relaxed: the fence orders it.
        let state = self.state.load(Relaxed);
        if state == ASLEEP || (state == LONG_PAUSE && all_run()) {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        // AcqRel: of many who stir, one unparks.
        if self.state.swap(AWAKE, AcqRel) != AWAKE {
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
