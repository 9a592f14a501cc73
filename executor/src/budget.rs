//! The cooperative budget: how a task that never has to wait still lets others run.
//!
//! Each poll of a task starts with a budget. A `JoinHandle` or a timer that is ready, or calling
//! [`consume_budget`], spends one unit of it; when none is left, the task yields once. A loop over
//! things that are always ready thus can't hold its worker for ever.

use std::{
    future::Future,
    pin::Pin,
    task::{Context, Poll},
};
pub(crate) use wheelhouse_timer::driver::{refill_budget as refill, spend_budget as spend};

/// Spends a unit of the task's budget, and yields if none was left.
///
/// For long loops that would otherwise never wait. A poll of a task has 128 units; a unit costs
/// a few nanoseconds. See also [`yield_now`], which yields every time.
///
/// # Cancel safety
///
/// Dropping it loses nothing.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let mut sum = 0_u64;
///     for i in 0..10_000 {
///         sum += i;
///         wheelhouse::consume_budget().await;
///     }
///     assert_eq!(sum, 49_995_000);
/// });
/// ```
pub fn consume_budget() -> ConsumeBudget {
    ConsumeBudget { spent: false }
}

/// The future of [`consume_budget`].
///
/// # Examples
///
/// ```
/// let unit: wheelhouse::ConsumeBudget = wheelhouse::consume_budget();
/// wheelhouse::run(unit);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct ConsumeBudget {
    spent: bool,
}

impl Future for ConsumeBudget {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.spent {
            return Poll::Ready(());
        }
        self.spent = true;
        if spend(cx) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }
}

/// Lets every other task that is ready on this worker run before this one goes on.
///
/// asyncio's `sleep(0)`. The task goes to the back of its worker's queue.
///
/// # Cancel safety
///
/// Dropping it loses nothing.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     wheelhouse::yield_now().await;
/// });
/// ```
pub fn yield_now() -> YieldNow {
    YieldNow { yielded: false }
}

/// The future of [`yield_now`].
///
/// # Examples
///
/// ```
/// let once: wheelhouse::YieldNow = wheelhouse::yield_now();
/// wheelhouse::run(once);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless they are awaited"]
pub struct YieldNow {
    yielded: bool,
}

impl Future for YieldNow {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.yielded {
            return Poll::Ready(());
        }
        self.yielded = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}
