//! The thread that watches: it finds who is stuck, has others take over, and reports it.
//!
//! It runs no task, nor anybody's code, until the pool is closed and the workers are held up. While
//! tasks are polled it looks every millisecond or two at what each worker polls
//! ([`polling`](super::polling)); while they are polled now and then, and some worker sleeps, less
//! often; while none is, it [sleeps](super::doze).
//!
//! What is queued at a stuck worker goes to the injector, and its LIFO slot stays empty while it is
//! [marked](super::mark::Mark); others serve its timers as ever. If any worker sleeps, that is all: it
//! is woken for the tasks, and somebody keeps the time. Else spares are [called](super::calls), one for
//! each worker that is blocked. For workers that compute, one more is called only if nobody gets on
//! with anything.

use super::{
    bench::NoSpare,
    doze::Doze,
    looks::{Looks, Next},
    reports::{Reports, To},
    shortage::Shortage,
    watched::Watched,
    worker::AbortOnUnwind,
};
use crate::{
    shared::Shared,
    stuck::{BlockedReport, StuckKind},
    task::Runnable,
    threads::Running,
};
use parking_lot::{Mutex, MutexGuard};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

/// Between two looks while one more will tell: somebody may be blocked, or a spare has been called.
const SOON: Duration = Duration::from_micros(500);

/// Between two looks when things have changed lately.
const EAGER: Duration = Duration::from_millis(1);

/// Between two looks while everybody is busy.
const STEADY: Duration = Duration::from_millis(2);

/// Between two looks while tasks are polled now and then, and some worker sleeps.
const SELDOM: Duration = Duration::from_millis(4);

/// How long the workers of a closed pool have to end its tasks, before the monitor does it, each time.
const FOR_WORKERS_TO_LEAVE: Duration = Duration::from_millis(20);

/// What the watched threads know of the monitor.
pub(crate) struct Monitor {
    doze: Doze,
    watched: Mutex<Vec<Watched>>,
    reports: Reports,
    shortage: Shortage,
    blocked_polls: AtomicU64,
    computing_polls: AtomicU64,
    limit_hits: AtomicU64,
    watches: bool,
}

impl Monitor {
    pub(crate) fn new(watches: bool) -> Self {
        Monitor {
            doze: Doze::new(),
            watched: Mutex::default(),
            reports: Reports::default(),
            shortage: Shortage::default(),
            blocked_polls: AtomicU64::new(0),
            computing_polls: AtomicU64::new(0),
            limit_hits: AtomicU64::new(0),
            watches,
        }
    }

