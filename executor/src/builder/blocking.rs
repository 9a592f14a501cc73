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
    /// default. They are started as they are needed, and jobs beyond that wait for their turn.
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
    /// A job beyond that is refused: its closure is dropped, and its handle gives an error that
    /// [says so](crate::JoinError::is_refused). With 0, a job that finds no thread free, and none that may be
    /// started, is refused at once.
    pub fn max_blocking_queue(mut self, count: usize) -> Self {
        self.settings.blocking.max_queue = count;
        self
    }

    /// How long a thread for blocking jobs stays that has none; ten seconds by default.
    pub fn thread_keep_alive(mut self, duration: Duration) -> Self {
        self.settings.blocking.keep_alive = duration;
        self
    }
}
