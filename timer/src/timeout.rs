//! [`Timeout`]: a future with a limit.

use std::error::Error;
use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;

use crate::clock;
use crate::sleep::{self, Sleep};

/// Gives `future` no longer than `duration`.
///
/// Yields what the future yields if it is ready in time, otherwise [`Elapsed`]; the future is
/// dropped with the `Timeout`. The future is polled first: one that is ready wins even if the time
/// is over, or was zero from the beginning. A future that doesn't return from its poll can't be
/// interrupted.
///
/// The time runs from this call. A duration too long to be represented is no limit.
///
/// # Lateness
///
/// When the time is over, the task is woken less than 16.4 µs late or, if that is more, less than a
/// 256th of the time that was left when the timeout was made or last reset; never 8.4 ms or more.
/// Most limits are never reached, and this makes them cheaper. What the operating system and other
/// tasks add comes on top. [`with_slack`](Timeout::with_slack) sets another limit, the builder of a
/// runtime bounds it for all.
///
/// Whoever polls it once its time is over finds it ready, with the exception that
/// [`sleep`](crate::sleep()) states for the first poll of a second or more.
///
/// # Panics
///
/// The call doesn't; the first poll as that of [`sleep`](crate::sleep()).
///
/// # Cancel safety
///
/// That of `future`: dropping the `Timeout` drops it, and takes the timer out of its wheel.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::Duration;
/// use wheelhouse_timer::{sleep, timeout};
///
/// let ready = block_on(timeout(Duration::ZERO, async { 7 }));
/// assert_eq!(ready.unwrap(), 7);
///
/// let late = block_on(timeout(Duration::from_millis(1), sleep(Duration::from_secs(3600))));
/// assert_eq!(late.unwrap_err().to_string(), "deadline has elapsed");
/// ```
pub fn timeout<F: IntoFuture>(duration: Duration, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: future.into_future(),
        delay: sleep::limit(duration),
    }
}

/// Gives `future` until `deadline`.
///
/// For everything else see [`timeout`].
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::{Duration, Instant};
/// use wheelhouse_timer::{sleep, timeout_at};
///
/// let deadline = Instant::now() + Duration::from_millis(5);
/// block_on(async {
///     // Two steps that have until then together.
///     assert_eq!(timeout_at(deadline, async { 1 }).await, Ok(1));
///     assert!(timeout_at(deadline, sleep(Duration::MAX)).await.is_err());
/// });
/// assert!(Instant::now() >= deadline);
/// ```
pub fn timeout_at<F: IntoFuture>(deadline: Instant, future: F) -> Timeout<F::IntoFuture> {
    Timeout {
        future: future.into_future(),
        delay: sleep::limit_until(deadline),
    }
}

pin_project! {
    /// The future of [`timeout`] and [`timeout_at`].
    ///
    /// It is `Send`, `Sync`, `Unpin` or `UnwindSafe` if the future in it is, and 40 bytes bigger,
    /// up to alignment.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::{Sleep, Timeout, sleep, timeout};
    ///
    /// let mut limited: Timeout<Sleep> = timeout(Duration::from_secs(60), sleep(Duration::MAX));
    /// assert_eq!(limited.get_ref().deadline(), None);
    /// limited.get_mut().reset(Instant::now());
    /// assert_eq!(block_on(limited), Ok(()));
    /// ```
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    #[derive(Debug)]
    pub struct Timeout<F> {
        #[pin]
        future: F,
        delay: Sleep,
    }
}

impl<F> Timeout<F> {
    /// Lets it end up to `slack` late: see [`Sleep::with_slack`]. [`Duration::ZERO`] makes it as
    /// exact as can be.
    ///
    /// This is instead of the default that [`timeout`] states, and of the runtime's bound of it.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::{future::pending, time::Duration};
    /// use wheelhouse_timer::timeout;
    ///
    /// let exact = timeout(Duration::from_millis(20), pending::<()>()).with_slack(Duration::ZERO);
    /// assert!(block_on(exact).is_err());
    /// ```
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub fn with_slack(self, slack: Duration) -> Self {
        let Timeout { future, delay } = self;
        let delay = delay.with_slack(slack);
        Timeout { future, delay }
    }

    /// The future that is limited.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::{sleep, timeout};
    ///
    /// let limited = timeout(Duration::from_secs(5), sleep(Duration::ZERO));
    /// assert!(limited.get_ref().is_elapsed());
    /// ```
    pub fn get_ref(&self) -> &F {
        &self.future
    }

