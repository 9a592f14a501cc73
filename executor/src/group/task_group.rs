//! [`TaskGroup`], by which a group is used.

use super::{Inner, Next, Shutdown, Spawner, child, state::Kind};
use crate::task::AbortHandle;
use std::{fmt, future::Future, sync::Arc};

/// A group of tasks.
///
/// One made by [`new`](Self::new) is for those who want each result as it comes: asyncio's
/// `as_completed`, tokio's `JoinSet`. Its children are aborted when it is dropped.
///
/// The body of a [`task_group`](crate::task_group()) is given one that ends, and fails, as described
/// there, even if it is moved out of the body.
///
/// [`task::Builder::spawn_in`](crate::task::Builder::spawn_in) starts a child that has a name.
///
/// Its methods take `&self`, so it can be shared.
///
/// # Examples
///
/// A server that stops accepting, and waits for who is there:
///
/// ```
/// use wheelhouse::TaskGroup;
///
/// async fn serve(connection: u32) -> Result<(), String> {
///     if connection == 2 { Err("hung up".into()) } else { Ok(()) }
/// }
///
/// wheelhouse::run(async {
///     let connections = TaskGroup::new();
///     for connection in 0..3 {
///         connections.spawn(serve(connection));
///     }
///     let mut failed = 0;
///     while let Some(ended) = connections.next().await {
///         failed += usize::from(ended.is_err());
///     }
///     assert_eq!(failed, 1);
/// });
/// ```
#[doc(alias(
    "JoinSet",
    "nursery",
    "as_completed",
    "FuturesUnordered",
    "TaskTracker"
))]
pub struct TaskGroup<T, E> {
    spawner: Spawner<T, E>,
}

impl<T, E> TaskGroup<T, E> {
    /// An empty group.
    ///
    /// No failure cancels anything in it: [`next`](Self::next) gives how each child has ended.
    pub fn new() -> Self {
        TaskGroup::of(Kind::Free)
    }

    pub(super) fn of(kind: Kind) -> Self {
        TaskGroup {
            spawner: Spawner {
                inner: Arc::new(Inner::new(kind)),
            },
        }
    }

    pub(super) fn inner(&self) -> &Inner<T, E> {
        &self.spawner.inner
    }

    pub(super) fn clone_inner(&self) -> Arc<Inner<T, E>> {
        Arc::clone(&self.spawner.inner)
    }

