//! What a shutdown says of the threads that do not end.

use crate::{scheduler::polling::Poll, stuck::Polled, task::OneLine};
use std::{fmt, panic::Location, sync::Arc, time::Duration};

/// What a shutdown that did not wait any longer left behind.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let runtime = wheelhouse::Runtime::new().unwrap();
/// let report = runtime.shutdown_timeout(Duration::from_secs(10));
/// assert!(report.is_complete(), "{report}");
/// ```
#[derive(Debug, Clone)]
#[must_use = "the report says which threads are stuck"]
pub struct ShutdownReport {
    pub(crate) stuck: Vec<StuckThread>,
}

/// A thread that was still running when a shutdown stopped waiting for it.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// let runtime = wheelhouse::Runtime::builder().thread_name("db").build().unwrap();
/// let (running, is_running) = mpsc::channel();
/// let (release, released) = mpsc::channel::<()>();
/// let job = runtime.spawn_blocking(move || {
///     running.send(()).unwrap();
///     released.recv() // for as long as somebody else likes
/// });
/// is_running.recv().unwrap();
///
/// let report = runtime.shutdown_timeout(Duration::from_millis(5));
/// let thread = report.stuck().iter().find(|thread| thread.name() == "db-b0").unwrap();
/// assert_eq!(thread.spawn_site(), Some(job.spawn_site()));
/// assert!(thread.duration() >= Some(Duration::from_millis(5)));
/// assert!(!report.is_complete());
/// drop(release); // and it ends
/// ```
#[derive(Debug, Clone)]
pub struct StuckThread {
    pub(super) name: String,
    pub(super) code: Code,
    pub(super) duration: Option<Duration>,
}

/// Whose code a thread runs.
#[derive(Debug, Clone)]
pub(super) enum Code {
    /// Nobody's: it is on its way to its end.
    None,
    /// What was spawned there, and its name.
    Spawned(&'static Location<'static>, Option<Arc<str>>),
    /// A waker that a timer calls.
    Waker,
    /// A hook of the builder.
    Hook,
}

impl Code {
    pub(super) fn of(poll: Poll, name: Option<Arc<str>>) -> Self {
        match poll.what() {
            Polled::Task(_) | Polled::BlockOn => Code::Spawned(poll.site, name),
            Polled::Wakers => Code::Waker,
        }
    }
}

impl ShutdownReport {
    /// Whether every thread has ended.
    pub fn is_complete(&self) -> bool {
        self.stuck.is_empty()
    }

    /// The threads that have not.
    pub fn stuck(&self) -> &[StuckThread] {
        &self.stuck
    }
}

impl StuckThread {
    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the task or blocking job was spawned that the thread runs; none if it runs none: it may be
    /// in a hook, or in a waker that a timer has called, or about to end.
    pub fn spawn_site(&self) -> Option<&'static Location<'static>> {
        match self.code {
            Code::Spawned(site, _) => Some(site),
            Code::None | Code::Waker | Code::Hook => None,
        }
    }

    /// The name of that task or job, if [`task::Builder`](crate::task::Builder) has given it one.
    pub fn task_name(&self) -> Option<&str> {
        match &self.code {
            Code::Spawned(_, name) => name.as_deref(),
            Code::None | Code::Waker | Code::Hook => None,
        }
    }

    /// How long it has been in what it runs, at least; none if it runs none of the program's code.
    ///
    /// Exact for a blocking job and for a hook. A poll counts from the moment when it was first
    /// noticed, a few milliseconds after it began; in a runtime that does not
    /// [watch](crate::Builder::watch) its polls, only while the shutdown waits.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }
}

impl fmt::Display for StuckThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "thread `{}`", self.name)?;
        match &self.code {
            Code::None => return Ok(()),
            Code::Spawned(site, None) => write!(f, ", which has run what {site} spawned")?,
            Code::Spawned(site, Some(name)) => {
                write!(f, ", which has run `{}`, spawned at {site},", OneLine(name))?;
            }
            Code::Waker => write!(f, ", which has been in a waker that a timer called")?,
            Code::Hook => write!(f, ", which has been in a hook")?,
        }
        let seconds = self.duration.unwrap_or_default().as_secs_f64();
        write!(f, " for {seconds:.1} s")
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stuck.is_empty() {
            return write!(f, "every thread has ended");
        }
        write!(f, "still running: ")?;
        for (index, thread) in self.stuck.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{thread}")?;
        }
        Ok(())
    }
}
