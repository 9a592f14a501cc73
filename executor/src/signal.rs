//! Waking a thread that waits for a future.

use crate::{linger::Linger, scheduler::waits};
use std::{
    cell::Cell,
    ops::Deref,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::Wake,
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// Wakes a thread that waits for a future.
pub(crate) struct Signal {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release pairs with `Signal::wait`. A thread that has a wake-up coming needs no second.
        if !self.woken.swap(true, Release) {
            self.thread.unpark();
        }
    }
}

impl waits::Wake for Signal {
    fn is_woken(&self) -> bool {
        // Acquire pairs with `wake_by_ref` and `reset`.
        self.woken.load(Acquire)
    }
}

thread_local!(static KEPT: Cell<Option<Arc<Signal>>> = const { Cell::new(None) });

/// This thread's signal, for one wait. It is kept for the next one, since threads that block once block
/// again; a wait inside the wait gets another, so that neither takes the other's wake-ups.
pub(crate) struct Borrowed(Option<Arc<Signal>>);

impl Deref for Borrowed {
    type Target = Arc<Signal>;

    fn deref(&self) -> &Arc<Signal> {
        self.0.as_ref().expect("it is put back by the drop alone")
    }
}

impl Drop for Borrowed {
    fn drop(&mut self) {
        // At the very end of a thread there is nothing to put it back into.
        let signal = self.0.take();
        let _ = KEPT.try_with(|kept| kept.set(signal));
    }
}

impl Signal {
    /// This thread's.
    pub(crate) fn borrow() -> Borrowed {
        let fresh = || {
            Arc::new(Signal {
                woken: AtomicBool::new(false),
                thread: thread::current(),
            })
        };
        let kept = KEPT.try_with(Cell::take).ok().flatten();
        Borrowed(Some(kept.unwrap_or_else(fresh)))
    }

    /// Waits for a wake-up, and leaves it at that. False: the deadline came first.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        thread_local!(static LINGER: Linger = const { Linger::new() });
        // Relaxed: a hint; the loop below acquires.
        LINGER.with(|linger| linger.until(|_| self.woken.load(Relaxed)));
        // Acquire pairs with `wake_by_ref`. Others may use the thread's token too, so only the
        // flag counts.
        while !self.woken.load(Acquire) {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => return false,
                Some(left) => thread::park_timeout(left),
            }
        }
        true
    }

    /// Takes the wake-up back, before the future is polled: what comes from now on is another.
    pub(crate) fn reset(&self) {
        // Acquire pairs with `wake_by_ref`: of several wakes, the last one may be later than the one that
        // ended the wait. (A swap, for a store might go before the wait's last load.) Release: see
        // `waits::Wake`.
        self.woken.swap(false, std::sync::atomic::Ordering::AcqRel);
    }
}
