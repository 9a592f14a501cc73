//! `spawn` and `spawn_blocking`, on the runtime around the thread.

use crate::{context, os::fork::Process, task::JoinHandle};
use std::{future::Future, io, panic::Location};

/// Starts a task on the runtime around this thread: asyncio's `create_task`.
///
/// It starts at once, on any worker, whether or not the handle is awaited.
///
/// # Panics
///
/// Outside a runtime, naming the caller's line.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let answer = wheelhouse::spawn(async { 42 });
///     assert_eq!(answer.await.unwrap(), 42);
/// });
/// ```
#[track_caller]
pub fn spawn<F>(future: F) -> JoinHandle<F::Output>
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    let site = Location::caller();
    match context::with_current(|shared| shared.map(|shared| shared.spawn(future, (site, None)))) {
        Some(handle) => handle,
        None => outside("spawn"),
    }
}

/// Runs a closure that blocks on a thread where that harms nobody: asyncio's `to_thread`.
///
/// Threads are started as needed, up to the builder's
/// [`max_blocking_threads`](crate::Builder::max_blocking_threads). Beyond that jobs wait, and start in
/// the order in which they came; beyond [`max_blocking_queue`](crate::Builder::max_blocking_queue) of
/// them that wait, a job is refused: its closure is dropped here, and its handle gives an error
/// that [says so](crate::JoinError::is_refused). A thread that has had nothing to do for
/// [ten seconds](crate::Builder::thread_keep_alive) leaves.
///
/// If the operating system refuses a thread while there are others, the job waits for one of those.
///
/// Dropping the handle detaches the job. Aborting it cancels a job that has not started; one that
/// has can't be stopped. A shutdown cancels the jobs that have not started, and those that are
/// spawned later, and waits for those that run.
///
/// # Panics
///
/// Outside a runtime, and if no thread at all can be started, which also cancels the jobs that waited
/// for that thread; both name the caller's line.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let file = wheelhouse::spawn_blocking(|| std::fs::read("/no/such/file"));
///     assert!(file.await.unwrap().is_err());
/// });
/// ```
#[track_caller]
pub fn spawn_blocking<F, R>(f: F) -> JoinHandle<R>
where
    F: FnOnce() -> R + Send + 'static,
    R: Send + 'static,
{
    let site = Location::caller();
    match context::with_current(|shared| {
        shared.map(|shared| shared.spawn_blocking(f, (site, None)))
    }) {
        Some(Ok(handle)) => handle,
        Some(Err(error)) => no_thread(&error),
        None => outside("spawn_blocking"),
    }
}

/// Panics for a caller that is outside any runtime.
#[cold]
#[track_caller]
pub(crate) fn outside(what: &str) -> ! {
    let site = Location::caller();
    let forked = match Process::is_forked() {
        true => "; the threads of runtimes from before the process was forked are not here",
        false => "",
    };
    panic!(
        "`wheelhouse::{what}` was called at {site}, outside a runtime: call it inside \
         `wheelhouse::run(async {{ .. }})`, or use the method of a `Runtime` or `Handle`{forked}"
    )
}

/// Panics for a blocking job without a thread.
#[cold]
#[track_caller]
pub(crate) fn no_thread(error: &io::Error) -> ! {
    let site = Location::caller();
    panic!("`spawn_blocking` was called at {site}, and there is no thread for it: {error}")
}
