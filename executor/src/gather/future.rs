//! The futures that the macros give.

use super::{Outputs, child::Failure, engine::Engine};
use crate::error::JoinError;
use std::{
    convert::Infallible,
    fmt,
    future::Future,
    panic::{RefUnwindSafe, UnwindSafe, resume_unwind},
    pin::Pin,
    task::{Context, Poll},
};

/// The future of [`gather!`](crate::gather!), which yields an `O`: a tuple or a `Vec`.
///
/// It is `Send`, `Unpin`, `UnwindSafe` and `'static`, and `Sync` if the values are.
///
/// # Examples
///
/// ```
/// use wheelhouse::{gather, gather::Gather};
///
/// wheelhouse::run(async {
///     let both: Gather<(i32, &str)> = gather!(async { 1 }, async { "two" });
///     assert_eq!(both.await, (1, "two"));
/// });
/// ```
#[must_use = "the arguments have been started, and dropping this cancels them: `.await` it"]
pub struct Gather<O: Outputs> {
    engine: Engine<O::Children, Infallible>,
}

/// The future of [`Gather::settle`].
///
/// It is `Send`, `Unpin`, `UnwindSafe` and `'static`, and `Sync` if the values are.
#[must_use = "the arguments have been started, and dropping this cancels them: `.await` it"]
pub struct Settle<O: Outputs> {
    engine: Engine<O::Children, Infallible>,
}

/// The future of [`try_gather!`](crate::try_gather!), which yields a `Result<O, E>`.
///
/// It is `Send`, `Unpin`, `UnwindSafe` and `'static`, and `Sync` if the values and the error are.
#[must_use = "the arguments have been started, and dropping this cancels them: `.await` it"]
pub struct TryGather<O: Outputs, E> {
    engine: Engine<O::Tried<E>, E>,
}

impl<O: Outputs> Gather<O> {
    pub(super) fn new(engine: Engine<O::Children, Infallible>) -> Self {
        Gather { engine }
    }

    /// Waits for every argument, and gives failures as values: exactly one
    /// `Result<T, JoinError>` for each.
    ///
    /// For a thread, the error's spawn site is the line of the `gather!`.
    ///
    /// # Cancel safety
    ///
    /// As the gather itself: dropping it cancels what still runs.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let task = wheelhouse::spawn(std::future::pending::<()>());
    ///     task.abort();
    ///     let (task, thread) = wheelhouse::gather!(task, std::thread::spawn(|| 1)).settle().await;
    ///     assert!(task.unwrap_err().is_cancelled());
    ///     assert_eq!(thread.unwrap(), 1);
    /// });
    /// ```
    pub fn settle(mut self) -> Settle<O> {
        self.engine.settle();
        Settle {
            engine: self.engine,
        }
    }
}

impl<O: Outputs, E> TryGather<O, E> {
    pub(super) fn new(engine: Engine<O::Tried<E>, E>) -> Self {
        TryGather { engine }
    }
}

impl<O: Outputs> Future for Gather<O> {
    type Output = O;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O> {
        let call = self.engine.call();
        self.engine.poll(context).map(|result| match result {
            Ok(children) => O::finish(children),
            Err(Failure::Join(error)) => raise(error, call),
            Err(Failure::Value(never)) => match never {},
        })
    }
}

impl<O: Outputs> Future for Settle<O> {
    type Output = O::Settled;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<O::Settled> {
        self.engine.poll_settled(context).map(O::settle)
    }
}

impl<O: Outputs, E> Future for TryGather<O, E> {
    type Output = Result<O, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<O, E>> {
        let call = self.engine.call();
        self.engine.poll(context).map(|result| match result {
            Ok(children) => Ok(O::finish_tried(children)),
            Err(Failure::Join(error)) => raise(error, call),
            Err(Failure::Value(error)) => Err(error),
        })
    }
}

/// Panics with the panic that `error` holds; an abort becomes one that says who wanted the value.
pub(super) fn raise(error: JoinError, wanted_by: impl fmt::Display) -> ! {
    match error.try_into_panic() {
        Ok(payload) => resume_unwind(payload),
        Err(error) => panic!("{error}, and {wanted_by} needs its value"),
    }
}

// Nothing in them is pinned: tasks live elsewhere, and values are moved.
impl<O: Outputs> Unpin for Gather<O> {}
impl<O: Outputs> Unpin for Settle<O> {}
impl<O: Outputs, E> Unpin for TryGather<O, E> {}

// A poll that panics has ended the gather.
impl<O: Outputs> UnwindSafe for Gather<O> {}
impl<O: Outputs> UnwindSafe for Settle<O> {}
impl<O: Outputs, E> UnwindSafe for TryGather<O, E> {}
impl<O: Outputs> RefUnwindSafe for Gather<O> {}
impl<O: Outputs> RefUnwindSafe for Settle<O> {}
impl<O: Outputs, E> RefUnwindSafe for TryGather<O, E> {}

impl<O: Outputs> fmt::Debug for Gather<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Gather({:?})", self.engine)
    }
}

impl<O: Outputs> fmt::Debug for Settle<O> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Settle({:?})", self.engine)
    }
}

impl<O: Outputs, E> fmt::Debug for TryGather<O, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TryGather({:?})", self.engine)
    }
}
