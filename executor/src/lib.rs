//! An async runtime: a worker per core with work-stealing deques, a hashed timer wheel, and
//! `gather!`, which joins futures, tasks and threads alike.

mod block_on;
mod blocking;
mod budget;
mod builder;
mod context;
mod error;
pub mod gather;
#[doc(hidden)]
pub mod join;
mod runtime;
mod scheduler;
mod sync;
pub mod task;
mod threads;

pub use budget::{ConsumeBudget, YieldNow, consume_budget, yield_now};
pub use builder::Builder;
pub use error::JoinError;
pub use runtime::{EnterGuard, Handle, Runtime, run, spawn, spawn_blocking};
pub use task::{AbortHandle, JoinHandle};
pub use threads::{ShutdownReport, StuckThread};
#[doc(inline)]
pub use time::{interval, sleep, sleep_until, timeout};
#[doc(inline)]
pub use wheelhouse_timer as time;
