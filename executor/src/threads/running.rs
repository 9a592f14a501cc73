//! One thread of a runtime, and for how long it has been in what it runs.
//!
//! No thread looks at the clock before each poll. Whoever looks at a thread, the monitor or a shutdown
//! that waits, notes which poll it saw, by its word, and when. So the duration of a poll is known as
//! "at least", and that of a later poll is never taken from an earlier one's note.

use super::report::{Code, StuckThread};
use crate::{
    os::fork::Process,
    scheduler::polling::{Poll, Polling},
    task::Id,
};
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use std::{
    panic::Location,
    sync::{Arc, OnceLock},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// One thread, and what it polls.
pub(crate) struct Running {
    name: Arc<str>,
    /// Whether it never runs the program's code, so that nothing can hold it up.
    internal: bool,
    thread: OnceLock<ThreadId>,
    process: Process,
    polling: CachePadded<Polling>,
    /// A poll that was seen, by its word, and when it was seen first. Nobody looks at the clock for each
    /// poll.
    seen: Mutex<Option<(u64, Instant)>>,
    /// The name of the task that the last poll of a named one was of, with the poll's word.
    task_name: Mutex<Option<(u64, Arc<str>)>>,
    /// Since when a hook runs.
    hook: Mutex<Option<Instant>>,
}

impl Running {
    pub(crate) fn new(name: &str) -> Self {
        Running {
            name: name.into(),
            internal: false,
            thread: OnceLock::new(),
            process: Process::current(),
            polling: CachePadded::new(Polling::new()),
            seen: Mutex::new(None),
            task_name: Mutex::new(None),
            hook: Mutex::new(None),
        }
    }

    /// Whether it is the calling thread.
    pub(super) fn is_current(&self) -> bool {
        self.thread.get() == Some(&thread::current().id())
    }

    /// Whether the thread is in this process.
    pub(crate) fn is_here(&self) -> bool {
        self.process.is_current()
    }

    /// A thread that runs none of the program's code but to end tasks.
    pub(super) fn internal(name: &str) -> Self {
        let internal = true;
        Running {
            internal,
            ..Running::new(name)
        }
    }

    /// Notes that the current thread is the one.
    pub(super) fn begin(&self) {
        self.thread.get_or_init(|| thread::current().id());
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it polls.
    #[inline]
    pub(crate) fn polling(&self) -> &Polling {
        &self.polling
    }

    /// The thread is about to run a blocking job. These are few enough to look at the clock.
    pub(crate) fn starts_job(&self, id: Id, site: &'static Location<'static>) {
        self.polling.task(id, site);
        *self.seen.lock() = Some((self.polling.word(), Instant::now()));
    }

    /// What the thread polls now is a task of this name.
    pub(crate) fn names_task(&self, name: &Arc<str>) {
        let named = (self.polling.word(), Arc::clone(name));
        let old = self.task_name.lock().replace(named);
        drop(old); // Outside the lock, as everything is that may be the last of its kind.
    }

    /// The name of the task that this poll is of, if it has one and no later poll of a named task
    /// has come.
    pub(crate) fn task_name(&self, poll: Poll) -> Option<Arc<str>> {
        let named = self.task_name.lock();
        let (word, name) = named.as_ref()?;
        (*word == poll.word).then(|| Arc::clone(name))
    }

    /// The thread calls a hook. Ends the process if that has forked it.
    pub(crate) fn in_hook(&self, call: impl FnOnce()) {
        *self.hook.lock() = Some(Instant::now());
        call();
        self.process.end_if_forked();
        *self.hook.lock() = None;
    }

    /// Notes that this poll was seen at `at`, unless that is known already.
    pub(crate) fn note(&self, poll: Poll, at: Instant) {
        let mut seen = self.seen.lock();
        if seen.is_none_or(|(word, _)| word != poll.word) {
            *seen = Some((poll.word, at));
        }
    }

    /// This poll is over.
    pub(crate) fn forget(&self, poll: Poll) {
        let mut seen = self.seen.lock();
        if seen.is_some_and(|(word, _)| word == poll.word) {
            *seen = None;
        }
    }

    /// Notes what the thread polls now.
    pub(super) fn look(&self) {
        if let Some(poll) = self.polling.now() {
            self.note(poll, Instant::now());
        }
    }

    /// How long the thread has been in this poll, at least.
    pub(super) fn duration(&self, poll: Poll) -> Option<Duration> {
        let (word, at) = (*self.seen.lock())?;
        (word == poll.word).then(|| at.elapsed())
    }

    /// The thread, if it may be held up.
    pub(super) fn stuck(&self) -> Option<StuckThread> {
        let poll = self.polling.now();
        let hook = *self.hook.lock();
        let (code, duration) = match (poll, hook) {
            (Some(poll), _) => (
                Code::of(poll, self.task_name(poll)),
                Some(self.duration(poll).unwrap_or_default()),
            ),
            (None, Some(since)) => (Code::Hook, Some(since.elapsed())),
            // It is about to end, unless it is an internal one, which ends tasks now and then.
            (None, None) if self.internal => return None,
            (None, None) => (Code::None, None),
        };
        Some(StuckThread {
            name: self.name.to_string(),
            code,
            duration,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(100);

    /// A thread in a poll that was noted long ago.
    fn noted() -> (Running, Poll) {
        let running = Running::new("noted");
        let id = Id::from_u64(7);
        running.polling().task(id, Location::caller());
        let poll = running.polling().now().expect("it polls");
        let long_ago = Instant::now().checked_sub(LONG).expect("a running clock");
        running.note(poll, long_ago);
        (running, poll)
    }

    #[test]
    fn the_first_note_of_a_poll_counts() {
        let (running, poll) = noted();
        running.look();
        assert!(running.duration(poll) >= Some(LONG));
        running.forget(poll);
        assert_eq!(running.duration(poll), None);
    }

    #[test]
    fn the_same_tasks_next_poll_is_another() {
        let (running, poll) = noted();
        running.polling().end();
        running.polling().task(Id::from_u64(7), poll.site);
        let next = running.polling().now().expect("it polls");
        assert_eq!(running.duration(next), None);
        let stuck = running.stuck().expect("it runs something");
        assert_eq!(stuck.duration(), Some(Duration::ZERO));
        running.look();
        assert!(running.duration(next) < Some(LONG));
        running.forget(poll);
        assert!(running.duration(next).is_some(), "that was another");
    }
}
