//! What is done about panics that nobody collects.

use super::Builder;
use crate::unhandled::UnhandledPanic;
use std::sync::Arc;

pub(crate) type PanicHook = Arc<dyn Fn(&UnhandledPanic<'_>) + Send + Sync>;

/// What is done about panics that nobody collects.
#[derive(Clone, Default)]
pub(crate) struct PanicOptions {
    pub(crate) hook: Option<PanicHook>,
    pub(crate) shut_down: bool,
}

impl Builder {
    /// Called for each panic that nobody can collect any more: that of a task whose handle was dropped,
    /// before the panic or after it; of an output's destructor; of a waker that a task's end has
    /// called; of a hook. A panic in this hook itself is contained, and only counted.
    ///
    /// The runtime holds the hook: one that holds a [`Handle`](crate::Handle) of it keeps what they share for
    /// ever. Once the runtime and all its handles are gone, so is this hook, and of such panics only that of a
    /// task's poll, or of its future's destructor, still finds it.
    ///
    /// It runs on the thread on which that turned out, and with what is around that thread: a worker, in
    /// the task that panicked or that dropped the handle, or a thread outside the runtime that
    /// dropped the handle. So it may block its thread, but [`join`](crate::JoinHandle::join) and
    /// [`block_on`](crate::Handle::block_on) may panic in it, and so may
    /// [`spawn`](crate::spawn): give it a channel, or a [`Handle`](crate::Handle) in a
    /// [`OnceLock`](std::sync::OnceLock). No lock of the runtime's is held.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let (sender, panics) = mpsc::channel();
    /// let runtime = wheelhouse::Runtime::builder()
    ///     .on_unhandled_panic(move |panic| sender.send(panic.to_string()).unwrap())
    ///     .build()
    ///     .unwrap();
    /// drop(runtime.spawn(async { panic!("oh no") }));
    /// assert!(panics.recv().unwrap().contains("oh no")); // task 1, spawned at src/main.rs:8:14, ..
    /// ```
    pub fn on_unhandled_panic(
        mut self,
        hook: impl Fn(&UnhandledPanic<'_>) + Send + Sync + 'static,
    ) -> Self {
        self.settings.panics.hook = Some(Arc::new(hook));
        self
    }

    /// Whether the runtime shuts down at the first panic that nobody can collect any more; by default
    /// it goes on.
    ///
    /// [`run`](crate::Runtime::run) and [`block_on`](crate::Runtime::block_on) then panic, with the
    /// cause, wherever they are waiting, and so they do afterwards. What is spawned afterwards is
    /// cancelled. A panic of the main future itself goes on in `run`, so it was collected.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::pending, panic::catch_unwind};
    ///
    /// let strict = wheelhouse::Runtime::builder().shutdown_on_unhandled_panic(true).build().unwrap();
    /// let failed = catch_unwind(|| {
    ///     strict.run(async {
    ///         drop(wheelhouse::spawn(async { panic!("oh no") }));
    ///         pending::<()>().await
    ///     })
    /// });
    /// let message = failed.unwrap_err();
    /// assert!(message.downcast_ref::<String>().unwrap().contains("oh no"));
    /// ```
    pub fn shutdown_on_unhandled_panic(mut self, shut_down: bool) -> Self {
        self.settings.panics.shut_down = shut_down;
        self
    }
}
