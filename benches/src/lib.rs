//! Measurements of Wheelhouse beside its rivals: what the two programs and the criterion suites
//! of this package share.
//!
//! | module | what it is |
//! |---|---|
//! | [`runtime`] | one trait that every measured body is written against, an adapter for each runtime |
//! | [`sleep`] | the report: blocking sleep against async sleep, `cargo run --release -p wheelhouse-benches` |
//! | [`schedule`] | the life of a task and of a timer, ours against rivals: `cargo run --release -p wheelhouse-benches --bin schedule` |
//! | [`heartbeat`] | what tasks that hold the workers do to all others; part of both |
//! | [`child`] | a process of its own for each measurement |
//! | [`process`] | what this process has used: CPU, context switches, memory, threads |
//! | [`sampler`] | what it needs while something is measured: the most memory and threads, CPU |
//! | [`stats`] | percentiles, medians, ratios |
//! | [`quantity`] | numbers as people read them |
//! | [`args`] | command lines, and errors that say what is allowed |

pub mod args;
pub mod child;
pub mod heartbeat;
pub mod process;
pub mod quantity;
pub mod runtime;
pub mod sampler;
pub mod schedule;
pub mod sleep;
pub mod stats;