    /// Starts a child on the runtime around this thread, as [`spawn`](crate::spawn) does.
    ///
    /// If the group is being cancelled, the child is cancelled before its first poll. A child that is to
    /// spawn siblings takes a [`Spawner`](Self::spawner) with it, not the group.
    ///
    /// # Panics
    ///
    /// Outside a runtime, and if the group is that of a [`task_group`](crate::task_group()) which has
    /// returned. Both name the caller's line.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::TaskGroup;
    ///
    /// wheelhouse::run(async {
    ///     let group = TaskGroup::<(), ()>::new();
    ///     let child = group.spawn(std::future::pending());
    ///     child.abort();
    ///     assert!(group.next().await.unwrap().unwrap_err().is_cancelled());
    /// });
    /// ```
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> AbortHandle
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        child::spawn(&self.spawner.inner, future, None, "TaskGroup::spawn")
    }

    /// Starts a child that blocks its thread, as [`spawn_blocking`](crate::spawn_blocking) does.
    ///
    /// Once it runs, it can't be cancelled: whoever waits for the group waits for it too. A job that is
    /// [refused](crate::Builder::max_blocking_queue) is a child that was cancelled; in a
    /// [`task_group`](crate::task_group()) it is a failure.
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn), and if no thread at all can be started.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::task_group;
    ///
    /// wheelhouse::run(async {
    ///     let files = task_group(async |group| {
    ///         group.spawn_blocking(|| std::fs::read("/no/such/file"));
    ///         Ok(())
    ///     });
    ///     assert!(files.await.unwrap_err().first().error().is_some());
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_blocking<F>(&self, f: F) -> AbortHandle
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        child::spawn_blocking(&self.spawner.inner, f, None, "TaskGroup::spawn_blocking")
    }

    /// What can spawn children from elsewhere: from other children, for one.
    ///
    /// An `async fn` can't spawn itself, since it is not known to be `Send` before its end. A function that is
    /// not `async` breaks the circle:
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{Spawner, task_group};
    ///
    /// fn crawl(depth: u32, pages: Spawner<u32, String>) {
    ///     let more = pages.clone();
    ///     pages.spawn(async move {
    ///         if depth > 0 {
    ///             crawl(depth - 1, more.clone());
    ///             crawl(depth - 1, more);
    ///         }
    ///         Ok(1)
    ///     });
    /// }
    ///
    /// wheelhouse::run(async {
    ///     let pages = task_group(async |group| {
    ///         crawl(3, group.spawner());
    ///         Ok(())
    ///     });
    ///     assert_eq!(pages.await.unwrap().1.len(), 15);
    /// });
    /// ```
    pub fn spawner(&self) -> Spawner<T, E> {
        self.spawner.clone()
    }

    /// The next result: of those that nobody has taken, the one of the child that ended first.
    ///
    /// Gives `None` if there is none and no child is left. (Later there may be again: what is spawned
    /// then gives its result to the next call.) A
    /// child that panicked, was aborted or was refused gives a [`Failure`](super::Failure). Inside a
    /// [`task_group`](crate::task_group()) only values come, for there a failure drops the body, and
    /// who was aborted gives nothing.
    ///
    /// Several may wait at a time; each result goes to one of them, and those that are left over when the
    /// last child has ended get `None`. A child that waits here for its own group waits for itself.
    ///
    /// # Cancel safety
    ///
    /// Dropping it loses no result.
    ///
    /// # Examples
    ///
    /// A thousand pages, no more than ten at a time:
    ///
    /// ```
    /// use wheelhouse::task_group;
    ///
    /// async fn fetch(page: u32) -> Result<u32, String> {
    ///     Ok(page)
    /// }
    ///
    /// wheelhouse::run(async {
    ///     let sum = task_group(async |group| {
    ///         let mut sum = 0;
    ///         for page in 0..1000 {
    ///             if group.len() == 10
    ///                 && let Some(page) = group.next().await
    ///             {
    ///                 sum += page.unwrap();
    ///             }
    ///             group.spawn(fetch(page));
    ///         }
    ///         Ok(sum)
    ///     });
    ///     let (sum, rest) = sum.await.unwrap();
    ///     assert_eq!(sum + rest.iter().sum::<u32>(), 499_500);
    /// });
    /// ```
    #[doc(alias("join_next", "as_completed"))]
    pub fn next(&self) -> Next<'_, T, E> {
        Next::new(self)
    }

    /// How many children have not ended, and how many results have not been taken, together.
    pub fn len(&self) -> usize {
        let (children, results) = self.spawner.inner.counts();
        children + results
    }

    /// Whether there is neither a child nor a result.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Aborts all children that are there now, as their [`AbortHandle`]s would.
    ///
    /// It doesn't wait for them, and the group remains open.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::task_group;
    ///
    /// wheelhouse::run(async {
    ///     let aborted = task_group::<(), (), _, _, _>(async |group| {
    ///         group.spawn(std::future::pending());
    ///         group.abort_all();
    ///         Ok(())
    ///     });
    ///     assert_eq!(aborted.await.unwrap(), ((), vec![])); // who was aborted gives nothing
    /// });
    /// ```
    pub fn abort_all(&self) {
        let children = self.spawner.inner.lock().abort_handles();
        children.iter().for_each(AbortHandle::abort);
    }

    /// Aborts all children, those that are spawned from now on too; then waits for their end, and
    /// drops the results.
    ///
    /// The group is of no further use: what is spawned on it afterwards is cancelled. A panic among
    /// the results is [reported](crate::Builder::on_unhandled_panic).
    ///
    /// # Cancel safety
    ///
    /// The children are aborted by the call itself. Dropping the future ends the waiting alone.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::TaskGroup;
    ///
    /// wheelhouse::run(async {
    ///     let group = TaskGroup::<(), ()>::new();
    ///     group.spawn(std::future::pending());
    ///     group.shutdown().await;
    ///     assert!(group.is_empty());
    /// });
    /// ```
    pub fn shutdown(&self) -> Shutdown<'_, T, E> {
        self.spawner.inner.close();
        Shutdown::new(self)
    }
}

/// What spawns its children: for [`task::Builder::spawn_in`](crate::task::Builder::spawn_in).
impl<T, E> AsRef<Spawner<T, E>> for TaskGroup<T, E> {
    fn as_ref(&self) -> &Spawner<T, E> {
        &self.spawner
    }
}

impl<T, E> Default for TaskGroup<T, E> {
    fn default() -> Self {
        TaskGroup::new()
    }
}

impl<T, E> Drop for TaskGroup<T, E> {
    fn drop(&mut self) {
        // That of a `task_group` ends when its owner says so.
        let is_free = self.spawner.inner.lock().kind == Kind::Free;
        if is_free {
            self.spawner.inner.end();
        }
    }
}

impl<T, E> fmt::Debug for TaskGroup<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (children, results) = self.spawner.inner.counts();
        write!(f, "TaskGroup({children} children, {results} results)")
    }
}
