//! Too few spares: what is told of it, once for each time.

use super::bench::NoSpare;
use crate::stuck::BlockedReport;
use parking_lot::Mutex;
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long nobody asks again for a thread that was refused.
const AFTER_REFUSAL: Duration = Duration::from_millis(100);

/// A shortage that comes and goes is told of in a line only so often.
const BETWEEN_LINES: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct Shortage(Mutex<State>);

#[derive(Default)]
struct State {
    /// Whether the limit has been told of, and not been left since.
    limit_told: bool,
    /// When a thread was refused, and none started since.
    refused: Option<Instant>,
    /// When standard error was told last.
    said: Option<Instant>,
}

impl Shortage {
    /// No spare came. What there is to be told, if that has not been done.
    pub(super) fn none_came(&self, reason: NoSpare, limit: usize) -> Option<BlockedReport> {
        let mut state = self.0.lock();
        match reason {
            NoSpare::NotYet => None,
            NoSpare::Limit => {
                let told = std::mem::replace(&mut state.limit_told, true);
                (!told).then_some(BlockedReport::SpareLimit { limit })
            }
            NoSpare::Refused(error) => {
                let told = state.refused.replace(Instant::now()).is_some();
                let error = Arc::new(error);
                (!told).then_some(BlockedReport::SpareRefused { error })
            }
        }
    }

    /// Whether standard error is to be told again.
    pub(super) fn may_say(&self) -> bool {
        let mut state = self.0.lock();
        let long_ago = state
            .said
            .is_none_or(|when| when.elapsed() >= BETWEEN_LINES);
        if long_ago {
            state.said = Some(Instant::now());
        }
        long_ago
    }

    /// Whether it is known that there are as many as are allowed.
    pub(super) fn is_at_limit(&self) -> bool {
        self.0.lock().limit_told
    }

    /// Nobody is missing any more.
    pub(super) fn limit_left(&self) {
        self.0.lock().limit_told = false;
    }

    /// A thread could be started.
    pub(super) fn one_started(&self) {
        self.0.lock().refused = None;
    }

    pub(super) fn was_just_refused(&self) -> bool {
        let refused = self.0.lock().refused;
        refused.is_some_and(|when| when.elapsed() < AFTER_REFUSAL)
    }
}
