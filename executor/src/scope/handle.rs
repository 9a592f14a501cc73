//! What the spawner of a scope's task holds.

use super::{data::Data, lent::LentOutput};
use crate::{
    block_on,
    error::JoinError,
    task::{AbortHandle, Id, JoinHandle},
};
use std::{
    fmt,
    future::Future,
    panic::{Location, RefUnwindSafe, UnwindSafe},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// The handle of a task that was spawned in a [`scope`](crate::scope); awaited, it gives what the task
/// returned.
///
/// Dropping it detaches the task, which goes on, and for which the scope waits. Leaking it makes the
/// scope wait for ever. It is `Send` and `Sync` if `T` is `Send`.
///
/// # Cancel safety
///
/// That of a [`JoinHandle`](crate::JoinHandle).
///
/// # Panics
///
/// When it is polled again after it gave its output.
///
/// # Examples
///
/// Tasks of the scope can await it, and its closure can [join](Self::join):
///
/// ```
/// use wheelhouse::{run, scope};
///
/// run(async {
///     let text = String::from("a borrowed text");
///     let length = scope(|s| {
///         let words = s.spawn(async { text.split(' ').collect::<Vec<&str>>() });
///         let lengths = s.spawn(async { words.await.unwrap().into_iter().map(str::len) });
///         lengths.join().unwrap().sum::<usize>()
///     });
///     assert_eq!(length, 13);
/// });
/// ```
pub struct ScopedJoinHandle<'scope, T> {
    task: JoinHandle<LentOutput<T>>,
    /// Used only in [`poll`](Future::poll), by somebody for whom the scope waits.
    data: &'scope Data,
}

impl<'scope, T> ScopedJoinHandle<'scope, T> {
    pub(super) fn new(task: JoinHandle<LentOutput<T>>, data: &'scope Data) -> Self {
        ScopedJoinHandle { task, data }
    }

    /// Blocks this thread until the task has ended.
    ///
    /// # Errors
    ///
    /// As awaiting the handle: if the task panicked, or was cancelled. A panic that was given to somebody
    /// does not make the scope panic.
    ///
    /// # Panics
    ///
    /// In a task, of the scope for one: await the handle there. The scope's own closure may call it, on a
    /// worker too. Also after the output was taken.
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
    pub fn join(self) -> Result<T, JoinError> {
        block_on::wait("ScopedJoinHandle::join", self.task.pool(), self)
    }

    /// Asks for the task to end at its next `.await`; see
    /// [`JoinHandle::abort`](crate::JoinHandle::abort).
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let failed = runtime.scope(|s| {
    ///     let stuck = s.spawn(std::future::pending::<()>());
    ///     stuck.abort(); // else the scope would wait for ever
    ///     stuck.join()
    /// });
    /// assert!(failed.unwrap_err().is_cancelled());
    /// ```
    pub fn abort(&self) {
        self.task.abort();
    }

    /// A handle that can only abort; it may outlive this one, and the scope.
    pub fn abort_handle(&self) -> AbortHandle {
        self.task.abort_handle()
    }

    /// Whether the task has ended, its future dropped and its output stored.
    pub fn is_finished(&self) -> bool {
        self.task.is_finished()
    }

    /// The task's id, which its [`JoinError`] has too.
    pub fn id(&self) -> Id {
        self.task.id()
    }

    /// The task's name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.task.name()
    }

    /// The line that spawned the task.
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.task.spawn_site()
    }
}

impl<T> Future for ScopedJoinHandle<'_, T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let result = ready!(Pin::new(&mut self.task).poll(context));
        if let Err(error) = &result
            && error.is_panic()
        {
            self.data.collected(error.id());
        }
        Poll::Ready(result.map(LentOutput::into_value))
    }
}

/// As a [`JoinHandle`].
impl<T> UnwindSafe for ScopedJoinHandle<'_, T> {}
impl<T> RefUnwindSafe for ScopedJoinHandle<'_, T> {}

impl<T> fmt::Debug for ScopedJoinHandle<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "ScopedJoinHandle({}, spawned at {})",
            self.id(),
            self.spawn_site()
        )
    }
}
