//! One reading: the child's side.

use std::thread;
use std::time::{Duration, Instant};

use super::slack::Slack;
use super::workload::{Form, Workload};
use super::{burst, pending, staggered, tasks, timers};
use wheelhouse_benches::process::Usage;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::{self, Runtime, Which};
use wheelhouse_benches::stats::median;
use wheelhouse_benches::with_runtime;

/// The word by which a parent asks this program for a reading.
pub(super) const COMMAND: &str = "cell";

/// What is to be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) which: Which,
    pub(super) workload: Workload,
    pub(super) form: Form,
    pub(super) slack: Slack,
    pub(super) workers: usize,
}

impl Task {
    /// As the words behind [`COMMAND`].
    pub(super) fn to_args(self) -> [String; 5] {
        let Task {
            which,
            workload,
            form,
            slack,
            workers,
        } = self;
        [
            which.name(),
            workload.name(),
            form.name(),
            slack.name(),
            &workers.to_string(),
        ]
        .map(str::to_owned)
    }

    fn from_args(args: &[String]) -> Option<Task> {
        let [which, workload, form, slack, workers] = args else {
            return None;
        };
        Some(Task {
            which: Which::from_name(which)?,
            workload: Workload::from_name(workload)?,
            form: Form::from_name(form)?,
            slack: Slack::from_name(slack)?,
            workers: workers.parse().ok()?,
        })
    }
}

/// Takes the reading that `args` ask for; the process's exit code.
pub(super) fn main(args: &[String]) -> u8 {
    let Some(task) = Task::from_args(args) else {
        eprintln!("`{}` is no reading", args.join(" "));
        return 2;
    };
    match with_runtime!(task.which, R => measure::<R>(task)) {
        Ok(reading) => {
            println!("{}", reading.to_line());
            0
        }
        Err(error) => {
            eprintln!("{error}");
            1
        }
    }
}

/// The median of each number over all repeats, and the wall time, CPU time and switches of one;
/// where the timer slack matters, also that of a worker.
fn measure<R: Runtime>(task: Task) -> std::io::Result<Reading> {
    task.slack.set_for(task.which)?;
    let runtime = R::start(task.workers)?;
    runtime.run_spawned(runtime::settle::<R>(task.workers));
    let slack = task.slack.look(&runtime, task.which)?;
    if task.workload.warms_up() {
        run(&runtime, task);
    }
    let repeats = task.workload.repeats();
    let before = Usage::now();
    let start = Instant::now();
    let readings: Vec<Reading> = (0..repeats).map(|_| run(&runtime, task)).collect();
    let wall = start.elapsed();
    let used = Usage::now() - before;
    let mut whole = Reading::default();
    whole.set("wall_ms", wall.as_secs_f64() * 1e3 / repeats as f64);
    whole.set_used(used, repeats);
    if task.workload.depends_on_slack() {
        whole.set("slack_ns", slack);
    }
    // A workload that prepares something tells itself what the rest of it used.
    let mut reading = medians(&readings);
    reading.add_missing(&whole);
    Ok(reading)
}

fn medians(readings: &[Reading]) -> Reading {
    let mut medians = Reading::default();
    for name in readings.iter().flat_map(Reading::names) {
        let values: Vec<f64> = readings
            .iter()
            .filter_map(|reading| reading.get(name))
            .collect();
        if let Some(value) = median(&values) {
            medians.set(name, value);
        }
    }
    medians
}

/// Polls a body where its form wants it.
fn enter<R, F>(runtime: &R, form: Form, body: F) -> F::Output
where
    R: Runtime,
    F: Future + Send + 'static,
    F::Output: Send + 'static,
{
    match form {
        Form::Spawned => runtime.run_spawned(body),
        Form::Main => runtime.run_main(body),
        Form::Outside => runtime.block_on(body),
    }
}

