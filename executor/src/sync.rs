//! std or loom: the only switch of this crate.
//!
//! The protocols that loom checks (`task/state.rs`, and in `scheduler/` `idle.rs`, `timekeeper.rs`,
//! `parker.rs`, `lifo.rs`, `crew.rs` and `doze.rs`) take their atomics and their thread parking from
//! here. Everything else uses std directly.

#[cfg(not(wheelhouse_loom))]
pub(crate) use std::{
    sync::atomic::{AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, fence},
    thread::{self, Thread},
};

#[cfg(not(wheelhouse_loom))]
pub(crate) use parking_lot::Mutex;

#[cfg(wheelhouse_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicIsize, AtomicU64, AtomicUsize, fence},
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

    pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
        self.0.lock().expect("nobody panics under it")
    }
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
