//! [`Spawner`], by which children spawn siblings.

use super::{Inner, child};
use crate::task::AbortHandle;
use std::{fmt, future::Future, sync::Arc};

/// Spawns children of a [`TaskGroup`](super::TaskGroup), from wherever a runtime is; from
/// [`TaskGroup::spawner`](super::TaskGroup::spawner). Another thread needs
/// [`Handle::enter`](crate::Handle::enter) first.
///
/// It keeps nothing alive: when the group ends, so do the children. A `task_group` does not wait for
/// its spawners either, only for its children.
pub struct Spawner<T, E> {
    pub(super) inner: Arc<Inner<T, E>>,
}

impl<T: Send + 'static, E: Send + 'static> Spawner<T, E> {
    /// Starts a child on the runtime around this thread.
    ///
    /// If the group is being cancelled, was [shut down](super::TaskGroup::shutdown), or was dropped
    /// (by a [`timeout`](crate::timeout) around it, for instance), the child is cancelled before its first
    /// poll.
    ///
    /// # Panics
    ///
    /// Outside a runtime, and if the `task_group` has returned. Both name the caller's line. It does not
    /// return as long as one of its children runs.
    #[track_caller]
    pub fn spawn<F>(&self, future: F) -> AbortHandle
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        child::spawn(&self.inner, future, None, "Spawner::spawn")
    }

    /// Starts a child that blocks its thread; see
    /// [`TaskGroup::spawn_blocking`](super::TaskGroup::spawn_blocking).
    ///
    /// # Panics
    ///
    /// As [`spawn`](Self::spawn), and if no thread at all can be started.
    #[track_caller]
    pub fn spawn_blocking<F>(&self, f: F) -> AbortHandle
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        child::spawn_blocking(&self.inner, f, None, "Spawner::spawn_blocking")
    }

    /// As [`spawn`](Self::spawn), for [`task::Builder`](crate::task::Builder).
    #[track_caller]
    pub(crate) fn spawn_named<F>(&self, future: F, name: Option<Arc<str>>) -> AbortHandle
    where
        F: Future<Output = Result<T, E>> + Send + 'static,
    {
        child::spawn(&self.inner, future, name, "task::Builder::spawn_in")
    }

    /// As [`spawn_blocking`](Self::spawn_blocking), for [`task::Builder`](crate::task::Builder).
    #[track_caller]
    pub(crate) fn spawn_blocking_named<F>(&self, f: F, name: Option<Arc<str>>) -> AbortHandle
    where
        F: FnOnce() -> Result<T, E> + Send + 'static,
    {
        child::spawn_blocking(&self.inner, f, name, "task::Builder::spawn_blocking_in")
    }
}

/// So that [`task::Builder`](crate::task::Builder) takes a spawner and a group alike.
impl<T, E> AsRef<Spawner<T, E>> for Spawner<T, E> {
    fn as_ref(&self) -> &Spawner<T, E> {
        self
    }
}

impl<T, E> Clone for Spawner<T, E> {
    fn clone(&self) -> Self {
        Spawner {
            inner: Arc::clone(&self.inner),
        }
    }
}

impl<T, E> fmt::Debug for Spawner<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (children, results) = self.inner.counts();
        write!(f, "Spawner({children} children, {results} results)")
    }
}
