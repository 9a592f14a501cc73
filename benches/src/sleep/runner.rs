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
use crate::heartbeat::{self, Subject, Taken, Timing};
use crate::quantity::counted;
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
    /// The heartbeat experiment, in the order in which it ran; empty if it wasn't asked for.
    pub(super) heartbeats: Vec<Taken>,
    /// By number of sleepers, then by way.
    pub(super) cells: Vec<Cell>,
}

/// Runs every cell that the options ask for.
pub(super) fn run_all(options: &Options) -> io::Result<Results> {
    let load = process::load_average();
    noise::warn_beforehand()?;
    let look = Look::now();
    let mut run = Run {
        options,
        start: Instant::now(),
        beats: all_beats(options),
        todo: all_cells(options),
        plan: Plan::new(options),
    };
    let mut progress = Progress::new(run.beats.len() + run.todo.len());
    let heartbeats = run.heartbeats(&mut progress)?;
    let kernel_stack = kernel_stack()?;
    let cells = run.cells(&mut progress)?;
    progress.end();
    Ok(Results {
        options: options.clone(),
        machine: Machine::this(),
        noise: Noise {
            load,
            others: look.others_since(),
        },
        kernel_stack,
        heartbeats,
        cells,
    })
}

/// What there is to be run: the heartbeats, then the cells.
struct Run<'a> {
    options: &'a Options,
    start: Instant,
    beats: Vec<(Subject, heartbeat::Task)>,
    todo: Vec<(Way, u64)>,
    plan: Plan<'a>,
}

impl Run<'_> {
    fn heartbeats(&self, progress: &mut Progress) -> io::Result<Vec<Taken>> {
        let mut taken = Vec::with_capacity(self.beats.len());
        for (index, (subject, task)) in self.beats.iter().copied().enumerate() {
            let beats = self.beats[index..].iter();
            let beats: Duration = beats.map(|(_, task)| heartbeat::run::duration(*task)).sum();
            let left = beats + self.plan.left(&self.todo, self.start.elapsed());
            let group = format!("heartbeats, {}", task.case.name());
            progress.show(
                index,
                &group,
                subject.name(),
                left.min(self.options.total_limit),
            );
            taken.push(heartbeat::run::take(subject, task)?);
        }
        Ok(taken)
    }

    fn cells(&mut self, progress: &mut Progress) -> io::Result<Vec<Cell>> {
        let deadline = self.start + self.options.total_limit + GRACE;
        let mut cells = Vec::with_capacity(self.todo.len());
        for (index, (way, sleepers)) in self.todo.iter().copied().enumerate() {
            let (rest, elapsed) = (&self.todo[index..], self.start.elapsed());
            let (outcome, runs) = match self.plan.decide_first(rest, elapsed) {
                Decision::Leave(outcome) => (outcome, Vec::new()),
                Decision::Run { runs, expected } => {
                    let group = counted(sleepers, "sleeper");
                    let left = self.plan.left(rest, elapsed);
                    progress.show(self.beats.len() + index, &group, way.title(), left);
                    run_cell(task(self.options, way, sleepers), runs, expected, deadline)?
                }
            };
            self.plan.learn(way, sleepers, &outcome);
            cells.push(Cell {
                way,
                sleepers,
                outcome,
                runs,
            });
        }
        Ok(cells)
    }
}

fn all_beats(options: &Options) -> Vec<(Subject, heartbeat::Task)> {
    match (options.heartbeats, options.brief) {
        (false, _) => Vec::new(),
        (true, false) => heartbeat::run::order(Timing::usual),
        (true, true) => heartbeat::run::order(Timing::brief),
    }
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
