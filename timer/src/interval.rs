//! [`Interval`]: ticks at regular times.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use crate::clock;
use crate::context;
use crate::sleep::{Sleep, sleep_until};

/// How late a tick may be and still count as in time for [`MissedTickBehavior::Delay`], in
/// nanoseconds: what a busy machine causes by itself. Never more than the period.
const IN_TIME: u64 = 5_000_000;

/// Ticks now, and then once every `period`.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::{Duration, Instant};
/// use wheelhouse_timer::interval;
///
/// let start = Instant::now();
/// block_on(async {
///     let mut interval = interval(Duration::from_millis(2));
///     for _ in 0..3 {
///         interval.tick().await; // at 0, 2 and 4 ms
///     }
/// });
/// assert!(start.elapsed() >= Duration::from_millis(4));
/// ```
#[track_caller]
pub fn interval(period: Duration) -> Interval {
    interval_at(context::now(), period)
}

/// Ticks at `start`, and then once every `period`.
///
/// # Panics
///
/// If `period` is zero.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::{Duration, Instant};
/// use wheelhouse_timer::interval_at;
///
/// let start = Instant::now() + Duration::from_millis(3);
/// block_on(async {
///     let mut interval = interval_at(start, Duration::from_secs(60));
///     interval.tick().await; // not at once, as that of `interval`
/// });
/// assert!(Instant::now() >= start);
/// ```
#[track_caller]
pub fn interval_at(start: Instant, period: Duration) -> Interval {
    assert!(
        !period.is_zero(),
        "an interval's period must be longer than zero"
    );
    Interval {
        delay: sleep_until(start),
        period,
        missed: MissedTickBehavior::Burst,
    }
}

/// What an [`Interval`] does after it was polled late.
///
/// With a period of 10 ms, if the tick of 20 ms is taken at 47 ms only:
///
/// ```text
///                0    10   20   30   40   50   60   70   80
/// Burst          |    |    ...........||||    |    |    |   at 47 (three), 50, 60, 70
/// Delay          |    |    ...........|         |    |      at 47, 57, 67
/// Skip           |    |    ...........|  |    |    |    |   at 47, 50, 60, 70
/// ```
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse_timer::{MissedTickBehavior, interval};
///
/// let mut interval = interval(Duration::from_millis(10));
/// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Burst);
/// interval.set_missed_tick_behavior(MissedTickBehavior::Skip);
/// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Skip);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum MissedTickBehavior {
    /// Ticks at once for each tick that was missed, until it has caught up.
    #[default]
    Burst,
    /// Drops what was missed, and ticks on a period after the late tick. A tick that is late by
    /// less than 5 ms, and less than a period, doesn't count as late.
    Delay,
    /// Drops what was missed, and ticks on at the next multiple of the period.
    Skip,
}

/// Ticks once every period: see [`interval`].
///
/// It is `Send`, `Sync`, `Unpin` and `UnwindSafe`.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::Duration;
/// use wheelhouse_timer::{Interval, interval};
///
/// /// Counts to three, once every period.
/// async fn count(interval: &mut Interval) -> usize {
///     for _ in 1..3 {
///         interval.tick().await;
///     }
///     3
/// }
///
/// assert_eq!(block_on(count(&mut interval(Duration::from_millis(1)))), 3);
/// ```
#[derive(Debug)]
#[must_use = "an interval ticks only when `tick` is called and awaited"]
pub struct Interval {
    delay: Sleep,
    period: Duration,
    missed: MissedTickBehavior,
}

impl Interval {
    /// Lets each tick come up to `slack` late: see [`Sleep::with_slack`].
    ///
    /// A late tick doesn't delay those that follow, except with [`MissedTickBehavior::Delay`] where
    /// it is late enough to count: by 5 ms, or by a period. A slack of a period or more makes ticks
    /// be missed.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::interval;
    ///
    /// let now_and_then = interval(Duration::from_millis(10)).with_slack(Duration::from_millis(5));
    /// # let mut now_and_then = now_and_then;
    /// # block_on(async { now_and_then.tick().await });
    /// ```
    pub fn with_slack(self, slack: Duration) -> Self {
        let delay = self.delay.with_slack(slack);
        Interval { delay, ..self }
    }

