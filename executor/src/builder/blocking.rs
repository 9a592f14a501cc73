//! The threads of `spawn_blocking`.

use super::{Builder, range::in_range};
use std::{io, time::Duration};

/// How blocking jobs are run.
#[derive(Clone)]
pub(crate) struct BlockingOptions {
    pub(crate) max_threads: usize,
    pub(crate) max_queue: usize,
    pub(crate) keep_alive: Duration,
}

/// Enough for programs that wait for slow files and queries, and far below what an operating
/// system refuses.
const DEFAULT_BLOCKING_THREADS: usize = 512;

/// More than programs ever mean to queue, and little enough memory that one which does so by mistake
/// learns of it.
const DEFAULT_BLOCKING_QUEUE: usize = 1_000_000;

/// Long enough for jobs that come every few seconds to find a thread.
const DEFAULT_KEEP_ALIVE: Duration = Duration::from_secs(10);

impl Default for BlockingOptions {
    fn default() -> Self {
        BlockingOptions {
            max_threads: DEFAULT_BLOCKING_THREADS,
            max_queue: DEFAULT_BLOCKING_QUEUE,
            keep_alive: DEFAULT_KEEP_ALIVE,
        }
    }
}

impl BlockingOptions {
    pub(super) fn check(&self) -> io::Result<()> {
        in_range("max_blocking_threads", self.max_threads, 1, usize::MAX, "")
    }
}

impl Builder {
    /// How many threads [`spawn_blocking`](crate::spawn_blocking) may use, at least 1; 512 by
    /// default. They are started as they are needed, and jobs beyond that
    /// [wait for their turn](Self::max_blocking_queue).
    ///
    /// A job that waits for another job needs a second thread: with fewer threads than such jobs, all of
    /// them wait for ever.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// let runtime = wheelhouse::Runtime::builder().max_blocking_threads(1).build().unwrap();
    /// let one = runtime.spawn_blocking(|| thread::current().name().map(String::from));
    /// let two = runtime.spawn_blocking(|| thread::current().name().map(String::from));
    /// assert_eq!(one.join().unwrap(), two.join().unwrap()); // one after the other
    /// ```
    pub fn max_blocking_threads(mut self, count: usize) -> Self {
        self.settings.blocking.max_threads = count;
        self
    }

    /// How many blocking jobs may wait for a thread; a million by default.
    ///
    /// A job waits if no thread is free for it and as many exist as
    /// [`max_blocking_threads`](Self::max_blocking_threads) allows. One that an idle thread is about to
    /// take, or a thread that is being started for it, does not count. So at any time at most as many
    /// jobs as both options together have been accepted and not ended.
    ///
    /// A job beyond that is **refused**. [`spawn_blocking`](crate::spawn_blocking) drops its closure
    /// on the calling thread, and returns a handle that is ready with an error that
    /// [says so](crate::JoinError::is_refused); the
    /// [figures](crate::Metrics::refused_blocking_jobs) count it. With 0, no job waits: each finds a
    /// thread or is refused.
    ///
    /// A thread is free once it has put its last job away, a moment after that job's handle has given the
    /// output. A job that was aborted while it waits keeps its place until its turn comes. If the operating
    /// system refuses a thread and too many wait for that reason, the last ones are refused.
    ///
    /// # Examples
    ///
    /// One thread and room for two more jobs:
    ///
    /// ```
    /// use std::sync::mpsc;
    ///
    /// let builder = wheelhouse::Runtime::builder();
    /// let runtime = builder.max_blocking_threads(1).max_blocking_queue(2).build().unwrap();
    /// let (release, released) = mpsc::channel::<()>();
    /// let running = runtime.spawn_blocking(move || released.recv().is_err());
    /// let waiting = [1, 2].map(|i| runtime.spawn_blocking(move || i));
    ///
    /// let error = runtime.spawn_blocking(|| 3).join().unwrap_err();
    /// assert!(error.is_refused());
    /// assert!(error.to_string().contains("2 blocking jobs were waiting"));
    /// assert_eq!(runtime.metrics().refused_blocking_jobs, 1);
    ///
    /// drop(release);
    /// assert!(running.join().unwrap());
    /// assert_eq!(waiting.map(|job| job.join().unwrap()), [1, 2]);
    /// ```
    pub fn max_blocking_queue(mut self, count: usize) -> Self {
        self.settings.blocking.max_queue = count;
        self
    }

    /// How long a thread for blocking jobs that has none waits for one before it leaves; ten seconds by
    /// default.
    ///
    /// With [`Duration::ZERO`] it leaves as soon as it finds no job, so that nearly each job has a thread
    /// started for it; with [`Duration::MAX`] it stays until the shutdown. A job that comes while a
    /// thread leaves is run all the same.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let builder = wheelhouse::Runtime::builder();
    /// let runtime = builder.thread_keep_alive(Duration::from_millis(2)).build().unwrap();
    /// assert_eq!(runtime.spawn_blocking(|| 7).join().unwrap(), 7);
    /// while runtime.metrics().blocking_threads > 0 {
    ///     std::thread::yield_now(); // it leaves
    /// }
    /// assert_eq!(runtime.spawn_blocking(|| 8).join().unwrap(), 8);
    /// ```
    pub fn thread_keep_alive(mut self, duration: Duration) -> Self {
        self.settings.blocking.keep_alive = duration;
        self
    }
}
