//! [`Runtime`], [`Handle`], and [`run`].

use crate::{
    block_on,
    blocking::{Blocking, Job, OnThread},
    builder::Builder,
    context,
    error::JoinError,
    scheduler::pool::{Pool, Pooled},
    scheduler::{queue::LocalQueue, worker},
    task::{self, JoinHandle},
    threads::{Announced, Options, ShutdownReport, Threads},
};
use std::{
    fmt,
    future::Future,
    io,
    panic::{Location, RefUnwindSafe, UnwindSafe, resume_unwind},
    sync::Arc,
    time::{Duration, Instant},
};
use wheelhouse_timer::{
    Clock,
    driver::{self, ShardSet},
};

/// Runs `future` on a new runtime and returns its output: asyncio's `run`.
///
/// The runtime has a worker for each core. `future` is polled on a worker, like any task, while the
/// calling thread waits, so it may borrow from the caller. When it ends, the runtime shuts down:
/// tasks that still run are cancelled at their next `.await`.
///
/// # Panics
///
/// If `future` panics: the panic goes on here. If it is called inside a task or another
/// `block_on`. If the threads of the runtime can't be started; [`Runtime::new`] returns that as
/// an error.
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
    match context::with_current(|shared| shared.map(|shared| shared.spawn(future, site))) {
        Some(handle) => handle,
        None => outside("spawn"),
    }
}

/// Runs a closure that blocks on a thread where that harms nobody: asyncio's `to_thread`.
///
/// Threads are started as needed, up to the builder's
/// [`max_blocking_threads`](Builder::max_blocking_threads), beyond which jobs wait for their turn;
/// a thread that has had nothing to do for ten seconds leaves.
///
/// Dropping the handle detaches the job. Aborting it cancels a job that has not started; one that
/// has can't be stopped.
///
/// # Panics
///
/// Outside a runtime, and if no thread at all can be started; both name the caller's line.
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
    match context::with_current(|shared| shared.map(|shared| shared.spawn_blocking(f, site))) {
        Some(Ok(handle)) => handle,
        Some(Err(error)) => no_thread(&error),
        None => outside("spawn_blocking"),
    }
}

#[cold]
#[track_caller]
fn outside(what: &str) -> ! {
    let site = Location::caller();
    panic!(
        "`wheelhouse::{what}` was called at {site}, outside a runtime: call it inside \
         `wheelhouse::run(async {{ .. }})`, or use the method of a `Runtime` or `Handle`"
    )
}

#[cold]
#[track_caller]
fn no_thread(error: &io::Error) -> ! {
    let site = Location::caller();
    panic!("`spawn_blocking` was called at {site}, and there is no thread for it: {error}")
}

/// What everybody who can spawn holds: the handles, the threads, and the runtime itself.
pub(crate) struct Shared {
    pool: &'static Pool,
    timers: ShardSet,
    blocking: Blocking,
    threads: Arc<Threads>,
    thread_name: String,
    thread_options: Options,
}

/// Shards for threads outside the pool.
const EXTERNAL_SHARDS: usize = 2;

impl Shared {
    pub(crate) fn pool(&self) -> &'static Pool {
        self.pool
    }

    pub(crate) fn timers(&self) -> &ShardSet {
        &self.timers
    }

    pub(crate) fn blocking(&self) -> &Blocking {
        &self.blocking
    }

    #[inline]
    pub(crate) fn spawn<F>(
        &self,
        future: F,
        site: &'static Location<'static>,
    ) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = task::new::<F, Pooled>(future, self.pool.number(), site);
        self.queue(task);
        handle
    }

    fn queue(&self, task: task::Runnable) {
        if let Err(task) = context::push_local(self.pool.number(), task, LocalQueue::push_new) {
            self.pool.inject_new(task);
        }
    }

    fn spawn_blocking<F, R>(
        self: &Arc<Self>,
        f: F,
        site: &'static Location<'static>,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let (job, handle) = task::new::<_, OnThread>(Job::new(f), self.pool.number(), site);
        self.blocking.push(self, job)?;
        Ok(handle)
    }

    /// Enters a thread that is about to be started.
    pub(crate) fn announce_thread(&self, number: &str) -> Announced {
        self.threads
            .announce(format!("{}-{number}", self.thread_name))
    }

    pub(crate) fn thread_options(&self) -> &Options {
        &self.thread_options
    }

    /// Makes this runtime the thread's current one.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        let timers = self.timers.enter_external();
        Entered {
            _timers: timers,
            _context: context::enter(Arc::clone(self)),
        }
    }

    fn start_worker(self: &Arc<Self>, seat: usize) -> io::Result<()> {
        let shared = Arc::clone(self);
        let thread = self.announce_thread(&seat.to_string());
        thread.start(&self.thread_options, move |running| {
            worker::run(Arc::clone(&shared), seat, running);
            shared.worker_left();
        })
    }

    /// When a worker has left, another may be stuck in a poll, and nobody serves the timers:
    /// sleeps that others still wait for move elsewhere.
    fn worker_left(&self) {
        self.pool.drain();
        self.timers.close();
    }

    fn close(&self) {
        self.pool.close();
        self.blocking.close(self);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.close();
        self.pool.drain();
        self.timers.close();
        self.pool.recycle();
    }
}

