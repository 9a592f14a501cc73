//! How a task can fail.

use crate::{
    task::{self, Id, Label},
    unhandled::{Place, Unhandled, text_of},
};
use parking_lot::Mutex;
use std::{
    any::Any,
    error::Error,
    fmt,
    panic::{Location, RefUnwindSafe, UnwindSafe},
    sync::Arc,
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
    task: Label,
    cause: Cause,
}

enum Cause {
    /// It was aborted, or its runtime shut down.
    Cancelled,
    /// It is a blocking job, and as many waited as may.
    Refused {
        limit: usize,
    },
    Panic(Panic),
}

struct Panic {
    /// The payload's text, if it has one.
    text: Option<Box<str>>,
    /// In a mutex since payloads need not be `Sync`; it is only ever taken out, not locked.
    payload: Mutex<Box<dyn Any + Send>>,
    /// Where it goes if nobody collects it.
    unhandled: Option<Arc<Unhandled>>,
}

impl JoinError {
    fn new(task: Label, cause: Cause) -> Self {
        JoinError(Box::new(Inner { task, cause }))
    }

    pub(crate) fn cancelled(task: Label) -> Self {
        JoinError::new(task, Cause::Cancelled)
    }

    /// A blocking job when `limit` of them were waiting.
    pub(crate) fn refused(task: Label, limit: usize) -> Self {
        JoinError::new(task, Cause::Refused { limit })
    }

    pub(crate) fn panic(
        task: Label,
        payload: Box<dyn Any + Send>,
        unhandled: Option<Arc<Unhandled>>,
    ) -> Self {
        let panic = Panic {
            text: text_of(&*payload).map(Box::from),
            payload: Mutex::new(payload),
            unhandled,
        };
        JoinError::new(task, Cause::Panic(panic))
    }

    /// Drops it; nobody has asked for it. Each error of a task that is not collected comes here once,
    /// outside every lock.
    pub(crate) fn nobody_collects(self) {
        let Inner { task, cause } = *self.0;
        let Cause::Panic(panic) = cause else {
            return;
        };
        let payload = panic.payload.into_inner();
        match panic.unhandled {
            Some(unhandled) => unhandled.lost(Some(&task), Place::Task, payload),
            None => task::forget_panic(payload),
        }
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
        matches!(self.0.cause, Cause::Panic(_))
    }

    /// Whether the task was aborted, or its runtime shut down before it ended, or it is a blocking job
    /// that was [refused](Self::is_refused). To tell these apart, ask for the refusal first.
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
        !self.is_panic()
    }

    /// Whether the task is a blocking job that was cancelled since too many were waiting; see
    /// [`max_blocking_queue`](crate::Builder::max_blocking_queue). It [is
    /// cancelled](Self::is_cancelled) too.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let builder = wheelhouse::Runtime::builder();
    /// let runtime = builder.max_blocking_threads(1).max_blocking_queue(1).build().unwrap();
    /// let (sender, receiver) = mpsc::channel::<()>();
    /// let first = runtime.spawn_blocking(move || receiver.recv());
    /// # while runtime.metrics().queued_blocking_jobs > 0 {}
    /// let second = runtime.spawn_blocking(|| 2); // waits for the only thread
    /// let third = runtime.spawn_blocking(|| 3);
    /// assert!(third.join().unwrap_err().is_refused());
    /// drop(sender);
    /// assert_eq!(second.join().unwrap(), 2);
    /// # first.join().unwrap().unwrap_err();
    /// ```
    pub fn is_refused(&self) -> bool {
        matches!(self.0.cause, Cause::Refused { .. })
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
    pub fn try_into_panic(self) -> Result<Box<dyn Any + Send>, JoinError> {
        let Inner { task, cause } = *self.0;
        match cause {
            Cause::Panic(panic) => Ok(panic.payload.into_inner()),
            cause => Err(JoinError::new(task, cause)),
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
        self.0.task.id
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
        self.0.task.site
    }

    /// The task's name, if [`task::Builder`](crate::task::Builder) has given it one.
    pub fn task_name(&self) -> Option<&str> {
        self.0.task.name.as_deref()
    }
}

impl fmt::Display for JoinError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { task, cause } = &*self.0;
        write!(f, "{task}, ")?;
        match cause {
            Cause::Cancelled => write!(f, "was cancelled"),
            Cause::Refused { limit } => write!(
                f,
                "was refused: {limit} blocking jobs were waiting, as many as `max_blocking_queue` allows"
            ),
            Cause::Panic(panic) => match &panic.text {
                Some(text) => write!(f, "panicked: {text}"),
                None => write!(f, "panicked"),
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
