//! The task that this thread runs.

use super::{AbortHandle, Id, Label, raw::Header};
use std::{cell::Cell, fmt, panic::Location, ptr::NonNull};

thread_local! {
    /// The task that this thread is running; it is alive while it is here.
    static CURRENT: Cell<Option<NonNull<Header>>> = const { Cell::new(None) };
}

/// Makes `task`, which the caller is about to run, the thread's own; returns the one that was. Whoever
/// does so puts that one back before the task can be freed.
#[inline(always)]
pub(super) fn set(task: Option<NonNull<Header>>) -> Option<NonNull<Header>> {
    CURRENT.replace(task)
}

/// The id of the task that calls.
///
/// # Panics
///
/// Outside a task, naming the caller's line: in a `block_on`, for one.
///
/// # Examples
///
/// ```
/// use wheelhouse::{run, spawn, task};
///
/// run(async {
///     let child = spawn(async { task::id() });
///     let id = child.id();
///     assert_eq!(child.await.unwrap(), id);
///     assert_ne!(task::id(), id);
/// });
/// ```
#[track_caller]
pub fn id() -> Id {
    match try_id() {
        Some(id) => id,
        None => outside("id"),
    }
}

/// The id of the task that calls, if one does.
pub fn try_id() -> Option<Id> {
    with_current(|header| header.id())
}

/// The task that calls: asyncio's `current_task`. A blocking job is one too.
///
/// # Panics
///
/// Outside a task, naming the caller's line: in a `block_on`, for one.
///
/// # Examples
///
/// ```
/// use wheelhouse::{run, task};
///
/// run(async {
///     let child = task::Builder::new().name("fetch").spawn(async {
///         task::current().name().map(String::from)
///     });
///     assert_eq!(child.await.unwrap().as_deref(), Some("fetch"));
/// });
/// ```
#[track_caller]
#[doc(alias("current_task"))]
pub fn current() -> Task {
    match try_current() {
        Some(task) => task,
        None => outside("current"),
    }
}

/// The task that calls, if one does.
pub fn try_current() -> Option<Task> {
    with_current(|header| Task {
        handle: AbortHandle::of(header),
    })
}

/// What the task that calls is called in reports, if one does.
#[cold]
pub(crate) fn try_label() -> Option<Label> {
    with_current(Header::label)
}

fn with_current<R>(f: impl FnOnce(&Header) -> R) -> Option<R> {
    let task = CURRENT.get()?;
    // SAFETY: whoever runs the task keeps to what `set` says.
    Some(f(unsafe { task.as_ref() }))
}

#[cold]
#[track_caller]
fn outside(what: &str) -> ! {
    let site = Location::caller();
    panic!(
        "`task::{what}` was called at {site}, outside a task: call it inside what `spawn` or `run` \
         runs, or ask with `task::try_{what}`"
    )
}

/// A task, as it sees itself; from [`current`].
#[derive(Clone)]
pub struct Task {
    handle: AbortHandle,
}

impl Task {
    /// Its id.
    pub fn id(&self) -> Id {
        self.handle.id()
    }

    /// Its name, if [`Builder::name`](super::Builder::name) has given it one.
    pub fn name(&self) -> Option<&str> {
        self.handle.name()
    }

    /// The line that spawned it.
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.handle.spawn_site()
    }

    /// Asks for it to end at its next `.await`; see [`JoinHandle::abort`](super::JoinHandle::abort). A
    /// blocking job goes on all the same, and [`run`](crate::run) panics if its own future is aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use wheelhouse::{run, spawn, task};
    ///
    /// run(async {
    ///     let tired = spawn(async {
    ///         task::current().abort();
    ///         pending::<()>().await // never comes back from here
    ///     });
    ///     assert!(tired.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn abort(&self) {
        self.handle.abort();
    }

    /// A handle by which others can abort it.
    pub fn abort_handle(&self) -> AbortHandle {
        self.handle.clone()
    }
}

impl fmt::Debug for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Task({}, spawned at {})", self.id(), self.spawn_site())
    }
}
