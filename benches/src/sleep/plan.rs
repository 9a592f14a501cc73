//! Which cells are run, how often, and how long the rest will take.

use std::collections::HashMap;
use std::time::Duration;

use super::options::Options;
use super::outcome::Outcome;
use super::way::Way;
use crate::process;
use crate::quantity::{bytes, count};

/// Cells that take longer than this are run once only.
const REPEATED_UP_TO: Duration = Duration::from_secs(2);

/// When time is short, cells that take longer than this are the first to be run once only: that
/// saves most.
const LONG: Duration = Duration::from_millis(400);

/// A cell that is expected to take longer than this, overhead and all, isn't run either.
const WITH_OVERHEAD: Duration = Duration::from_secs(15);

/// The overhead of fewer sleepers is mostly that of one wake-up, and says nothing of many more.
const SCALED_FROM: u64 = 1_000;

/// What starting and reading a cell's process takes.
const PROCESS: Duration = Duration::from_millis(15);

/// What to do with a cell.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Run it this often; one run should take about this long.
    Run { runs: u64, expected: Duration },
    /// Don't: this is its outcome.
    Leave(Outcome),
}

/// What is known of each way so far.
#[derive(Debug)]
pub(super) struct Plan<'a> {
    options: &'a Options,
    seen: HashMap<Way, Seen>,
    available: u64,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    sleepers: u64,
    /// Wall time that arithmetic doesn't explain.
    overhead: Duration,
    gave_out: Option<u64>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(options: &'a Options) -> Plan<'a> {
        Plan::with_memory(options, process::available())
    }

    fn with_memory(options: &'a Options, available: u64) -> Plan<'a> {
        Plan {
            options,
            seen: HashMap::new(),
            available,
        }
    }

    fn arithmetic(&self, way: Way, sleepers: u64) -> Duration {
        let sleep = self.options.sleep_of(sleepers);
        way.arithmetic(sleepers, sleep, self.options.workers)
    }

    /// How long one run should take: arithmetic, and the overhead of the size before, scaled up.
    fn expected(&self, way: Way, sleepers: u64) -> Duration {
        let overhead = match self.seen.get(&way) {
            Some(seen) if seen.sleepers >= SCALED_FROM => seen
                .overhead
                .mul_f64(sleepers as f64 / seen.sleepers as f64),
            _ => way.rough_cost().mul_f64(sleepers as f64),
        };
        self.arithmetic(way, sleepers) + overhead
    }

    /// What to do with this cell, `elapsed` after the start of the whole.
    pub(super) fn decide(&self, way: Way, sleepers: u64, elapsed: Duration) -> Decision {
        match self.reason_against(way, sleepers, elapsed) {
            Some(outcome) => Decision::Leave(outcome),
            None => {
                let expected = self.expected(way, sleepers);
                let runs = if expected <= REPEATED_UP_TO {
                    self.options.runs
                } else {
                    1
                };
                Decision::Run { runs, expected }
            }
        }
    }

    /// What to do with the first of these cells, given that the others are to follow.
    pub(super) fn decide_first(&self, cells: &[(Way, u64)], elapsed: Duration) -> Decision {
        let (way, sleepers) = cells[0];
        let decision = self.decide(way, sleepers, elapsed);
        let Decision::Run { expected, .. } = decision else {
            return decision;
        };
        // Better each cell once than the last ones not at all.
        let repeated_up_to = if expected > LONG {
            REPEATED_UP_TO
        } else {
            LONG
        };
        let cost = self.cost(cells, elapsed, repeated_up_to);
        match elapsed + cost > self.options.total_limit {
            true => Decision::Run { runs: 1, expected },
            false => decision,
        }
    }

    fn reason_against(&self, way: Way, sleepers: u64, elapsed: Duration) -> Option<Outcome> {
        let Options {
            workers,
            cell_limit,
            total_limit,
            ..
        } = *self.options;
        let arithmetic = self.arithmetic(way, sleepers);
        if arithmetic > cell_limit {
            let why = way.arithmetic_text(sleepers, self.options.sleep_of(sleepers), workers);
            return Some(Outcome::Computed(arithmetic, why));
        }
        if let Some(at) = self.seen.get(&way).and_then(|seen| seen.gave_out) {
            return Some(Outcome::NotRun(format!(
                "gave out at {} already",
                count(at)
            )));
        }
        let bytes_needed = sleepers.saturating_mul(way.generous_bytes());
        if bytes_needed > self.available {
            let (needed, there) = (bytes(bytes_needed as f64), bytes(self.available as f64));
            return Some(Outcome::NotRun(format!(
                "may need {needed}, only {there} are free"
            )));
        }
        let expected = self.expected(way, sleepers);
        if expected > WITH_OVERHEAD {
            return Some(Outcome::Computed(
                expected,
                "scaled up from the size before".into(),
            ));
        }
        (elapsed + expected > total_limit)
            .then(|| Outcome::NotRun(format!("the {} s were used up", total_limit.as_secs())))
    }

    /// Takes note of what became of a cell.
    pub(super) fn learn(&mut self, way: Way, sleepers: u64, outcome: &Outcome) {
        let gave_out = match outcome {
            Outcome::GaveOut(gave_out, _) => Some(gave_out.at),
            _ => None,
        };
        if let Some(measured) = outcome.measured() {
            let wall = Duration::from_nanos(measured.wall_ns);
            let overhead = wall.saturating_sub(self.arithmetic(way, sleepers));
            self.seen.insert(
                way,
                Seen {
                    sleepers,
                    overhead,
                    gave_out,
                },
            );
        } else if gave_out.is_some() {
            self.seen.insert(
                way,
                Seen {
                    sleepers,
                    overhead: Duration::ZERO,
                    gave_out,
                },
            );
        }
    }

    /// How long these cells should take in all, `elapsed` after the start.
    pub(super) fn left(&self, cells: &[(Way, u64)], elapsed: Duration) -> Duration {
        let limit = self.options.total_limit.saturating_sub(elapsed);
        self.cost(cells, elapsed, REPEATED_UP_TO).min(limit)
    }

    /// What these cells take if those that take longer than `repeated_up_to` are run once.
    fn cost(&self, cells: &[(Way, u64)], elapsed: Duration, repeated_up_to: Duration) -> Duration {
        let cost = |(way, sleepers): &(Way, u64)| match self.decide(*way, *sleepers, elapsed) {
            Decision::Run { expected, .. } if expected > repeated_up_to => expected + PROCESS,
            Decision::Run { runs, expected } => (expected + PROCESS).mul_f64(runs as f64),
            Decision::Leave(_) => Duration::ZERO,
        };
        cells.iter().map(cost).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use crate::runtime::Which;
    use crate::sleep::options::Asked;
    use crate::sleep::outcome::{GaveOut, Measured};

    const NOW: Duration = Duration::ZERO;

    fn options() -> Options {
        let args = Args::new(["--workers=2".to_owned()]);
        match Options::parse(args) {
            Ok(Asked::Report(options)) => options,
            other => panic!("no report: {other:?}"),
        }
    }

    fn wall(millis: u64) -> Outcome {
        Outcome::Measured(Measured {
            wall_ns: millis * 1_000_000,
            ..Measured::default()
        })
    }

    #[test]
    fn a_cell_above_the_limit_is_computed() {
        let options = options();
        let plan = Plan::with_memory(&options, u64::MAX);
        let blocking = Way::Blocking(Which::Tokio);
        assert!(matches!(
            plan.decide(blocking, 100, NOW),
            Decision::Run { runs: 1, .. }
        ));
        let expected = Outcome::Computed(
            Duration::from_millis(5_100),
            "102 / 2 at once × 100 ms".to_owned(),
        );
        assert_eq!(plan.decide(blocking, 102, NOW), Decision::Leave(expected));
    }

    #[test]
    fn overhead_is_scaled_up_from_the_size_before() {
        let options = options();
        let mut plan = Plan::with_memory(&options, u64::MAX);
        plan.learn(Way::ThreadEach, 1_000, &wall(150));
        // Ten times the 50 ms beyond a sleep of 100 ms, and a sleep of a second.
        let expected = Duration::from_millis(1_500);
        let run = Decision::Run { runs: 3, expected };
        assert_eq!(plan.decide(Way::ThreadEach, 10_000, NOW), run);
        let computed = plan.decide(Way::ThreadEach, 1_000_000, NOW);
        assert!(
            matches!(computed, Decision::Leave(Outcome::Computed(..))),
            "{computed:?}"
        );
    }

    #[test]
    fn the_lateness_of_few_is_not_scaled_up_to_many() {
        let options = options();
        let mut plan = Plan::with_memory(&options, u64::MAX);
        let tokio = Way::Async(Which::Tokio);
        let before = plan.decide(tokio, 1_000_000, NOW);
        plan.learn(tokio, 1, &wall(102));
        assert_eq!(plan.decide(tokio, 1_000_000, NOW), before);
        assert!(matches!(before, Decision::Run { .. }), "{before:?}");
    }

    #[test]
    fn a_way_that_gave_out_is_not_asked_for_more() {
        let options = options();
        let mut plan = Plan::with_memory(&options, u64::MAX);
        let gave_out = GaveOut {
            at: 32_000,
            after_ns: 1,
            why: "no".into(),
            fatal: true,
        };
        plan.learn(Way::ThreadEach, 100_000, &Outcome::GaveOut(gave_out, None));
        let left = plan.decide(Way::ThreadEach, 1_000_000, NOW);
        assert_eq!(
            left,
            Decision::Leave(Outcome::NotRun("gave out at 32,000 already".into()))
        );
    }

    #[test]
    fn a_cell_that_may_not_fit_into_memory_is_not_run() {
        let options = options();
        let plan = Plan::with_memory(&options, 1 << 30);
        let left = plan.decide(Way::ThreadEach, 100_000, NOW);
        let why = "may need 3.05 GiB, only 1.00 GiB are free".to_owned();
        assert_eq!(left, Decision::Leave(Outcome::NotRun(why)));
    }

    #[test]
    fn runs_are_fewer_when_the_rest_would_not_fit() {
        let options = options();
        let plan = Plan::with_memory(&options, u64::MAX);
        let cells = [(Way::Async(Which::Tokio), 1_000_000); 2];
        let runs = |elapsed| match plan.decide_first(&cells, elapsed) {
            Decision::Run { runs, .. } => runs,
            Decision::Leave(outcome) => panic!("left: {outcome:?}"),
        };
        // Twice three runs of about two seconds each.
        assert_eq!(runs(options.total_limit - Duration::from_secs(13)), 3);
        assert_eq!(runs(options.total_limit - Duration::from_secs(11)), 1);
    }

    #[test]
    fn long_cells_are_the_first_to_be_run_once() {
        let options = options();
        let plan = Plan::with_memory(&options, u64::MAX);
        let tokio = Way::Async(Which::Tokio);
        let cells = [(tokio, 1), (tokio, 1_000_000), (tokio, 1_000_000)];
        let runs = |cells, elapsed| match plan.decide_first(cells, elapsed) {
            Decision::Run { runs, .. } => runs,
            Decision::Leave(outcome) => panic!("left: {outcome:?}"),
        };
        let short_of_time = options.total_limit - Duration::from_secs(6);
        assert_eq!(runs(&cells, short_of_time), 3);
        assert_eq!(runs(&cells[1..], short_of_time), 1);
        // Four seconds for the long ones leave too little for three runs of the short one.
        let shorter = options.total_limit - Duration::from_millis(4_200);
        assert_eq!(runs(&cells, shorter), 1);
    }

    #[test]
    fn nothing_is_started_that_would_end_too_late() {
        let options = options();
        let plan = Plan::with_memory(&options, u64::MAX);
        let late = options.total_limit - Duration::from_millis(50);
        let left = plan.decide(Way::Async(Which::Tokio), 1, late);
        assert_eq!(
            left,
            Decision::Leave(Outcome::NotRun("the 85 s were used up".into()))
        );
        assert_eq!(
            plan.left(&[(Way::Async(Which::Tokio), 1)], late),
            Duration::ZERO
        );
    }
}
