//! Tasks with a name.

use super::{AbortHandle, JoinHandle};
use crate::{Scope, ScopedJoinHandle, Spawner, context, handle::Handle, shared::Shared, spawn};
use std::{fmt, future::Future, panic::Location, sync::Arc};

/// Starts tasks that have a name: what asyncio's `create_task(.., name="fetch")` does.
///
/// The name is in the errors and reports that concern the task, and in [`Handle::tasks`]. A task
/// that was started without one has none: it inherits nobody's.
///
/// | to start | use |
/// |---|---|
/// | a task | [`spawn`](Self::spawn), [`spawn_on`](Self::spawn_on) |
/// | a child of a [`TaskGroup`](crate::TaskGroup) | [`spawn_in`](Self::spawn_in) |
/// | a task of a [`Scope`] | [`spawn_scoped`](Self::spawn_scoped) |
/// | a job that blocks | `spawn_blocking` and its kin |
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

    /// As [`TaskGroup::spawn`](crate::TaskGroup::spawn) and [`Spawner::spawn`]; `group` is either.
    ///
    /// # Panics
    ///
    /// As they do.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{run, task, task_group};
    ///
    /// let failed = run(task_group(async |group| {
    ///     for page in 1..=3 {
    ///         let fetch = async move { if page == 2 { Err("not found") } else { Ok(page) } };
    ///         task::Builder::new().name(format!("page {page}")).spawn_in(fetch, &group);
    ///     }
    ///     Ok(())
    /// }));
    /// let error = failed.unwrap_err();
    /// assert_eq!(error.first().task_name(), Some("page 2"));
    /// println!("{error}"); // task 3 `page 2`, spawned at src/main.rs:6:57, failed: not found
    /// ```
    #[track_caller]
    pub fn spawn_in<F, T, E>(self, future: F, group: &impl AsRef<Spawner<T, E>>) -> AbortHandle
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        group.as_ref().spawn_named(future, self.name)
    }

    /// As [`TaskGroup::spawn_blocking`](crate::TaskGroup::spawn_blocking) and
    /// [`Spawner::spawn_blocking`].
    ///
    /// # Panics
    ///
    /// As they do.
    #[track_caller]
    pub fn spawn_blocking_in<F, T, E>(self, f: F, group: &impl AsRef<Spawner<T, E>>) -> AbortHandle
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: Send + 'static,
    {
        group.as_ref().spawn_blocking_named(f, self.name)
    }

    /// As [`Scope::spawn`]: a task that may borrow whatever outlives `scope`.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{run, scope, task};
    ///
    /// run(async {
    ///     let text = String::from("a borrowed text");
    ///     let words = scope(|s| {
    ///         let count = async { text.split(' ').count() };
    ///         let count = task::Builder::new().name("count").spawn_scoped(count, s);
    ///         assert_eq!(count.name(), Some("count"));
    ///         count.join().unwrap()
    ///     });
    ///     assert_eq!(words, 3);
    /// });
    /// ```
    #[track_caller]
    pub fn spawn_scoped<'scope, F>(
        self,
        future: F,
        scope: &'scope Scope<'scope, '_>,
    ) -> ScopedJoinHandle<'scope, F::Output>
    where
        F: Future + Send + 'scope,
        F::Output: Send + 'scope,
    {
        let site = (Location::caller(), self.name);
        scope.spawn_at(future, site, "task::Builder::spawn_scoped")
    }

    /// As [`Scope::spawn_blocking`].
    ///
    /// # Panics
    ///
    /// If no thread at all can be started.
    #[track_caller]
    pub fn spawn_blocking_scoped<'scope, F, R>(
        self,
        f: F,
        scope: &'scope Scope<'scope, '_>,
    ) -> ScopedJoinHandle<'scope, R>
    where
        F: FnOnce() -> R + Send + 'scope,
        R: Send + 'scope,
    {
        let site = (Location::caller(), self.name);
        scope.spawn_blocking_at(f, site, "task::Builder::spawn_blocking_scoped")
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder").field("name", &self.name).finish()
    }
}
