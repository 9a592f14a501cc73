//! The same test on pools of several sizes.

use crate::gate::Gate;
use crate::watchdog::{LIMIT, watchdog};
use std::panic::Location;
use std::sync::Arc;
use std::thread;
use wheelhouse::{Builder, Handle, Runtime};

/// The pool sizes that every behaviour is tested with: alone, a pair, more than the machine may
/// have cores, and many more.
pub const WORKERS: &[usize] = &[1, 2, 4, 16];

/// Calls `test` with a new runtime of each size in `counts`, one after the other, each under a
/// [`watchdog`] of [`LIMIT`] that names the caller's line and the size.
///
/// The runtime is handed over: a test may shut it down, and otherwise drops it, which waits for
/// its threads.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::{WORKERS, on_workers};
///
/// on_workers(WORKERS, |runtime, workers| {
///     assert_eq!(runtime.run(async { 4 + 5 }), 9, "on {workers} workers");
/// });
/// ```
#[track_caller]
pub fn on_workers(counts: &[usize], test: impl Fn(Runtime, usize) + Send + Sync + 'static) {
    on_built(counts, |builder| builder, test);
}

/// As [`on_workers`], on runtimes whose blocked workers nobody notices: for tests that
/// [hold](hold_workers) them.
#[track_caller]
pub fn on_unwatched_workers(
    counts: &[usize],
    test: impl Fn(Runtime, usize) + Send + Sync + 'static,
) {
    on_built(counts, |builder| builder.watch(false), test);
}

/// As [`on_workers`], on runtimes with further options: `options` gets each one's builder.
#[track_caller]
pub fn on_built(
    counts: &[usize],
    options: impl Fn(Builder) -> Builder,
    test: impl Fn(Runtime, usize) + Send + Sync + 'static,
) {
    let caller = Location::caller();
    let test = Arc::new(test);
    for &count in counts {
        let test = Arc::clone(&test);
        let name = format!("{}:{} on {count} workers", caller.file(), caller.line());
        let builder = options(Runtime::builder().worker_threads(count));
        watchdog(&name, LIMIT, move || {
            let built = builder.build();
            let runtime = built.unwrap_or_else(|error| panic!("{count} workers: {error}"));
            test(runtime, count);
        });
    }
}

/// Holds every worker of `runtime` inside a poll until the gate that comes back is opened, so that
/// whatever is spawned meanwhile stays in a queue, if the runtime was built not to
/// [watch](wheelhouse::Builder::watch) its workers.
///
/// # Panics
///
/// When not all of the workers, of which there are `workers`, run tasks within [`LIMIT`].
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::{hold_workers, on_unwatched_workers};
///
/// on_unwatched_workers(&[2], |runtime, workers| {
///     let held = hold_workers(&runtime, workers);
///     let task = runtime.spawn(async { 9 });
///     assert!(!task.is_finished());
///     held.open();
///     assert_eq!(task.join().unwrap(), 9);
/// });
/// ```
#[track_caller]
pub fn hold_workers(runtime: &Runtime, workers: usize) -> Gate {
    let held = Gate::new();
    for count in 1..=workers {
        let block = held.clone();
        drop(runtime.spawn(async move { block.block() }));
        held.wait_for(count, LIMIT);
    }
    held
}

/// Blocks until the runtime accepts nothing any more: until its shutdown has begun. It asks by
/// blocking jobs, for the workers may all be stuck.
pub fn wait_until_closed(handle: &Handle) {
    while handle.spawn_blocking(|| ()).join().is_ok() {
        thread::yield_now();
    }
}
