//! How late each beat was, from the instants at which the hearts ran.
//!
//! All times are nanoseconds since the start of the run.

use std::time::Duration;

use super::case::{BEAT, Timing};

/// One beat that was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beat {
    /// When it was due.
    pub due: u64,
    /// How long after that it came, or how long it has been awaited.
    pub late: u64,
    /// Whether it came before the look.
    pub came: bool,
}

/// A duration in nanoseconds, or one that it isn't below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AtLeast {
    /// The duration.
    pub nanos: u64,
    /// Whether the true one may be longer: the look came before the beat.
    pub or_more: bool,
}

/// The beats of one heart that started at `start` and ran at `woke`, in order.
///
/// A heart that runs late has all beats due by then behind it, each with a lateness of its own:
/// they came when they came, not when the heart found the time to think of them.
///
/// # Errors
///
/// When the heart ran before its beat was due.
pub fn of_heart(start: u64, woke: &[u64], timing: &Timing) -> Result<Vec<Beat>, String> {
    let (beat, span, look) = (nanos(BEAT), nanos(timing.span), nanos(timing.look()));
    let mut beats = Vec::with_capacity((span / beat) as usize);
    let mut due = start + beat;
    for woke in woke.iter().copied().filter(|woke| *woke <= look) {
        if woke < due {
            return Err(format!("a heartbeat came {} ns early", due - woke));
        }
        while due <= woke.min(span) {
            let (late, came) = (woke - due, true);
            beats.push(Beat { due, late, came });
            due += beat;
        }
    }
    while due <= span {
        let (late, came) = (look - due, false);
        beats.push(Beat { due, late, came });
        due += beat;
    }
    Ok(beats)
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// How late the beats of all hearts were.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lateness {
    /// The median.
    pub p50: AtLeast,
    /// The 99th percentile.
    pub p99: AtLeast,
    /// The worst.
    pub worst: AtLeast,
    /// The latest of all hearts' beats, for each beat in turn: the curve over time.
    pub curve: Vec<Beat>,
}

impl Lateness {
    /// The lateness of these hearts' beats.
    ///
    /// # Errors
    ///
    /// When no beat was due.
    pub fn of(hearts: &[Vec<Beat>]) -> Result<Lateness, String> {
        let mut sorted: Vec<Beat> = hearts.iter().flatten().copied().collect();
        sorted.sort_unstable_by_key(|beat| beat.late);
        if sorted.is_empty() {
            return Err("no beat was due".to_owned());
        }
        Ok(Lateness {
            p50: percentile(&sorted, 50.0),
            p99: percentile(&sorted, 99.0),
            worst: percentile(&sorted, 100.0),
            curve: curve(hearts),
        })
    }
}

/// By nearest rank. A beat that hasn't come counts as late as it is by now; one that is below the
/// percentile may yet end above it, and lift it.
fn percentile(sorted: &[Beat], percent: f64) -> AtLeast {
    let nanos = crate::stats::percentile(sorted, percent).late;
    let below = sorted.iter().take_while(|beat| beat.late <= nanos);
    let or_more = below.into_iter().any(|beat| !beat.came);
    AtLeast { nanos, or_more }
}

fn curve(hearts: &[Vec<Beat>]) -> Vec<Beat> {
    let longest = hearts.iter().map(Vec::len).max().unwrap_or(0);
    let latest = |index: usize| {
        let beats = hearts.iter().filter_map(|beats| beats.get(index).copied());
        beats.max_by_key(|beat| beat.late)
    };
    (0..longest).filter_map(latest).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    /// Five beats are due, at 10 to 50 ms after a start at zero; the look is at 80 ms.
    fn timing() -> Timing {
        let millis = Duration::from_millis;
        Timing {
            span: millis(50),
            onset: millis(5),
            hold: millis(20),
        }
    }

    fn late_millis(start: u64, woke: &[u64]) -> Vec<(u64, bool)> {
        let woke: Vec<u64> = woke.iter().map(|woke| woke * MILLI).collect();
        let beats = of_heart(start * MILLI, &woke, &timing()).expect("none early");
        let told = |beat: Beat| (beat.late / MILLI, beat.came);
        beats.into_iter().map(told).collect()
    }

    #[test]
    fn a_heart_on_time_is_late_by_what_its_timer_takes() {
        let late = late_millis(0, &[10, 21, 30, 42, 50]);
        assert_eq!(late.iter().map(|beat| beat.0).sum::<u64>(), 3);
        assert!(late.iter().all(|beat| beat.1));
        assert_eq!(late.len(), 5);
    }

    #[test]
    fn every_beat_that_a_stall_held_up_counts_with_its_own_lateness() {
        let late = late_millis(0, &[10, 47, 50]);
        let expected = [0, 27, 17, 7, 0].map(|late| (late, true));
        assert_eq!(late, expected);
    }

    #[test]
    fn what_has_not_come_is_late_by_the_time_until_the_look() {
        let late = late_millis(0, &[10]);
        let expected = [
            (0, true),
            (60, false),
            (50, false),
            (40, false),
            (30, false),
        ];
        assert_eq!(late, expected);
        // A heart that runs after the look is no better than one that never runs.
        assert_eq!(late_millis(0, &[10, 81]), expected);
    }

    #[test]
    fn no_beat_is_due_after_the_span() {
        assert_eq!(late_millis(3, &[]).len(), 4);
        // It came late, and the one due at 60 ms isn't asked for.
        assert_eq!(late_millis(0, &[10, 20, 30, 40, 70]).len(), 5);
    }

    #[test]
    fn an_early_beat_is_an_error() {
        let error = of_heart(0, &[10 * MILLI - 1], &timing()).expect_err("due at 10 ms");
        assert_eq!(error, "a heartbeat came 1 ns early");
    }

    fn beat(late: u64, came: bool) -> Beat {
        Beat { due: 0, late, came }
    }

    #[test]
    fn a_percentile_is_a_bound_when_a_beat_below_it_is_missing() {
        let hearts = [
            vec![beat(1, true), beat(2, true)],
            vec![beat(90, false), beat(3, true)],
        ];
        let lateness = Lateness::of(&hearts).expect("four beats");
        let exactly = |nanos| AtLeast {
            nanos,
            or_more: false,
        };
        assert_eq!(lateness.p50, exactly(2));
        let or_more = AtLeast {
            nanos: 90,
            or_more: true,
        };
        assert_eq!((lateness.p99, lateness.worst), (or_more, or_more));
        // The one that hasn't come may still be the latest of all.
        let hearts = [vec![beat(5, false), beat(80, true), beat(90, true)]];
        let lateness = Lateness::of(&hearts).expect("three beats");
        assert!(lateness.p50.or_more && lateness.worst.or_more);
        assert!(Lateness::of(&[]).is_err());
    }

    #[test]
    fn the_curve_is_that_of_the_latest_heart_at_each_beat() {
        let hearts = [
            vec![beat(1, true), beat(9, false)],
            vec![beat(3, true), beat(2, true)],
            vec![beat(2, true)],
        ];
        assert_eq!(curve(&hearts), [beat(3, true), beat(9, false)]);
    }
}
