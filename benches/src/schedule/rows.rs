//! The rows: which number of which workload, and what it is to reach.

use super::burst::Probe;
use super::workload::{Pending, Workload};
use wheelhouse_benches::heartbeat::Case;
use wheelhouse_benches::runtime::Which;
use wheelhouse_benches::stats::{Spread, median, ratios_to_best};

/// What a row is to reach.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Target {
    /// Ours over the best rival of the same round.
    OfBest(f64),
    /// Ours over this rival.
    Of(Which, f64),
    /// A bound on our own figure.
    AtMost(f64),
    /// None: it is shown beside the rivals'.
    Shown,
}

/// One row.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Row {
    pub(super) workload: Workload,
    /// The number's name in a reading.
    pub(super) key: &'static str,
    pub(super) label: &'static str,
    pub(super) target: Target,
    /// What a figure is divided by before it is shown.
    pub(super) scale: f64,
}

const fn row(workload: Workload, key: &'static str, label: &'static str, target: Target) -> Row {
    Row {
        workload,
        key,
        label,
        target,
        scale: 1.0,
    }
}

/// All rows, in the order of the workloads.
pub(super) const ROWS: [Row; 28] = [
    row(Workload::SpawnJoin, "ns", "ns a task", Target::OfBest(0.5)),
    row(
        Workload::ForeignSpawn,
        "ns",
        "ns a task",
        Target::OfBest(0.8),
    ),
    Row {
        scale: 1e3,
        ..row(
            Workload::ForeignRoundTrip,
            "ns",
            "µs a task",
            Target::OfBest(0.9),
        )
    },
    row(Workload::SpawnAwait, "ns", "ns a task", Target::OfBest(0.5)),
    row(Workload::Yield, "ns", "ns a yield", Target::OfBest(0.8)),
    row(Workload::Pairs, "ns", "ns a pair", Target::OfBest(0.33)),
    row(Workload::OwnPairs, "ns", "ns a pair", Target::OfBest(0.33)),
    row(Workload::Tree, "ns", "ns a task", Target::OfBest(0.4)),
    row(Workload::Timeout, "ns", "ns a timeout", Target::OfBest(0.2)),
    row(
        Workload::TimeoutPending(Pending::Million),
        "ns",
        "ns a timeout",
        Target::OfBest(0.2),
    ),
    row(
        Workload::TimeoutPending(Pending::TenMillion),
        "ns",
        "ns a timeout",
        Target::OfBest(0.2),
    ),
    row(
        Workload::Sleepers,
        "bytes",
        "resident bytes a task",
        Target::AtMost(180.0),
    ),
    row(
        Workload::Sleepers,
        "last_ms",
        "ms past 10 s at the end",
        Target::AtMost(200.0),
    ),
    row(
        Workload::Sleepers,
        "cpu_ms",
        "ms of CPU",
        Target::OfBest(0.45),
    ),
    row(
        Workload::FewSleeps,
        "p50_us",
        "µs late, p50",
        Target::OfBest(1.0),
    ),
    row(
        Workload::FewSleeps,
        "cpu_ms",
        "ms of CPU",
        Target::Of(Which::SmolStatic, 0.6),
    ),
    row(
        Workload::ManySleeps,
        "p50_us",
        "µs late, p50",
        Target::Shown,
    ),
    row(
        Workload::ManySleeps,
        "p99_us",
        "µs late, p99",
        Target::OfBest(1.0),
    ),
    row(
        Workload::ManySleeps,
        "cpu_ms",
        "ms of CPU",
        Target::Of(Which::Tokio, 1.0),
    ),
    row(
        Workload::Burst(Probe::Sleeps),
        "longest_ms",
        "ms waited at longest",
        Target::Of(Which::Tokio, 1.0),
    ),
    row(
        Workload::Burst(Probe::Yields),
        "longest_ms",
        "ms waited at longest",
        Target::Of(Which::Tokio, 1.0),
    ),
    row(Workload::Staggered, "p50_us", "µs late, p50", Target::Shown),
    row(
        Workload::Staggered,
        "wakeups_s",
        "wake-ups a second",
        Target::Shown,
    ),
    row(
        Workload::Staggered,
        "cpu_us",
        "µs of CPU a sleep",
        Target::Shown,
    ),
    row(
        Workload::Heartbeats(Case::FewBlockers),
        "max_ms",
        "ms late at worst",
        Target::AtMost(15.0),
    ),
    row(
        Workload::Heartbeats(Case::ManyBlockers),
        "max_ms",
        "ms late at worst",
        Target::AtMost(15.0),
    ),
    row(
        Workload::Heartbeats(Case::Hogs),
        "max_ms",
        "ms late at worst",
        Target::AtMost(30.0),
    ),
    row(
        Workload::Idle,
        "idle_switches",
        "context switches",
        Target::AtMost(2.0),
    ),
];

