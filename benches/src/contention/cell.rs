//! One point of a curve: the child's side.

use std::future::Future;
use std::io;
use std::ops::Add;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use super::entrant::Entrant;
use super::lane::{Done, Lane, Reaper, ring};
use super::stage::Stage;
use wheelhouse_benches::process::Usage;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::{self, Runtime, SmolStatic, Tokio, Wheelhouse};

/// The word by which a parent asks this program for a point.
pub(super) const COMMAND: &str = "contention";

/// How far away the timers are: none comes while anything is measured.
const FAR: Duration = Duration::from_secs(30);
/// Until every lane has found its pace.
const WARM_UP: Duration = Duration::from_millis(50);
const SPAN: Duration = Duration::from_millis(250);
const ENOUGH: u64 = 1_000;
const PATIENCE: usize = 20;
/// Workers of a runtime whose timers others arm: as few as a small machine has.
const IDLE_WORKERS: usize = 2;

/// A point of a curve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    pub(super) entrant: Entrant,
    pub(super) threads: usize,
    /// Of a hundred timers, so many are dropped on another thread.
    pub(super) drops: u64,
}

impl Task {
    /// As the words behind [`COMMAND`].
    pub(super) fn to_args(self) -> [String; 3] {
        [
            self.entrant.name().to_owned(),
            self.threads.to_string(),
            self.drops.to_string(),
        ]
    }

    fn from_args(args: &[String]) -> Option<Task> {
        let [entrant, threads, drops] = args else {
            return None;
        };
        Some(Task {
            entrant: Entrant::from_name(entrant)?,
            threads: threads.parse().ok().filter(|threads| *threads > 0)?,
            drops: drops.parse().ok().filter(|drops| *drops <= 100)?,
        })
    }
}

