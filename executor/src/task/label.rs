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

/// A text in one line, however many it has.
pub(crate) struct OneLine<'a>(pub(crate) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for part in self.0.split_inclusive(char::is_control) {
            let text = part.trim_end_matches(char::is_control);
            f.write_str(text)?;
            write!(f, "{}", part[text.len()..].escape_debug())?;
        }
        Ok(())
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "task {}", self.id)?;
        if let Some(name) = &self.name {
            write!(f, " `{}`", OneLine(name))?;
        }
        write!(f, ", spawned at {}", self.site)
    }
}
