//! What futures-lite and async-io give a user of smol, shared by both of its executors.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use async_io::Timer;

/// Wakes itself and is pending once, as futures-lite's `yield_now` is.
pub(super) fn yield_now() -> impl Future<Output = ()> + Send {
    let mut yielded = false;
    poll_fn(move |cx| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

pub(super) async fn sleep(duration: Duration) {
    Timer::after(duration).await;
}

pub(super) async fn sleep_until(deadline: Instant) {
    Timer::at(deadline).await;
}

/// The first of the two, the future asked first: smol's documented way to give up on a future.
pub(super) async fn timeout<F: Future>(duration: Duration, future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    let mut timer = pin!(Timer::after(duration));
    poll_fn(|cx| {
        if let Poll::Ready(output) = future.as_mut().poll(cx) {
            return Poll::Ready(Some(output));
        }
        timer.as_mut().poll(cx).map(|_| None)
    })
    .await
}
