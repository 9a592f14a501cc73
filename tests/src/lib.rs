//! What the behaviour tests share: a watchdog, runtimes of several sizes, and things to put into
//! futures that tell afterwards what became of them.
//!
//! | for | use |
//! |---|---|
//! | a hang that fails and names the test | [`watchdog`], [`LIMIT`] |
//! | the same test on 1, 2, 4 and 16 workers | [`on_workers`], [`WORKERS`] |
//! | was it dropped, and exactly once? | [`DropCounter`], [`DropToken`] |
//! | hold a task (or a thread) until the test says go, without sleeping | [`Gate`] |
//! | poll by hand, count wake-ups, find leaked wakers | [`poll_once`], [`noop`], [`CountWaker`] |
//! | a panic on purpose: its message and the line that it names | [`catch`], [`quiet`] |
//! | panics that must not do any harm | [`contained`], [`PanicOnDrop`], [`bad_waker`], [`stubborn_waker`] |
//! | keep all workers busy, so that what is spawned stays queued | [`hold_workers`], [`on_unwatched_workers`] |
//! | workers that block on what only one place can give them | [`block_until_fed`], [`Place`] |
//! | what was reported of stuck polls | [`Reports`] |
//! | the threads of a runtime, by their names | [`threads_named`] |
//! | another program's output, with a time limit | [`output_within`], [`printed_by`] |
//! | a test in a process of its own | [`program`], `program_within` |
//! | random numbers, the same in each run | [`Dice`] |
//! | how much memory is in use | [`Allocations`] |
//!
//! No test sleeps to synchronise: it waits for a state ([`Gate::wait_for`],
//! [`DropCounter::wait_for`], [`CountWaker::wait_for`], [`eventually`]), under a watchdog.

mod allocations;
mod bad_wakers;
mod dice;
mod drops;
mod feeders;
mod gate;
mod panics;
mod process;
mod reports;
mod runtimes;
mod threads;
mod wakers;
mod watchdog;

pub use allocations::Allocations;
pub use bad_wakers::{Bad, bad_waker, stubborn_waker};
pub use dice::Dice;
pub use drops::{DropCounter, DropToken};
pub use feeders::{Feeder, Held, Place, Stuck, armed_with, block_together, block_until_fed};
pub use gate::{Gate, GateWait};
pub use panics::{Caught, ON_PURPOSE, PanicOnDrop, catch, contained, panic_text, quiet};
#[cfg(unix)]
pub use process::program_within;
pub use process::{output_within, printed_by, program};
pub use reports::Reports;
pub use runtimes::{
    WORKERS, hold_workers, on_built, on_unwatched_workers, on_workers, wait_until_closed,
};
pub use threads::{eventually, threads_named};
pub use wakers::{CountWaker, noop, poll_once};
pub use watchdog::{LIMIT, watchdog};

/// The README's code, run as a doctest.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;
