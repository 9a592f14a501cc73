//! What a runtime tells of itself in figures.

/// Figures of a runtime at one moment, from [`Runtime::metrics`](crate::Runtime::metrics) or
/// [`Handle::metrics`](crate::Handle::metrics).
///
/// Each figure is right by itself; together they may be of slightly different moments.
///
/// # Examples
///
/// ```
/// let runtime = wheelhouse::Runtime::builder().worker_threads(2).build().unwrap();
/// let metrics = runtime.metrics();
/// assert_eq!(metrics.workers, 2);
/// assert_eq!(metrics.stuck_workers, 0);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Metrics {
    /// Worker threads, spares not counted.
    pub workers: usize,
    /// Threads, spares included, that are not counted on at present: their poll blocks, or is inside
    /// [`block_in_place`](crate::block_in_place), or computes and has been replaced.
    pub stuck_workers: usize,
    /// Spare threads that exist at present, at work or waiting to be needed.
    pub spare_threads: usize,
    /// Spare threads that were ever started.
    pub spare_threads_started: u64,
    /// Polls that were found to block their thread. Those of a `block_on` are only looked at with
    /// [`on_blocked`](crate::Builder::on_blocked) or in debug mode.
    pub blocked_polls: u64,
    /// Polls that were found to compute for long.
    pub computing_polls: u64,
    /// How often more spare threads were needed than are allowed.
    pub spare_limit_hits: u64,
    /// Threads for blocking jobs that exist at present, those that are being started included.
    pub blocking_threads: usize,
    /// Those of them that wait for a job. One that a job has just been queued for counts until it has
    /// got up.
    pub idle_blocking_threads: usize,
    /// Blocking jobs that have not started, whether a thread is on its way for them or not.
    pub queued_blocking_jobs: usize,
    /// Blocking jobs that were refused, since too many were waiting
    /// ([`max_blocking_queue`](crate::Builder::max_blocking_queue)).
    pub refused_blocking_jobs: u64,
    /// Panics that nobody could collect any more; see
    /// [`on_unhandled_panic`](crate::Builder::on_unhandled_panic).
    pub unhandled_panics: u64,
}
