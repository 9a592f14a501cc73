//! What a runtime reported of stuck polls, collected.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use wheelhouse::task::Id;
use wheelhouse::{BlockedReport, StuckPoll};

/// Keeps every report, in the order of the calls. Clones are the same list.
///
/// # Examples
///
/// ```
/// use wheelhouse::Runtime;
/// use wheelhouse_tests::Reports;
///
/// let reports = Reports::new();
/// let runtime = Runtime::builder().on_blocked(reports.hook()).build().unwrap();
/// assert_eq!(runtime.run(async { 4 + 5 }), 9);
/// drop(runtime);
/// assert!(reports.all().is_empty());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Reports {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    all: Mutex<Vec<BlockedReport>>,
    more: Condvar,
}

impl Reports {
    /// An empty list.
    pub fn new() -> Self {
        Reports::default()
    }

    /// What to hand to [`Builder::on_blocked`](wheelhouse::Builder::on_blocked).
    pub fn hook(&self) -> impl Fn(&BlockedReport) + Send + Sync + 'static {
        let reports = self.clone();
        move |report| {
            reports.lock().push(report.clone());
            reports.shared.more.notify_all();
        }
    }

    /// All so far.
    pub fn all(&self) -> Vec<BlockedReport> {
        self.lock().clone()
    }

    /// Blocks until `find` finds something in the list, and returns it.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`, with what was reported until then.
    #[track_caller]
    pub fn wait_for<R>(&self, limit: Duration, find: impl Fn(&[BlockedReport]) -> Option<R>) -> R {
        let deadline = Instant::now() + limit;
        let mut all = self.lock();
        loop {
            if let Some(found) = find(&all) {
                return found;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "not reported in {limit:?}; only: {all:#?}");
            let waited = self.shared.more.wait_timeout(all, left);
            all = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Blocks until it is reported that a poll of task `id` is stuck.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    #[track_caller]
    pub fn wait_for_begin(&self, id: Id, limit: Duration) -> StuckPoll {
        self.wait_for(limit, |all| {
            begun(all).find(|poll| poll.task_id() == Some(id))
        })
    }

    /// Blocks until it is reported that a stuck poll of task `id` has returned.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    #[track_caller]
    pub fn wait_for_end(&self, id: Id, limit: Duration) -> StuckPoll {
        self.wait_for(limit, |all| {
            ended(all).find(|poll| poll.task_id() == Some(id))
        })
    }

    /// The stuck polls of which it was reported that they began.
    pub fn begun(&self) -> Vec<StuckPoll> {
        begun(&self.lock()).collect()
    }

    /// The stuck polls of which it was reported that they ended.
    pub fn ended(&self) -> Vec<StuckPoll> {
        ended(&self.lock()).collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<BlockedReport>> {
        self.shared
            .all
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn begun(all: &[BlockedReport]) -> impl Iterator<Item = StuckPoll> {
    all.iter().filter_map(|report| match report {
        BlockedReport::Began(poll) => Some(poll.clone()),
        _ => None,
    })
}

fn ended(all: &[BlockedReport]) -> impl Iterator<Item = StuckPoll> {
    all.iter().filter_map(|report| match report {
        BlockedReport::Ended(poll) => Some(poll.clone()),
        _ => None,
    })
}