    /// Watches the calling thread until the guard is dropped.
    pub(crate) fn watch(&self, running: &Arc<Running>, seat: Option<usize>) -> WatchGuard<'_> {
        if self.watches {
            let watched = Watched::current(Arc::clone(running), seat);
            self.watched.lock().push(watched);
        }
        WatchGuard {
            monitor: self,
            running: Arc::clone(running),
        }
    }

    /// Whether anybody does.
    pub(crate) fn watches(&self) -> bool {
        self.watches
    }

    /// Wakes the monitor if it sleeps: the caller has published that it polls again, or no longer.
    pub(crate) fn stir(&self) {
        self.worker_is_back(|| false);
    }

    /// As [`stir`](Self::stir), by a worker that comes back from its sleep, and says whether it is
    /// the last.
    pub(super) fn worker_is_back(&self, all_run: impl FnOnce() -> bool) {
        if self.watches {
            self.doze.stir(all_run);
        }
    }

    /// Ends the monitor, whose pool is closed. It ends the reports, if it is there.
    pub(crate) fn end(&self) {
        if self.watches {
            self.doze.end();
        } else {
            self.reports.close();
        }
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.reports
    }

    /// Polls that blocked, polls that computed, and how often there were too few spares.
    pub(crate) fn figures(&self) -> (u64, u64, u64) {
        // Relaxed: figures.
        let figure = |counter: &AtomicU64| counter.load(Relaxed);
        (
            figure(&self.blocked_polls),
            figure(&self.computing_polls),
            figure(&self.limit_hits),
        )
    }

    pub(super) fn count_poll(&self, kind: StuckKind) {
        let counter = match kind {
            StuckKind::Blocked => &self.blocked_polls,
            StuckKind::Computing => &self.computing_polls,
        };
        // Relaxed: a figure.
        counter.fetch_add(1, Relaxed);
    }

    pub(super) fn shortage(&self) -> &Shortage {
        &self.shortage
    }

    /// Tells that no spare came, unless that has been told.
    pub(crate) fn none_came(&self, shared: &Arc<Shared>, reason: NoSpare) {
        let limit = shared.pool().crew().max_spares();
        let Some(report) = self.shortage.none_came(reason, limit) else {
            return;
        };
        if matches!(report, BlockedReport::SpareLimit { .. }) {
            // Relaxed: a figure.
            self.limit_hits.fetch_add(1, Relaxed);
        }
        let rescue = shared.rescue();
        let in_a_line = (rescue.debug || rescue.on_blocked.is_none()) && self.shortage.may_say();
        self.reports.tell(shared, report.clone(), To::Hook);
        if in_a_line {
            self.reports.tell(shared, report, To::StandardError);
        }
    }

    pub(super) fn watched(&self) -> MutexGuard<'_, Vec<Watched>> {
        self.watched.lock()
    }
}

/// The guard of [`Monitor::watch`].
pub(crate) struct WatchGuard<'a> {
    monitor: &'a Monitor,
    running: Arc<Running>,
}

impl Drop for WatchGuard<'_> {
    fn drop(&mut self) {
        if !self.running.is_here() {
            // It was the future of a `block_on` that forked, and there is no monitor.
            return;
        }
        let mut watched = self.monitor.watched.lock();
        watched.retain_mut(|other| !Arc::ptr_eq(other.running(), &self.running) || other.leave());
        let last = !watched.iter().any(Watched::is_at_work);
        drop(watched);
        if last {
            // It waits for the workers when the pool is closed.
            self.monitor.doze.end();
        } else {
            self.monitor.stir();
        }
    }
}

/// The body of the monitor's thread.
pub(crate) fn run(shared: &Arc<Shared>, running: &Running) {
    let end = AbortOnUnwind("the monitor");
    let monitor = shared.monitor();
    monitor.doze.adopt();
    let mut looks = Looks::new(shared);
    while !shared.pool().is_closed() {
        match looks.look() {
            Next::Soon => monitor.doze.pause(SOON),
            Next::Eagerly => monitor.doze.pause(EAGER),
            Next::Steadily => monitor.doze.pause(STEADY),
            Next::Seldom => {
                if monitor.doze.long_pause(SELDOM) {
                    looks.be_eager();
                }
            }
            Next::Stirred => {
                monitor.doze.sleep_unless(|| looks.anything_new());
                looks.be_eager();
            }
        }
    }
    // What was found stuck at the last look may be over, and nobody else may be left to clear up.
    looks.look();
    clear_up(shared, running);
    looks.look();
    monitor.reports.close();
    std::mem::forget(end);
}

/// Until all workers have left: ends the tasks of a closed pool. They do so themselves as they leave,
/// but each of them may be stuck, and go on to spawn.
fn clear_up(shared: &Arc<Shared>, running: &Running) {
    let monitor = shared.monitor();
    // Destructors may ask for the runtime.
    let _entered = shared.enter();
    let workers_left = || !monitor.watched().iter().any(Watched::is_at_work);
    while !workers_left() {
        monitor.doze.pause(FOR_WORKERS_TO_LEAVE);
        if !workers_left() {
            let publish = |task: &Runnable| running.polling().task(task.id(), task.site());
            shared.pool().end_tasks(publish);
            running.polling().rest();
            shared.timers().close();
        }
    }
}
