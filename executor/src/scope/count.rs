//! How many hold what a scope has lent, and the thread that waits until nobody does.
//!
//! Each holder has a ticket, and so has the thread that will wait; a new ticket is only made by
//! whoever has one. So the count reaches zero once, and for good, when that thread waits already.
//! All that a holder did before its ticket fell happens before the wait ends.

use crate::sync::{AtomicUsize, Thread, thread};
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// It is reached by an `Arc`: whoever lets the last ticket fall wakes the waiter afterwards, who may
/// be far away by then.
pub(super) struct Count {
    tickets: AtomicUsize,
    waiter: Thread,
}

impl Count {
    /// A count of one ticket: that of this thread, which [gives it up](Self::give_up) and then waits.
    pub(super) fn new() -> Self {
        Count {
            tickets: AtomicUsize::new(1),
            waiter: thread::current(),
        }
    }

    /// One more ticket; the caller has one. They can't be so many as to overflow: each lies in a task
    /// of its own, which takes more memory than the number.
    pub(super) fn raise(&self) {
        // Relaxed: the caller's ticket keeps the count above zero, and what the new one's holder does
        // is published when that falls.
        self.tickets.fetch_add(1, Relaxed);
    }

    /// Whether anybody has a ticket but the thread that will wait, which asks.
    pub(super) fn is_raised(&self) -> bool {
        // Relaxed: a hint; `wait` acquires.
        self.tickets.load(Relaxed) > 1
    }

    /// Whether nobody has a ticket any more.
    pub(super) fn is_over(&self) -> bool {
        // Acquire pairs with every `fall`.
        self.tickets.load(Acquire) == 0
    }

    /// A ticket falls. Its holder does not touch what was lent any more.
    pub(super) fn fall(&self) {
        // Release pairs with the load in `wait`, through the other falls, which continue its release
        // sequence.
        if self.tickets.fetch_sub(1, Release) == 1 {
            self.waiter.unpark();
        }
    }

    /// Gives this thread's ticket up, before it [waits](Self::wait).
    pub(super) fn give_up(&self) {
        // Relaxed: this thread publishes nothing, and the load in `wait` acquires what others did.
        self.tickets.fetch_sub(1, Relaxed);
    }

    /// Waits until there is no ticket left. It does not panic.
    pub(super) fn wait(&self) {
        // Others may use the thread's token too, and leave it theirs, so only the count counts.
        while !self.is_over() {
            thread::park();
        }
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "count_models.rs"]
mod models;
