//! std or loom: the only switch of this crate.
//!
//! The protocols that loom checks, those of a shard (`timers.rs`) and of the driver thread
//! (`standalone.rs`), take their atomics and locks from here. Everything else uses std and
//! parking_lot directly.

#[cfg(not(wheelhouse_loom))]
pub(crate) use std::sync::atomic::{AtomicU32, AtomicU64, fence};

#[cfg(not(wheelhouse_loom))]
pub(crate) use parking_lot::{Mutex, MutexGuard};

#[cfg(wheelhouse_loom)]
pub(crate) use loom::sync::{
    MutexGuard,
    atomic::{AtomicU32, AtomicU64, fence},
};

/// Loom's lock, with the surface of the other and its auto traits.
#[cfg(wheelhouse_loom)]
#[derive(Debug)]
pub(crate) struct Mutex<T>(
    loom::sync::Mutex<T>,
    std::marker::PhantomData<parking_lot::Mutex<T>>,
);

#[cfg(wheelhouse_loom)]
impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Mutex(loom::sync::Mutex::new(value), std::marker::PhantomData)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.0.lock().expect("nobody panics under it")
    }
}
