//! [`Handle`]: a way to a runtime from anywhere.

use crate::{
    block_on, context,
    metrics::Metrics,
    os::fork,
    scope::Scope,
    shared::{Entered, Shared},
    spawn::{no_thread, outside},
    task::{JoinHandle, TaskInfo},
};
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    panic::{Location, RefUnwindSafe, UnwindSafe},
    sync::Arc,
};

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
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        Handle { shared }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

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
        self.shared.spawn(future, (Location::caller(), None))
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
        match self.shared.spawn_blocking(f, (Location::caller(), None)) {
            Ok(handle) => handle,
            Err(error) => no_thread(&error),
        }
    }

    /// Polls `future` on this thread; see [`Runtime::block_on`](crate::Runtime::block_on).
    ///
    /// # Panics
    ///
    /// As [`Runtime::block_on`](crate::Runtime::block_on).
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
        self.shared.check_process("block_on");
        drop(block_on::may_block("block_on"));
        let _entered = self.shared.enter();
        block_on::watched(&self.shared, Location::caller(), future)
    }

    /// As [`wheelhouse::scope`](crate::scope()), with this runtime around the closure. The tasks of the
    /// scope are this runtime's.
    ///
    /// # Panics
    ///
    /// If the closure does, or if a task has panicked and nobody has got that from its handle.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let handle = runtime.handle().clone();
    /// let mut text = String::from("hello");
    /// handle.scope(|s| {
    ///     s.spawn(async { text.push_str(", scope") });
    /// });
    /// assert_eq!(text, "hello, scope");
    /// ```
    #[track_caller]
    pub fn scope<'env, F, R>(&self, f: F) -> R
    where
        F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
    {
        self.shared.check_process("scope");
        let _entered = self.shared.enter();
        Scope::lend(Arc::clone(&self.shared), f)
    }

    /// What the tasks and blocking jobs of the runtime are doing at about this moment, in the order of
    /// their ids: asyncio's `all_tasks`, and the answer to "where is my task stuck?". The future of a
    /// `block_on` is no task, and not among them. After the runtime's end there are none.
    ///
    /// Tasks that start, end or move meanwhile may be missing, and one that has ended this very moment may
    /// still be listed. Of a runtime that is shutting down those that are queued are not. It takes time in proportion to the number of
    /// tasks, and moves those that are queued to the queue that all workers share: for a debugging
    /// page rather than for every request.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{Handle, run, spawn, task};
    ///
    /// run(async {
    ///     let child = spawn(std::future::pending::<()>());
    ///     let tasks = Handle::current().tasks();
    ///     assert!(tasks.iter().any(|task| task.id() == child.id()));
    ///     assert!(tasks.iter().any(|task| task.id() == task::id()));
    /// });
    /// ```
    #[doc(alias("all_tasks", "dump"))]
    #[track_caller]
    pub fn tasks(&self) -> Vec<TaskInfo> {
        self.shared.check_process("tasks");
        self.shared.tasks()
    }

    /// Figures of this moment.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let metrics = wheelhouse::Handle::current().metrics();
    ///     assert!(metrics.workers >= 1);
    /// });
    /// ```
    #[track_caller]
    pub fn metrics(&self) -> Metrics {
        self.shared.check_process("metrics");
        self.shared.metrics()
    }

    /// Makes the runtime the thread's current one until the guard is dropped.
    #[track_caller]
    pub fn enter(&self) -> EnterGuard<'_> {
        self.shared.check_process("enter");
        EnterGuard {
            _entered: self.shared.enter(),
            handle: PhantomData,
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
        if !self.shared.is_here() {
            fork::say_not_waiting();
        }
        self.shared.close();
    }
}

/// Nothing of theirs is half done when a poll or a job unwinds.
impl UnwindSafe for Handle {}
impl RefUnwindSafe for Handle {}

impl fmt::Debug for Handle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Handle({} workers)", self.shared.pool().workers())
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
    handle: PhantomData<&'a Handle>,
}

impl fmt::Debug for EnterGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnterGuard")
    }
}