/// What the watch for blocked workers may cost: the same runtime without it is the measure.
pub(super) const WATCH: Target = Target::Of(Which::WheelhouseUnwatched, 1.01);

/// How a row came out.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Verdict {
    /// The ratio, or our own figure where the target is a bound.
    pub(super) spread: Spread,
    pub(super) met: bool,
}

impl Target {
    /// How ours came out against the rivals, one figure a round; `None` if figures are missing.
    pub(super) fn judge(self, ours: &[f64], rivals: &[(Which, Vec<f64>)]) -> Option<Verdict> {
        let all = || rivals.iter().map(|(_, figures)| figures.clone());
        let (figures, bound) = match self {
            Target::OfBest(bound) => (ratios_to_best(ours, &all().collect::<Vec<_>>()), bound),
            Target::Of(which, bound) => {
                let rival = rivals.iter().find(|(own, _)| *own == which)?.1.clone();
                (ratios_to_best(ours, &[rival]), bound)
            }
            Target::AtMost(bound) => (ours.to_vec(), bound),
            Target::Shown => return None,
        };
        let spread = Spread::of(&figures)?;
        Some(Verdict {
            spread,
            met: spread.median <= bound,
        })
    }

    /// In words: `≤ 0.50 of the best`.
    pub(super) fn text(self, scale: f64) -> String {
        match self {
            Target::OfBest(bound) => format!("≤ {bound:.2} of the best rival"),
            Target::Of(which, bound) => format!("≤ {bound:.2} of {}", which.name()),
            Target::AtMost(bound) => format!("≤ {:.0}", bound / scale),
            Target::Shown => String::new(),
        }
    }
}

/// The rival with the lowest median, for the table.
pub(super) fn best_rival(rivals: &[(Which, Vec<f64>)]) -> Option<Which> {
    let medians = rivals
        .iter()
        .filter_map(|(which, figures)| Some((*which, median(figures)?)));
    medians
        .min_by(|a, b| a.1.total_cmp(&b.1))
        .map(|(which, _)| which)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rivals() -> Vec<(Which, Vec<f64>)> {
        vec![
            (Which::Tokio, vec![100.0, 400.0]),
            (Which::SmolStatic, vec![200.0, 200.0]),
        ]
    }

    #[test]
    fn a_ratio_is_taken_round_by_round() {
        let verdict = Target::OfBest(0.5)
            .judge(&[50.0, 80.0], &rivals())
            .expect("two rounds");
        assert_eq!(
            verdict.spread,
            Spread {
                min: 0.4,
                median: 0.45,
                max: 0.5
            }
        );
        assert!(verdict.met);
        let verdict = Target::OfBest(0.44)
            .judge(&[50.0, 80.0], &rivals())
            .expect("two rounds");
        assert!(!verdict.met);
    }

    #[test]
    fn a_named_rival_is_taken_alone() {
        let verdict = Target::Of(Which::Tokio, 0.3).judge(&[50.0, 80.0], &rivals());
        assert_eq!(verdict.expect("two rounds").spread.max, 0.5);
        assert_eq!(Target::Of(Which::Smol, 1.0).judge(&[1.0], &rivals()), None);
    }

    #[test]
    fn a_bound_is_on_our_own_figure() {
        let verdict = Target::AtMost(180.0)
            .judge(&[181.0, 170.0, 179.0], &[])
            .expect("three");
        assert_eq!((verdict.spread.median, verdict.met), (179.0, true));
        assert_eq!(Target::AtMost(1.0).judge(&[], &[]), None);
    }

    #[test]
    fn the_best_rival_has_the_lowest_median() {
        assert_eq!(best_rival(&rivals()), Some(Which::SmolStatic));
        assert_eq!(best_rival(&[]), None);
    }

    #[test]
    fn every_workload_has_a_row() {
        for workload in Workload::ALL {
            assert!(
                ROWS.iter().any(|row| row.workload == workload),
                "{}",
                workload.name()
            );
        }
    }
}
