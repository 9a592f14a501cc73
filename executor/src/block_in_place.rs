//! `block_in_place`: blocking code inside a task, announced beforehand.

use crate::context::{self, Local};

/// Runs a closure that blocks, inside a task, after handing this worker's other work on.
///
/// What waits behind the task (other tasks, and timers) is served by another thread from the
/// beginning, where a call that is not announced delays it until it is noticed, a few
/// milliseconds. The task itself waits, and so does everything that is joined inside it. See
/// [`spawn_blocking`](crate::spawn_blocking) for a call that should run beside the task.
///
/// An abort, or a `timeout` around it, takes effect only when the task awaits next, and a shutdown
/// waits for the closure. It is not reported as blocked; in a `block_on`, where nobody can take
/// over, it is.
///
/// Beyond [`max_spare_threads`](crate::Builder::max_spare_threads) nobody takes over. On a thread
/// that is no worker it just calls the closure. Inside it, `block_on`, `run` and
/// [`JoinHandle::join`](crate::JoinHandle::join) are allowed.
///
/// # Panics
///
/// If the closure does.
///
/// # Examples
///
/// ```
/// use wheelhouse::{block_in_place, run};
///
/// let text = run(async { block_in_place(|| std::fs::read_to_string("Cargo.toml")) });
/// assert!(text.is_ok());
/// ```
pub fn block_in_place<F, R>(f: F) -> R
where
    F: FnOnce() -> R,
{
    context::in_place(f)
}

/// While it lives, others do the work of a worker that blocks.
pub(crate) struct HandedOff<'a> {
    local: &'a Local,
}

impl<'a> HandedOff<'a> {
    pub(crate) fn new(local: &'a Local) -> Self {
        let pool = local.shared.pool();
        let word = local.running.polling().word();
        pool.crew().replace(local.queue.mark(), word);
        local.queue.share_lifo();
        local.queue.tell();
        let timers = local.shared.timers();
        let sleepers = pool.sleepers();
        sleepers.relieve(local.queue.seat(), || timers.next_deadline());
        let monitor = local.shared.monitor();
        let start = |seat| local.shared.start_worker(seat);
        if let Err(reason) = pool.stand_in(monitor.watches(), start) {
            monitor.none_came(&local.shared, reason);
        }
        HandedOff { local }
    }
}

impl Drop for HandedOff<'_> {
    fn drop(&mut self) {
        let pool = self.local.shared.pool();
        pool.crew().returned(self.local.queue.mark());
        let monitor = self.local.shared.monitor();
        if monitor.watches() {
            monitor.stir();
        } else {
            pool.recall_surplus();
        }
    }
}
