//! How often a busy worker looks up from its own queue: at the injector, the timers, the order to
//! leave, and whether others could help.
//!
//! About every 200 µs if polls are long, and else after every 16. Reading the clock at every poll
//! would cost as much as a short poll does, so polls are counted, and the count follows the time that
//! they took. What a poll will take nobody knows: if short ones are followed by long ones, up to 16
//! of those pass before the next look.

/// Nanoseconds between two looks, roughly.
const TARGET: u64 = 200_000;

/// The most polls between two looks.
const MOST: u32 = 16;

pub(super) struct Pace {
    polls_left: u32,
    interval: u32,
    last: u64,
}

impl Pace {
    pub(super) fn new(now: u64) -> Self {
        Pace {
            polls_left: 1,
            interval: 1,
            last: now,
        }
    }

    /// Counts a poll. True: it is time to look up.
    #[inline]
    pub(super) fn tick(&mut self) -> bool {
        self.polls_left -= 1;
        self.polls_left == 0
    }

    /// Begins the next interval, given the time in nanoseconds.
    pub(super) fn adapt(&mut self, now: u64) {
        let took = now.saturating_sub(self.last).max(1);
        let fitting = u64::from(self.interval).saturating_mul(TARGET) / took;
        self.interval = fitting.clamp(1, u64::from(MOST)) as u32;
        self.polls_left = self.interval;
        self.last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The intervals, in polls, when polls take as long as given, in nanoseconds.
    fn intervals(polls: &[u64]) -> Vec<u32> {
        let (mut pace, mut now, mut seen) = (Pace::new(0), 0, Vec::new());
        for poll in polls {
            now += poll;
            if pace.tick() {
                pace.adapt(now);
                seen.push(pace.interval);
            }
        }
        seen
    }

    #[test]
    fn short_polls_are_counted_up_to_the_limit() {
        assert_eq!(intervals(&[50; 50]), [MOST; 4]);
    }

    #[test]
    fn long_polls_are_followed_by_a_look_each() {
        assert_eq!(intervals(&[5_000_000; 4]), [1; 4]);
    }

    #[test]
    fn after_short_polls_a_long_one_is_noticed_within_the_limit() {
        let polls = [&[50; 1][..], &[5_000_000; 18][..]].concat();
        assert_eq!(intervals(&polls), [MOST, 1, 1, 1]);
    }

    #[test]
    fn medium_polls_add_up_to_the_target() {
        let settled = *intervals(&[25_000; 200]).last().unwrap();
        assert_eq!(u64::from(settled) * 25_000, TARGET);
    }
}
