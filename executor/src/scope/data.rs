//! What the tickets of a scope hold in common.

use super::count::Count;
use crate::{
    scheduler::waits,
    task::{Id, Label},
    unhandled::text_of,
};
use parking_lot::Mutex;
use std::{any::Any, fmt, panic::Location, thread};

/// It borrows nothing.
pub(super) struct Data {
    pub(super) count: Count,
    panics: Mutex<Vec<Panicked>>,
}

/// A panic that nobody has collected yet.
struct Panicked {
    /// The task that may give it to its handle; none in the destructor of an output.
    task: Option<Label>,
    site: &'static Location<'static>,
    text: Option<Box<str>>,
}

impl Data {
    /// Of a scope for which this thread will wait.
    pub(super) fn new() -> Self {
        Data {
            count: Count::new(),
            panics: Mutex::default(),
        }
    }

    /// Notes a panic that nobody has collected yet.
    #[cold]
    pub(super) fn note(
        &self,
        task: Option<Label>,
        site: &'static Location<'static>,
        payload: &(dyn Any + Send),
    ) {
        let text = text_of(payload).map(Box::from);
        self.panics.lock().push(Panicked { task, site, text });
    }

    /// Forgets one panic of a task: its handle has given it to somebody.
    #[cold]
    pub(super) fn collected(&self, task: Id) {
        let mut panics = self.panics.lock();
        if let Some(place) = panics
            .iter()
            .position(|one| one.task.as_ref().is_some_and(|label| label.id == task))
        {
            panics.remove(place);
        }
    }

    /// Panics if nobody has collected a panic.
    #[track_caller]
    pub(super) fn check(&self) {
        let panics = std::mem::take(&mut *self.panics.lock());
        if let [first, more @ ..] = &*panics
            && !thread::panicking()
        {
            let more = match more.len() {
                0 => String::new(),
                count => format!(" (and {count} more)"),
            };
            panic!("in a `scope`, {first}{more}");
        }
    }
}

impl waits::Wake for Data {
    fn is_woken(&self) -> bool {
        self.count.is_over()
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.task {
            Some(task) => write!(f, "{task}, panicked")?,
            None => write!(
                f,
                "the output of a task, spawned at {}, panicked in its drop",
                self.site
            )?,
        }
        write!(f, ", and nobody collected it")?;
        match &self.text {
            Some(text) => write!(f, ": {text}"),
            None => Ok(()),
        }
    }
}
