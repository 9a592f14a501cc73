//! Putting a worker's thread to sleep, and waking it.
//!
//! A token, as in [`std::thread::park`], but one that user code can't take: a task that parks its
//! own thread while it is polled would otherwise swallow a worker's wake-up. `unpark` leaves the
//! token; `park` waits for it and takes it. What was written before an `unpark` is visible after
//! the `park` that took its token.
//!
//! The state word knows two kinds of sleep: on the thread's own token, and on the driver, that is,
//! on whatever else the worker waits for meanwhile. Today that is only the time; whoever wakes the
//! thread asks the word how.

use crate::sync::{AtomicUsize, Thread, thread};
use parking_lot::Mutex;
use std::{
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed},
    time::Duration,
};

const AWAKE: usize = 0;
const PARKED: usize = 1;
const PARKED_ON_DRIVER: usize = 2;
const TOKEN: usize = 3;

pub(crate) struct Parker {
    state: AtomicUsize,
    /// The thread that parks here, from its start to its end.
    thread: Mutex<Option<Thread>>,
}

impl Parker {
    pub(crate) fn new() -> Self {
        Parker {
            state: AtomicUsize::new(AWAKE),
            thread: Mutex::new(None),
        }
    }

    /// Makes the current thread the one that parks here.
    pub(crate) fn adopt(&self) {
        *self.thread.lock() = Some(thread::current());
    }

    /// Sleeps until there is a token, and takes it.
    pub(crate) fn park(&self) {
        if self.fall_asleep(PARKED) {
            // Acquire pairs with `unpark`; a stray wake-up of the thread leaves the word as it is.
            while self.state.load(Acquire) != TOKEN {
                thread::park();
            }
        }
        self.take_token();
    }

    /// As [`park`](Self::park), for about `limit`, or until something stirs the thread. It may
    /// return early. True: there was a token, and it is taken.
    pub(crate) fn park_on_driver(&self, limit: Duration) -> bool {
        if self.fall_asleep(PARKED_ON_DRIVER) {
            wait_on_driver(limit);
        }
        self.take_token()
    }

    /// Leaves a token, and wakes the thread if it sleeps.
    pub(crate) fn unpark(&self) {
        // AcqRel: Release passes on what this thread wrote; Acquire pairs with `fall_asleep`, after
        // which the thread is known.
        match self.state.swap(TOKEN, AcqRel) {
            PARKED => self.wake_thread(),
            PARKED_ON_DRIVER => self.wake_driver(),
            _ => {}
        }
    }

    /// False: there is a token already.
    fn fall_asleep(&self, how: usize) -> bool {
        // AcqRel: Release pairs with the swap in `unpark`; on failure, `take_token` acquires.
        self.state
            .compare_exchange(AWAKE, how, AcqRel, Relaxed)
            .is_ok()
    }

    fn take_token(&self) -> bool {
        // AcqRel: Acquire pairs with `unpark`. The swap also ends a sleep that no token ended.
        self.state.swap(AWAKE, AcqRel) == TOKEN
    }

    fn wake_thread(&self) {
        // The lock is released before the wake-up, which is a system call.
        let thread = self.thread.lock().clone();
        if let Some(thread) = thread {
            thread.unpark();
        }
    }

    fn wake_driver(&self) {
        self.wake_thread();
    }
}

#[cfg(not(wheelhouse_loom))]
fn wait_on_driver(limit: Duration) {
    thread::park_timeout(limit);
}

/// A wait that ends at any moment.
#[cfg(wheelhouse_loom)]
fn wait_on_driver(_limit: Duration) {
    thread::yield_now();
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "parker_models.rs"]
mod models;
