//! `join!` and `try_join!`: several futures in one task.
//!
//! The futures are pinned where the macro stands and polled there in turn, so they may borrow and
//! need not be `Send`; nothing is spawned and nothing allocated. While one of them computes, the
//! others wait: for work on several cores, `gather!` it.
//!
//! Each poll begins with the next branch, so that none is always served last. A branch that has
//! ended is dropped at once and not polled again.

use std::future::{Future, IntoFuture};
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Waits for several futures in the current task, and gives their outputs as a tuple, in order.
///
/// It is an expression of an `async` block: the `.await` is inside. There may be up to 16 futures,
/// which may borrow. They run concurrently and not in parallel; [`gather!`](crate::gather!) runs its
/// futures on every core.
///
/// # Panics
///
/// A panic in one of them goes on at once; the others are dropped.
///
/// # Cancel safety
///
/// When the task is cancelled, the futures that have not ended are dropped where they stand.
///
/// # Examples
///
/// ```
/// async fn length(text: &str) -> usize {
///     wheelhouse::yield_now().await;
///     text.len()
/// }
///
/// wheelhouse::run(async {
///     let text = String::from("borrowed");
///     let (a, b) = wheelhouse::join!(length(&text), length("constant"));
///     assert_eq!((a, b), (8, 8));
/// });
/// ```
#[macro_export]
macro_rules! join {
    () => {
        ()
    };
    (
        $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $h:expr, $i:expr, $j:expr, $k:expr, $l:expr,
        $m:expr, $n:expr, $o:expr, $p:expr, $($more:expr),+ $(,)?
    ) => {
        ::core::compile_error!(
            "`join!` takes at most 16 futures: join some of them in a `join!` of their own, or \
             spawn them with `gather!(..futures)`"
        )
    };
    ($($future:expr),+ $(,)?) => {
        $crate::join::join((
            $($crate::join::Branch::new(::core::pin::pin!($crate::join::argument($future))),)+
        ))
        .await
    };
}

/// Waits for several futures in the current task until all have succeeded or one has failed.
///
/// Gives `Ok` with a tuple of what is in their `Ok`s, or the first `Err` in time, upon which the
/// others are dropped where they stand. Otherwise as [`join!`](crate::join!). The futures fail with
/// the same type; there must be at least one.
///
/// # Examples
///
/// ```
/// async fn parse(text: &str) -> Result<u32, std::num::ParseIntError> {
///     text.parse()
/// }
///
/// wheelhouse::run(async {
///     assert_eq!(wheelhouse::try_join!(parse("1"), parse("2")), Ok((1, 2)));
///     assert!(wheelhouse::try_join!(parse("1"), parse("two")).is_err());
/// });
/// ```
#[macro_export]
macro_rules! try_join {
    () => {
        ::core::compile_error!(
            "`try_join!` needs at least one future: without one, nothing says what its error is"
        )
    };
    (
        $a:expr, $b:expr, $c:expr, $d:expr, $e:expr, $f:expr, $g:expr, $h:expr, $i:expr, $j:expr, $k:expr, $l:expr,
        $m:expr, $n:expr, $o:expr, $p:expr, $($more:expr),+ $(,)?
    ) => {
        ::core::compile_error!(
            "`try_join!` takes at most 16 futures: join some of them in a `try_join!` of their \
             own, or spawn them with `try_gather!(..futures)`"
        )
    };
    ($($future:expr),+ $(,)?) => {{
        let error = $crate::join::ErrorType::new();
        $crate::join::try_join(
            &error,
            ($($crate::join::Branch::new(::core::pin::pin!(error.argument($future))),)+),
        )
        .await
    }};
}

/// One future and, later, its output.
pub struct Branch<'a, F: Future> {
    future: Pin<&'a mut Option<F>>,
    output: Option<F::Output>,
}

impl<'a, F: Future> Branch<'a, F> {
    /// A branch that has not been polled.
    pub fn new(future: Pin<&'a mut Option<F>>) -> Self {
        Self {
            future,
            output: None,
        }
    }

    /// Polls the future unless it has ended.
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(future) = self.future.as_mut().as_pin_mut() {
            self.output = Some(ready!(future.poll(context)));
            self.future.set(None);
        }
        Poll::Ready(())
    }

    fn take(&mut self) -> F::Output {
        self.output.take().expect(ENDED)
    }

    fn take_error<E>(&mut self) -> Option<E>
    where
        F::Output: Fallible<E>,
    {
        let failed = self.output.take_if(|output| output.failed());
        failed.and_then(|output| output.into_result().err())
    }

    fn take_ok<E>(&mut self) -> <F::Output as Fallible<E>>::Ok
    where
        F::Output: Fallible<E>,
    {
        match self.take().into_result() {
            Ok(value) => value,
            Err(_) => unreachable!("an error ends `try_join!` at once"),
        }
    }
}

/// Checks an argument of `join!`.
pub fn argument<F: IntoFuture>(future: F) -> Option<F::IntoFuture> {
    Some(future.into_future())
}

/// What the arguments of one `try_join!` fail with.
pub struct ErrorType<E>(PhantomData<fn() -> E>);

impl<E> ErrorType<E> {
    /// To be inferred.
    #[expect(clippy::new_without_default, reason = "only the macro makes one")]
    pub fn new() -> Self {
        Self(PhantomData)
    }

    /// Checks an argument of `try_join!`.
    pub fn argument<F>(&self, future: F) -> Option<F::IntoFuture>
    where
        F: IntoFuture,
        F::Output: Fallible<E>,
    {
        Some(future.into_future())
    }
}

