//! Measurements of Wheelhouse beside its rivals: what the programs and the criterion suites
//! of this package share. What only one of the programs `schedule` and `contention` needs lies in
//! the folder of its name, and isn't built with the others.
//!
//! | module | what it is |
//! |---|---|
//! | [`runtime`] | one trait that every measured body is written against, an adapter for each runtime |
//! | [`sleep`] | the report: blocking sleep against async sleep, `cargo run --release -p wheelhouse-benches` |
//! | [`heartbeat`] | what tasks that hold the workers do to all others; part of the report and of `schedule` |
//! | [`child`] | a process of its own for each measurement |
//! | [`reading`] | what a child measured, as the line that it prints |
//! | [`process`] | what this process has used: CPU, context switches, memory, threads |
//! | [`sampler`] | what it needs while something is measured: the most memory and threads, CPU |
//! | [`stats`] | percentiles, medians, ratios |
//! | [`random`] | the same random numbers for every runtime |
//! | [`quantity`] | numbers as people read them |
//! | [`args`] | command lines, and errors that say what is allowed |

pub mod args;
pub mod child;
pub mod heartbeat;
pub mod process;
pub mod quantity;
pub mod random;
pub mod reading;
pub mod runtime;
pub mod sampler;
pub mod sleep;
pub mod stats;
