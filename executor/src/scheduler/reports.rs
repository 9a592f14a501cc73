//! What the monitor tells the program: reports for the builder's hook, and lines on standard error.
//!
//! Both may block, and the monitor may not. So reports are queued, and a blocking job hands them
//! over, one after the other.

use crate::{builder::Rescue, debug, shared::Shared, stuck::BlockedReport, task::contain};
use parking_lot::Mutex;
use std::{collections::VecDeque, panic::Location, sync::Arc};

/// Reports that wait while the hook blocks; what comes after them is lost.
const MOST: usize = 1024;

/// To whom a report goes.
#[derive(Clone, Copy)]
pub(super) enum To {
    Hook,
    StandardError,
}

#[derive(Default)]
pub(super) struct Reports {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    reports: VecDeque<(BlockedReport, To)>,
    /// Whether a job is handing them over.
    handing_over: bool,
}

impl Reports {
    /// Tells the hook, if there is one, or standard error. Never blocks.
    pub(super) fn tell(&self, shared: &Arc<Shared>, report: BlockedReport, to: To) {
        if matches!(to, To::Hook) && shared.rescue().on_blocked.is_none() {
            return;
        }
        let mut queue = self.queue.lock();
        if queue.reports.len() < MOST {
            queue.reports.push_back((report, to));
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
            let next = queue.reports.pop_front();
            queue.handing_over = next.is_some();
            next
        };
        while let Some((report, to)) = next() {
            match (to, &rescue.on_blocked) {
                (To::Hook, Some(hook)) => contain(|| hook(&report)),
                (To::Hook, None) => {}
                (To::StandardError, _) => debug::say(format_args!("{report}")),
            }
        }
    }
}