/// What an argument of `try_join!` yields.
#[diagnostic::on_unimplemented(
    message = "an argument of `try_join!` yields `{Self}`, not a `Result<_, {E}>`",
    label = "expected a `Result` that fails with `{E}`",
    note = "all arguments of one `try_join!` fail with the same type, that of the first one"
)]
pub trait Fallible<E> {
    /// What it yields when it succeeds.
    type Ok;

    /// Whether it failed.
    fn failed(&self) -> bool;

    /// As a plain `Result`.
    fn into_result(self) -> Result<Self::Ok, E>;
}

impl<T, E> Fallible<E> for Result<T, E> {
    type Ok = T;

    fn failed(&self) -> bool {
        self.is_err()
    }

    fn into_result(self) -> Self {
        self
    }
}

/// A tuple of branches.
pub trait Branches {
    /// How many there are.
    const COUNT: usize;
    /// The outputs of all.
    type Output;

    /// Polls the branch at `position`.
    fn poll(&mut self, position: usize, context: &mut Context<'_>) -> Poll<()>;

    /// Takes the outputs out; all have ended.
    fn take(&mut self) -> Self::Output;
}

/// A tuple of branches that may fail.
pub trait TryBranches<E>: Branches {
    /// What they yield if all succeed.
    type Oks;

    /// Takes the error out, if the branch at `position` has ended with one.
    fn take_error(&mut self, position: usize) -> Option<E>;

    /// Takes the values out; all have succeeded.
    fn take_oks(&mut self) -> Self::Oks;
}

/// The future in `join!`.
pub struct Join<B> {
    branches: B,
    /// The branch with which the next poll begins.
    first: usize,
}

/// The future in `try_join!`.
pub struct TryJoin<B, E> {
    branches: B,
    /// The branch with which the next poll begins.
    first: usize,
    error: PhantomData<fn() -> E>,
}

/// What `join!` awaits.
pub fn join<B: Branches>(branches: B) -> Join<B> {
    Join { branches, first: 0 }
}

/// What `try_join!` awaits.
pub fn try_join<B, E>(_: &ErrorType<E>, branches: B) -> TryJoin<B, E>
where
    B: TryBranches<E>,
{
    TryJoin {
        branches,
        first: 0,
        error: PhantomData,
    }
}

// A branch refers to its future, which is pinned elsewhere, and moves its output.
impl<F: Future> Unpin for Branch<'_, F> {}

/// The positions of `count` branches from `first` on; the next poll begins one further.
fn turns(first: &mut usize, count: usize) -> impl Iterator<Item = usize> + use<> {
    let begin = *first;
    *first = (begin + 1) % count;
    (begin..count).chain(0..begin)
}

impl<B: Branches + Unpin> Future for Join<B> {
    type Output = B::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<B::Output> {
        let Self { branches, first } = &mut *self;
        let mut pending = false;
        for position in turns(first, B::COUNT) {
            pending |= branches.poll(position, context).is_pending();
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(branches.take())
        }
    }
}

impl<B: TryBranches<E> + Unpin, E> Future for TryJoin<B, E> {
    type Output = Result<B::Oks, E>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<B::Oks, E>> {
        let Self {
            branches, first, ..
        } = &mut *self;
        let mut pending = false;
        for position in turns(first, B::COUNT) {
            pending |= branches.poll(position, context).is_pending();
            if let Some(error) = branches.take_error(position) {
                return Poll::Ready(Err(error));
            }
        }
        if pending {
            Poll::Pending
        } else {
            Poll::Ready(Ok(branches.take_oks()))
        }
    }
}

const ENDED: &str = "a join was polled after it had ended";

macro_rules! tuple {
    ($count:literal: $($position:tt $Type:ident),+) => {
        impl<$($Type: Future),+> Branches for ($(Branch<'_, $Type>,)+) {
            const COUNT: usize = $count;
            type Output = ($($Type::Output,)+);

            fn poll(&mut self, position: usize, context: &mut Context<'_>) -> Poll<()> {
                match position {
                    $($position => self.$position.poll(context),)+
                    _ => unreachable!("a join has no branch {position}"),
                }
            }

            fn take(&mut self) -> Self::Output {
                ($(self.$position.take(),)+)
            }
        }

        impl<Error, $($Type),+> TryBranches<Error> for ($(Branch<'_, $Type>,)+)
        where
            $($Type: Future<Output: Fallible<Error>>,)+
        {
            type Oks = ($(<$Type::Output as Fallible<Error>>::Ok,)+);

            fn take_error(&mut self, position: usize) -> Option<Error> {
                match position {
                    $($position => self.$position.take_error(),)+
                    _ => unreachable!("a join has no branch {position}"),
                }
            }

            fn take_oks(&mut self) -> Self::Oks {
                ($(self.$position.take_ok(),)+)
            }
        }
    };
}

tuple!(1: 0 A);
tuple!(2: 0 A, 1 B);
tuple!(3: 0 A, 1 B, 2 C);
tuple!(4: 0 A, 1 B, 2 C, 3 D);
tuple!(5: 0 A, 1 B, 2 C, 3 D, 4 E);
tuple!(6: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F);
tuple!(7: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G);
tuple!(8: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H);
tuple!(9: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I);
tuple!(10: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J);
tuple!(11: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K);
tuple!(12: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L);
tuple!(13: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M);
tuple!(14: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N);
tuple!(15: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O);
tuple!(16: 0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O, 15 P);
