//! The arguments of `gather!` and `try_gather!`: what may be one, and how each is started.
//!
//! A task's `JoinHandle` is a future too, so no trait can treat the two differently: its impls would
//! overlap. Method calls can, for inherent methods come before those of traits. [`Arg`] and
//! [`Spread`] have an inherent method `sort` where they hold `JoinHandle`s, which has them yield what
//! the handle carries; [`SortRest`] gives the rest one that changes nothing. In generic code the
//! compiler knows only "a future", so a handle counts as one there.
//!
//! The bounds are on the plain functions that get the argument itself, [`argument`] and [`spread`]:
//! there the compiler's message underlines the argument, where a method would have it underline the
//! whole macro. How an argument is started travels on as a function pointer, since the same bound a
//! second time would be a second message.

use super::{
    child::{AnyValue, Child, OkOnly, Rule},
    future::raise,
    start::Starter,
    threads::Waiting,
    watched::Watched,
};
use crate::{error::JoinError, task::JoinHandle};
use std::{convert::identity, future::IntoFuture, marker::PhantomData, thread};

/// What `gather!` and `try_gather!` take. `Kind` tells futures from threads and is always inferred.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be gathered",
    label = "neither a future, nor a task's `JoinHandle`, nor a `std::thread::JoinHandle`",
    note = "an `async fn` becomes a future when it is called: `gather!(f())`, not `gather!(f)`",
    note = "what an iterator yields is gathered with two dots before it: `gather!(..iterator)`"
)]
pub trait Gatherable<Kind>: Sized {
    /// What it yields.
    type Output: Send + 'static;

    /// Starts it, to yield what `convert` makes of its output; `None` if it needs a runtime and
    /// there is none.
    fn start<T, R, C>(self, starter: &mut Starter, convert: C) -> Option<Child<T, R>>
    where
        T: Send + 'static,
        R: Rule<T> + 'static,
        C: Fn(Self::Output) -> T + Send + 'static;
}

/// A [`Gatherable`] to be spawned.
pub struct AsFuture;

/// A [`Gatherable`] to be joined.
pub struct AsThread;

impl<F> Gatherable<AsFuture> for F
where
    F: IntoFuture,
    F::IntoFuture: Send + 'static,
    F::Output: Send + 'static,
{
    type Output = F::Output;

    fn start<T, R, C>(self, starter: &mut Starter, convert: C) -> Option<Child<T, R>>
    where
        T: Send + 'static,
        R: Rule<T> + 'static,
        C: Fn(Self::Output) -> T + Send + 'static,
    {
        let future = Watched::<_, _, R>::new(self.into_future(), convert, starter.bell());
        starter.spawn(future).map(Child::spawned)
    }
}

#[diagnostic::do_not_recommend]
impl<T> Gatherable<AsThread> for thread::JoinHandle<T>
where
    T: Send + 'static,
{
    type Output = T;

    fn start<U, R, C>(self, starter: &mut Starter, convert: C) -> Option<Child<U, R>>
    where
        U: Send + 'static,
        R: Rule<U> + 'static,
        C: Fn(T) -> U + Send + 'static,
    {
        let (waiting, handle) = Waiting::new(self, convert, starter.call());
        Some(starter.thread(waiting, handle))
    }
}

/// What an argument of `try_gather!` yields. `Via` is how it fails with an `E`, and always inferred.
#[diagnostic::on_unimplemented(
    message = "an argument of `try_gather!` yields `{Self}`, not a `Result<_, {E}>`",
    label = "expected a `Result` that fails with `{E}`",
    note = "all arguments of one `try_gather!` fail with the same type, that of the first one",
    note = "`async {{ future.await.map_err(..) }}` converts an error, `Ok` wraps what can't fail"
)]
pub trait Fallible<E, Via> {
    /// What it yields when it succeeds.
    type Ok: Send + 'static;

    /// As a plain `Result`.
    fn into_result(self) -> Result<Self::Ok, E>;
}

// `Via` is the type of a literal `0`. Both impls fit a handle whose task yields a `Result`, until the
// error type is known; should both fit even then, the compiler takes an integer for an `i32`.

#[diagnostic::do_not_recommend]
impl<T, E> Fallible<E, i32> for Result<T, E>
where
    T: Send + 'static,
{
    type Ok = T;

    fn into_result(self) -> Self {
        self
    }
}

/// What a task's handle yields to those who await it; `sort` has it yield the inner `Result`.
#[diagnostic::do_not_recommend]
impl<T, E> Fallible<E, u8> for Result<Result<T, E>, JoinError>
where
    T: Send + 'static,
{
    type Ok = T;

    fn into_result(self) -> Result<T, E> {
        self.unwrap_or_else(|error| raise(error, "its task"))
    }
}

/// How arguments are started; `None` if that needs a runtime and there is none.
type StartFn<A, C> = fn(A, &mut Starter) -> Option<C>;

/// One argument that may be gathered: it yields a `T`, of which `R` says whether it is an error.
pub struct Arg<A, T, R> {
    pub(super) argument: A,
    pub(super) start: StartFn<A, Child<T, R>>,
}

/// Arguments that come out of the iterator `I`, each an `A` that yields a `T`.
pub struct Spread<I, A, T, R> {
    pub(super) arguments: I,
    pub(super) start: StartFn<I, Vec<Child<T, R>>>,
    argument: PhantomData<fn() -> A>,
}

