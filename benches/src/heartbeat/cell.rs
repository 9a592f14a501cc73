//! One runtime's run, in a process of its own: the child's side.

use std::io;

use super::body::{self, Log};
use super::case::{Task, WORKERS};
use super::record::Record;
use crate::runtime::{self, Runtime, Which};
use crate::sampler::Sampler;
use crate::with_runtime;

/// The word by which a parent asks this program for a run.
pub const COMMAND: &str = "heartbeats";

/// Runs what `args` ask for; the process's exit code.
#[must_use]
pub fn main(args: &[String]) -> u8 {
    let asked = args.split_first().and_then(|(which, task)| {
        let task = Task::from_args(task)?;
        Some((Which::from_name(which)?, task))
    });
    let Some((which, task)) = asked else {
        eprintln!("`{}` is no run of heartbeats", args.join(" "));
        return 2;
    };
    match with_runtime!(which, R => run::<R>(task)) {
        Ok(record) => {
            print!("{}", record.to_lines());
            0
        }
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

fn run<R: Runtime>(task: Task) -> io::Result<Record> {
    let runtime = R::start(WORKERS)?;
    runtime.run_spawned(runtime::settle::<R>(WORKERS));
    let record = observe(&runtime, task);
    // Dropping it would wait for those that still hold their threads.
    std::mem::forget(runtime);
    record
}

/// Starts it all, and looks at what has come when it is time to.
///
/// # Errors
///
/// When a thread can't be started.
pub fn observe<R: Runtime>(runtime: &R, task: Task) -> io::Result<Record> {
    let sampler = Sampler::start()?;
    let log = Log::leak(task.timing.span);
    let tasks = runtime.run_spawned(body::start::<R>(log, task));
    log.wait_until(task.timing.look());
    let hearts = log.read();
    let needed = sampler.stop();
    drop(tasks);
    Ok(Record::new(hearts, &needed))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    use crate::heartbeat::{Case, Timing};

    #[test]
    fn a_run_ends_at_the_look_though_the_workers_are_held() {
        let timing = Timing {
            // On two workers the blockers hold out for 32 times as long.
            hold: Timing::brief(Case::ManyBlockers).span,
            ..Timing::brief(Case::ManyBlockers)
        };
        let task = Task {
            case: Case::ManyBlockers,
            timing,
        };
        let start = Instant::now();
        let record = run::<crate::runtime::Tokio>(task).expect("threads start");
        assert!(start.elapsed() >= timing.look(), "it looked too early");
        let lateness = record.lateness(&timing).expect("none early");
        assert!(lateness.worst.or_more, "{lateness:?}");
        assert!(
            record.threads >= 3,
            "main and two workers: {}",
            record.threads
        );
    }
}
