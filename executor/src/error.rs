//! How a task can fail.

use crate::task::Id;
use parking_lot::Mutex;
use std::{
    any::Any,
    error::Error,
    fmt,
    panic::{Location, RefUnwindSafe, UnwindSafe},
};

/// Why a task gave no value: it panicked, or it was cancelled.
///
/// It is `Send + Sync`, names the task and the line that spawned it, and is one pointer wide.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let error = wheelhouse::spawn(async { panic!("oh no") }).await.unwrap_err();
///     assert!(error.is_panic());
///     assert!(error.to_string().contains("oh no"));
/// });
/// ```
pub struct JoinError(Box<Inner>);

struct Inner {
    id: Id,
    site: &'static Location<'static>,
    /// None if the task was cancelled.
    panic: Option<Panic>,
}

struct Panic {
    /// The payload's text, if it has one.
    text: Option<Box<str>>,
    /// In a mutex since payloads need not be `Sync`; it is only ever taken out, not locked.
    payload: Mutex<Box<dyn Any + Send>>,
    /// Whether to tell of it if nobody collects it.
    tell: bool,
}

impl JoinError {
    pub(crate) fn cancelled(id: Id, site: &'static Location<'static>) -> Self {
        JoinError(Box::new(Inner {
            id,
            site,
            panic: None,
        }))
    }

    pub(crate) fn panic(
        id: Id,
        site: &'static Location<'static>,
        payload: Box<dyn Any + Send>,
        tell: bool,
    ) -> Self {
        JoinError(Box::new(Inner {
            id,
            site,
            panic: Some(Panic {
                text: text(&*payload).map(Box::from),
                payload: Mutex::new(payload),
                tell,
            }),
        }))
    }

    /// Whether it is a panic that is to be told of if nobody collects it.
    pub(crate) fn tells_if_uncollected(&self) -> bool {
        self.0.panic.as_ref().is_some_and(|panic| panic.tell)
    }

    /// The text of the panic's payload, if it has one.
    pub(crate) fn panic_text(&self) -> Option<&str> {
        self.0.panic.as_ref()?.text.as_deref()
    }

    /// Whether the task panicked.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let error = wheelhouse::spawn(async { panic!("oh no") }).await.unwrap_err();
    ///     assert!(error.is_panic() && !error.is_cancelled());
    /// });
    /// ```
    pub fn is_panic(&self) -> bool {
        self.0.panic.is_some()
    }

    /// Whether the task was aborted, or its runtime shut down before it ended.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use wheelhouse::{run, spawn};
    ///
    /// run(async {
    ///     let stuck = spawn(pending::<()>());
    ///     stuck.abort();
    ///     assert!(stuck.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn is_cancelled(&self) -> bool {
        self.0.panic.is_none()
    }

    /// The panic's payload, for [`std::panic::resume_unwind`].
    ///
    /// # Panics
    ///
    /// If the task was cancelled: there is no payload. See [`try_into_panic`](Self::try_into_panic).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::panic::{catch_unwind, resume_unwind};
    ///
    /// let caught = catch_unwind(|| {
    ///     wheelhouse::run(async {
    ///         let error = wheelhouse::spawn(async { panic!("oh no") }).await.unwrap_err();
    ///         resume_unwind(error.into_panic()) // as if it had happened here
    ///     })
    /// });
    /// assert_eq!(caught.unwrap_err().downcast_ref(), Some(&"oh no"));
    /// ```
    #[track_caller]
    pub fn into_panic(self) -> Box<dyn Any + Send> {
        match self.try_into_panic() {
            Ok(payload) => payload,
            Err(error) => panic!("`JoinError::into_panic` on a task that did not panic: {error}"),
        }
    }

    /// The panic's payload.
    ///
    /// # Errors
    ///
    /// The error itself, if the task was cancelled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use wheelhouse::{run, spawn};
    ///
    /// run(async {
    ///     let error = spawn(async { panic!("oh no") }).await.unwrap_err();
    ///     assert_eq!(error.try_into_panic().unwrap().downcast_ref(), Some(&"oh no"));
    ///
    ///     let stuck = spawn(pending::<()>());
    ///     stuck.abort();
    ///     let error = stuck.await.unwrap_err();
    ///     assert!(error.try_into_panic().unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn try_into_panic(mut self) -> Result<Box<dyn Any + Send>, JoinError> {
        match self.0.panic.take() {
            Some(panic) => Ok(panic.payload.into_inner()),
            None => Err(self),
        }
    }

    /// The task's id.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let task = wheelhouse::spawn(async { panic!("oh no") });
    ///     let id = task.id();
    ///     assert_eq!(task.await.unwrap_err().id(), id);
    /// });
    /// ```
    pub fn id(&self) -> Id {
        self.0.id
    }

    /// The line that spawned the task.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let task = wheelhouse::spawn(async { panic!("oh no") });
    ///     let site = task.spawn_site();
    ///     assert_eq!(task.await.unwrap_err().spawn_site(), site);
    /// });
    /// ```
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.0.site
    }
}

/// The text of a panic's payload, if it has one.
fn text(payload: &(dyn Any + Send)) -> Option<&str> {
    let string = payload.downcast_ref::<String>().map(String::as_str);
    string.or_else(|| payload.downcast_ref::<&'static str>().copied())
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { id, site, panic } = &*self.0;
        match panic {
            None => write!(f, "task {id} spawned at {site} was cancelled"),
            Some(Panic { text, .. }) => match text {
                Some(text) => write!(f, "task {id} spawned at {site} panicked: {text}"),
                None => write!(f, "task {id} spawned at {site} panicked"),
            },
        }
    }
}

impl fmt::Debug for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "JoinError({self})")
    }
}

impl Error for JoinError {}

/// A payload whose task is over is seen by nobody else.
impl UnwindSafe for JoinError {}
impl RefUnwindSafe for JoinError {}