/// The guard of [`Shared::enter`].
pub(crate) struct Entered {
    _timers: driver::Entered,
    _context: context::Entered,
}

/// A pool of workers, and all that runs on it.
///
/// [`run`](crate::run) makes one, uses it and shuts it down; a service that wants options makes
/// its own with [`Runtime::builder`].
///
/// # Shutdown
///
/// Dropping it, or [`shutdown_timeout`](Self::shutdown_timeout), ends it: nothing more is
/// accepted, tasks in queues and tasks that wait are cancelled (their futures dropped by the
/// workers), and blocking jobs that have not started too. A poll or a job that is running can't be
/// stopped; its future is dropped by its own thread when it returns. The drop waits for that, and
/// after five seconds says on standard error what it is waiting for; dropped on a worker, its own
/// or another runtime's, it does not wait. Handles, wakers and sleeps may outlive the runtime: spawning then gives
/// a handle that is cancelled, a wake does nothing, and a sleep goes on.
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

    pub(crate) fn start(
        workers: usize,
        max_blocking_threads: usize,
        thread_name: String,
        thread_options: Options,
    ) -> io::Result<Runtime> {
        let pool = Pool::acquire(workers)?;
        let shared = Arc::new(Shared {
            pool,
            timers: ShardSet::new(Clock::monotonic(), workers, EXTERNAL_SHARDS, pool),
            blocking: Blocking::new(max_blocking_threads),
            threads: Arc::default(),
            thread_name,
            thread_options,
        });
        let runtime = Runtime {
            handle: Handle { shared },
            abandoned: false,
        };
        for seat in 0..workers {
            // On an error the drop of `runtime` ends the workers that run.
            runtime.shared().start_worker(seat)?;
        }
        Ok(runtime)
    }

    fn shared(&self) -> &Arc<Shared> {
        &self.handle.shared
    }

    /// Polls `future` on a worker while this thread waits for its output; see
    /// [`wheelhouse::run`](crate::run). Other tasks go on when it has ended.
    ///
    /// # Panics
    ///
    /// If `future` panics, or the runtime is shut down meanwhile. If it is called inside a task or
    /// a `block_on`.
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
        let pool = self.shared().pool.number();
        let abort = AbortOnUnwind;
        // SAFETY: the wait below ends when the task is complete, its future dropped and its output
        // moved here; should it unwind instead, the process ends.
        let (task, handle) =
            unsafe { task::new_unchecked::<F, Pooled>(future, pool, Location::caller()) };
        self.shared().queue(task);
        let result = block_on::wait("Runtime::run", handle);
        std::mem::forget(abort);
        match result {
            Ok(output) => output,
            Err(error) => ended(error),
        }
    }

    /// Polls `future` on this thread while the workers run the tasks that it spawns. It need not
    /// be `Send`.
    ///
    /// # Panics
    ///
    /// If `future` panics. If it is called inside a task or another `block_on`.
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

    /// A handle for other threads.
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// Makes this runtime the thread's current one until the guard is dropped, so that
    /// [`spawn`](crate::spawn) and [`sleep`](crate::sleep) use it.
    pub fn enter(&self) -> EnterGuard<'_> {
        self.handle.enter()
    }

    /// Shuts down, and waits for every thread for at most `limit`. The report names the threads
    /// that had not ended by then; they end when what they run returns.
    ///
    /// On a worker, inside any task, it does not wait.
    pub fn shutdown_timeout(mut self, limit: Duration) -> ShutdownReport {
        self.abandoned = true;
        self.shared().close();
        let threads = &self.shared().threads;
        if self.may_wait() && threads.wait(Instant::now().checked_add(limit)) {
            threads.join();
        }
        // Nobody may be left to serve the timers.
        self.shared().timers.close();
        ShutdownReport {
            stuck: threads.stuck(),
        }
    }

    /// Not on a worker, which others wait for; and no thread waits for itself.
    fn may_wait(&self) -> bool {
        !context::is_worker() && !self.shared().threads.is_current()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.shared().close();
        if !self.abandoned && self.may_wait() {
            self.shared().threads.wait_and_complain();
        }
    }
}