/// Checks an argument of `gather!`.
pub fn argument<A, K, T>(argument: A) -> Arg<A, T, AnyValue>
where
    A: Gatherable<K, Output = T>,
    T: Send + 'static,
{
    Arg {
        argument,
        start: |argument, starter| argument.start(starter, identity),
    }
}

/// Checks the argument of `gather!(..iterator)`.
pub fn spread<I, A, K, T>(arguments: I) -> Spread<I, A, T, AnyValue>
where
    I: IntoIterator<Item = A>,
    I::Item: Gatherable<K, Output = T>,
    T: Send + 'static,
{
    Spread::new(arguments, |arguments, starter| {
        start_each(arguments, |argument| argument.start(starter, identity))
    })
}

/// What the arguments of one `try_gather!` fail with.
pub struct ErrorType<E>(PhantomData<fn() -> E>);

impl<E> ErrorType<E>
where
    E: Send + 'static,
{
    /// To be inferred.
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub fn new() -> Self {
        Self(PhantomData)
    }

    /// Checks an argument of `try_gather!`.
    pub fn argument<A, K, V, T>(&self, argument: A, _: V) -> Arg<A, Result<T, E>, OkOnly>
    where
        A: Gatherable<K>,
        A::Output: Fallible<E, V, Ok = T>,
        V: 'static,
        T: Send + 'static,
    {
        Arg {
            argument,
            start: |argument, starter| argument.start(starter, Fallible::into_result),
        }
    }

    /// Checks the argument of `try_gather!(..iterator)`.
    pub fn spread<I, K, V, T>(&self, arguments: I, _: V) -> Spread<I, I::Item, Result<T, E>, OkOnly>
    where
        I: IntoIterator,
        I::Item: Gatherable<K>,
        <I::Item as Gatherable<K>>::Output: Fallible<E, V, Ok = T>,
        V: 'static,
        T: Send + 'static,
    {
        Spread::new(arguments, |arguments, starter| {
            start_each(arguments, |argument| {
                argument.start(starter, Fallible::into_result)
            })
        })
    }
}

impl<I, A, T, R> Spread<I, A, T, R> {
    fn new(arguments: I, start: StartFn<I, Vec<Child<T, R>>>) -> Self {
        Self {
            arguments,
            start,
            argument: PhantomData,
        }
    }
}

fn start_each<I: IntoIterator, C>(
    arguments: I,
    mut start: impl FnMut(I::Item) -> Option<C>,
) -> Option<Vec<C>> {
    let arguments = arguments.into_iter();
    // Collecting into an `Option` would forget how many there are.
    let mut children = Vec::with_capacity(arguments.size_hint().0);
    for argument in arguments {
        children.push(start(argument)?);
    }
    Some(children)
}

/// `sort` for all that isn't a `JoinHandle`.
pub trait SortRest: Sized {
    /// The same again.
    fn sort(self) -> Self {
        self
    }
}

impl<A, T, R> SortRest for Arg<A, T, R> {}

impl<I, A, T, R> SortRest for Spread<I, A, T, R> {}

impl<T, X> Arg<JoinHandle<T>, X, AnyValue> {
    /// The handle is waited for, instead of being spawned as a future.
    pub fn sort(self) -> Arg<JoinHandle<T>, T, AnyValue> {
        Arg {
            argument: self.argument,
            start: |handle, starter| Some(starter.given(handle)),
        }
    }
}

impl<I, T, X> Spread<I, JoinHandle<T>, X, AnyValue>
where
    I: IntoIterator<Item = JoinHandle<T>>,
{
    /// The handles are waited for, instead of being spawned as futures.
    pub fn sort(self) -> Spread<I, JoinHandle<T>, T, AnyValue> {
        Spread::new(self.arguments, |handles, starter| {
            start_each(handles, |handle| Some(starter.given(handle)))
        })
    }
}

impl<T, X, E> Arg<JoinHandle<T>, Result<X, E>, OkOnly> {
    /// The handle is waited for, instead of being spawned as a future.
    pub fn sort<U>(self) -> Arg<JoinHandle<T>, Result<U, E>, OkOnly>
    where
        T: IsResult<E, Ok = U>,
    {
        Arg {
            argument: self.argument,
            start: |handle, starter| Some(starter.given(T::cast(handle))),
        }
    }
}

impl<I, T, X, E> Spread<I, JoinHandle<T>, Result<X, E>, OkOnly>
where
    I: IntoIterator<Item = JoinHandle<T>>,
{
    /// The handles are waited for, instead of being spawned as futures.
    pub fn sort<U>(self) -> Spread<I, JoinHandle<T>, Result<U, E>, OkOnly>
    where
        T: IsResult<E, Ok = U>,
    {
        Spread::new(self.arguments, |handles, starter| {
            start_each(handles, |handle| Some(starter.given(T::cast(handle))))
        })
    }
}

/// The task behind a handle yields a `Result` that fails with an `E`.
#[diagnostic::on_unimplemented(
    message = "the task of a `JoinHandle` in this `try_gather!` yields `{Self}`, not a `Result` that \
               fails like the other arguments",
    label = "in here"
)]
pub trait IsResult<E>: Sized {
    /// What it yields when it succeeds.
    type Ok;

    /// The same handle.
    fn cast(handle: JoinHandle<Self>) -> JoinHandle<Result<Self::Ok, E>>;
}

impl<T, E> IsResult<E> for Result<T, E> {
    type Ok = T;

    fn cast(handle: JoinHandle<Self>) -> JoinHandle<Self> {
        handle
    }
}
