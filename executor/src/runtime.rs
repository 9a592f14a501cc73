//! [`Runtime`], and [`run`].

use crate::{
    block_on,
    builder::{Builder, Settings},
    context,
    error::JoinError,
    handle::{EnterGuard, Handle},
    metrics::Metrics,
    os::fork,
    scheduler::pool::Pooled,
    scope::Scope,
    shared::Shared,
    task::{self, JoinHandle},
    threads::ShutdownReport,
};
use std::{
    fmt,
    future::Future,
    io,
    panic::{Location, resume_unwind},
    sync::Arc,
    time::{Duration, Instant},
};

/// Runs `future` on a new runtime and returns its output: asyncio's `run`.
///
/// The runtime has a worker for each core. `future` is polled on a worker, like any task, while the
/// calling thread waits, so it may borrow from the caller. When it ends, the runtime shuts down:
/// tasks that still run are cancelled at their next `.await`.
///
/// # Panics
///
/// If `future` panics: the panic goes on here. If it gave no output, since it [aborted
/// itself](crate::task::Task::abort) or shut the runtime down. If it is called inside a task or
/// another `block_on`, unless inside [`block_in_place`](crate::block_in_place) or a
/// [`scope`](crate::scope())'s closure. If the threads of the runtime can't be started;
/// [`Runtime::new`] returns that as an error.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let name = String::from("world");
/// let greeting = wheelhouse::run(async {
///     wheelhouse::sleep(Duration::from_millis(1)).await;
///     format!("hello {name}")
/// });
/// assert_eq!(greeting, "hello world");
/// ```
#[track_caller]
pub fn run<F>(future: F) -> F::Output
where
    F: Future + Send,
    F::Output: Send,
{
    drop(block_on::may_block("wheelhouse::run"));
    match Runtime::new() {
        Ok(runtime) => runtime.run(future),
        Err(error) => panic!("`wheelhouse::run` could not start a runtime: {error}"),
    }
}

/// A pool of workers, and all that runs on it.
///
/// [`run`](crate::run) makes one, uses it and shuts it down; a service that wants options makes
/// its own with [`Runtime::builder`].
///
/// # Shutdown
///
/// [Shutting down](crate::shutdown) has the details. Dropping it, or [`shutdown_timeout`](Self::shutdown_timeout), ends it: nothing more is
/// accepted, tasks in queues and tasks that wait are cancelled (their futures dropped by the
/// workers, or by the thread that watches them if all are held up), and blocking jobs that have not
/// started too. A poll or a job that is running can't be
/// stopped; its future is dropped by its own thread when it returns. The drop waits for that, and
/// after five seconds says on standard error what it is waiting for; dropped on a worker, its own
/// or another runtime's, it does not wait. Handles, wakers and sleeps may outlive the runtime:
/// spawning then gives a handle that is cancelled, a wake does nothing, and a sleep goes on.
///
/// # Forks
///
/// In a process that was forked from the one that started it, none of its threads are: whatever uses
/// it there panics, and dropping it drops nothing and does not wait.
///
/// # Examples
///
/// ```
/// let runtime = wheelhouse::Runtime::builder().worker_threads(2).build().unwrap();
/// assert_eq!(runtime.run(async { 1 + 1 }), 2);
/// ```
pub struct Runtime {
    handle: Handle,
    /// A shutdown has stopped waiting.
    abandoned: bool,
}

impl Runtime {
    /// A runtime with a worker for each core.
    ///
    /// # Errors
    ///
    /// If a thread can't be started.
    pub fn new() -> io::Result<Runtime> {
        Runtime::builder().build()
    }

    /// The options of a runtime.
    pub fn builder() -> Builder {
        Builder::new()
    }

    pub(crate) fn start(settings: Settings) -> io::Result<Runtime> {
        let workers = settings.workers;
        let shared = Shared::new(settings)?;
        let runtime = Runtime {
            handle: Handle::new(shared),
            abandoned: false,
        };
        // On an error the drop of `runtime` ends the threads that run.
        for seat in 0..workers {
            runtime.shared().start_worker(seat)?;
        }
        runtime.shared().start_monitor()?;
        runtime.shared().start_clock()?;
        Ok(runtime)
    }

    fn shared(&self) -> &Arc<Shared> {
        self.handle.shared()
    }

