//! What the monitor tells the program: reports for the builder's hook, and lines on standard error.
//!
//! Both may block, and the monitor may not. So reports are queued, and a thread of their own hands
//! them over, one after the other. It is started for the first report, and leaves when there has been
//! none for long.

use crate::{
    builder::Rescue,
    debug,
    shared::Shared,
    stuck::BlockedReport,
    threads::Running,
    unhandled::{self, Place},
};
use parking_lot::{Condvar, Mutex};
use std::{collections::VecDeque, sync::Arc, time::Duration};

/// Reports that wait while the hook blocks; what comes after them is lost.
const MOST: usize = 1024;

/// How long the thread stays without a report.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// To whom a report goes.
#[derive(Clone, Copy)]
pub(super) enum To {
    Hook,
    StandardError,
}

#[derive(Default)]
pub(crate) struct Reports {
    queue: Mutex<Queue>,
    changed: Condvar,
}

#[derive(Default)]
struct Queue {
    reports: VecDeque<(BlockedReport, To)>,
    /// Whether the thread is there.
    has_thread: bool,
    /// Whether the last report has been queued.
    closed: bool,
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
        let has_thread = std::mem::replace(&mut queue.has_thread, true);
        drop(queue);
        self.changed.notify_one();
        if !has_thread && shared.start_reporter().is_err() {
            // The next report tries again.
            self.queue.lock().has_thread = false;
        }
    }

    /// What is queued is told, and then the thread leaves.
    pub(super) fn close(&self) {
        self.queue.lock().closed = true;
        self.changed.notify_one();
    }

    /// The body of the thread.
    pub(crate) fn hand_over(&self, rescue: &Rescue, running: &Running) {
        while let Some((report, to)) = self.next() {
            match (to, &rescue.on_blocked) {
                (To::Hook, Some(hook)) => {
                    running.in_hook(|| unhandled::contain(Place::Hook, || hook(&report)));
                }
                (To::Hook, None) => {}
                (To::StandardError, _) => debug::say(format_args!("{report}")),
            }
        }
    }

    fn next(&self) -> Option<(BlockedReport, To)> {
        let mut queue = self.queue.lock();
        while queue.reports.is_empty() && !queue.closed {
            if self.changed.wait_for(&mut queue, KEEP_ALIVE).timed_out() {
                break;
            }
        }
        let next = queue.reports.pop_front();
        queue.has_thread = next.is_some();
        next
    }
}
