//! When each sleeper started and ended, kept in memory that is there before anything is measured.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::stats::percentile;

/// One slot per sleeper; a zero says "not yet".
#[derive(Debug)]
pub(super) struct Records {
    /// An instant before every start, so that no time in a slot is zero.
    origin: Instant,
    sleep: Duration,
    slots: Vec<Slot>,
}

#[derive(Debug)]
struct Slot {
    start: AtomicU64,
    end: AtomicU64,
}

impl Records {
    /// Room for this many sleepers of this duration, for as long as the process lives.
    pub(super) fn leak(sleepers: usize, sleep: Duration) -> &'static Records {
        // Written, and so resident, now: the slots must not count as the sleepers' memory.
        let empty = || Slot {
            start: AtomicU64::new(0),
            end: AtomicU64::new(0),
        };
        let slots = (0..sleepers).map(|_| empty()).collect();
        let origin = Instant::now() - Duration::from_nanos(1);
        Box::leak(Box::new(Records {
            origin,
            sleep,
            slots,
        }))
    }

    /// How long each sleeps.
    pub(super) fn sleep(&self) -> Duration {
        self.sleep
    }

    /// How many there is room for.
    pub(super) fn sleepers(&self) -> usize {
        self.slots.len()
    }

    /// To be called by sleeper `index` right before it goes to sleep.
    pub(super) fn starts(&self, index: usize) {
        // Relaxed: read only after this sleeper's thread or task was joined.
        self.slots[index]
            .start
            .store(self.nanos(), Ordering::Relaxed);
    }

    /// To be called by sleeper `index` as soon as it is awake.
    pub(super) fn ends(&self, index: usize) {
        // Relaxed: as in `starts`.
        self.slots[index].end.store(self.nanos(), Ordering::Relaxed);
    }

    fn nanos(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }

    /// What the sleepers that have ended say.
    ///
    /// # Errors
    ///
    /// When a sleeper woke early, or none has slept.
    pub(super) fn summary(&self) -> Result<Summary, String> {
        // Relaxed: every sleeper was joined before this call.
        let read = |slot: &Slot| {
            (
                slot.start.load(Ordering::Relaxed),
                slot.end.load(Ordering::Relaxed),
            )
        };
        let spans: Vec<_> = self
            .slots
            .iter()
            .map(read)
            .filter(|(_, end)| *end != 0)
            .collect();
        Summary::of(&spans, self.sleep)
    }
}

/// The sleepers' lateness and how many slept at the same time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Summary {
    pub(super) slept: u64,
    /// Nanoseconds between a sleeper's own start + duration and its waking.
    pub(super) late_p50: u64,
    pub(super) late_p99: u64,
    pub(super) late_max: u64,
    pub(super) asleep_at_once: u64,
}

impl Summary {
    fn of(spans: &[(u64, u64)], sleep: Duration) -> Result<Summary, String> {
        let asked = u64::try_from(sleep.as_nanos()).unwrap_or(u64::MAX);
        let late = |(start, end): &(u64, u64)| {
            let slept = end - start;
            slept
                .checked_sub(asked)
                .ok_or_else(|| format!("a sleeper of {asked} ns woke {} ns early", asked - slept))
        };
        let mut lateness = spans
            .iter()
            .map(late)
            .collect::<Result<Vec<u64>, String>>()?;
        lateness.sort_unstable();
        let Some(late_max) = lateness.last().copied() else {
            return Err("no sleeper has slept".to_owned());
        };
        Ok(Summary {
            slept: lateness.len() as u64,
            late_p50: percentile(&lateness, 50.0),
            late_p99: percentile(&lateness, 99.0),
            late_max,
            asleep_at_once: most_at_once(spans),
        })
    }
}

/// The largest number of spans that overlap.
fn most_at_once(spans: &[(u64, u64)]) -> u64 {
    let mut starts: Vec<u64> = spans.iter().map(|span| span.0).collect();
    let mut ends: Vec<u64> = spans.iter().map(|span| span.1).collect();
    starts.sort_unstable();
    ends.sort_unstable();
    let mut ended = 0;
    let mut most = 0;
    for (started, start) in starts.iter().enumerate() {
        while ends[ended] <= *start {
            ended += 1;
        }
        most = most.max(started + 1 - ended);
    }
    most as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEP: Duration = Duration::from_nanos(100);

    #[test]
    fn lateness_counts_from_each_sleepers_own_start() {
        let summary = Summary::of(&[(1, 101), (50, 160), (1_000, 1_150)], SLEEP);
        let expected = Summary {
            slept: 3,
            late_p50: 10,
            late_p99: 50,
            late_max: 50,
            asleep_at_once: 2,
        };
        assert_eq!(summary, Ok(expected));
    }

    #[test]
    fn an_early_sleeper_is_an_error() {
        let error = Summary::of(&[(1, 101), (50, 149)], SLEEP).expect_err("99 ns are too few");
        assert_eq!(error, "a sleeper of 100 ns woke 1 ns early");
    }

    #[test]
    fn nobody_asleep_is_an_error() {
        assert!(Summary::of(&[], SLEEP).is_err());
    }

    #[test]
    fn overlap_is_counted_and_touching_spans_do_not_overlap() {
        assert_eq!(most_at_once(&[(1, 2), (2, 3), (3, 4)]), 1);
        assert_eq!(most_at_once(&[(1, 9), (2, 3), (2, 8), (4, 5)]), 3);
    }

    #[test]
    fn a_record_keeps_what_a_sleeper_does() {
        let records = Records::leak(2, Duration::from_millis(1));
        records.starts(1);
        std::thread::sleep(records.sleep());
        records.ends(1);
        let summary = records.summary().expect("one has slept, and not early");
        assert_eq!((summary.slept, summary.asleep_at_once), (1, 1));
    }
}
