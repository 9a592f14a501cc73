//! The heartbeat experiment: what tasks that hold the workers do to all others.
//!
//! A hundred hearts want to beat every 10 ms; after a while other tasks hold their threads for a
//! second without an await: they sleep, or they compute. How late is each beat?
//!
//! The load is open: a heart that is held up still has a beat due every 10 ms, and each of them
//! counts with its own lateness, so that a stall of a second shows as a hundred late beats and not
//! as one. Nobody waits for the stall's end either: some time after the last beat was due, the
//! process looks at what has come, and a beat that hasn't is late by at least the time until then.
//!
//! | module | what it is |
//! |---|---|
//! | [`case`] | who holds the workers, and for how long |
//! | [`body`] | the hearts and those that hold them up, once for every runtime |
//! | [`cell`] | one runtime's run, in a process of its own |
//! | [`asyncio`] | the same steps on Python's asyncio, by a script |
//! | [`record`] | what a run tells, and the lines that carry it to the parent |
//! | [`lateness`] | how late each beat was, from when the hearts ran |
//! | [`run`] | all runs, one after another |

pub mod asyncio;
pub mod body;
pub mod case;
pub mod cell;
pub mod lateness;
pub mod record;
pub mod run;

pub use self::case::{Case, Task, Timing};
pub use self::lateness::{AtLeast, Beat, Lateness};
pub use self::record::Record;
pub use self::run::{Outcome, Subject, Taken};
