//! Why a child, or the whole group, gave no value.

use crate::{
    error::JoinError,
    task::{Id, Label},
    unhandled::{self, Place},
};
use std::{error::Error, fmt, panic::Location};

/// One failure in a group: an error that a child or the body has returned, a panic of a child, or
/// a child that was cancelled.
///
/// Its text names the task and the line that spawned it. It is `Debug` and `Display` if `E` is, and an
/// [`Error`] if `E` is both; so that texts may serve as errors, `E` need not be one.
///
/// # Examples
///
/// ```
/// use wheelhouse::TaskGroup;
///
/// wheelhouse::run(async {
///     let group = TaskGroup::new();
///     let child = group.spawn(async { if true { Err("no such page") } else { Ok(1) } });
///     let failure = group.next().await.unwrap().unwrap_err();
///     assert_eq!(failure.error(), Some(&"no such page"));
///     assert_eq!(failure.task_id(), Some(child.id()));
///     println!("{failure}"); // task 2, spawned at src/main.rs:5:23, failed: no such page
/// });
/// ```
pub struct Failure<E>(Cause<E>);

enum Cause<E> {
    /// A child returned `Err`.
    Child(Label, E),
    /// The body returned `Err`.
    Body(E),
    /// A child panicked or was cancelled.
    Join(JoinError),
}

impl<E> Failure<E> {
    pub(super) fn child(task: Label, error: E) -> Self {
        Failure(Cause::Child(task, error))
    }

    pub(super) fn body(error: E) -> Self {
        Failure(Cause::Body(error))
    }

    pub(super) fn join(error: JoinError) -> Self {
        Failure(Cause::Join(error))
    }

    /// Drops it; nobody has asked for it. Outside every lock.
    pub(super) fn discard(self) {
        match self.0 {
            Cause::Child(_, error) | Cause::Body(error) => {
                unhandled::contain(Place::Output, || drop(error));
            }
            Cause::Join(error) => error.nobody_collects(),
        }
    }

    /// The error that was returned; `None` for a panic and for a child that was cancelled.
    pub fn error(&self) -> Option<&E> {
        match &self.0 {
            Cause::Child(_, error) | Cause::Body(error) => Some(error),
            Cause::Join(_) => None,
        }
    }

    /// The error that was returned, by value.
    ///
    /// # Errors
    ///
    /// The failure itself, if it is a panic or a cancelled child.
    pub fn into_error(self) -> Result<E, Self> {
        match self.0 {
            Cause::Child(_, error) | Cause::Body(error) => Ok(error),
            cause @ Cause::Join(_) => Err(Failure(cause)),
        }
    }

    /// The panic or the cancellation; `None` for an error that was returned.
    pub fn join_error(&self) -> Option<&JoinError> {
        match &self.0 {
            Cause::Join(error) => Some(error),
            _ => None,
        }
    }

    /// The panic or the cancellation, by value.
    ///
    /// # Errors
    ///
    /// The failure itself, if it is an error that was returned.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::TaskGroup;
    ///
    /// wheelhouse::run(async {
    ///     let group = TaskGroup::<(), ()>::new();
    ///     group.spawn(async { panic!("oh no") });
    ///     let failure = group.next().await.unwrap().unwrap_err();
    ///     let payload = failure.into_join_error().unwrap().into_panic();
    ///     assert_eq!(payload.downcast_ref(), Some(&"oh no"));
    /// });
    /// ```
    pub fn into_join_error(self) -> Result<JoinError, Self> {
        match self.0 {
            Cause::Join(error) => Ok(error),
            cause => Err(Failure(cause)),
        }
    }

    /// Whether a child panicked.
    pub fn is_panic(&self) -> bool {
        self.join_error().is_some_and(JoinError::is_panic)
    }

    /// Whether a child was cancelled: aborted, or its runtime has shut down, or the child was a
    /// blocking job that was [refused](JoinError::is_refused).
    pub fn is_cancelled(&self) -> bool {
        self.join_error().is_some_and(JoinError::is_cancelled)
    }

    /// The child's id; `None` if it was the body that failed.
    pub fn task_id(&self) -> Option<Id> {
        match &self.0 {
            Cause::Child(task, _) => Some(task.id),
            Cause::Body(_) => None,
            Cause::Join(error) => Some(error.id()),
        }
    }

