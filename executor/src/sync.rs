//! std or loom: the only switch of this crate.
//!
//! The protocols that loom checks (`task/state.rs`, `blocking/queue.rs`, `scope/count.rs`, and in `scheduler/` `idle.rs`,
//! `timekeeper.rs`, `parker.rs`, `lifo.rs`, `crew.rs` and `doze.rs`) take their atomics, their locks
//! and their thread parking from here. Everything else uses std directly.

#[cfg(not(wheelhouse_loom))]
pub(crate) use std::{
    sync::atomic::{AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, fence},
    thread::{self, Thread},
};

#[cfg(not(wheelhouse_loom))]
pub(crate) use parking_lot::{Condvar, Mutex, MutexGuard};

/// Waits for a notification, for at most `limit`. True: there was none in that time.
#[cfg(not(wheelhouse_loom))]
pub(crate) fn wait_for<'a, T>(
    wake: &Condvar,
    _lock: &'a Mutex<T>,
    mut guard: MutexGuard<'a, T>,
    limit: std::time::Duration,
) -> (MutexGuard<'a, T>, bool) {
    let late = wake.wait_for(&mut guard, limit).timed_out();
    (guard, late)
}

#[cfg(wheelhouse_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, fence},
    sync::{Condvar, MutexGuard},
    thread::{self, Thread},
};

/// Loom's lock, with the surface of the other.
#[cfg(wheelhouse_loom)]
pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

#[cfg(wheelhouse_loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("nobody panics under it")
    }
}

/// A wait that ends at any moment, whether or not there was a notification; with the longest limit, one
/// that only a notification ends.
#[cfg(wheelhouse_loom)]
pub(crate) fn wait_for<'a, T>(
    wake: &Condvar,
    lock: &'a Mutex<T>,
    guard: MutexGuard<'a, T>,
    limit: std::time::Duration,
) -> (MutexGuard<'a, T>, bool) {
    if limit == std::time::Duration::MAX {
        let guard = wake.wait(guard).expect("nobody panics under it");
        return (guard, false);
    }
    drop(guard);
    thread::yield_now();
    (lock.lock(), true)
}

/// Loom's pointer, with a store that is a swap. Beside another thread's swap, loom lets a swap overlook
/// what its own thread has just stored, which no machine does.
#[cfg(wheelhouse_loom)]
pub(crate) struct AtomicPtr<T>(loom::sync::atomic::AtomicPtr<T>);

#[cfg(wheelhouse_loom)]
impl<T> AtomicPtr<T> {
    pub(crate) fn new(value: *mut T) -> Self {
        AtomicPtr(loom::sync::atomic::AtomicPtr::new(value))
    }

    pub(crate) fn load(&self, order: std::sync::atomic::Ordering) -> *mut T {
        self.0.load(order)
    }

    pub(crate) fn store(&self, value: *mut T, order: std::sync::atomic::Ordering) {
        self.0.swap(value, order);
    }

    pub(crate) fn swap(&self, value: *mut T, order: std::sync::atomic::Ordering) -> *mut T {
        self.0.swap(value, order)
    }
}
