//! What a gather yields: tuples of up to 16 values, or a `Vec`.

use super::{
    child::{AnyChild, AnyValue, Child, OkOnly, Rule},
    engine::Children,
    start::{Start, StartTried, Starter},
};
use crate::error::JoinError;
use sealed::Sealed;
use std::convert::Infallible;

mod sealed {
    pub trait Sealed {}
}

/// What a gather can yield: `()`, a tuple of up to 16 values, or a `Vec`.
///
/// It is implemented for no other type, and can't be.
pub trait Outputs: Sealed + Sized {
    /// The same with a `Result<_, JoinError>` in each place.
    type Settled;
    #[doc(hidden)]
    type Children: Children<Infallible>;
    #[doc(hidden)]
    type Tried<E>: Children<E>;
    #[doc(hidden)]
    fn finish(children: Self::Children) -> Self;
    #[doc(hidden)]
    fn settle(children: Self::Children) -> Self::Settled;
    #[doc(hidden)]
    fn finish_tried<E>(children: Self::Tried<E>) -> Self;
}

/// The arguments of a `gather!`, checked but not started.
pub trait Arguments {
    /// What they yield.
    type Outputs: Outputs;
    /// Starts them.
    #[track_caller]
    fn start(self, starter: &mut Starter) -> <Self::Outputs as Outputs>::Children;
}

/// The arguments of a `try_gather!`, checked but not started.
pub trait TryArguments<E> {
    /// What they yield if all succeed.
    type Outputs: Outputs;
    /// Starts them.
    #[track_caller]
    fn start(self, starter: &mut Starter) -> <Self::Outputs as Outputs>::Tried<E>;
}

/// The value of a child that is known to have succeeded.
fn value<T, R>(child: Child<T, R>) -> T {
    match child.into_result() {
        Ok(value) => value,
        Err(error) => unreachable!("a gather succeeded while {error}"),
    }
}

fn ok<T, E>(child: Child<Result<T, E>, OkOnly>) -> T {
    match value(child) {
        Ok(value) => value,
        Err(_) => unreachable!("a try_gather succeeded with an `Err`"),
    }
}

impl<T> Sealed for Vec<T> {}

impl<T> Outputs for Vec<T> {
    type Settled = Vec<Result<T, JoinError>>;
    type Children = Vec<Child<T, AnyValue>>;
    type Tried<E> = Vec<Child<Result<T, E>, OkOnly>>;

    fn finish(children: Self::Children) -> Self {
        children.into_iter().map(|child| value(child)).collect()
    }

    fn settle(children: Self::Children) -> Self::Settled {
        children
            .into_iter()
            .map(|child| child.into_result())
            .collect()
    }

    fn finish_tried<E>(children: Self::Tried<E>) -> Self {
        children.into_iter().map(|child| ok(child)).collect()
    }
}

impl<T, E, R> Children<E> for Vec<Child<T, R>>
where
    R: Rule<T, Error = E>,
{
    fn count(&self) -> usize {
        self.len()
    }

    fn at(&mut self, position: usize) -> &mut dyn AnyChild<E> {
        &mut self[position]
    }
}

impl Sealed for () {}

impl Outputs for () {
    type Settled = ();
    type Children = ();
    type Tried<E> = ();

    fn finish((): ()) -> Self {}

    fn settle((): ()) -> Self::Settled {}

    fn finish_tried<E>((): ()) -> Self {}
}

impl<E> Children<E> for () {
    fn count(&self) -> usize {
        0
    }

    fn at(&mut self, position: usize) -> &mut dyn AnyChild<E> {
        unreachable!("a gather has no child {position}")
    }
}

impl Arguments for () {
    type Outputs = ();

    fn start(self, _: &mut Starter) -> Self::Outputs {}
}

macro_rules! tuple {
    ($($position:tt $Type:ident),*) => {
        impl<$($Type),*> Sealed for ($($Type,)*) {}

        impl<$($Type),*> Outputs for ($($Type,)*) {
            type Settled = ($(Result<$Type, JoinError>,)*);
            type Children = ($(Child<$Type, AnyValue>,)*);
            type Tried<Error> = ($(Child<Result<$Type, Error>, OkOnly>,)*);

            fn finish(children: Self::Children) -> Self {
                ($(value(children.$position),)*)
            }

            fn settle(children: Self::Children) -> Self::Settled {
                ($(children.$position.into_result(),)*)
            }

            fn finish_tried<Error>(children: Self::Tried<Error>) -> Self {
                ($(ok(children.$position),)*)
            }
        }

        impl<Error, $($Type,)*> Children<Error> for ($($Type,)*)
        where
            $($Type: AnyChild<Error>,)*
        {
            fn count(&self) -> usize {
                0 $(+ { let _ = &self.$position; 1 })*
            }

            fn at(&mut self, position: usize) -> &mut dyn AnyChild<Error> {
                match position {
                    $($position => &mut self.$position,)*
                    _ => unreachable!("a gather has no child {position}"),
                }
            }
        }

        impl<$($Type),*> Arguments for ($($Type,)*)
        where
            $($Type: Start,)*
        {
            type Outputs = ($($Type::Value,)*);

            #[track_caller]
            fn start(self, starter: &mut Starter) -> <Self::Outputs as Outputs>::Children {
                ($(self.$position.start(starter),)*)
            }
        }

        impl<Error, $($Type),*> TryArguments<Error> for ($($Type,)*)
        where
            $($Type: StartTried<Error>,)*
        {
            type Outputs = ($($Type::Value,)*);

            #[track_caller]
            fn start(self, starter: &mut Starter) -> <Self::Outputs as Outputs>::Tried<Error> {
                ($(self.$position.start(starter),)*)
            }
        }
    };
}

tuple!(0 A);
tuple!(0 A, 1 B);
tuple!(0 A, 1 B, 2 C);
tuple!(0 A, 1 B, 2 C, 3 D);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O);
tuple!(0 A, 1 B, 2 C, 3 D, 4 E, 5 F, 6 G, 7 H, 8 I, 9 J, 10 K, 11 L, 12 M, 13 N, 14 O, 15 P);