/// Takes the point that `args` ask for; the process's exit code.
pub(super) fn main(args: &[String]) -> u8 {
    let Some(task) = Task::from_args(args) else {
        eprintln!("`{}` is no point of a curve", args.join(" "));
        return 2;
    };
    match measure(task, SPAN) {
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

fn measure(task: Task, span: Duration) -> io::Result<Reading> {
    match task.entrant {
        Entrant::Floor => floor(task, span),
        Entrant::Wheelhouse => on_workers::<Wheelhouse>(task, span),
        Entrant::WheelhouseOutside => outside::<Wheelhouse>(task, span),
        Entrant::Tokio => on_workers::<Tokio>(task, span),
        Entrant::TokioOutside => outside::<Tokio>(task, span),
        Entrant::AsyncIo => outside::<SmolStatic>(task, span),
    }
}

/// As large as a timer, and never ready.
struct Untimed([u64; 8]);

impl Future for Untimed {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        std::hint::black_box(&self.0);
        Poll::Pending
    }
}

fn floor(task: Task, span: Duration) -> io::Result<Reading> {
    on_threads(task, span, || Untimed([0; 8]), |_, lane| lane.run(), &())
}

/// On threads that are no workers.
fn outside<R: Runtime + Sync>(task: Task, span: Duration) -> io::Result<Reading> {
    let runtime = R::start(IDLE_WORKERS)?;
    runtime.run_spawned(runtime::settle::<R>(IDLE_WORKERS));
    let arm = || R::sleep(FAR);
    let run =
        |runtime: &R, lane: Lane<_>| runtime.block_on(R::unconstrained(async move { lane.run() }));
    on_threads(task, span, arm, run, &runtime)
}

fn on_threads<C, S>(
    task: Task,
    span: Duration,
    arm: fn() -> S,
    run: fn(&C, Lane<S>) -> Done,
    context: &C,
) -> io::Result<Reading>
where
    C: Sync,
    S: Future<Output = ()> + Send,
{
    let stage = Arc::new(Stage::new(task.threads));
    let (lanes, reaper) = ring(&stage, task.threads, task.drops, arm);
    thread::scope(|scope| {
        let lane = |lane| scope.spawn(move || run(context, lane));
        let lanes: Vec<_> = lanes.into_iter().map(lane).collect();
        let reaper = reaper.map(|reaper| scope.spawn(|| reaper.run()));
        let reading = observe(&stage, span);
        let ends = lanes.into_iter().chain(reaper);
        let done = ends.map(|thread| thread.join().expect("a lane panicked"));
        Ok(checked(reading, done.fold(Done::default(), Add::add), task))
    })
}

/// On workers: each lane is a task that holds a worker of its own until all is over.
fn on_workers<R: Runtime>(task: Task, span: Duration) -> io::Result<Reading> {
    let runtime = R::start(task.threads)?;
    runtime.run_spawned(runtime::settle::<R>(task.threads));
    let stage = Arc::new(Stage::new(task.threads));
    let (lanes, reaper) = ring(&stage, task.threads, task.drops, || R::sleep(FAR));
    let reaper = reaper.map(|reaper: Reaper<_>| thread::spawn(|| reaper.run()));
    let spawn = |lane: Lane<_>| R::spawn(R::unconstrained(async move { lane.run() }));
    let lanes: Vec<_> = runtime.block_on(async { lanes.into_iter().map(spawn).collect() });
    let reading = observe(&stage, span);
    let done = runtime.block_on(async {
        let mut done = Done::default();
        for lane in lanes {
            done = done + lane.await;
        }
        done
    });
    let reaped = reaper.map(|thread| thread.join().expect("the reaper panicked"));
    Ok(checked(reading, done + reaped.unwrap_or_default(), task))
}

/// Starts the lanes, watches them for `span` (on a machine that does other things, a few more of
/// it, until there is something to see), and stops them: the wall time, the CPU time and the
/// context switches of one timer.
fn observe(stage: &Stage, span: Duration) -> Reading {
    stage.wait_for_start();
    thread::sleep(WARM_UP);
    let (armed, used, start) = (stage.armed(), Usage::now(), Instant::now());
    let enough = || stage.armed() - armed >= ENOUGH;
    for _ in 0..PATIENCE {
        thread::sleep(span);
        if enough() {
            break;
        }
    }
    let (wall, used) = (start.elapsed(), Usage::now() - used);
    let armed = stage.armed() - armed;
    stage.end();
    assert!(
        armed >= ENOUGH,
        "only {armed} timers were armed in {wall:?}"
    );
    let armed = armed as f64;
    let mut reading = Reading::default();
    reading.set("ns", wall.as_nanos() as f64 / armed);
    reading.set("cpu_ns", used.cpu.as_nanos() as f64 / armed);
    reading.set("switches", used.switches as f64 / armed);
    reading
}

/// The reading, if what was done is what was asked for.
fn checked(reading: Reading, done: Done, task: Task) -> Reading {
    assert_eq!(
        done.kept + done.sent,
        done.armed,
        "some were never dropped: {done:?}"
    );
    assert_eq!(
        done.sent, done.received,
        "some were never received: {done:?}"
    );
    // Each lane may be one off.
    let asked = done.armed * task.drops / 100;
    assert!(
        done.sent.abs_diff(asked) <= task.threads as u64,
        "{done:?} for {task:?}"
    );
    reading
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_from_its_arguments() {
        for entrant in Entrant::ALL {
            let task = Task {
                entrant,
                threads: 16,
                drops: 10,
            };
            assert_eq!(Task::from_args(&task.to_args()), Some(task));
        }
        assert_eq!(Task::from_args(&[]), None);
        let refused = |threads: &str, drops: &str| {
            Task::from_args(&["floor", threads, drops].map(str::to_owned)).is_none()
        };
        assert!(refused("0", "10") && refused("1", "101"));
    }

    /// The points check themselves what was done.
    #[test]
    fn every_entrant_arms_and_cancels_on_one_thread_and_on_three() {
        for entrant in Entrant::ALL {
            for (threads, drops) in [(1, 50), (3, 0), (3, 10), (3, 100)] {
                let task = Task {
                    entrant,
                    threads,
                    drops,
                };
                let reading = measure(task, Duration::from_millis(10)).expect("threads start");
                for number in ["ns", "cpu_ns"] {
                    assert!(reading.get(number) > Some(0.0), "{task:?}: {reading:?}");
                }
            }
        }
    }
}
