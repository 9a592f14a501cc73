//! The LIFO slot: a place for one task, filled by one worker and emptied by anyone.
//!
//! The worker fills it without a read-modify-write, for nobody else does; whoever empties it swaps, so
//! that each task is taken once.

use crate::sync::AtomicPtr;
use std::{
    ptr::{self, NonNull},
    sync::atomic::Ordering::{Acquire, Relaxed, Release},
};

pub(super) struct LifoSlot(AtomicPtr<()>);

impl LifoSlot {
    pub(super) fn new() -> Self {
        LifoSlot(AtomicPtr::new(ptr::null_mut()))
    }

    pub(super) fn is_empty(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Relaxed).is_null()
    }

    /// Puts a task in. False: there is one already. For the slot's worker only.
    #[inline]
    pub(super) fn put_if_empty(&self, task: NonNull<()>) -> bool {
        // Relaxed: nobody else fills the slot, so if it looks empty, it stays empty.
        if !self.0.load(Relaxed).is_null() {
            return false;
        }
        // Release pairs with `take`.
        self.0.store(task.as_ptr(), Release);
        true
    }

    /// Puts a task in, and returns the one that was there. For the slot's worker only.
    #[inline]
    pub(super) fn put(&self, task: NonNull<()>) -> Option<NonNull<()>> {
        if self.put_if_empty(task) {
            return None;
        }
        // Release pairs with `take`; what comes back, this thread put in.
        NonNull::new(self.0.swap(task.as_ptr(), Release))
    }

    /// Takes the task out. For anyone.
    #[inline]
    pub(super) fn take(&self) -> Option<NonNull<()>> {
        // Relaxed: a hint. The slot's worker knows what it put in; others look again.
        if self.0.load(Relaxed).is_null() {
            return None;
        }
        // Acquire pairs with `put`.
        NonNull::new(self.0.swap(ptr::null_mut(), Acquire))
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "lifo_models.rs"]
mod models;
