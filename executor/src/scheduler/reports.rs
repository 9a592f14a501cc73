//! What the monitor tells the program: reports for the builder's hook, and lines in debug mode.
//!
//! The hook may block, and the monitor may not. So reports are queued, and a blocking job hands them to
//! the hook, one after the other.

use crate::{builder::Rescue, debug, shared::Shared, stuck::BlockedReport, task::contain};
use parking_lot::Mutex;
use std::{collections::VecDeque, panic::Location, sync::Arc};

/// Reports that wait while the hook blocks; what comes after them is lost.
const MOST: usize = 1024;

#[derive(Default)]
pub(super) struct Reports {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    reports: VecDeque<BlockedReport>,
    /// Whether a job is handing them over.
    handing_over: bool,
}

impl Reports {
    /// Tells the hook, if there is one. Never blocks.
    pub(super) fn tell(&self, shared: &Arc<Shared>, report: BlockedReport) {
        if shared.rescue().on_blocked.is_none() {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.reports.len() < MOST {
            queue.reports.push_back(report);
        }
        if std::mem::replace(&mut queue.handing_over, true) {
            return;
        }
        drop(queue);
        let owner = Arc::clone(shared);
        let job = move || owner.monitor().reports().hand_over(owner.rescue());
        if shared.spawn_blocking(job, Location::caller()).is_err() {
            // Without a thread the next report tries again.
            self.queue.lock().handing_over = false;
        }
    }

    fn hand_over(&self, rescue: &Rescue) {
        let next = || {
            let mut queue = self.queue.lock();
            let report = queue.reports.pop_front();
            queue.handing_over = report.is_some();
            report
        };
        while let Some(report) = next() {
            if let Some(hook) = &rescue.on_blocked {
                contain(|| hook(&report));
            }
        }
    }
}

/// Says a report on standard error.
pub(super) fn say(report: &BlockedReport) {
    debug::say(format_args!("{report}"));
}
