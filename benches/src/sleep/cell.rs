//! One cell: the child's side. It makes the sleepers, waits for them and prints one line.

use std::io::{self, Write};
use std::thread;
use std::time::{Duration, Instant};

use super::kernel_stack::kernel_stack_of_a_thread;
use super::outcome::{GaveOut, Measured};
use super::record::Records;
use super::way::Way;
use crate::runtime::{self, Blocking, Runtime, Tokio, Wheelhouse, Which};
use crate::sampler::{Needed, Sampler};
use crate::with_runtime;

/// The word by which a parent asks this program to run a cell.
pub(super) const COMMAND: &str = "cell";

/// The word that asks for the size of a thread's stack in the kernel instead.
pub(super) const KERNEL_STACK: &str = "kernel-stack";

/// The stack that each sleeping thread asks for, in bytes; it is address space, not memory, until
/// it is touched.
pub(super) const THREAD_STACK: usize = 64 * 1024;

/// How often a thread-making cell says how far it is, since it may not live to tell the end.
const SAY_EVERY: usize = 256;

/// What a cell is to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    pub(super) way: Way,
    pub(super) sleepers: u64,
    pub(super) sleep: Duration,
    pub(super) workers: usize,
}

impl Task {
    /// As the words behind [`COMMAND`].
    pub(super) fn to_args(self) -> [String; 4] {
        let sleep = self.sleep.as_nanos();
        [
            self.way.name().into(),
            self.sleepers.to_string(),
            sleep.to_string(),
            self.workers.to_string(),
        ]
    }

    fn from_args(args: &[String]) -> Option<Task> {
        let [way, sleepers, sleep, workers] = args else {
            return None;
        };
        Some(Task {
            way: Way::from_name(way)?,
            sleepers: sleepers.parse().ok()?,
            sleep: Duration::from_nanos(sleep.parse().ok()?),
            workers: workers.parse().ok()?,
        })
    }
}

