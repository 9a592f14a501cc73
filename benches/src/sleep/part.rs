//! The parts of the report that can be asked for alone.

use super::way::Way;

/// What can be asked for alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Heartbeats,
    Way(Way),
}

impl Part {
    /// All of them, in the order in which they run.
    pub(super) fn all() -> Vec<Part> {
        let ways = Way::ALL.map(Part::Way);
        std::iter::once(Part::Heartbeats).chain(ways).collect()
    }

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Part::Heartbeats => "heartbeats",
            Part::Way(way) => way.name(),
        }
    }

    /// What it does.
    pub(super) fn title(self) -> &'static str {
        match self {
            Part::Heartbeats => "how late 100 tasks are while others block the workers",
            Part::Way(way) => way.title(),
        }
    }
}
