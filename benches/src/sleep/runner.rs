//! Runs all cells, each in a process of its own, and collects their outcomes.

use std::io;
use std::time::{Duration, Instant};

use super::cell::{self, Task};
use super::machine::Machine;
use super::noise::{self, Look, Noise};
use super::options::Options;
use super::outcome::{self, Measured, Outcome};
use super::plan::{Decision, Plan};
use super::progress::Progress;
use super::way::Way;
use crate::{child, process};

/// A cell that takes longer than planned is stopped this long after the last was to end.
const GRACE: Duration = Duration::from_secs(3);

/// What became of one way with one number of sleepers.
#[derive(Clone, Debug)]
pub(super) struct Cell {
    pub(super) way: Way,
    pub(super) sleepers: u64,
    pub(super) outcome: Outcome,
    /// The figures of every run, by wall time; the outcome's are those in the middle.
    pub(super) runs: Vec<Measured>,
}

/// All that the report tells.
#[derive(Clone, Debug)]
pub(super) struct Results {
    pub(super) options: Options,
    pub(super) machine: Machine,
    pub(super) noise: Noise,
    /// The kernel's own stack for one thread, in bytes.
    pub(super) kernel_stack: u64,
    /// By number of sleepers, then by way.
    pub(super) cells: Vec<Cell>,
}

/// Runs every cell that the options ask for.
pub(super) fn run_all(options: &Options) -> io::Result<Results> {
    let load = process::load_average();
    noise::warn_beforehand()?;
    let look = Look::now();
    let start = Instant::now();
    let deadline = start + options.total_limit + GRACE;
    let todo = all_cells(options);
    let mut plan = Plan::new(options);
    let mut progress = Progress::new(todo.len());
    let mut cells = Vec::with_capacity(todo.len());
    let kernel_stack = kernel_stack()?;
    for (index, (way, sleepers)) in todo.iter().copied().enumerate() {
        let elapsed = start.elapsed();
        let (outcome, runs) = match plan.decide_first(&todo[index..], elapsed) {
            Decision::Leave(outcome) => (outcome, Vec::new()),
            Decision::Run { runs, expected } => {
                progress.show(index, way, sleepers, plan.left(&todo[index..], elapsed));
                run_cell(task(options, way, sleepers), runs, expected, deadline)?
            }
        };
        plan.learn(way, sleepers, &outcome);
        cells.push(Cell {
            way,
            sleepers,
            outcome,
            runs,
        });
    }
    progress.end();
    Ok(Results {
        options: options.clone(),
        machine: Machine::this(),
        noise: Noise {
            load,
            others: look.others_since(),
        },
        kernel_stack,
        cells,
    })
}

/// By number of sleepers, then by way: the short ones first.
fn all_cells(options: &Options) -> Vec<(Way, u64)> {
    let of_size = |sleepers| options.ways.iter().map(move |way| (*way, sleepers));
    options.sizes().into_iter().flat_map(of_size).collect()
}

fn task(options: &Options, way: Way, sleepers: u64) -> Task {
    Task {
        way,
        sleepers,
        sleep: options.sleep_of(sleepers),
        workers: options.workers,
    }
}

fn kernel_stack() -> io::Result<u64> {
    let (stdout, end) = run_cell_process(&[cell::KERNEL_STACK.to_owned()], Duration::from_secs(5))?;
    let size = end.and_then(|()| stdout.trim().parse().map_err(|_| "no number".to_owned()));
    size.map_err(|why| io::Error::other(format!("a thread's kernel stack wasn't measured: {why}")))
}

/// The run with the median wall time, or the first that didn't go well; and all that did.
fn run_cell(
    task: Task,
    runs: u64,
    expected: Duration,
    deadline: Instant,
) -> io::Result<(Outcome, Vec<Measured>)> {
    let mut measured: Vec<Measured> = Vec::new();
    while (measured.len() as u64) < runs {
        let left = deadline.saturating_duration_since(Instant::now());
        if left < expected && !measured.is_empty() {
            break;
        }
        let limit = left.min(expected * 2 + Duration::from_secs(5));
        let (stdout, end) = run_cell_process(&task.to_args(), limit)?;
        match outcome::read(&stdout, end) {
            Outcome::Measured(figures) => measured.push(figures),
            other => return Ok((other, measured)),
        }
    }
    measured.sort_by_key(|figures| figures.wall_ns);
    let runs = measured.len() as u64;
    let median = measured[measured.len() / 2].clone();
    Ok((Outcome::Measured(Measured { runs, ..median }), measured))
}

fn run_cell_process(args: &[String], limit: Duration) -> io::Result<child::Ended> {
    child::run(
        std::iter::once(cell::COMMAND).chain(args.iter().map(String::as_str)),
        limit,
    )
}
