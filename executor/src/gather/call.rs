//! Which call made a gather, and where.

use super::Site;
use crate::{
    context,
    debug::{self, NO_POOL},
    shared::Shared,
};
use std::{fmt, panic::Location, sync::Arc};

/// One call of `gather!` or `try_gather!`.
#[derive(Clone, Copy)]
pub(super) struct Call {
    site: Site,
    /// The number of the current runtime's pool, or [`NO_POOL`].
    pool: u16,
    name: Name,
}

/// The macro that was called.
#[derive(Clone, Copy)]
pub(super) enum Name {
    Gather,
    TryGather,
}

impl Call {
    /// A call by the caller, on the current runtime.
    #[track_caller]
    pub(super) fn here(name: Name) -> Self {
        let number = |shared: Option<&Arc<Shared>>| shared.map(|shared| shared.pool().number());
        Call {
            site: Location::caller(),
            pool: context::with_current(number).unwrap_or(NO_POOL),
            name,
        }
    }

    pub(super) fn site(&self) -> Site {
        self.site
    }

    pub(super) fn pool(&self) -> u16 {
        self.pool
    }

    /// Says in debug mode that nobody ever awaited the gather, unless something else is to blame.
    #[cold]
    pub(super) fn never_awaited(&self) {
        if !debug::is_cut_short() && debug::is_on(self.pool) {
            debug::say(format_args!(
                "{self} was dropped without ever being awaited: its tasks are cancelled, and all \
                 values are lost"
            ));
        }
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the `{}` at {}", self.name, self.site)
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Name::Gather => "gather!",
            Name::TryGather => "try_gather!",
        })
    }
}
