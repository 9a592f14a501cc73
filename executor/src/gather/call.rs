//! Which call made a gather, and where.

use super::Site;
use crate::{
    context,
    debug::{self, NO_POOL},
    shared::Shared,
    task::Epoch,
};
use std::{fmt, panic::Location, sync::Arc};

/// One call of `gather!` or `try_gather!`.
#[derive(Clone, Copy)]
pub(super) struct Call {
    site: Site,
    /// The number of the current runtime's pool, or [`NO_POOL`].
    pool: u16,
    epoch: Epoch,
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
        let home = |shared: &Arc<Shared>| {
            let pool = shared.pool();
            (pool.number(), pool.registry().epoch())
        };
        let home = context::with_current(|shared| shared.map(home));
        let (pool, epoch) = home.unwrap_or((NO_POOL, Epoch::default()));
        Call {
            site: Location::caller(),
            pool,
            epoch,
            name,
        }
    }

    pub(super) fn site(&self) -> Site {
        self.site
    }

    pub(super) fn pool(&self) -> u16 {
        self.pool
    }

    pub(super) fn epoch(&self) -> Epoch {
        self.epoch
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
