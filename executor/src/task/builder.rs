//! Tasks with a name.

use super::JoinHandle;
use crate::{context, handle::Handle, shared::Shared, spawn};
use std::{fmt, future::Future, panic::Location, sync::Arc};

/// Starts tasks that have a name: what asyncio's `create_task(.., name="fetch")` does.
///
/// The name is in the errors and reports that concern the task, and in [`Handle::tasks`]. Children of
/// a group and tasks of a scope have no name.
///
/// # Examples
///
/// ```
/// use wheelhouse::{run, task};
///
/// run(async {
///     let fetch = task::Builder::new().name("fetch").spawn(async { panic!("oh no") });
///     let error = fetch.await.unwrap_err();
///     assert_eq!(error.task_name(), Some("fetch"));
///     println!("{error}"); // task 2 `fetch`, spawned at src/main.rs:4:52, panicked: oh no
/// });
/// ```
#[derive(Clone, Default)]
#[must_use = "`spawn` starts the task"]
pub struct Builder {
    name: Option<Arc<str>>,
}

impl Builder {
    /// A task without a name, so far.
    pub fn new() -> Self {
        Builder::default()
    }

    /// The task's name. It need not be the only one of that name.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// As [`wheelhouse::spawn`](crate::spawn()).
    ///
    /// # Panics
    ///
    /// Outside a runtime, naming the caller's line.
    #[track_caller]
    pub fn spawn<F>(self, future: F) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let site = Location::caller();
        let spawn = |shared: &Arc<Shared>| shared.spawn(future, (site, self.name));
        match context::with_current(|shared| shared.map(spawn)) {
            Some(handle) => handle,
            None => spawn::outside("task::Builder::spawn"),
        }
    }

    /// As [`Handle::spawn`].
    #[track_caller]
    pub fn spawn_on<F>(self, future: F, runtime: &Handle) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let site = Location::caller();
        runtime.shared().spawn(future, (site, self.name))
    }

    /// As [`wheelhouse::spawn_blocking`](crate::spawn_blocking).
    ///
    /// # Panics
    ///
    /// Outside a runtime, and if no thread at all can be started; both name the caller's line.
    #[track_caller]
    pub fn spawn_blocking<F, R>(self, f: F) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let site = Location::caller();
        let spawn = |shared: &Arc<Shared>| shared.spawn_blocking(f, (site, self.name));
        match context::with_current(|shared| shared.map(spawn)) {
            Some(Ok(handle)) => handle,
            Some(Err(error)) => spawn::no_thread(&error),
            None => spawn::outside("task::Builder::spawn_blocking"),
        }
    }

    /// As [`Handle::spawn_blocking`].
    ///
    /// # Panics
    ///
    /// If no thread at all can be started.
    #[track_caller]
    pub fn spawn_blocking_on<F, R>(self, f: F, runtime: &Handle) -> JoinHandle<R>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        let site = Location::caller();
        match runtime.shared().spawn_blocking(f, (site, self.name)) {
            Ok(handle) => handle,
            Err(error) => spawn::no_thread(&error),
        }
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish()
    }
}
