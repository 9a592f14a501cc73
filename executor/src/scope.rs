//! `scope`: tasks that borrow from the thread that waits for them.
//!
//! * `count.rs` counts who may still touch what was lent, and lets the caller wait for nobody.
//! * `data.rs` is what the tickets hold in common: that count, and panics that nobody has collected.
//! * `lent.rs` is a task's future and its output, each with a ticket of that count.
//! * `handle.rs` is what the spawner holds.
//!
//! What makes it sound:
//!
//! 1. A future's ticket lies behind the future, an output's behind the output, and the output's is made
//!    while the future still has its own. So the count reaches zero after the last of both is gone,
//!    by whatever way: by the task's end, its abort, a shutdown on any thread, or an unwinding.
//! 2. Nobody but the closure, and futures and outputs that hold tickets, can hold a reference to the
//!    [`Scope`] or a handle, for their types have the lifetime `'scope`. So whoever spawns, or takes an
//!    output, is somebody for whom the scope waits, and from zero the count never rises again.
//! 3. What is left of a task without its future and output borrows nothing: its header, to which
//!    wakers and abort handles may point for ever, the waker of its joiner, and the values and the name
//!    that it was spawned with. Nor does a ticket, which holds the scope's [`Data`] by an `Arc`.
//! 4. [`Scope::lend`] is left by the closure's return, or its panic, which is caught. The only thing that
//!    follows is the wait, which can't panic. A shutdown does not end it, a leaked handle makes it
//!    endless.

mod count;
mod data;
mod handle;
mod lent;

pub use handle::ScopedJoinHandle;

use crate::{
    blocking::{Job, OnThread},
    context,
    os::fork::Process,
    scheduler::{pool::Pooled, waits::Waiting},
    shared::Shared,
    spawn::{no_thread, outside},
    task::{Runnable, Schedule, Site},
};
use data::Data;
use lent::{Lent, Ticket};
use std::{
    fmt,
    future::Future,
    marker::PhantomData,
    panic::{AssertUnwindSafe, Location, RefUnwindSafe, UnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

/// Calls a closure that can spawn tasks which borrow from its caller, and blocks until they have
/// ended: [`std::thread::scope`] for tasks.
///
/// The closure is not `async`: it [joins](ScopedJoinHandle::join) what it wants to wait for, and may
/// call [`block_on`](crate::Handle::block_on).
///
/// The tasks run on the runtime around this thread. When this function returns, every task has ended, and
/// its future and its output have been dropped, unless the output was taken by its handle. What borrows
/// nothing may come a moment later: the report of a panic, and that of its
/// [`AbortHandle`](crate::AbortHandle) that it is finished.
///
/// Inside a task it hands the worker's other work on, as [`block_in_place`](crate::block_in_place)
/// does, for the closure and for the wait; what is said there of aborts, of joining, and of what
/// waits behind the task holds here too. So [`ScopedJoinHandle::join`] is allowed in the closure.
///
/// A shutdown cancels the tasks of a scope like any others, and does not let it return before they
/// have ended.
///
/// # Panics
///
/// Outside a runtime, naming the caller's line.
///
/// If the closure panics: the tasks go on, and the panic when they have ended. If a task has panicked
/// and nobody has got that from its handle: when all have ended, naming the line that spawned it. (If both
/// have, the closure's goes on.) The runtime also counts and reports such a panic, as [that of any
/// task](crate::Builder::on_unhandled_panic).
///
/// A task that was cancelled is no reason, nor is a blocking job that was
/// [refused](crate::JoinError::is_refused): who needs to know that each has run joins each.
///
/// # Deadlocks
///
/// It waits for ever for a task that never ends, and for one whose [`ScopedJoinHandle`] was leaked
/// (by [`mem::forget`](std::mem::forget), for example), since that handle keeps the output.
///
/// On a worker, somebody else must run the tasks: another worker, or a spare. With
/// [`worker_threads(1)`](crate::Builder::worker_threads) and
/// [`max_spare_threads(0)`](crate::Builder::max_spare_threads) there is nobody.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse::{run, scope, sleep};
///
/// run(async {
///     let words = vec![String::from("all"), String::from("of"), String::from("these")];
///     let mut longest = "";
///     let total = scope(|s| {
///         s.spawn(async {
///             sleep(Duration::from_millis(1)).await;
///             longest = words.iter().max_by_key(|word| word.len()).unwrap();
///         });
///         let lengths = words.iter().map(|word| s.spawn(async { word.len() }));
///         let tasks: Vec<_> = lengths.collect();
///         tasks.into_iter().map(|task| task.join().unwrap()).sum::<usize>()
///     });
///     assert_eq!((longest, total), ("these", 10));
/// });
/// ```
#[track_caller]
pub fn scope<'env, F, R>(f: F) -> R
where
    F: for<'scope> FnOnce(&'scope Scope<'scope, 'env>) -> R,
{
    match context::with_current(|shared| shared.map(Arc::clone)) {
        Some(shared) => Scope::lend(shared, f),
        None => outside("scope"),
    }
}

/// Where tasks are spawned that borrow; see [`scope`].
///
/// `'scope` is the time in which its tasks may run: from the call of the closure until [`scope`] returns.
/// `'env` is that in which what they borrow from the caller lives; it contains `'scope`.
pub struct Scope<'scope, 'env: 'scope> {
    data: Arc<Data>,
    shared: Arc<Shared>,
    // Both invariant: a longer 'scope would let tasks borrow what ends with the closure, a shorter one
    // would let handles be kept, and so with 'env.
    scope: PhantomData<&'scope mut &'scope ()>,
    env: PhantomData<&'env mut &'env ()>,
}

