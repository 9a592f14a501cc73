//! How timers are kept.

use super::Builder;

impl Builder {
    /// Whether a worker that waits for the next deadline is woken as close to it as the system can. By
    /// default it is.
    ///
    /// On Linux a thread's wait may otherwise end up to 50 µs late, its *timer slack*. Workers set theirs
    /// to 1 ns while they wait for a deadline, and only then: threads and processes that tasks start
    /// don't inherit it. Without it the system may serve several waits with one interrupt, which
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
        self.settings.precise_timers = precise;
        self
    }
}
