//! std or loom: the only switch of this crate.
//!
//! The protocols that loom checks (`task/state.rs`, and in `scheduler/` `idle.rs`, `timekeeper.rs`,
//! `parker.rs`, `lifo.rs`, `crew.rs` and `doze.rs`) take their atomics and their thread parking from
//! here. Everything else uses std directly.

#[cfg(not(wheelhouse_loom))]
pub(crate) use std::{
    sync::atomic::{AtomicBool, AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, fence},
    thread::{self, Thread},
};

#[cfg(wheelhouse_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicBool, AtomicIsize, AtomicPtr, AtomicU64, AtomicUsize, fence},
    thread::{self, Thread},
};
