//! Paused time.

use super::Builder;

impl Builder {
    /// Whether the runtime has a **paused clock**, for tests: time that nobody has to wait for; false by default.
    ///
    /// [`sleep`](crate::sleep) and everything else in [`time`](crate::time) goes by it, and
    /// [`time::now`](crate::time::now) shows it. It stands still while anything of this runtime can run,
    /// and when nothing can, it jumps to the next deadline: so a test of an hour takes as long as what it computes,
    /// and each time stamp in it is exact and the same in every run, on however many workers.
    /// [`time::advance`](crate::time::advance) moves time by hand, and [`time::hold`](crate::time::hold)
    /// ends its jumps for a while. [Paused time](crate::testing) has the details, and what can't be seen.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse::{Runtime, gather, sleep, time};
    ///
    /// let runtime = Runtime::builder().start_paused(true).worker_threads(4).build().unwrap();
    /// let real = std::time::Instant::now();
    /// runtime.run(async {
    ///     let start = time::now();
    ///     let nap = |seconds| async move {
    ///         sleep(Duration::from_secs(seconds)).await;
    ///         (time::now() - start).as_secs()
    ///     };
    ///     assert_eq!(gather!(nap(3600), nap(60), nap(1)).await, (3600, 60, 1));
    /// });
    /// assert!(real.elapsed() < Duration::from_secs(60));
    /// ```
    pub fn start_paused(mut self, paused: bool) -> Self {
        self.settings.timers.start_paused = paused;
        self
    }
}
