//! What is reported of polls that hold their worker.

use crate::task::{Id, Label};
use std::{fmt, io, panic::Location, sync::Arc, time::Duration};

/// What [`Builder::on_blocked`](crate::Builder::on_blocked) is told. A poll that holds its thread is
/// *stuck*: it is blocked, or it computes.
///
/// Its text is one line, ready for a log.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse::{BlockedReport, Runtime};
///
/// let runtime = Runtime::builder()
///     .on_blocked(|report| match report {
///         // Over at last: only the long ones are worth a line.
///         BlockedReport::Ended(poll) if poll.duration() < Duration::from_millis(50) => {}
///         report => eprintln!("{report}"),
///     })
///     .build()
///     .unwrap();
/// # drop(runtime);
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum BlockedReport {
    /// A poll was found to hold its thread. Told once for each such poll, while it lasts.
    Began(StuckPoll),
    /// That poll has returned; told once, with the time that it took in all.
    Ended(StuckPoll),
    /// As many spare threads run as are allowed, and more are needed: what is queued waits until a
    /// thread comes back. Told again only after nobody has been missing.
    SpareLimit {
        /// The limit, as given to
        /// [`max_spare_threads`](crate::Builder::max_spare_threads).
        limit: usize,
    },
    /// The operating system refused a spare thread. Told once until one could be started.
    SpareRefused {
        /// What it said.
        error: Arc<io::Error>,
    },
}

/// Why a poll is taken to be stuck.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StuckKind {
    /// Its thread sleeps: it waits for something, and uses next to no processor time.
    Blocked,
    /// It has computed for at least 10 ms of its thread's own processor time.
    Computing,
}

/// What a thread may be stuck in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polled {
    Task(Id),
    /// The future of a `block_on`.
    BlockOn,
    /// Wakers that a timer has called.
    Wakers,
}

/// A poll that holds its thread.
#[derive(Debug, Clone)]
pub struct StuckPoll {
    pub(crate) what: Polled,
    pub(crate) site: &'static Location<'static>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) thread: Arc<str>,
    pub(crate) kind: StuckKind,
    pub(crate) duration: Duration,
    pub(crate) ended: bool,
}

impl StuckPoll {
    /// The task that is polled. None for a future in `block_on`, and for a timer's waker that is not
    /// a task's.
    pub fn task_id(&self) -> Option<Id> {
        match self.what {
            Polled::Task(id) => Some(id),
            Polled::BlockOn | Polled::Wakers => None,
        }
    }

    /// The task's name, if [`task::Builder`](crate::task::Builder) has given it one.
    pub fn task_name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The line that spawned the task, or that called `block_on`. For a waker, a line in this crate.
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.site
    }

    /// The name of the thread that it holds.
    pub fn thread_name(&self) -> &str {
        &self.thread
    }

    /// Whether it waits or computes, as far as could be told.
    pub fn kind(&self) -> StuckKind {
        self.kind
    }

    /// How long the poll has taken since it was first seen, to a few milliseconds. A `block_in_place` in
    /// it begins it anew.
    pub fn duration(&self) -> Duration {
        self.duration
    }

    /// Whether it has returned.
    pub fn has_ended(&self) -> bool {
        self.ended
    }
}

impl fmt::Display for StuckPoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.what {
            Polled::Task(id) => {
                let (name, site) = (self.name.clone(), self.site);
                write!(f, "{},", Label { id, name, site })?;
            }
            Polled::BlockOn => write!(f, "the future of `block_on` at {}", self.site)?,
            Polled::Wakers => write!(f, "a waker that a timer called")?,
        }
        let verb = match (self.kind, self.ended) {
            (StuckKind::Blocked, false) => "has blocked",
            (StuckKind::Blocked, true) => "blocked",
            (StuckKind::Computing, false) => "has computed on",
            (StuckKind::Computing, true) => "computed on",
        };
        let millis = self.duration.as_millis();
        write!(f, " {verb} thread `{}` for {millis} ms", self.thread)?;
        if self.ended {
            write!(f, ": that poll is over")?;
        }
        Ok(())
    }
}

impl fmt::Display for BlockedReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BlockedReport::Began(poll) | BlockedReport::Ended(poll) => poll.fmt(f),
            BlockedReport::SpareLimit { limit: 0 } => write!(
                f,
                "all workers are blocked, and no spare thread may stand in: tasks wait until one \
                 comes back; use `spawn_blocking`, or allow `max_spare_threads`"
            ),
            BlockedReport::SpareLimit { limit } => write!(
                f,
                "the limit of {limit} spare threads in place of blocked workers is reached, and more \
                 are needed: tasks wait until one comes back; use `spawn_blocking`, or raise \
                 `max_spare_threads`"
            ),
            BlockedReport::SpareRefused { error } => write!(
                f,
                "no spare thread could be started in place of a blocked worker: {error}"
            ),
        }
    }
}
