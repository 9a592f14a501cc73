//! Loom models of the count. The waiter's frame is a cell, which loom watches: who touches it
//! unordered with the waiter's use of it, after the wait, has been let go too early.

use super::*;
use loom::{cell::UnsafeCell, sync::Arc};

/// What was lent: a part for each of two holders.
struct Lent {
    count: Count,
    frame: [UnsafeCell<u32>; 2],
}

impl Lent {
    fn new() -> Arc<Self> {
        Arc::new(Lent {
            count: Count::new(),
            frame: Default::default(),
        })
    }

    /// A holder drops what it has of the frame, then its ticket.
    fn leave(&self, part: usize) {
        // SAFETY: the part is this holder's until its ticket falls; loom checks it.
        self.frame[part].with_mut(|value| unsafe { *value += 1 });
        self.count.fall();
    }

    /// The caller waits, and its frame ends.
    fn wait(&self) {
        self.count.give_up();
        self.count.wait();
        for part in &self.frame {
            // SAFETY: nobody holds a ticket any more; loom checks it.
            let value = part.with_mut(|value| unsafe { std::mem::replace(&mut *value, 77) });
            assert_eq!(value, 1, "a holder was not waited for");
        }
    }
}

/// The tickets of two tasks fall on two threads.
#[test]
fn loom_scope_waits_for_tickets() {
    loom::model(|| {
        let lent = Lent::new();
        let threads = [0, 1].map(|part| {
            lent.count.raise();
            let lent = Arc::clone(&lent);
            thread::spawn(move || lent.leave(part))
        });
        lent.wait();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}

/// A task makes a ticket for another one, and its own falls first or last.
#[test]
fn loom_scope_waits_for_tickets_of_tickets() {
    loom::model(|| {
        let lent = Lent::new();
        lent.count.raise();
        let first = Arc::clone(&lent);
        let thread = thread::spawn(move || {
            first.count.raise();
            let second = Arc::clone(&first);
            let thread = thread::spawn(move || second.leave(1));
            first.leave(0);
            thread.join().unwrap();
        });
        lent.wait();
        thread.join().unwrap();
    });
}

/// Somebody else unparks the thread, for reasons of their own.
#[test]
fn loom_scope_is_not_ended_by_a_stray_token() {
    loom::model(|| {
        let lent = Lent::new();
        let waiter = thread::current();
        let threads = [0, 1].map(|part| {
            lent.count.raise();
            let (lent, waiter) = (Arc::clone(&lent), waiter.clone());
            thread::spawn(move || {
                waiter.unpark();
                lent.leave(part);
            })
        });
        lent.wait();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
