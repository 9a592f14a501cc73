//! The table on the terminal, and the same figures as CSV.

use std::fmt::Write;

use super::heartbeats;
use super::options::Options;
use super::outcome::{Measured, Outcome};
use super::runner::{Cell, Results};
use super::way::Way;
use crate::quantity::{bytes, chosen, count, counted, time};

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

/// Bytes for each sleeper that was asleep when most of them were.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct BytesEach {
    pub(super) user: f64,
    /// What the kernel holds: its stacks of the threads, and page tables.
    pub(super) kernel: f64,
}

impl BytesEach {
    /// `None` where the sleepers asleep are too few to be told from what else takes memory.
    pub(super) fn of(way: Way, measured: &Measured, kernel_stack: u64) -> Option<BytesEach> {
        if measured.slept < BYTES_FROM || !mostly_asleep(way, measured) {
            return None;
        }
        let asleep = measured.asleep_at_once as f64;
        let stacks = measured.new_threads * kernel_stack;
        Some(BytesEach {
            user: measured.user_bytes as f64 / asleep,
            kernel: (stacks + measured.page_table_bytes) as f64 / asleep,
        })
    }
}

/// Whether next to all memory was that of sleepers asleep. Those that have yet to sleep, or have
/// slept, take about as much as the others, except that those in a queue for a thread are small
/// beside threads.
fn mostly_asleep(way: Way, measured: &Measured) -> bool {
    let percent = match way {
        Way::SpawnBlocking(_) | Way::Blocking(_) => 50,
        _ => 99,
    };
    measured.asleep_at_once * 100 >= measured.slept * percent
}

/// The figures of one cell, in the order of [`COLUMNS`].
pub(super) fn figures(way: Way, measured: &Measured, kernel_stack: u64) -> [String; 8] {
    let each = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), bytes);
    let memory = BytesEach::of(way, measured, kernel_stack);
    [
        time(measured.wall_ns as f64),
        time(measured.late_p50_ns as f64),
        time(measured.late_p99_ns as f64),
        cpu_time(measured.cpu_ns),
        each(memory.map(|each| each.user)),
        each(memory.map(|each| each.kernel)),
        count(measured.threads),
        count(measured.asleep_at_once),
    ]
}

/// Less than this is lost in the sampler's own time, which is subtracted.
fn cpu_time(nanos: u64) -> String {
    if nanos < 1_000 {
        return "< 1 µs".to_owned();
    }
    time(nanos as f64)
}

/// The head of the rows for this many sleepers.
pub(super) fn title(options: &Options, sleepers: u64) -> String {
    let sleep = chosen(options.sleep_of(sleepers));
    format!("{} of {sleep}", counted(sleepers, "sleeper"))
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
    let options = &results.options;
    let trial = if options.is_whole() {
        ""
    } else {
        "A trial of some part of the report. "
    };
    if options.ways.is_empty() {
        return trial.trim_end().to_owned();
    }
    format!(
        "{trial}Sleepers of {}, {}. That N sleeps at once take the time of one is no finding; \
         what differs is overhead, lateness, CPU, memory (here for each sleeper asleep), and \
         where each way gives out.",
        options.sleep_text(),
        counted(options.workers as u64, "worker thread"),
    )
}

/// The whole table.
pub(super) fn render(results: &Results) -> String {
    let mut text = format!("{}\n", preface(results));
    if let Some(warning) = results.noise.warning() {
        let _ = writeln!(text, "\nWARNING: {warning}");
    }
    for sleepers in results.options.sizes() {
        let cells: Vec<&Cell> = results
            .cells
            .iter()
            .filter(|cell| cell.sleepers == sleepers)
            .collect();
        write_head(&mut text, &title(&results.options, sleepers));
        for cell in cells {
            write_cell(&mut text, cell, results.kernel_stack);
        }
    }
    text.push_str(&heartbeats::text(&results.heartbeats));
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
        for figure in figures(cell.way, measured, kernel_stack) {
            let _ = write!(text, " {figure:>10}");
        }
    }
    if let Some(remark) = remark(&cell.outcome) {
        let _ = write!(text, "  {remark}");
    }
    text.push('\n');
}

/// Every figure of every cell that ran, and how the others ended.
pub(super) fn csv(results: &Results) -> String {
    let names = Measured::NAMES.join(",");
    let mut text = format!("way,sleepers,sleep_ns,outcome,wall_min_ns,wall_max_ns,{names}\n");
    for cell in &results.cells {
        let outcome = match &cell.outcome {
            Outcome::Measured(_) => "measured",
            Outcome::GaveOut(..) => "gave out",
            Outcome::Computed(..) => "computed",
            Outcome::NotRun(_) => "not run",
            Outcome::Failed(_) => "failed",
        };
        let (way, sleepers) = (cell.way.name(), cell.sleepers);
        let sleep = results.options.sleep_of(sleepers).as_nanos();
        let walls = || cell.runs.iter().map(|run| run.wall_ns);
        let shown = |wall: Option<u64>| wall.map(|wall| wall.to_string()).unwrap_or_default();
        let (min, max) = (shown(walls().min()), shown(walls().max()));
        let _ = write!(text, "{way},{sleepers},{sleep},{outcome},{min},{max}");
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
    use crate::runtime::Which;
    use std::time::Duration;

    const TASKS: Way = Way::Async(Which::Wheelhouse);

    fn measured() -> Measured {
        Measured {
            slept: 2_000,
            wall_ns: 101_500_000,
            cpu_ns: 3_000_000,
            asleep_at_once: 2_000,
            user_bytes: 322_000,
            new_threads: 10,
            page_table_bytes: 4_000,
            ..Measured::default()
        }
    }

    #[test]
    fn memory_is_told_for_each_sleeper_user_and_kernel_apart() {
        let each = BytesEach::of(TASKS, &measured(), 16_384);
        let (user, kernel) = (161.0, 83.92);
        assert_eq!(each, Some(BytesEach { user, kernel }));
        let few = Measured {
            slept: 999,
            asleep_at_once: 999,
            ..measured()
        };
        assert_eq!(BytesEach::of(TASKS, &few, 16_384), None);
        assert_eq!(figures(TASKS, &few, 16_384)[4], "–");
    }

    #[test]
    fn those_that_never_slept_at_once_share_no_memory() {
        let some = Measured {
            asleep_at_once: 1_979,
            ..measured()
        };
        assert_eq!(BytesEach::of(TASKS, &some, 0), None);
        assert_eq!(BytesEach::of(Way::ThreadEach, &some, 0), None);
        let pool = Way::SpawnBlocking(Which::Tokio);
        let half = Measured {
            asleep_at_once: 1_000,
            ..measured()
        };
        let each = BytesEach::of(pool, &half, 0).expect("half of them");
        assert_eq!(each.user, 322.0);
        let fewer = Measured {
            asleep_at_once: 999,
            ..measured()
        };
        assert_eq!(BytesEach::of(pool, &fewer, 0), None);
    }

    #[test]
    fn cpu_time_too_small_to_be_told_is_not_nothing() {
        assert_eq!(cpu_time(0), "< 1 µs");
        assert_eq!(cpu_time(1_000), "1.00 µs");
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