    /// Waits for the next tick, and yields the time that it was due, which is not always now.
    ///
    /// # Cancel safety
    ///
    /// To drop the future before it is ready loses no tick.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::interval;
    ///
    /// let start = Instant::now();
    /// let mut interval = interval(Duration::from_millis(2));
    /// block_on(async {
    ///     let first = interval.tick().await;
    ///     let second = interval.tick().await;
    ///     assert_eq!(second - first, Duration::from_millis(2)); // as they were due
    /// });
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// ```
    pub fn tick(&mut self) -> Tick<'_> {
        Tick { interval: self }
    }

    /// Polls for the next tick: see [`tick`](Interval::tick).
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::{future::poll_fn, time::Duration};
    /// use wheelhouse_timer::interval;
    ///
    /// let mut interval = interval(Duration::from_millis(1));
    /// block_on(poll_fn(|cx| interval.poll_tick(cx)));
    /// ```
    pub fn poll_tick(&mut self, cx: &mut Context<'_>) -> Poll<Instant> {
        ready!(Pin::new(&mut self.delay).poll(cx));
        let due = self.delay.deadline_nanos();
        let now = self.delay.clock_nanos();
        let next = self
            .missed
            .next(due, now, clock::duration_nanos(self.period));
        self.delay.reset_nanos(next);
        Poll::Ready(clock::instant(due).unwrap_or_else(context::now))
    }

    /// Has the next tick a period from now.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::interval;
    ///
    /// let start = Instant::now();
    /// let mut interval = interval(Duration::from_millis(2));
    /// interval.reset(); // else the first tick would come at once
    /// block_on(interval.tick());
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// ```
    pub fn reset(&mut self) {
        self.reset_after(self.period);
    }

    /// Has the next tick at once.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::interval_at;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let mut interval = interval_at(Instant::now() + hour, hour);
    /// interval.reset_immediately();
    /// block_on(interval.tick());
    /// ```
    pub fn reset_immediately(&mut self) {
        self.reset_after(Duration::ZERO);
    }

    /// Has the next tick after `duration`, and further ones once every period from there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::interval;
    ///
    /// let start = Instant::now();
    /// let mut interval = interval(Duration::from_secs(3600));
    /// interval.reset_after(Duration::from_millis(2));
    /// block_on(interval.tick());
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// ```
    pub fn reset_after(&mut self, duration: Duration) {
        let now = self.delay.clock_nanos();
        self.delay
            .reset_nanos(now.saturating_add(clock::duration_nanos(duration)));
    }

    /// Has the next tick at `deadline`, and further ones once every period from there.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::interval;
    ///
    /// let soon = Instant::now() + Duration::from_millis(2);
    /// let mut interval = interval(Duration::from_secs(3600));
    /// interval.reset_at(soon);
    /// block_on(interval.tick());
    /// assert!(Instant::now() >= soon);
    /// ```
    pub fn reset_at(&mut self, deadline: Instant) {
        self.delay.reset(deadline);
    }

    /// The time from one tick to the next.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let interval = wheelhouse_timer::interval(Duration::from_secs(5));
    /// assert_eq!(interval.period(), Duration::from_secs(5));
    /// ```
    pub fn period(&self) -> Duration {
        self.period
    }

    /// What happens to ticks that were missed.
    pub fn missed_tick_behavior(&self) -> MissedTickBehavior {
        self.missed
    }

    /// Says what is to happen to ticks that are missed. By default it is
    /// [`MissedTickBehavior::Burst`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::{MissedTickBehavior, interval};
    ///
    /// let mut interval = interval(Duration::from_secs(5));
    /// interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    /// assert_eq!(interval.missed_tick_behavior(), MissedTickBehavior::Delay);
    /// ```
    pub fn set_missed_tick_behavior(&mut self, behavior: MissedTickBehavior) {
        self.missed = behavior;
    }
}

/// The future of [`Interval::tick`]. It is `Send`, `Sync` and `Unpin`.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::Duration;
/// use wheelhouse_timer::{Tick, interval};
///
/// let mut interval = interval(Duration::from_millis(1));
/// let tick: Tick<'_> = interval.tick();
/// block_on(tick);
/// ```
#[derive(Debug)]
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Tick<'a> {
    interval: &'a mut Interval,
}

impl Future for Tick<'_> {
    type Output = Instant;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Instant> {
        self.get_mut().interval.poll_tick(cx)
    }
}

impl MissedTickBehavior {
    /// When the next tick is due, after one that was due at `due` is taken at `now`. All in
    /// nanoseconds.
    fn next(self, due: u64, now: u64, period: u64) -> u64 {
        let late = now.saturating_sub(due);
        let in_time = due.saturating_add(period);
        match self {
            MissedTickBehavior::Burst => in_time,
            MissedTickBehavior::Delay if late < IN_TIME.min(period) => in_time,
            MissedTickBehavior::Delay => now.saturating_add(period),
            MissedTickBehavior::Skip => {
                let missed = late - late % period;
                in_time.saturating_add(missed)
            }
        }
    }
}

#[cfg(test)]
mod tests;
