//! Debug mode: what is likely to be a mistake is said on standard error. Also the one way on which
//! the runtime says anything there.
//!
//! A runtime's pool holds its flag, for whoever knows no more of the runtime than the pool's
//! number: a task that has panicked, a gather that is dropped. Both look only when there is
//! something to say.

use crate::scheduler::pool::Pool;
use std::{
    cell::Cell,
    env, fmt,
    io::{self, Write},
    thread,
};

/// Stands for the number of a pool where there is no runtime.
pub(crate) const NO_POOL: u16 = u16::MAX;

/// Whether the environment asks for it.
pub(crate) fn asked_for() -> bool {
    env::var_os("WHEELHOUSE_DEBUG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Whether the runtime that has the pool with this number is in debug mode. Where there is none,
/// the environment decides.
#[cold]
pub(crate) fn is_on(pool: u16) -> bool {
    Pool::is_in_debug_mode(pool).unwrap_or_else(asked_for)
}

/// Writes `message` to standard error, as one line that begins with the project's name. The caller
/// holds no lock. What can't be written is lost: that is no reason to panic.
#[cold]
pub(crate) fn say(message: fmt::Arguments<'_>) {
    // In one piece, so that nobody else's line comes in between.
    let line = format!("wheelhouse: {message}\n");
    let _ = io::stderr().lock().write_all(line.as_bytes());
}

thread_local! {
    static CANCELLING: Cell<bool> = const { Cell::new(false) };
}

/// Calls `f`, which drops the future of a cancelled task and does not unwind.
pub(crate) fn while_cancelling(f: impl FnOnce()) {
    let outer = CANCELLING.replace(true);
    f();
    CANCELLING.set(outer);
}

/// Whether what is dropped now may have been meant to be awaited later: the task that holds it is
/// being cancelled, or panics.
pub(crate) fn is_cut_short() -> bool {
    CANCELLING.get() || thread::panicking()
}
