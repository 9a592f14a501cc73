//! Where panics arrive that nobody collected.
//!
//! A panic takes the place of its task's output, and whoever awaits the handle collects it there as
//! a [`JoinError`]. It is uncollected if the handle was dropped, before or after the panic; if a
//! gather has failed already and drops it with the rest; and if it happened while the future was
//! dropped after a panic in its poll, since a task has one output.

use super::contain;
use crate::{debug, error::JoinError};

/// Drops what a task gave; nobody has asked for it. A panic in a destructor is contained.
pub(crate) fn discard<T>(result: Result<T, JoinError>) {
    match result {
        Ok(value) => contain(|| drop(value)),
        Err(error) => uncollected(error),
    }
}

/// Drops the error of a task, which nobody has asked for. Each panic that is not collected comes
/// here once, outside every lock.
pub(crate) fn uncollected(error: JoinError) {
    if error.tells_if_uncollected() {
        tell(&error);
    }
    // The payload is the user's.
    contain(|| drop(error));
}

#[cold]
fn tell(error: &JoinError) {
    let (id, site) = (error.id(), error.spawn_site());
    let what = format_args!("task {id}, spawned at {site}, panicked, and nobody collected it");
    match error.panic_text() {
        Some(text) => debug::say(format_args!("{what}: {text}")),
        None => debug::say(what),
    }
}