impl fmt::Debug for Runtime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Runtime({} workers)", self.shared().pool.seats())
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
fn ended(error: JoinError) -> ! {
    match error.try_into_panic() {
        Ok(payload) => resume_unwind(payload),
        Err(_) => panic!("the runtime was shut down while its main future ran"),
    }
}

/// A way to a runtime from anywhere: it can be cloned, sent, and kept.
///
/// It does not keep the runtime running.
///
/// # Examples
///
/// ```
/// use wheelhouse::Handle;
///
/// wheelhouse::run(async {
///     let handle = Handle::current();
///     let thread = std::thread::spawn(move || handle.spawn(async { 42 }).join());
///     assert_eq!(thread.join().unwrap().unwrap(), 42);
/// });
/// ```
#[derive(Clone)]
pub struct Handle {
    shared: Arc<Shared>,
}

impl Handle {
    /// The runtime around this thread.
    ///
    /// # Panics
    ///
    /// Outside a runtime, naming the caller's line.
    #[track_caller]
    pub fn current() -> Handle {
        match Handle::try_current() {
            Some(handle) => handle,
            None => outside("Handle::current"),
        }
    }

    /// The runtime around this thread, if there is one.
    ///
    /// # Examples
    ///
    /// ```
    /// assert!(wheelhouse::Handle::try_current().is_none());
    /// assert!(wheelhouse::run(async { wheelhouse::Handle::try_current().is_some() }));
    /// ```
    pub fn try_current() -> Option<Handle> {
        context::with_current(|shared| {
            shared.map(|shared| Handle {
                shared: Arc::clone(shared),
            })
        })
    }

    /// Starts a task; see [`wheelhouse::spawn`](crate::spawn). After the runtime's end the task is
    /// cancelled at once.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.shared.spawn(future, Location::caller())
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
        match self.shared.spawn_blocking(f, Location::caller()) {
            Ok(handle) => handle,
            Err(error) => no_thread(&error),
        }
    }

    /// Polls `future` on this thread; see [`Runtime::block_on`].
    ///
    /// # Panics
    ///
    /// If `future` panics. If it is called inside a task or another `block_on`.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let handle = runtime.handle().clone();
    /// let thread = std::thread::spawn(move || {
    ///     handle.block_on(async { wheelhouse::spawn(async { 42 }).await.unwrap() })
    /// });
    /// assert_eq!(thread.join().unwrap(), 42);
    /// ```
    #[track_caller]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        drop(block_on::may_block("block_on"));
        let _entered = self.shared.enter();
        block_on::wait("block_on", future)
    }

    /// Makes the runtime the thread's current one until the guard is dropped.
    pub fn enter(&self) -> EnterGuard<'_> {
        EnterGuard {
            _entered: self.shared.enter(),
            handle: std::marker::PhantomData,
        }
    }

    /// Starts the shutdown and does not wait for it.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let task = runtime.spawn(std::future::pending::<()>());
    /// runtime.handle().shutdown_background();
    /// assert!(task.join().unwrap_err().is_cancelled());
    /// ```
    pub fn shutdown_background(&self) {
        self.shared.close();
    }
}

/// Nothing of theirs is half done when a poll or a job unwinds.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} workers)", self.shared.pool.seats())
    }
}

/// The guard of [`Handle::enter`].
///
/// # Panics
///
/// Guards of one thread are dropped in the reverse of their order. A guard that is dropped while
/// a later one is held says so in a panic.
///
/// # Examples
///
/// ```
/// let runtime = wheelhouse::Runtime::new().unwrap();
/// let guard = runtime.enter();
/// let task = wheelhouse::spawn(async { 42 });
/// drop(guard);
/// assert_eq!(task.join().unwrap(), 42);
/// ```
#[must_use = "the runtime is left when the guard is dropped"]
pub struct EnterGuard<'a> {
    _entered: Entered,
    handle: std::marker::PhantomData<&'a Handle>,
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnterGuard")
    }
}
