//! std or loom: the only switch of this crate.
//!
//! The protocols that loom checks (`task/state.rs`, `scheduler/idle.rs`, `scheduler/timekeeper.rs`,
//! `scheduler/parker.rs`) take their atomics and their thread parking from here. Everything else
//! uses std directly.

#[cfg(not(wheelhouse_loom))]
pub(crate) use std::{
    sync::atomic::{AtomicU64, AtomicUsize, fence},
    thread::{self, Thread},
};

#[cfg(wheelhouse_loom)]
pub(crate) use loom::{
    sync::atomic::{AtomicU64, AtomicUsize, fence},
    thread::{self, Thread},
};
