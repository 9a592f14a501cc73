//! Who arms timers, and on which threads.

/// A runtime, and the kind of its threads that arm and cancel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Entrant {
    /// No timer at all: what a boxed future costs that is made, polled and dropped in the same way.
    Floor,
    /// Workers of Wheelhouse.
    Wheelhouse,
    /// Threads in `block_on` of Wheelhouse.
    WheelhouseOutside,
    /// Workers of tokio.
    Tokio,
    /// Threads in `block_on` of tokio.
    TokioOutside,
    /// Threads in `block_on` of async-io, which knows no other kind.
    AsyncIo,
}

impl Entrant {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Entrant; 6] = [
        Entrant::Floor,
        Entrant::Wheelhouse,
        Entrant::WheelhouseOutside,
        Entrant::Tokio,
        Entrant::TokioOutside,
        Entrant::AsyncIo,
    ];

    /// Its name on the command line and in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Entrant::Floor => "floor",
            Entrant::Wheelhouse => "wheelhouse",
            Entrant::WheelhouseOutside => "wheelhouse-outside",
            Entrant::Tokio => "tokio",
            Entrant::TokioOutside => "tokio-outside",
            Entrant::AsyncIo => "async-io",
        }
    }

    /// The entrant of this name.
    pub(super) fn from_name(name: &str) -> Option<Entrant> {
        Entrant::ALL
            .into_iter()
            .find(|entrant| entrant.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for entrant in Entrant::ALL {
            assert_eq!(Entrant::from_name(entrant.name()), Some(entrant));
        }
    }
}