    /// The future that is limited, to be changed in its place.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::{sleep, timeout};
    ///
    /// let mut limited = timeout(Duration::from_secs(5), sleep(Duration::MAX));
    /// limited.get_mut().reset(Instant::now());
    /// assert!(limited.get_ref().is_elapsed());
    /// ```
    pub fn get_mut(&mut self) -> &mut F {
        &mut self.future
    }

    /// Gives the future back, without its limit.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::timeout;
    ///
    /// let limited = timeout(Duration::from_secs(5), async { 42 });
    /// assert_eq!(block_on(limited.into_inner()), 42);
    /// ```
    pub fn into_inner(self) -> F {
        self.future
    }

    /// Gives the future until `duration` from now, more or less time than it had, whether that is
    /// over or not.
    ///
    /// A task that has polled it and waits is woken at the new time. More time costs next to
    /// nothing; then the task may also be woken at the old time, and has to poll again. That
    /// happens by itself wherever the `Timeout` is awaited.
    ///
    /// It takes a pinned reference, so that it works for every future, also between polls: see the
    /// example, and [`std::pin::pin!`].
    ///
    /// # Examples
    ///
    /// As long as there is progress, there is time:
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::cell::Cell;
    /// use std::future::poll_fn;
    /// use std::pin::pin;
    /// use std::time::Duration;
    /// use wheelhouse_timer::{sleep, timeout};
    ///
    /// const PATIENCE: Duration = Duration::from_millis(200);
    ///
    /// let parts = Cell::new(0);
    /// let download = async {
    ///     while parts.get() < 5 {
    ///         sleep(Duration::from_millis(1)).await;
    ///         parts.set(parts.get() + 1);
    ///     }
    /// };
    /// let mut limited = pin!(timeout(PATIENCE, download));
    /// let mut seen = 0;
    /// let done = block_on(poll_fn(|cx| {
    ///     let poll = limited.as_mut().poll(cx);
    ///     if parts.get() > seen {
    ///         seen = parts.get();
    ///         limited.as_mut().reset(PATIENCE);
    ///     }
    ///     poll
    /// }));
    /// assert_eq!((done, seen), (Ok(()), 5));
    /// ```
    pub fn reset(self: Pin<&mut Self>, duration: Duration) {
        let delay = self.project().delay;
        let now = delay.clock_nanos();
        delay.reset_nanos(now.saturating_add(clock::duration_nanos(duration)));
    }

    /// Gives the future until `deadline`: see [`reset`](Timeout::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::future::pending;
    /// use std::pin::pin;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::timeout;
    ///
    /// let soon = Instant::now() + Duration::from_millis(2);
    /// let mut limited = pin!(timeout(Duration::from_secs(3600), pending::<()>()));
    /// limited.as_mut().reset_at(soon);
    /// assert!(block_on(limited).is_err());
    /// assert!(Instant::now() >= soon);
    /// ```
    pub fn reset_at(self: Pin<&mut Self>, deadline: Instant) {
        self.project().delay.reset(deadline);
    }

    /// When the time is over; `None` if never.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::{timeout, timeout_at};
    ///
    /// let deadline = Instant::now() + Duration::from_secs(5);
    /// assert_eq!(timeout_at(deadline, async {}).deadline(), Some(deadline));
    /// assert_eq!(timeout(Duration::MAX, async {}).deadline(), None);
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        self.delay.deadline()
    }
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Elapsed>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if let Poll::Ready(output) = this.future.poll(cx) {
            return Poll::Ready(Ok(output));
        }
        Pin::new(this.delay).poll(cx).map(|()| Err(Elapsed(())))
    }
}

/// The time that [`timeout`] gave was over before its future was ready.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::io::{Error, ErrorKind};
/// use std::{future::pending, time::Duration};
/// use wheelhouse_timer::{Elapsed, timeout};
///
/// let late: Result<(), Elapsed> = block_on(timeout(Duration::ZERO, pending()));
/// let error = Error::from(late.unwrap_err()); // as `?` does
/// assert_eq!(error.kind(), ErrorKind::TimedOut);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Elapsed(());

impl fmt::Display for Elapsed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("deadline has elapsed")
    }
}

impl Error for Elapsed {}

impl From<Elapsed> for std::io::Error {
    /// An error of kind [`TimedOut`](std::io::ErrorKind::TimedOut).
    fn from(elapsed: Elapsed) -> Self {
        std::io::Error::new(std::io::ErrorKind::TimedOut, elapsed)
    }
}

#[cfg(test)]
mod tests;
