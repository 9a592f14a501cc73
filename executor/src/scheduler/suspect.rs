//! Telling a poll that is stuck from one that is busy: one thread's polls, look by look.
//!
//! A poll that is the same at two looks is suspect, and from then on the thread's processor time is
//! read. If between two looks the thread was hardly on a processor, and sleeps, it is **blocked**.
//! If it has used [`LONG`] of processor time in this one poll, it is **computing**. Processor time
//! and not the clock, so that a machine that gives its threads no time does not make their polls
//! look stuck; where the system does not tell, the clock has to do.

use super::polling::Poll;
use crate::{os::thread::Usage, stuck::StuckKind};

/// Nanoseconds on a processor after which a poll computes for long.
pub(super) const LONG: u64 = 10_000_000;

/// Nanoseconds after which a poll counts as computing where nothing but the clock is known.
const LONG_BY_THE_CLOCK: u64 = 2 * LONG;

/// Nanoseconds after which it counts as blocked there.
const VERY_LONG_BY_THE_CLOCK: u64 = 10 * LONG;

/// A sleeping thread is blocked if it was on a processor for less than one part in so many.
const HARDLY: u64 = 4;

/// What has been seen of a thread's polls.
#[derive(Default)]
pub(super) struct Suspect {
    seen: Option<Seen>,
}

struct Seen {
    poll: Poll,
    /// When it was first seen, in nanoseconds.
    since: u64,
    /// Processor time when it became suspect.
    from: Option<u64>,
    /// When its usage was read last, and what it was.
    last: Option<(u64, Usage)>,
    kind: Option<StuckKind>,
}

/// What a look found.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Look {
    /// The thread polls nothing.
    Rests,
    /// It polls something else than at the look before.
    Moves,
    /// It still polls the same, which has used so much processor time. If it sleeps, a second look
    /// soon will tell whether it is blocked.
    Waits { cpu: u64, asleep: bool },
    /// It is found stuck now; `again` says that it was found computing before, and now is blocked.
    Stuck {
        kind: StuckKind,
        cpu: u64,
        again: bool,
    },
    /// It was found stuck at an earlier look, and still is. Of a blocked one the time is not read
    /// any more.
    StillStuck { kind: StuckKind, cpu: u64 },
}

/// A stuck poll that is over.
#[derive(PartialEq, Eq, Debug, Clone, Copy)]
pub(super) struct Over {
    pub(super) poll: Poll,
    pub(super) kind: StuckKind,
    /// Nanoseconds.
    pub(super) took: u64,
}

impl Suspect {
    /// Looks at what the thread polls at `now`, in nanoseconds. `usage` is asked only of a suspect.
    pub(super) fn look(
        &mut self,
        now: u64,
        poll: Option<Poll>,
        usage: impl FnOnce() -> Option<Usage>,
    ) -> (Look, Option<Over>) {
        match (&mut self.seen, poll) {
            (Some(seen), Some(poll)) if seen.poll == poll => (seen.again(now, usage), None),
            (_, poll) => {
                let over = self.seen.take().and_then(|seen| seen.over(now));
                self.seen = poll.map(|poll| Seen::new(poll, now));
                (poll.map_or(Look::Rests, |_| Look::Moves), over)
            }
        }
    }

    /// Whether the thread's usage will not be asked for at the next look.
    pub(super) fn needs_no_usage(&self) -> bool {
        let suspect = |seen: &Seen| seen.last.is_some() && seen.kind != Some(StuckKind::Blocked);
        !self.seen.as_ref().is_some_and(suspect)
    }

    /// The present poll, as the last look saw it.
    pub(super) fn seen(&self) -> Option<Poll> {
        self.seen.as_ref().map(|seen| seen.poll)
    }

    /// How long the present poll has been seen, in nanoseconds.
    pub(super) fn age(&self, now: u64) -> u64 {
        self.seen.as_ref().map_or(0, |seen| now - seen.since)
    }

    /// The present poll, if it is stuck, and how long it has taken.
    pub(super) fn stuck(&self, now: u64) -> Option<Over> {
        self.seen.as_ref()?.over(now)
    }
}

impl Seen {
    fn new(poll: Poll, now: u64) -> Self {
        Seen {
            poll,
            since: now,
            from: None,
            last: None,
            kind: None,
        }
    }

    fn over(&self, now: u64) -> Option<Over> {
        let (poll, took) = (self.poll, now.saturating_sub(self.since));
        self.kind.map(|kind| Over { poll, kind, took })
    }

    fn again(&mut self, now: u64, usage: impl FnOnce() -> Option<Usage>) -> Look {
        if let Some(kind @ StuckKind::Blocked) = self.kind {
            // Nothing can change that but its end.
            return Look::StillStuck { kind, cpu: 0 };
        }
        let usage = usage();
        let cpu = match usage {
            Some(usage) => usage
                .cpu
                .saturating_sub(*self.from.get_or_insert(usage.cpu)),
            // Nothing better is known.
            None => now - self.since,
        };
        let kind = self.judge(now, usage, cpu);
        self.last = usage.map(|usage| (now, usage));
        match (self.kind, kind) {
            // Whoever computes may fall asleep later. The other way round nothing changes.
            (None, Some(kind)) | (Some(StuckKind::Computing), Some(kind @ StuckKind::Blocked)) => {
                let again = self.kind.replace(kind).is_some();
                Look::Stuck { kind, cpu, again }
            }
            (Some(kind), _) => Look::StillStuck { kind, cpu },
            (None, None) => Look::Waits {
                cpu,
                asleep: usage.is_some_and(|usage| usage.asleep),
            },
        }
    }

