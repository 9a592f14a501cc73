//! Forked processes.
//!
//! A fork copies the memory of a process, and of its threads only the one that called it. The copy of a
//! runtime has no workers then: what is given to it would wait for ever, and locks that another thread
//! held stay locked. So a runtime knows [in which process](Process) it was started, and those who use
//! it in another are told.
//!
//! If a runtime's own thread forks, inside a task, say, its copy must not go on as one: it would run
//! tasks a second time. A handler that the system calls in the new process takes the worker out of its
//! thread ([`context::leave_worker`]); when the task returns, the process [ends](Process::end_if_forked).
//! Until then it may do what it likes, and most often it starts another program.

use crate::context;
use std::{
    io,
    panic::Location,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

/// How many forks lie between the process that started the first runtime and this one.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process in which something was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Process(u32);

impl Process {
    #[inline]
    pub(crate) fn current() -> Process {
        // Relaxed: it changes while a process has one thread, which starts all others.
        Process(FORKS.load(Relaxed))
    }

    #[inline]
    pub(crate) fn is_current(self) -> bool {
        self == Process::current()
    }

    /// Whether this process was forked from one that had started a runtime.
    #[inline]
    pub(crate) fn is_forked() -> bool {
        Process::current() != Process(0)
    }

    /// Before a runtime of this process is used by `what`, a public function, that was called at `site`.
    ///
    /// # Panics
    ///
    /// In another process.
    #[inline]
    #[track_caller]
    pub(crate) fn check(self, what: &str, site: &'static Location<'static>) {
        if !self.is_current() {
            used_elsewhere(what, site);
        }
    }

    /// Before a thread of a runtime goes on with something else than what it was in: ends the process,
    /// if that is another.
    #[inline]
    pub(crate) fn end_if_forked(self) {
        if !self.is_current() {
            end();
        }
    }
}

/// Has [`Process`] notice forks from now on.
///
/// # Errors
///
/// If the system has no memory for that.
pub(crate) fn watch() -> io::Result<()> {
    platform::call_in_children(in_child)
}

/// Called in each new process, where it may do nothing that waits, for whatever is locked stays so.
extern "C" fn in_child() {
    // Relaxed: as in `Process::current`.
    FORKS.fetch_add(1, Relaxed);
    context::leave_worker();
}

/// Panics for `what`, a public function called at `site`, which uses a runtime of another process.
#[cold]
#[track_caller]
pub(crate) fn used_elsewhere(what: &str, site: &'static Location<'static>) -> ! {
    panic!(
        "`{what}` was called at {site}, in a process that was forked from the one that started the \
         runtime, whose threads are not here: start a new runtime after the fork"
    )
}

#[cold]
fn end() -> ! {
    platform::say(
        "wheelhouse: a task, a blocking job, a hook or a scope has forked and returned in the new \
         process, where its runtime's other threads are not: aborting; end that process with `_exit`, or \
         start another program in it\n",
    );
    std::process::abort();
}

/// Says that a runtime of another process is not waited for.
#[cold]
pub(crate) fn say_not_waiting() {
    platform::say(
        "wheelhouse: a runtime is shut down in a process that was forked from the one that started \
         it: nothing is cancelled, and nobody is waited for\n",
    );
}

#[cfg(unix)]
mod platform {
    use std::{io, sync::OnceLock};

    pub(super) fn call_in_children(handler: extern "C" fn()) -> io::Result<()> {
        static REGISTERED: OnceLock<i32> = OnceLock::new();
        let register = || {
            // SAFETY: the handler is there for ever, and does only what is allowed in a new process:
            // plain stores and atomics.
            unsafe { libc::pthread_atfork(None, None, Some(handler)) }
        };
        match *REGISTERED.get_or_init(register) {
            0 => Ok(()),
            error => Err(io::Error::from_raw_os_error(error)),
        }
    }

    /// Writes to standard error without its lock, which nobody may be left to release. What can't be
    /// written is lost.
    pub(super) fn say(line: &str) {
        // SAFETY: the pointer and the length are those of a string.
        let _written =
            unsafe { libc::write(libc::STDERR_FILENO, line.as_ptr().cast(), line.len()) };
    }
}

/// There are no forks.
#[cfg(not(unix))]
mod platform {
    use std::io;

    pub(super) fn call_in_children(_: extern "C" fn()) -> io::Result<()> {
        Ok(())
    }

    pub(super) fn say(_: &str) {}
}
