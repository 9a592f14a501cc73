//! Takes all readings, round by round, each in a process of its own.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::cell::{self, Task};
use super::options::Options;
use super::slack::Slack;
use super::workload::{Form, Workload};
use wheelhouse_benches::child;
use wheelhouse_benches::random::shuffle;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::Which;

/// A reading that takes longer than this has hung.
const LIMIT: Duration = Duration::from_secs(300);

/// One reading, or why there is none.
#[derive(Clone, Debug)]
pub(super) struct Taken {
    pub(super) which: Which,
    pub(super) workload: Workload,
    pub(super) form: Form,
    pub(super) slack: Slack,
    pub(super) reading: Result<Reading, String>,
}

/// All readings, in the order in which they were taken.
#[derive(Clone, Debug)]
pub(super) struct Results {
    pub(super) options: Options,
    pub(super) taken: Vec<Taken>,
}

/// Takes every reading that the options ask for.
pub(super) fn run_all(options: &Options) -> io::Result<Results> {
    let start = Instant::now();
    let tasks = order(options);
    let mut taken = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        show_progress(&tasks, index, options.rounds, start.elapsed());
        let words = task.to_args();
        let args = std::iter::once(cell::COMMAND).chain(words.iter().map(String::as_str));
        let (printed, end) = child::run(args, LIMIT)?;
        let read = || Reading::from_line(&printed).ok_or_else(|| "it printed no reading".into());
        let Task {
            which,
            workload,
            form,
            slack,
            ..
        } = *task;
        taken.push(Taken {
            which,
            workload,
            form,
            slack,
            reading: end.and_then(|()| read()),
        });
    }
    Ok(Results {
        options: options.clone(),
        taken,
    })
}

/// All readings of all rounds; in each, every workload's runtimes stand next to each other, in an
/// order of their own.
fn order(options: &Options) -> Vec<Task> {
    let mut tasks = Vec::new();
    for round in 0..options.rounds {
        for (index, workload) in options.workloads.iter().copied().enumerate() {
            for (form, slack) in options.variants(workload) {
                let mut runtimes = options.runtimes.clone();
                shuffle(&mut runtimes, (round * 100 + index) as u64);
                let task = |which| Task {
                    which,
                    workload,
                    form,
                    slack,
                    workers: options.workers,
                };
                tasks.extend(runtimes.into_iter().map(task));
            }
        }
    }
    tasks
}

fn show_progress(tasks: &[Task], index: usize, rounds: usize, elapsed: Duration) {
    let stderr = io::stderr();
    let per_round = tasks.len() / rounds;
    let round = index / per_round + 1;
    let Task {
        which, workload, ..
    } = tasks[index];
    let left = match round {
        // Workloads differ so much that only a whole round tells.
        1 => String::new(),
        _ => {
            let done = index as f64 / tasks.len() as f64;
            let left = elapsed.as_secs_f64() * (1.0 - done) / done;
            format!(", about {left:.0} s left")
        }
    };
    let mut stderr = stderr.lock();
    // Progress that nobody can read is no reason to stop.
    let _ = if stderr.is_terminal() {
        let what = format!("{}, {}", workload.name(), which.name());
        write!(stderr, "\r\x1b[2Kround {round} of {rounds}: {what}{left}")
    } else if index.is_multiple_of(per_round) {
        writeln!(stderr, "round {round} of {rounds}{left}")
    } else {
        Ok(())
    };
    if index + 1 == tasks.len() && stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[2K");
    }
    let _ = stderr.flush();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_every_runtime_at_every_workload_and_form() {
        let options = Options {
            rounds: 2,
            workloads: vec![Workload::Yield, Workload::FewSleeps, Workload::Idle],
            ..Options::new()
        };
        let tasks = order(&options);
        // Two forms of the first, two slacks of the second, one of either for the third.
        assert_eq!(tasks.len(), 2 * 5 * 4);
        let count = |which| tasks.iter().filter(|task| task.which == which).count();
        assert!(Which::COMPARED.into_iter().all(|which| count(which) == 10));
    }
}
