//! A look at the tasks of a runtime.

use super::{Id, Label};
use std::{fmt, panic::Location, time::Duration};

/// What a task was doing when [`Handle::tasks`](crate::Handle::tasks) looked. Its text is one line.
///
/// # Examples
///
/// ```
/// use std::future::pending;
/// use wheelhouse::{Runtime, task, task::TaskState};
///
/// let runtime = Runtime::new().unwrap();
/// let stuck = task::Builder::new().name("stuck").spawn_on(pending::<()>(), runtime.handle());
/// let waits = || runtime.handle().tasks().into_iter().find(|task| task.state() == TaskState::Waiting);
/// let info = loop {
///     match waits() {
///         Some(info) => break info,
///         None => std::thread::yield_now(), // it has not been polled yet
///     }
/// };
/// assert_eq!((info.id(), info.name()), (stuck.id(), Some("stuck")));
/// println!("{info}"); // task 1 `stuck`, spawned at src/main.rs:5:46, has waited for 0.0 s
/// ```
#[derive(Clone, Debug)]
pub struct TaskInfo {
    pub(crate) label: Label,
    pub(crate) state: TaskState,
    pub(crate) duration: Option<Duration>,
}

/// What a task is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskState {
    /// A thread polls it, or runs it if it is a blocking job.
    Running,
    /// It is in a queue: it can run, and nobody has come to it yet.
    Queued,
    /// It waits to be woken.
    Waiting,
}

impl TaskInfo {
    /// How long it has run, if it does.
    pub(crate) fn running_for(&self) -> Option<Duration> {
        self.duration.filter(|_| self.state == TaskState::Running)
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.label.id
    }

    /// Its name, if it has one.
    pub fn name(&self) -> Option<&str> {
        self.label.name.as_deref()
    }

    /// The line that spawned it.
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.label.site
    }

    /// What it was doing.
    pub fn state(&self) -> TaskState {
        self.state
    }

    /// For a running task, how long this poll has lasted, at least: since it was first noticed. For
    /// another, how long ago its last poll ended, to about half a second (a poll that took longer counts
    /// as a part of it); after 52 days this begins anew. None for a task that has never been polled.
    pub fn duration(&self) -> Option<Duration> {
        self.duration
    }
}

impl fmt::Display for TaskInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let label = &self.label;
        match (self.state, self.duration) {
            (TaskState::Running, None) => write!(f, "{label}, runs"),
            (TaskState::Running, Some(time)) => {
                write!(f, "{label}, has run for {:.1} s", time.as_secs_f64())
            }
            (TaskState::Queued, None) => write!(f, "{label}, is queued, and has never run"),
            (TaskState::Queued, Some(time)) => {
                write!(
                    f,
                    "{label}, is queued, and ran {:.1} s ago",
                    time.as_secs_f64()
                )
            }
            (TaskState::Waiting, None) => write!(f, "{label}, waits"),
            (TaskState::Waiting, Some(time)) => {
                write!(f, "{label}, has waited for {:.1} s", time.as_secs_f64())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_running_task_runs_for_some_time() {
        let second = Some(Duration::from_secs(1));
        let info = |state, duration| TaskInfo {
            label: Label {
                id: Id::from_u64(1),
                name: None,
                site: Location::caller(),
            },
            state,
            duration,
        };
        let runs = info(TaskState::Running, second);
        assert_eq!((runs.running_for(), runs.duration()), (second, second));
        assert!(runs.to_string().ends_with(", has run for 1.0 s"), "{runs}");
        let runs = info(TaskState::Running, None);
        assert_eq!((runs.running_for(), runs.duration()), (None, None));
        assert_eq!(info(TaskState::Waiting, second).running_for(), None);
    }
}
