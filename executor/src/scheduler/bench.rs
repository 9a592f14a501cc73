//! Spares and the bench: bringing one to work, sending one that is not needed back, and its wait there.

use super::{crew::Call, pool::Pool};
use std::{
    io,
    time::{Duration, Instant},
};

/// Why no spare has come.
pub(crate) enum NoSpare {
    /// One is about to be free.
    NotYet,
    Limit,
    Refused(io::Error),
}

impl Pool {
    /// Waits on the bench until the spare is called: true; or for so long, or until the pool is
    /// closed.
    pub(super) fn sit_on_bench(&self, seat: usize, limit: Duration) -> bool {
        let until = Instant::now() + limit;
        self.turns_idle();
        self.crew().sit(seat);
        self.ring_if_idle();
        loop {
            if self.is_closed() || self.crew().is_called(seat) {
                return !self.is_closed();
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return !self.crew().leave(seat);
            }
            self.sleepers().wait_on_bench(seat, left);
        }
    }

    /// Brings a spare to work; `start` starts a thread for a seat. True: it has started one.
    pub(super) fn call_spare(
        &self,
        start: impl FnOnce(usize) -> io::Result<()>,
    ) -> Result<bool, NoSpare> {
        match self.crew().call() {
            Call::Bench(seat) => self.sleepers().call_from_bench(seat),
            Call::Start(seat) => {
                if let Err(error) = start(seat) {
                    self.crew().refused(seat);
                    return Err(NoSpare::Refused(error));
                }
                return Ok(true);
            }
            Call::NotYet => return Err(NoSpare::NotYet),
            Call::Limit => return Err(NoSpare::Limit),
        }
        Ok(false)
    }

    /// Has somebody stand in for a worker that is about to block: one that sleeps, and will be woken for
    /// what there is, if somebody watches what becomes of that one; else a spare. If there is none, work
    /// waits.
    pub(crate) fn stand_in(
        &self,
        is_watched: bool,
        start: impl Fn(usize) -> io::Result<()>,
    ) -> Result<(), NoSpare> {
        while self.crew().surplus() < 0 && !(is_watched && self.idle().any_parked()) {
            self.call_spare(&start)?;
        }
        Ok(())
    }

    /// Wakes spares that sleep and are not needed, so that they go to the bench.
    pub(crate) fn recall_surplus(&self) {
        let surplus = usize::try_from(self.crew().surplus()).unwrap_or(0);
        if surplus > 0 {
            let asleep = self.crew().at_work().into_iter().rev();
            let asleep = asleep.filter(|seat| self.idle().is_parked(*seat));
            asleep
                .take(surplus)
                .for_each(|seat| self.sleepers().recall(seat));
        }
    }
}
