//! What is done about timers.

use super::Builder;
use std::time::Duration;

/// What is done about timers.
#[derive(Clone)]
pub(crate) struct TimerOptions {
    pub(crate) precise: bool,
    /// `None`: no bound.
    pub(crate) max_slack: Option<Duration>,
    /// Whether the clock is a paused one.
    pub(crate) start_paused: bool,
}

impl Default for TimerOptions {
    fn default() -> Self {
        TimerOptions {
            precise: true,
            max_slack: None,
            start_paused: false,
        }
    }
}

impl Builder {
    /// Whether a worker that waits for the next deadline is woken as close to it as the system can. By
    /// default it is.
    ///
    /// On Linux a thread's wait may otherwise end up to 50 µs late, its *timer slack*. Workers set theirs
    /// to 1 ns while they wait for a deadline, and only then: threads and processes that tasks start
    /// don't inherit it. A wait takes 50 µs at least, which is about what it costs; deadlines that lie nearer to
    /// each other are served together. With `false` the system may serve several waits with one interrupt, which
    /// saves power. Elsewhere this changes nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use wheelhouse::{Runtime, sleep};
    ///
    /// let runtime = Runtime::builder().precise_timers(false).build().unwrap();
    /// let start = Instant::now();
    /// runtime.run(sleep(Duration::from_millis(2)));
    /// assert!(start.elapsed() >= Duration::from_millis(2)); // later, perhaps, but never early
    /// ```
    pub fn precise_timers(mut self, precise: bool) -> Self {
        self.settings.timers.precise = precise;
        self
    }

    /// The most that this runtime's timers may fire late so that they share wake-ups with others. By
    /// default only what [`sleep`](crate::time::sleep()) and [`timeout`](crate::time::timeout()) say of
    /// themselves bounds it: 33 µs and 8.4 ms.
    ///
    /// With [`Duration::ZERO`] all timers are as exact as can be. A timer's own
    /// [`with_slack`](crate::time::Sleep::with_slack) goes before this.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{future::pending, time::Duration};
    /// use wheelhouse::{Runtime, timeout};
    ///
    /// let exact = Runtime::builder().max_timer_slack(Duration::ZERO).build().unwrap();
    /// let late = exact.run(timeout(Duration::from_millis(20), pending::<()>()));
    /// assert!(late.is_err());
    /// ```
    pub fn max_timer_slack(mut self, slack: Duration) -> Self {
        self.settings.timers.max_slack = Some(slack);
        self
    }
}