    /// The child's name, if it has one.
    pub fn task_name(&self) -> Option<&str> {
        match &self.0 {
            Cause::Child(task, _) => task.name.as_deref(),
            Cause::Body(_) => None,
            Cause::Join(error) => error.task_name(),
        }
    }

    /// The line that spawned the child; `None` if it was the body that failed.
    pub fn spawn_site(&self) -> Option<&'static Location<'static>> {
        match &self.0 {
            Cause::Child(task, _) => Some(task.site),
            Cause::Body(_) => None,
            Cause::Join(error) => Some(error.spawn_site()),
        }
    }

    fn write(
        &self,
        f: &mut fmt::Formatter<'_>,
        error: fn(&E, &mut fmt::Formatter<'_>) -> fmt::Result,
    ) -> fmt::Result {
        match &self.0 {
            Cause::Child(task, why) => {
                write!(f, "{task}, failed: ")?;
                error(why, f)
            }
            Cause::Body(why) => {
                write!(f, "the body of a task group failed: ")?;
                error(why, f)
            }
            Cause::Join(why) => fmt::Display::fmt(why, f),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write(f, E::fmt)
    }
}

impl<E: fmt::Debug> fmt::Debug for Failure<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Failure(")?;
        self.write(f, E::fmt)?;
        write!(f, ")")
    }
}

/// Its text holds the error's; so that texts of errors may serve as errors, `E` need not be one.
impl<E: fmt::Debug + fmt::Display> Error for Failure<E> {}

/// Why a [`task_group`](crate::task_group) failed: every failure in it, the earliest first.
///
/// Its text is that of the first failure, and how many there are besides. It is `Debug` and `Display` if
/// `E` is, and an [`Error`] if `E` is both. There is no conversion into `E`: where `?` is to give
/// an `E`, say which failure counts, with [`into_failures`](Self::into_failures).
///
/// # Examples
///
/// ```
/// use wheelhouse::task_group;
///
/// wheelhouse::run(async {
///     let failed = task_group(async |group| {
///         group.spawn(async { Err::<(), _>("no such page") });
///         std::future::pending::<Result<(), _>>().await
///     });
///     let error = failed.await.unwrap_err();
///     assert_eq!(error.failures().len(), 1);
///     assert!(error.to_string().ends_with("failed: no such page"));
/// });
/// ```
#[doc(alias("ExceptionGroup", "BaseExceptionGroup"))]
pub struct GroupError<E> {
    /// There is at least one.
    failures: Vec<Failure<E>>,
}

impl<E> GroupError<E> {
    pub(super) fn new(failures: Vec<Failure<E>>) -> Self {
        debug_assert!(!failures.is_empty());
        GroupError { failures }
    }

    /// All failures, the earliest first; at least one. Children that were cancelled because of the
    /// first are none.
    pub fn failures(&self) -> &[Failure<E>] {
        &self.failures
    }

    /// The same, by value.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::group::GroupError;
    ///
    /// fn messages(error: GroupError<String>) -> Vec<String> {
    ///     let failures = error.into_failures().into_iter();
    ///     failures.map(|failure| failure.into_error().unwrap_or_else(|e| e.to_string())).collect()
    /// }
    /// # wheelhouse::run(async {
    /// #     let failed = wheelhouse::task_group::<(), _, (), _, _>(async |_| Err("no".to_owned()));
    /// #     assert_eq!(messages(failed.await.unwrap_err()), ["no"]);
    /// # });
    /// ```
    pub fn into_failures(self) -> Vec<Failure<E>> {
        self.failures
    }

    /// The failure upon which the rest was cancelled.
    pub fn first(&self) -> &Failure<E> {
        &self.failures[0]
    }
}

impl<E: fmt::Display> fmt::Display for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.first().fmt(f)?;
        match self.failures.len() - 1 {
            0 => Ok(()),
            1 => write!(f, " (and one more failure)"),
            more => write!(f, " (and {more} more failures)"),
        }
    }
}

impl<E: fmt::Debug> fmt::Debug for GroupError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GroupError").field(&self.failures).finish()
    }
}

/// As for [`Failure`].
impl<E: fmt::Debug + fmt::Display> Error for GroupError<E> {}
