//! How many spares are called, and when.
//!
//! One for each worker that is missing, if no worker sleeps who could be woken. If tasks wait, and those
//! who were called block in their turn, twice as many at each call: a task behind sixty that block
//! waits for six calls, and not for thirty.

use super::bench::NoSpare;
use crate::shared::Shared;
use std::sync::Arc;

/// So many looks at which nobody is missing end a row of calls: so long it takes to see that those who
/// were called are blocked as well.
const ENOUGH_LOOKS: u32 = 4;

#[derive(Default)]
pub(super) struct Calls {
    /// How many were called last; zero if a row of calls has ended.
    called: usize,
    /// Looks in a row at which nobody was missing.
    enough: u32,
}

/// What came of it.
pub(super) enum Called {
    Nobody,
    Some,
    /// Somebody is missing, and may come later.
    NobodyYet,
}

impl Calls {
    /// Whether a row of calls has not ended.
    pub(super) fn go_on(&self) -> bool {
        self.called > 0
    }

    /// Calls as many as are needed now.
    pub(super) fn call(&mut self, shared: &Arc<Shared>) -> Called {
        let pool = shared.pool();
        let missing = usize::try_from(-pool.crew().surplus()).unwrap_or(0);
        let asleep = pool.idle().any_parked();
        self.enough = if missing == 0 { self.enough + 1 } else { 0 };
        if asleep || self.enough > ENOUGH_LOOKS {
            self.called = 0;
        }
        let shortage = shared.monitor().shortage();
        if missing == 0 {
            shortage.limit_left();
        }
        if missing == 0 || asleep || pool.is_closed() {
            Called::Nobody
        } else if shortage.was_just_refused() {
            Called::NobodyYet
        } else {
            self.call_for(shared, missing)
        }
    }

    fn call_for(&mut self, shared: &Arc<Shared>, missing: usize) -> Called {
        let (pool, monitor) = (shared.pool(), shared.monitor());
        let wanted = missing.max(pool.work().min(2 * self.called));
        self.called = 0;
        for _ in 0..wanted {
            match pool.call_spare(|seat| shared.start_worker(seat)) {
                Ok(started) => {
                    self.called += 1;
                    if started {
                        monitor.shortage().one_started();
                    }
                }
                // More than are missing were only a guess.
                Err(_) if self.called >= missing => break,
                Err(reason) => {
                    let later = !matches!(reason, NoSpare::Limit);
                    monitor.none_came(shared, reason);
                    if later && self.called == 0 {
                        return Called::NobodyYet;
                    }
                    break;
                }
            }
        }
        if self.called > 0 {
            Called::Some
        } else {
            Called::Nobody
        }
    }
}
