//! What a task is called in reports.

use super::Id;
use std::{fmt, panic::Location, sync::Arc};

/// Which task it is, for reports and errors that may outlive it.
#[derive(Clone, Debug)]
pub(crate) struct Label {
    pub(crate) id: Id,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) site: &'static Location<'static>,
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " `{name}`")?;
        }
        write!(f, ", spawned at {}", self.site)
    }
}
