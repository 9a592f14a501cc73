//! Whether a timekeeper that gets up is soon back.
//!
//! What a timer wakes is mostly over within microseconds: less than it takes to wake another worker for
//! it, or for the timekeeper's role. So a worker whose last stints, from a deadline to its next sleep,
//! have all been brief [keeps the role](super::timekeeper) while it polls what it has woken, and tells
//! nobody of these tasks. If the stint is not brief after all, it makes up for that when its poll
//! returns; if it is held up in one, the [monitor](super::monitor) does, at the second look.

use std::cell::Cell;

/// Nanoseconds that a brief stint takes at most: as many as pass from one look up to the next.
const BRIEF: u64 = 200_000;

/// After so many brief stints in a row the next one is expected to be brief.
const ENOUGH: u32 = 8;

#[derive(Default)]
pub(super) struct Stint {
    /// When it began, in nanoseconds; none while there is none.
    began: Cell<Option<u64>>,
    /// How many have been brief, one after the other, up to [`ENOUGH`].
    brief: Cell<u32>,
    /// Whether there is one that is expected to be brief: asked after each poll.
    should_be_brief: Cell<bool>,
}

impl Stint {
    /// The worker gets up for a deadline.
    pub(super) fn begin(&self, now: u64) {
        self.began.set(Some(now));
        self.should_be_brief.set(self.brief.get() == ENOUGH);
    }

    /// Whether there is one, and it is expected to be brief.
    #[inline]
    pub(super) fn should_be_brief(&self) -> bool {
        self.should_be_brief.get()
    }

    /// Whether there is one that was expected to be brief, and is not.
    pub(super) fn drags_on(&self, now: u64) -> bool {
        self.should_be_brief() && !self.is_brief(now)
    }

    /// The worker is about to sleep, or gives up being brief. `now` is asked for if there is a stint.
    pub(super) fn end(&self, now: impl FnOnce() -> u64) {
        if self.began.get().is_some() {
            let brief = if self.is_brief(now()) {
                ENOUGH.min(self.brief.get() + 1)
            } else {
                0
            };
            self.brief.set(brief);
            self.began.set(None);
            self.should_be_brief.set(false);
        }
    }

    fn is_brief(&self, now: u64) -> bool {
        self.began
            .get()
            .is_some_and(|began| now.saturating_sub(began) <= BRIEF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stints(stint: &Stint, count: u32, length: u64) {
        for _ in 0..count {
            stint.begin(5);
            stint.end(|| 5 + length);
        }
    }

    #[test]
    fn it_takes_enough_brief_stints_in_a_row() {
        let stint = Stint::default();
        stints(&stint, ENOUGH - 1, BRIEF);
        stint.begin(0);
        assert!(!stint.should_be_brief());
        stint.end(|| 0);
        stint.begin(0);
        assert!(stint.should_be_brief());
    }

    #[test]
    fn one_that_is_long_ends_the_row() {
        let stint = Stint::default();
        stints(&stint, 2 * ENOUGH, BRIEF);
        stints(&stint, 1, BRIEF + 1);
        stints(&stint, ENOUGH - 1, 0);
        stint.begin(0);
        assert!(!stint.should_be_brief());
    }

    #[test]
    fn one_that_drags_on_is_noticed() {
        let stint = Stint::default();
        stints(&stint, ENOUGH, 0);
        assert!(!stint.drags_on(u64::MAX), "there is none");
        stint.begin(100);
        assert!(!stint.drags_on(100 + BRIEF) && stint.drags_on(101 + BRIEF));
        stint.end(|| 101 + BRIEF);
        assert!(!stint.should_be_brief());
    }

    #[test]
    fn the_clock_is_left_alone_without_a_stint() {
        Stint::default().end(|| panic!("nobody needs to know"));
    }
}