    fn judge(&self, now: u64, usage: Option<Usage>, cpu: u64) -> Option<StuckKind> {
        let Some(usage) = usage else {
            return match cpu {
                VERY_LONG_BY_THE_CLOCK.. => Some(StuckKind::Blocked),
                LONG_BY_THE_CLOCK.. => Some(StuckKind::Computing),
                _ => None,
            };
        };
        let hardly_ran = self.last.is_some_and(|(then, last)| {
            usage.cpu.saturating_sub(last.cpu).saturating_mul(HARDLY) <= now - then
        });
        if usage.asleep && hardly_ran {
            Some(StuckKind::Blocked)
        } else if cpu >= LONG {
            Some(StuckKind::Computing)
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use StuckKind::{Blocked, Computing};
    use std::panic::Location;

    const MILLI: u64 = 1_000_000;

    fn poll(word: u64) -> Option<Poll> {
        static SITE: &Location<'static> = Location::caller();
        Some(Poll { word, site: SITE })
    }

    fn awake(cpu: u64) -> Option<Usage> {
        Some(Usage { cpu, asleep: false })
    }

    fn asleep(cpu: u64) -> Option<Usage> {
        Some(Usage { cpu, asleep: true })
    }

    fn stuck(kind: StuckKind, cpu: u64) -> Look {
        let again = false;
        Look::Stuck { kind, cpu, again }
    }

    /// Looks each millisecond; the usage in each of them.
    fn looks(usages: &[Option<Usage>]) -> Vec<Look> {
        let mut suspect = Suspect::default();
        assert_eq!(suspect.look(0, poll(2), || unreachable!()).0, Look::Moves);
        let look = |(index, usage): (usize, &Option<Usage>)| {
            let now = (index as u64 + 1) * MILLI;
            suspect.look(now, poll(2), || *usage).0
        };
        usages.iter().enumerate().map(look).collect()
    }

    #[test]
    fn a_sleeping_thread_is_blocked_at_the_third_look() {
        let [first, second, third] = &looks(&[asleep(7), asleep(7), asleep(7)])[..] else {
            panic!()
        };
        assert_eq!(
            *first,
            Look::Waits {
                cpu: 0,
                asleep: true
            }
        );
        assert_eq!(*second, stuck(Blocked, 0));
        let kind = Blocked;
        assert_eq!(*third, Look::StillStuck { kind, cpu: 0 });
    }

    #[test]
    fn whoever_sleeps_a_little_again_and_again_is_blocked() {
        let little = MILLI / 5;
        assert_eq!(
            looks(&[asleep(0), asleep(little)])[1],
            stuck(Blocked, little)
        );
        let busy = looks(&[asleep(0), asleep(MILLI / 2)]);
        assert!(matches!(busy[1], Look::Waits { .. }));
    }

    #[test]
    fn a_thread_without_a_processor_is_neither() {
        let starved = vec![awake(5); 1000];
        let starved = looks(&starved);
        let waits = Look::Waits {
            cpu: 0,
            asleep: false,
        };
        assert!(starved.iter().all(|look| *look == waits));
    }

    #[test]
    fn computing_is_told_by_processor_time() {
        let slow: Vec<_> = (0..22).map(|look| awake(look * MILLI / 2)).collect();
        let slow = looks(&slow);
        let found = slow.iter().position(|look| *look == stuck(Computing, LONG));
        assert_eq!(found, Some(20));
    }

    #[test]
    fn who_computes_and_then_sleeps_is_blocked_after_all() {
        let seen = looks(&[awake(0), awake(LONG), asleep(LONG), asleep(LONG)]);
        assert_eq!(seen[1], stuck(Computing, LONG));
        let (kind, cpu, again) = (Blocked, LONG, true);
        assert_eq!(seen[2], Look::Stuck { kind, cpu, again });
        assert_eq!(seen[3], Look::StillStuck { kind, cpu: 0 });
    }

    #[test]
    fn where_only_the_clock_is_known_it_takes_longer() {
        let seen = looks(&[None; 105]);
        let long = stuck(Computing, 20 * MILLI);
        assert_eq!(seen.iter().position(|look| *look == long), Some(19));
        let (kind, cpu, again) = (Blocked, 100 * MILLI, true);
        let longer = Look::Stuck { kind, cpu, again };
        assert_eq!(seen.iter().position(|look| *look == longer), Some(99));
    }

    #[test]
    fn the_end_is_told_once_and_only_of_what_was_stuck() {
        let mut suspect = Suspect::default();
        suspect.look(0, poll(2), || None);
        let unsuspected = suspect.look(MILLI, poll(4), || None);
        assert_eq!(unsuspected, (Look::Moves, None));
        suspect.look(2 * MILLI, poll(4), || asleep(0));
        suspect.look(3 * MILLI, poll(4), || asleep(0));
        let (look, over) = suspect.look(9 * MILLI, None, || unreachable!());
        let over = over.expect("it was stuck");
        assert_eq!(
            (look, over.took, over.kind),
            (Look::Rests, 8 * MILLI, Blocked)
        );
        assert_eq!(
            suspect.look(10 * MILLI, None, || unreachable!()),
            (Look::Rests, None)
        );
    }
}