fn run<R: Runtime>(runtime: &R, task: Task) -> Reading {
    const SPAWNS: u64 = 100_000;
    let form = task.form;
    let nanos = |nanos: f64| {
        let mut reading = Reading::default();
        reading.set("ns", nanos);
        reading
    };
    match task.workload {
        Workload::SpawnJoin | Workload::ForeignSpawn => {
            nanos(enter(runtime, form, tasks::spawn_join::<R>(SPAWNS)))
        }
        Workload::SpawnAwait | Workload::ForeignRoundTrip => nanos(enter(
            runtime,
            form,
            tasks::spawn_await::<R>(tasks::awaits(form)),
        )),
        Workload::Yield => nanos(enter(runtime, form, tasks::yields::<R>(200, 5_000))),
        Workload::Pairs => nanos(enter(runtime, form, tasks::pairs::<R>(50_000))),
        Workload::OwnPairs => nanos(enter(runtime, form, tasks::own_pairs::<R>(50_000))),
        Workload::Tree => nanos(enter(runtime, form, tasks::tree::<R>(1_000_000))),
        Workload::Timeout => nanos(enter(runtime, form, timers::timeouts::<R>(100_000))),
        Workload::Idle => idle(),
        timers => run_timers(runtime, form, timers),
    }
}

fn run_timers<R: Runtime>(runtime: &R, form: Form, workload: Workload) -> Reading {
    const MILLI: Duration = Duration::from_millis(1);
    match workload {
        Workload::Sleepers => enter(runtime, form, timers::sleepers::<R, 10_000>(1_000_000)),
        Workload::FewSleeps => {
            let (from, to) = (Duration::from_micros(200), 20 * MILLI);
            enter(runtime, form, timers::random_sleeps::<R>(10, 200, from, to))
        }
        Workload::ManySleeps => {
            let (from, to) = (MILLI, 50 * MILLI);
            enter(
                runtime,
                form,
                timers::random_sleeps::<R>(20_000, 20, from, to),
            )
        }
        Workload::TimeoutPending(pending) => {
            let body = pending::timeouts::<R>(pending.count(), 100_000, 5);
            enter(runtime, form, body)
        }
        Workload::Burst(probe) => {
            let lead = Duration::from_secs(6);
            let reading = enter(runtime, form, burst::burst::<R>(1_000_000, lead, probe));
            let began = reading.get("quiet_ms") > Some(0.0);
            assert!(
                began,
                "no probe ran before the burst: the machine is too busy"
            );
            reading
        }
        Workload::Staggered => {
            let body = staggered::staggered::<R>(Duration::from_secs(2));
            enter(runtime, form, body)
        }
        Workload::Heartbeats(case) => timers::heartbeats(runtime, case),
        other => unreachable!("{} is no workload of timers", other.name()),
    }
}

/// Nothing to do; the calling thread's own sleep isn't counted.
fn idle() -> Reading {
    // What the start has set in motion comes to rest first.
    thread::sleep(Duration::from_millis(50));
    let (before, own_before) = (Usage::now(), Usage::of_thread());
    thread::sleep(Duration::from_secs(5));
    let own = Usage::of_thread() - own_before;
    let all = Usage::now() - before;
    let mut reading = Reading::default();
    reading.set(
        "idle_switches",
        all.switches.saturating_sub(own.switches) as f64,
    );
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_from_its_arguments() {
        for workload in Workload::ALL {
            let form = workload.forms()[0];
            let slack = Slack::Fine;
            let task = Task {
                which: Which::SmolStatic,
                workload,
                form,
                slack,
                workers: 2,
            };
            assert_eq!(Task::from_args(&task.to_args()), Some(task));
        }
        assert_eq!(Task::from_args(&[]), None);
    }

    #[test]
    fn each_number_gets_its_own_median() {
        let lines = ["ns=1 bytes=30", "ns=3 bytes=10", "ns=2 bytes=20"];
        let readings = lines.map(|line| Reading::from_line(line).expect("a reading"));
        assert_eq!(
            Some(medians(&readings)),
            Reading::from_line("ns=2 bytes=20")
        );
    }
}