    /// Polls `future` on a worker while this thread waits for its output; see
    /// [`wheelhouse::run`](crate::run). Other tasks go on when it has ended.
    ///
    /// # Panics
    ///
    /// If `future` panics, or gave no output, since it was aborted or the runtime was shut down
    /// meanwhile. If it is called inside a task or a `block_on`, unless inside
    /// [`block_in_place`](crate::block_in_place) or a [`scope`](crate::scope())'s closure.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let name = String::from("borrowed");
    /// assert_eq!(runtime.run(async { name.len() }), 8);
    /// ```
    #[track_caller]
    pub fn run<F>(&self, future: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        drop(block_on::may_block("Runtime::run"));
        let pool = self.shared().pool().number();
        self.shared().check_process("Runtime::run");
        let abort = AbortOnUnwind;
        // SAFETY: the wait below ends when the task is complete, its future dropped and its output
        // moved here; should it unwind instead, the process ends.
        let (task, handle) =
            unsafe { task::new_unchecked::<F, Pooled>(future, pool, (Location::caller(), None)) };
        self.shared().queue(task);
        let result = block_on::wait("Runtime::run", pool, handle);
        std::mem::forget(abort);
        match result {
            Ok(output) => output,
            Err(error) => ended(error, self.shared()),
        }
    }

    /// Polls `future` on this thread while the workers run the tasks that it spawns. It need not
    /// be `Send`.
    ///
    /// # Panics
    ///
    /// If `future` panics, or [a panic has shut the runtime
    /// down](crate::Builder::shutdown_on_unhandled_panic). If it is called inside a task or another
    /// `block_on`, unless inside [`block_in_place`](crate::block_in_place) or a
    /// [`scope`](crate::scope())'s closure.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let local = std::rc::Rc::new(41);
    /// let sum = runtime.block_on(async {
    ///     *local + wheelhouse::spawn(async { 1 }).await.unwrap()
    /// });
    /// assert_eq!(sum, 42);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.handle.block_on(future)
    }

    /// Starts a task; see [`wheelhouse::spawn`](crate::spawn).
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let task = runtime.spawn(async { 42 });
    /// assert_eq!(runtime.block_on(task).unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.handle.spawn(future)
    }

    /// Runs a closure that blocks; see [`wheelhouse::spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Panics
    ///
    /// If no thread at all can be started.
    #[track_caller]
    pub fn spawn_blocking<F, R>(&self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.handle.spawn_blocking(f)
    }

    /// Calls a closure that can spawn tasks which borrow, and blocks until they have ended; see
    /// [`wheelhouse::scope`](crate::scope()).
    ///
    /// # Panics
    ///
    /// As [`Handle::scope`].
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let numbers = [1, 2, 3];
    /// let sum = runtime.scope(|s| s.spawn(async { numbers.iter().sum::<i32>() }).join());
    /// assert_eq!(sum.unwrap(), 6);
    /// ```
    #[track_caller]
    pub fn scope<'env, F, R>(&self, f: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        self.handle.scope(f)
    }

    /// A handle for other threads.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Figures of this moment.
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        self.handle.metrics()
    }

    /// Makes this runtime the thread's current one until the guard is dropped, so that
    /// [`spawn`](crate::spawn) and [`sleep`](crate::sleep) use it.
    #[track_caller]
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Shuts down, and waits for every thread for at most `limit`. The report names the threads
    /// that had not ended by then; they end when what they run returns.
    ///
    /// On a worker, inside any task, it does not wait; nor on a thread of the runtime's own.
    pub fn shutdown_timeout(mut self, limit: Duration) -> ShutdownReport {
        self.abandoned = true;
        if !self.shared().is_here() {
            fork::say_not_waiting();
            return ShutdownReport { stuck: Vec::new() };
        }
        self.shared().close();
        let threads = self.shared().threads();
        if self.may_wait() && threads.wait(Instant::now().checked_add(limit)) {
            threads.join();
        }
        // Nobody may be left to serve the timers.
        self.shared().timers().close();
        ShutdownReport {
            stuck: threads.stuck(),
        }
    }

    /// Not on a worker, which others wait for; and no thread waits for itself.
    fn may_wait(&self) -> bool {
        !context::is_worker() && !self.shared().threads().is_current()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if self.abandoned {
            return;
        }
        if !self.shared().is_here() {
            return fork::say_not_waiting();
        }
        self.shared().close();
        if self.may_wait() {
            self.shared().threads().wait_and_complain();
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runtime({} workers)", self.shared().pool().workers())
    }
}

/// Ends the process rather than let go of a future that borrows.
struct AbortOnUnwind;

impl Drop for AbortOnUnwind {
    fn drop(&mut self) {
        std::process::abort();
    }
}

/// The end of a main future that gave no output.
#[track_caller]
fn ended(error: JoinError, shared: &Shared) -> ! {
    if shared.unhandled().has_shut_down() {
        // The future may have panicked because of that; then nobody collects its own panic.
        error.nobody_collects();
        shared.unhandled().check();
        unreachable!("there is a cause");
    }
    match error.try_into_panic() {
        Ok(payload) => resume_unwind(payload),
        Err(error) => {
            if shared.pool().is_closed() {
                panic!("the runtime was shut down while its main future ran");
            }
            panic!("the main future was aborted: {error}")
        }
    }
}
