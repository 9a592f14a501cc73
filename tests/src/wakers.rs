//! Polling by hand, with wakers that can be asked afterwards.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

/// A waker that does nothing.
pub fn noop() -> &'static Waker {
    Waker::noop()
}

/// Polls `future` once.
///
/// # Examples
///
/// ```
/// use std::future::ready;
/// use std::task::Poll;
/// use wheelhouse_tests::{noop, poll_once};
///
/// assert_eq!(poll_once(&mut ready(9), noop()), Poll::Ready(9));
/// ```
pub fn poll_once<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Makes wakers that count how often they are woken, and knows how many of them are left.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::CountWaker;
///
/// let counter = CountWaker::new();
/// let waker = counter.waker();
/// waker.wake_by_ref();
/// waker.wake();
/// assert_eq!((counter.count(), counter.live()), (2, 0));
/// ```
#[derive(Debug)]
pub struct CountWaker {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    wakes: Mutex<usize>,
    changed: Condvar,
}

impl CountWaker {
    /// A counter at zero.
    #[expect(
        clippy::new_without_default,
        reason = "as the other helpers, made with `new`"
    )]
    pub fn new() -> Self {
        CountWaker {
            shared: Arc::default(),
        }
    }

    /// A new waker of this counter. Its clones are counted by [`live`](Self::live) too.
    pub fn waker(&self) -> Waker {
        Waker::from(Arc::clone(&self.shared))
    }

    /// How many wake-ups there were.
    pub fn count(&self) -> usize {
        *self.shared.lock()
    }

    /// How many wakers are alive: any left at the end of a test is a leak.
    pub fn live(&self) -> usize {
        Arc::strong_count(&self.shared) - 1
    }

    /// Blocks until `count` wake-ups were seen.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    #[track_caller]
    pub fn wait_for(&self, count: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut wakes = self.shared.lock();
        while *wakes < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} wake-ups after {limit:?}",
                *wakes
            );
            let waited = self.shared.changed.wait_timeout(wakes, left);
            wakes = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl CountWaker {
    /// Blocks until no waker is left. Whoever woke one may be about to drop it a moment later.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    #[track_caller]
    pub fn wait_until_gone(&self, limit: Duration) {
        let deadline = Instant::now() + limit;
        while self.live() > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{} wakers after {limit:?}", self.live());
            std::thread::yield_now();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.wakes.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Wake for Shared {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        *self.lock() += 1;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kept_waker_is_told() {
        let counter = CountWaker::new();
        let kept = counter.waker().clone();
        assert_eq!(counter.live(), 1);
        drop(kept);
        assert_eq!(counter.live(), 0);
    }

    #[test]
    #[should_panic(expected = "1 of 2 wake-ups")]
    fn waiting_for_a_lost_wake_up_ends() {
        let counter = CountWaker::new();
        counter.waker().wake();
        counter.wait_for(2, Duration::from_millis(10));
    }
}
