//! What has to come of a case.
//!
//! A panic is **nobody's**, and counted in `Metrics::unhandled_panics`, if
//!
//! * it took the place of the task's output, and the output is dropped and not taken;
//! * it found that place taken: the second panic of a task (its future's drop, after its poll);
//! * it had no place: it came from an output's drop inside the runtime, from the wake or the drop of a
//!   join waker.
//!
//! It is somebody's if it goes on in whoever called: the clone of a join waker panics in the poll of the
//! handle, and an output that was taken is its taker's. Nobody is left to count what an output's drop
//! does when runtime and handles are gone; but an error remembers where it came from.

use crate::case::{Aborts, Case, Goes, Kind, Panics, Runtime};

/// What the handle yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Yields {
    Value,
    Cancelled,
    Panic,
}

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) yields: Yields,
    /// How many tokens there were: the future's, the output's, the waker's.
    pub(crate) tokens: usize,
    pub(crate) wakes: usize,
    /// Panics that are nobody's.
    pub(crate) unhandled: usize,
}

impl Case {
    /// What has to come of it. `woken` is asked for only if it is open whether the joiner is woken.
    pub(crate) fn expected(&self, woken: bool) -> Expected {
        let waker = self.polled && self.panics != Panics::JoinClone;
        let woken = waker && (self.goes >= Goes::AfterEnd || (woken && self.is_race()));
        Expected {
            yields: self.yields(),
            tokens: 1 + usize::from(self.gives_output()) + usize::from(waker),
            wakes: usize::from(woken),
            unhandled: self.unhandled_at_the_end() + self.unhandled_on_the_way(woken),
        }
    }

    /// Whether the task may come to its end between its abort and the drop of its handle.
    pub(crate) fn is_race(&self) -> bool {
        self.goes == Goes::Waiting && self.aborts == Aborts::Waiting && self.kind == Kind::Task
    }

    pub(crate) fn yields(&self) -> Yields {
        match self.panics {
            _ if self.panics_at_once() => Yields::Panic,
            Panics::LaterPoll | Panics::FutureDrop | Panics::FutureAndOutputDrop => Yields::Panic,
            _ if self.is_cancelled() => Yields::Cancelled,
            _ => Yields::Value,
        }
    }

    /// Of what is in the place of the output.
    fn unhandled_at_the_end(&self) -> usize {
        let nobody_is_left = self.goes == Goes::Last && self.runtime == Runtime::Dies;
        usize::from(match self.yields() {
            Yields::Panic => !self.awaited,
            Yields::Value => self.panics == Panics::OutputDrop && !self.awaited && !nobody_is_left,
            Yields::Cancelled => false,
        })
    }

    /// Of what has no place.
    fn unhandled_on_the_way(&self, woken: bool) -> usize {
        usize::from(match self.panics {
            Panics::PollAndFutureDrop | Panics::FutureAndOutputDrop => true,
            Panics::JoinDrop => true,
            Panics::JoinWake => woken,
            _ => false,
        })
    }
}