/// Runs what `args` ask for; the process's exit code.
pub(super) fn main(args: &[String]) -> u8 {
    let answer = match args {
        [word] if word == KERNEL_STACK => kernel_stack_of_a_thread().map(|size| size.to_string()),
        _ => match Task::from_args(args) {
            Some(task) => run(task),
            None => Err(io::Error::other(format!("`{}` is no cell", args.join(" ")))),
        },
    };
    match answer {
        Ok(line) => {
            println!("{line}");
            0
        }
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

fn run(task: Task) -> io::Result<String> {
    let sleepers = usize::try_from(task.sleepers).map_err(io::Error::other)?;
    let records = Records::leak(sleepers, task.sleep);
    let (wall, mut needed) = match task.way {
        Way::InTurn => measured(|| in_turn(records, sleepers))?,
        Way::ThreadEach => measured(|| thread_each(records, sleepers))?,
        Way::SpawnBlocking(Which::Wheelhouse) => {
            on_workers::<Wheelhouse>(task, records, blocking_job::<Wheelhouse>)?
        }
        Way::SpawnBlocking(_) => on_workers::<Tokio>(task, records, blocking_job::<Tokio>)?,
        Way::Blocking(which) => {
            with_runtime!(which, R => on_workers::<R>(task, records, blocking_task::<R>))?
        }
        Way::Async(which) => {
            with_runtime!(which, R => on_workers::<R>(task, records, async_task::<R>))?
        }
    };
    let summary = records.summary().map_err(io::Error::other)?;
    let started = task
        .way
        .threads_started(summary.asleep_at_once, task.workers);
    needed.had_at_least(started);
    let measured = Measured {
        slept: summary.slept,
        wall_ns: nanos(wall),
        late_p50_ns: summary.late_p50,
        late_p99_ns: summary.late_p99,
        late_max_ns: summary.late_max,
        cpu_ns: nanos(needed.cpu),
        asleep_at_once: summary.asleep_at_once,
        user_bytes: needed.user_bytes,
        page_table_bytes: needed.page_table_bytes,
        threads: needed.threads,
        new_threads: needed.new_threads,
        runs: 1,
    };
    Ok(measured.to_line())
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Runs `body` with a sampler beside it; `body` tells the wall time itself.
fn measured(body: impl FnOnce() -> io::Result<Duration>) -> io::Result<(Duration, Needed)> {
    let sampler = Sampler::start()?;
    let wall = body()?;
    Ok((wall, sampler.stop()))
}

fn blocking_sleep(records: &Records, index: usize) {
    records.starts(index);
    thread::sleep(records.sleep());
    records.ends(index);
}

fn blocking_job<R: Blocking>(records: &'static Records, index: usize) -> R::Task<()> {
    R::spawn_blocking(move || blocking_sleep(records, index))
}

fn blocking_task<R: Runtime>(records: &'static Records, index: usize) -> R::Task<()> {
    R::spawn(async move { blocking_sleep(records, index) })
}

fn async_task<R: Runtime>(records: &'static Records, index: usize) -> R::Task<()> {
    R::spawn(async move {
        records.starts(index);
        R::sleep(records.sleep()).await;
        records.ends(index);
    })
}

fn in_turn(records: &'static Records, sleepers: usize) -> io::Result<Duration> {
    let start = Instant::now();
    for index in 0..sleepers {
        blocking_sleep(records, index);
    }
    Ok(start.elapsed())
}

fn thread_each(records: &'static Records, sleepers: usize) -> io::Result<Duration> {
    let start = Instant::now();
    let mut threads = Vec::with_capacity(sleepers);
    for index in 0..sleepers {
        let builder = thread::Builder::new().stack_size(THREAD_STACK);
        match builder.spawn(move || blocking_sleep(records, index)) {
            Ok(thread) => threads.push(thread),
            Err(error) => {
                say(&gave_out(index, start.elapsed(), &error).to_line())?;
                break;
            }
        }
        if threads.len() % SAY_EVERY == 0 {
            say(&GaveOut::progress_line(
                threads.len() as u64,
                start.elapsed(),
            ))?;
        }
    }
    for thread in threads {
        thread
            .join()
            .map_err(|_| io::Error::other("a sleeping thread panicked"))?;
    }
    Ok(start.elapsed())
}

fn gave_out(at: usize, after: Duration, error: &io::Error) -> GaveOut {
    GaveOut {
        at: at as u64,
        after_ns: nanos(after),
        why: error.to_string(),
        fatal: false,
    }
}

/// Prints at once: the process may be gone a moment later.
fn say(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    stdout.flush()
}

/// The sleepers are made, and waited for, by a task on a worker.
fn on_workers<R: Runtime>(
    task: Task,
    records: &'static Records,
    sleeper: fn(&'static Records, usize) -> R::Task<()>,
) -> io::Result<(Duration, Needed)> {
    let runtime = R::start(task.workers)?;
    runtime.run_spawned(runtime::settle::<R>(task.workers));
    let sleepers = records.sleepers();
    measured(|| {
        Ok(runtime.run_spawned(async move {
            let start = Instant::now();
            let mut tasks = Vec::with_capacity(sleepers);
            tasks.extend((0..sleepers).map(|index| sleeper(records, index)));
            for task in tasks {
                task.await;
            }
            start.elapsed()
        }))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_from_its_arguments() {
        for way in Way::ALL {
            let sleep = Duration::from_millis(100);
            let task = Task {
                way,
                sleepers: 1_000,
                sleep,
                workers: 2,
            };
            let read = Task::from_args(&task.to_args()).expect("its own words");
            assert_eq!((read.way, read.sleepers, read.workers), (way, 1_000, 2));
            assert_eq!(read.sleep, sleep);
        }
        assert!(Task::from_args(&["in-turn".to_owned()]).is_none());
    }

    #[test]
    fn every_way_lets_all_its_sleepers_sleep() {
        for way in Way::ALL {
            let task = Task {
                way,
                sleepers: 5,
                sleep: Duration::from_millis(1),
                workers: 2,
            };
            let line = run(task).expect("five short sleeps");
            assert!(line.contains(" slept=5 "), "{way:?}: {line}");
        }
    }
}
