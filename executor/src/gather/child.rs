//! One argument of a gather, from its start to its result.

use super::alarm::Bell;
use crate::{
    error::JoinError,
    task::{JoinHandle, Label},
    unhandled::{self, Place},
};
use std::{
    convert::Infallible,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
};

/// What counts as an error among the values that arguments yield.
pub trait Rule<T> {
    /// The error inside such a value.
    type Error;
    /// Whether `value` holds an error.
    fn is_error(value: &T) -> bool;
    /// The error in `value`, if it holds one.
    fn into_error(value: T) -> Option<Self::Error>;
}

/// The rule of `gather!`: every value is a success.
pub struct AnyValue;

/// The rule of `try_gather!`: `Err` is an error.
pub struct OkOnly;

impl<T> Rule<T> for AnyValue {
    type Error = Infallible;

    fn is_error(_: &T) -> bool {
        false
    }

    fn into_error(_: T) -> Option<Infallible> {
        None
    }
}

impl<T, E> Rule<Result<T, E>> for OkOnly {
    type Error = E;

    fn is_error(value: &Result<T, E>) -> bool {
        value.is_err()
    }

    fn into_error(value: Result<T, E>) -> Option<E> {
        value.err()
    }
}

/// Why a gather fails.
pub enum Failure<E> {
    /// A task or thread panicked, or a task was aborted.
    Join(JoinError),
    /// An argument of `try_gather!` yielded this error.
    Value(E),
}

/// An argument that has been started.
pub struct Child<T, R> {
    state: State<T>,
    rule: PhantomData<fn() -> R>,
}

enum State<T> {
    /// A future that the gather spawned: it rings if it fails.
    Spawned(JoinHandle<T>),
    /// A handle that the caller gave, or a thread that the joiner waits for: once subscribed, it
    /// rings when it ends.
    Given(JoinHandle<T>),
    Done(Result<T, JoinError>),
    /// The gather failed, and this child can't be cancelled: nobody waits for it any more.
    LetGo(Label),
    /// The result was taken.
    Taken,
}

impl<T, R> Child<T, R> {
    fn new(state: State<T>) -> Self {
        Self {
            state,
            rule: PhantomData,
        }
    }

    pub(super) fn spawned(handle: JoinHandle<T>) -> Self {
        Self::new(State::Spawned(handle))
    }

    pub(super) fn given(handle: JoinHandle<T>) -> Self {
        Self::new(State::Given(handle))
    }

    /// The result of a child that has ended; one that was let go counts as cancelled.
    pub(super) fn into_result(mut self) -> Result<T, JoinError> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Done(result) => result,
            State::LetGo(label) => Err(JoinError::cancelled(label)),
            _ => unreachable!("a gather waits for all its children, and takes each result once"),
        }
    }

    /// Drops what there is, which nobody will ask for.
    fn lose(&mut self) {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Done(result) => unhandled::discard(result),
            state => unhandled::contain(Place::Output, || drop(state)),
        }
    }
}

impl<T, R> Drop for Child<T, R> {
    fn drop(&mut self) {
        match &self.state {
            State::Spawned(handle) | State::Given(handle) => handle.abort(),
            State::Done(Err(_)) => self.lose(),
            State::Done(Ok(_)) | State::LetGo(..) | State::Taken => {}
        }
    }
}

/// What a gather does with a child, whatever its type.
pub trait AnyChild<E> {
    /// Waits for the result, and keeps it.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()>;
    /// Whether the child has not ended and will ring when it does.
    fn will_ring(&self) -> bool;
    /// Has a task whose handle was given ring when it ends; ready if that isn't needed.
    fn subscribe(&mut self, bell: Bell) -> Poll<()>;
    /// Cancels what can be cancelled and lets the rest go.
    fn cancel(&mut self);
    /// Whether the child has ended without a value that counts as a success.
    fn failed(&self) -> bool;
    /// Takes out what made it fail.
    fn take_failure(&mut self) -> Option<Failure<E>>;
    /// Drops the result.
    fn discard(&mut self);
}

impl<T, E, R: Rule<T, Error = E>> AnyChild<E> for Child<T, R> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let (State::Spawned(handle) | State::Given(handle)) = &mut self.state else {
            return Poll::Ready(());
        };
        Pin::new(handle)
            .poll(context)
            .map(|result| self.state = State::Done(result))
    }

    fn will_ring(&self) -> bool {
        matches!(self.state, State::Given(_))
    }

    fn subscribe(&mut self, bell: Bell) -> Poll<()> {
        if self.will_ring() {
            self.poll(&mut Context::from_waker(&bell.waker()))
        } else {
            Poll::Ready(())
        }
    }

    fn cancel(&mut self) {
        match &self.state {
            State::Spawned(handle) | State::Given(handle) => {
                handle.abort();
                if handle.is_blocking() {
                    self.state = State::LetGo(handle.label());
                }
            }
            State::Done(_) | State::LetGo(..) | State::Taken => {}
        }
    }

    fn failed(&self) -> bool {
        match &self.state {
            State::Done(Ok(value)) => R::is_error(value),
            State::Done(Err(_)) => true,
            _ => false,
        }
    }

    fn take_failure(&mut self) -> Option<Failure<E>> {
        match std::mem::replace(&mut self.state, State::Taken) {
            State::Done(Err(error)) => Some(Failure::Join(error)),
            State::Done(Ok(value)) => R::into_error(value).map(Failure::Value),
            _ => None,
        }
    }

    fn discard(&mut self) {
        self.lose();
    }
}