impl<'scope, 'env> Scope<'scope, 'env> {
    /// Calls `f` with a new scope, and waits until nobody holds what it has lent.
    #[track_caller]
    pub(crate) fn lend<F, R>(shared: Arc<Shared>, f: F) -> R
    where
        F: for<'inner> FnOnce(&'inner Scope<'inner, 'env>) -> R,
    {
        shared.check_process("scope");
        let process = Process::current();
        let data = Arc::new(Data::new());
        let result = context::in_place(|| {
            let scope = Scope {
                data: Arc::clone(&data),
                shared,
                scope: PhantomData,
                env: PhantomData,
            };
            let result = catch_unwind(AssertUnwindSafe(|| f(&scope)));
            if data.count.is_raised() {
                // If the closure has forked, they will not end in this process.
                process.end_if_forked();
            }
            let waiting = Waiting::enter(scope.shared.pool().number(), &data);
            data.count.give_up();
            match waiting {
                None => data.count.wait(),
                Some(waiting) => waiting.sleep(|| data.count.wait()),
            }
            result
        });
        match result {
            Ok(value) => {
                data.check();
                value
            }
            Err(payload) => resume_unwind(payload),
        }
    }

    /// Starts a task that may borrow whatever outlives the scope: see
    /// [`wheelhouse::spawn`](crate::spawn).
    ///
    /// Its tasks can spawn further ones: the scope may be borrowed too. After the runtime's end the
    /// task is cancelled at once.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::Runtime;
    ///
    /// let runtime = Runtime::new().unwrap();
    /// let (mut left, mut right) = (vec![3, 1, 2], vec![6, 4, 5]);
    /// runtime.scope(|s| {
    ///     s.spawn(async {
    ///         s.spawn(async { right.sort() });
    ///         left.sort();
    ///     });
    /// });
    /// assert_eq!((left, right), (vec![1, 2, 3], vec![4, 5, 6]));
    /// ```
    #[track_caller]
    pub fn spawn<F>(&'scope self, future: F) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        self.spawn_at(future, (Location::caller(), None), "Scope::spawn")
    }

    #[track_caller]
    pub(crate) fn spawn_at<F>(
        &'scope self,
        future: F,
        site: Site,
        what: &str,
    ) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        self.shared.check_process(what);
        let (task, handle) = self.task::<F, Pooled>(future, site);
        if self.shared.pool().is_closed() {
            // Not queued: if this thread is emptying the queues of a closed pool, in whose course a
            // destructor has come here, it would wait for itself.
            task.shut_down(self.shared.pool().registry());
        } else {
            self.shared.queue(task);
        }
        handle
    }

    /// Runs a closure that blocks, and may borrow as a [task](Self::spawn) may: see
    /// [`wheelhouse::spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Panics
    ///
    /// If no thread at all can be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{run, scope};
    ///
    /// run(async {
    ///     let path = String::from("Cargo.toml");
    ///     let text = scope(|s| s.spawn_blocking(|| std::fs::read_to_string(&path)).join());
    ///     assert!(text.unwrap().is_ok());
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F, R>(&'scope self, f: F) -> ScopedJoinHandle<'scope, R>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        self.spawn_blocking_at(f, (Location::caller(), None), "Scope::spawn_blocking")
    }

    #[track_caller]
    pub(crate) fn spawn_blocking_at<F, R>(
        &'scope self,
        f: F,
        site: Site,
        what: &str,
    ) -> ScopedJoinHandle<'scope, R>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        self.shared.check_process(what);
        let (job, handle) = self.task::<_, OnThread>(Job::new(f), site);
        match self.shared.blocking().push(&self.shared, job) {
            Ok(()) => handle,
            Err(error) => no_thread(&error),
        }
    }

    /// Makes a task of `future`; the caller queues it.
    fn task<F, S>(
        &'scope self,
        future: F,
        site: Site,
    ) -> (Runnable, ScopedJoinHandle<'scope, F::Output>)
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
        S: Schedule,
    {
        let lent = Lent::new(future, Ticket::new(&self.data, site.0));
        let (task, handle) = lent.into_task::<S>(self.shared.pool().number(), site);
        (task, ScopedJoinHandle::new(handle, &self.data))
    }
}

/// Nothing of its own is half done when a task unwinds.
impl UnwindSafe for Scope<'_, '_> {}
impl RefUnwindSafe for Scope<'_, '_> {}

impl fmt::Debug for Scope<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scope").finish_non_exhaustive()
    }
}
