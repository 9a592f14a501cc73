//! The table on the terminal, and the same figures as CSV.

use std::fmt::Write;

use super::outcome::{Measured, Outcome};
use super::runner::{Cell, Results};
use crate::quantity::{bytes, count, time};

/// Below this many sleepers, bytes per sleeper say more about the counters' grain (pages, and
/// counts that the kernel adds up in batches) than about sleepers.
pub(super) const BYTES_FROM: u64 = 1_000;

/// The heads of the columns behind the way's name.
pub(super) const COLUMNS: [&str; 8] = [
    "wall",
    "late p50",
    "late p99",
    "CPU",
    "user mem",
    "kernel mem",
    "threads",
    "at once",
];

/// Bytes of user memory for each sleeper.
pub(super) fn user_bytes_each(measured: &Measured) -> Option<f64> {
    (measured.slept >= BYTES_FROM).then(|| measured.user_bytes as f64 / measured.slept as f64)
}

/// Bytes for each sleeper that the kernel holds: its stacks of the threads, and page tables.
pub(super) fn kernel_bytes_each(measured: &Measured, kernel_stack: u64) -> Option<f64> {
    let stacks = measured.new_threads * kernel_stack;
    let all = (stacks + measured.page_table_bytes) as f64;
    (measured.slept >= BYTES_FROM).then(|| all / measured.slept as f64)
}

/// The figures of one cell, in the order of [`COLUMNS`].
pub(super) fn figures(measured: &Measured, kernel_stack: u64) -> [String; 8] {
    let each = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), bytes);
    [
        time(measured.wall_ns as f64),
        time(measured.late_p50_ns as f64),
        time(measured.late_p99_ns as f64),
        time(measured.cpu_ns as f64),
        each(user_bytes_each(measured)),
        each(kernel_bytes_each(measured, kernel_stack)),
        count(measured.threads),
        count(measured.asleep_at_once),
    ]
}

/// What is to be said of a cell besides its figures.
pub(super) fn remark(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Measured(_) => None,
        Outcome::GaveOut(gave_out, _) => {
            let at = count(gave_out.at);
            let after = time(gave_out.after_ns as f64);
            let fatal = if gave_out.fatal {
                ", and the process died"
            } else {
                ""
            };
            let why = &gave_out.why;
            Some(format!("gave out at {at} after {after}{fatal}: {why}"))
        }
        Outcome::Computed(duration, why) => Some(format!(
            "computed: {} ({why})",
            time(duration.as_nanos() as f64)
        )),
        Outcome::NotRun(why) => Some(format!("not run: {why}")),
        Outcome::Failed(why) => Some(format!("FAILED: {why}")),
    }
}

/// What the reader has to know before the figures.
pub(super) fn preface(results: &Results) -> String {
    let sleep = results.options.sleep.as_millis();
    let workers = results.options.workers;
    format!(
        "Sleepers of {sleep} ms, {workers} worker threads. That N sleeps at once take the time of \
         one is no finding; what differs is overhead, lateness, CPU, memory (here for each \
         sleeper), and where each way gives out."
    )
}

/// The whole table.
pub(super) fn render(results: &Results) -> String {
    let mut text = format!("{}\n", preface(results));
    for sleepers in results.options.sizes() {
        let cells: Vec<&Cell> = results
            .cells
            .iter()
            .filter(|cell| cell.sleepers == sleepers)
            .collect();
        let title = if sleepers == 1 { "sleeper" } else { "sleepers" };
        write_head(&mut text, &format!("{} {title}", count(sleepers)));
        for cell in cells {
            write_cell(&mut text, cell, results.kernel_stack);
        }
    }
    text
}

fn write_head(text: &mut String, title: &str) {
    let _ = write!(text, "\n{title:<34}");
    for column in COLUMNS {
        let _ = write!(text, " {column:>10}");
    }
    text.push('\n');
}

fn write_cell(text: &mut String, cell: &Cell, kernel_stack: u64) {
    let _ = write!(text, "{:<34}", cell.way.title());
    if let Some(measured) = cell.outcome.measured() {
        for figure in figures(measured, kernel_stack) {
            let _ = write!(text, " {figure:>10}");
        }
    }
    if let Some(remark) = remark(&cell.outcome) {
        let _ = write!(text, "  {remark}");
    }
    text.push('\n');
}

/// Every figure of every cell that ran, and the computed wall times marked as such.
pub(super) fn csv(results: &Results) -> String {
    let mut text = format!("way,sleepers,outcome,{}\n", Measured::NAMES.join(","));
    for cell in &results.cells {
        let outcome = match &cell.outcome {
            Outcome::Measured(_) => "measured",
            Outcome::GaveOut(..) => "gave out",
            Outcome::Computed(..) => "computed",
            Outcome::NotRun(_) => "not run",
            Outcome::Failed(_) => "failed",
        };
        let _ = write!(text, "{},{},{outcome}", cell.way.name(), cell.sleepers);
        let values = cell
            .outcome
            .measured()
            .map(Measured::values)
            .unwrap_or_default();
        for index in 0..Measured::NAMES.len() {
            let value = values.get(index).map(u64::to_string).unwrap_or_default();
            let _ = write!(text, ",{value}");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn measured() -> Measured {
        Measured {
            slept: 2_000,
            wall_ns: 101_500_000,
            cpu_ns: 3_000_000,
            user_bytes: 322_000,
            new_threads: 10,
            page_table_bytes: 4_000,
            ..Measured::default()
        }
    }

    #[test]
    fn memory_is_told_for_each_sleeper_user_and_kernel_apart() {
        assert_eq!(user_bytes_each(&measured()), Some(161.0));
        assert_eq!(kernel_bytes_each(&measured(), 16_384), Some(83.92));
        let few = Measured {
            slept: 999,
            ..measured()
        };
        assert_eq!(user_bytes_each(&few), None);
        assert_eq!(figures(&few, 16_384)[4], "–");
    }

    #[test]
    fn a_computed_cell_says_so() {
        let outcome = Outcome::Computed(Duration::from_secs(1_000), "10 × 100 s".to_owned());
        assert_eq!(
            remark(&outcome),
            Some("computed: 1,000 s (10 × 100 s)".to_owned())
        );
        assert_eq!(remark(&Outcome::Measured(measured())), None);
    }
}
