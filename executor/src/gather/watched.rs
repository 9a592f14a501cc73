//! The task of a future that a gather spawned: the future, and a guard beside it.

use super::{alarm::Bell, child::Rule};
use std::{
    future::Future,
    marker::PhantomData,
    pin::Pin,
    task::{Context, Poll},
    thread,
};

pin_project_lite::pin_project! {
    /// Yields what `convert` makes of the future's output, and rings if that is an error by `R` or
    /// if the future ends without any.
    pub(super) struct Watched<F, C, R> {
        #[pin]
        future: F,
        convert: C,
        // After the future: it sees the future's drop.
        guard: Guard,
        rule: PhantomData<fn() -> R>,
    }
}

/// Rings unless it is muted when it is dropped. A panic rings in any case: after its output, a future
/// can still panic in its drop, and that takes the output's place.
struct Guard(Bell);

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.0.is_muted() || thread::panicking() {
            self.0.ring();
        }
    }
}

impl<F, C, R> Watched<F, C, R> {
    pub(super) fn new(future: F, convert: C, bell: Bell) -> Self {
        Watched {
            future,
            convert,
            guard: Guard(bell),
            rule: PhantomData,
        }
    }
}

impl<F, C, T, R> Future for Watched<F, C, R>
where
    F: Future,
    C: Fn(F::Output) -> T,
    R: Rule<T>,
{
    type Output = T;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<T> {
        let this = self.project();
        this.future.poll(context).map(|output| {
            let value = (this.convert)(output);
            if !R::is_error(&value) {
                this.guard.0.mute();
            }
            value
        })
    }
}
