//! What is dropped at a shutdown, where, and before what.

use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;
use wheelhouse::{Builder, Handle, JoinHandle, Runtime, sleep};
use wheelhouse_tests::{
    Gate, LIMIT, WORKERS, hold_workers, on_built, on_unwatched_workers, on_workers,
};

/// What happened, in its order, and on which thread.
#[derive(Clone, Default)]
struct Diary(Arc<Mutex<Vec<(&'static str, ThreadId)>>>);

impl Diary {
    fn note(&self, what: &'static str) {
        let entry = (what, thread::current().id());
        self.0.lock().unwrap().push(entry);
    }

    /// Notes when it is dropped.
    fn drops(&self, what: &'static str) -> NoteOnDrop {
        NoteOnDrop(self.clone(), what)
    }

    fn entries(&self) -> Vec<(&'static str, ThreadId)> {
        self.0.lock().unwrap().clone()
    }

    fn words(&self) -> Vec<&'static str> {
        self.entries().into_iter().map(|(what, _)| what).collect()
    }
}

struct NoteOnDrop(Diary, &'static str);

impl Drop for NoteOnDrop {
    fn drop(&mut self) {
        self.0.note(self.1);
    }
}

/// A task that waits, and has been polled.
fn waits(runtime: &Runtime, held: impl Send + 'static) -> JoinHandle<()> {
    let gate = Gate::new();
    let inside = gate.clone();
    let task = runtime.spawn(async move {
        let _held = held;
        inside.wait().await;
    });
    gate.wait_for(1, LIMIT);
    task
}

/// A task or job that is in the queue behind others.
fn noted(diary: &Diary, what: &'static str) -> impl FnOnce() + Send + 'static {
    let held = diary.drops(what);
    move || {
        let _held = held;
        unreachable!("it never runs");
    }
}

#[test]
fn waiting_jobs_are_dropped_first_and_by_whoever_shuts_down() {
    on_built(
        WORKERS,
        |builder| builder.max_blocking_threads(1).watch(false),
        |runtime, workers| {
            let (diary, gate) = (Diary::default(), Gate::new());
            let (block, held) = (gate.clone(), diary.drops("running job"));
            let running = runtime.spawn_blocking(move || {
                let _held = held;
                block.block();
            });
            gate.wait_for(1, LIMIT);
            let job = runtime.spawn_blocking(noted(&diary, "waiting job"));
            let task = waits(&runtime, diary.drops("task"));
            let workers = hold_workers(&runtime, workers);
            runtime.handle().shutdown_background();
            let here = thread::current().id();
            assert_eq!(diary.entries(), [("waiting job", here)]);
            assert!(job.join().unwrap_err().is_cancelled());
            workers.open();
            assert!(task.join().unwrap_err().is_cancelled());
            assert_eq!(diary.words(), ["waiting job", "task"]);
            gate.open();
            running.join().unwrap();
            assert_eq!(diary.words(), ["waiting job", "task", "running job"]);
        },
    );
}

#[test]
fn a_polls_future_is_dropped_by_its_own_thread() {
    for waits in [false, true] {
        for &workers in WORKERS {
            let left = Gate::new();
            let leave = left.clone();
            // Unwatched: the only worker is never stood in for.
            let options = move |builder: Builder| {
                let leave = leave.clone();
                builder.watch(false).on_thread_stop(move || leave.open())
            };
            on_built(&[workers], options, move |runtime, workers| {
                let (diary, gate) = (Diary::default(), Gate::new());
                let task = runtime.spawn(polled(&diary, &gate, waits));
                gate.wait_for(1, LIMIT);
                runtime.handle().shutdown_background();
                // A poll that returns before the shutdown has come by leaves a task that waits, which
                // is anybody's. A worker that leaves has been everywhere.
                if workers > 1 {
                    left.block();
                }
                gate.open();
                assert!(task.join().unwrap_err().is_cancelled());
                let [("polled", polled), ("dropped", dropped)] = diary.entries()[..] else {
                    panic!("{:?}", diary.entries());
                };
                assert_eq!(polled, dropped);
            });
        }
    }
}

/// Is inside a poll until the gate opens: in its first, or in one after it has waited.
fn polled(diary: &Diary, gate: &Gate, waits: bool) -> impl Future<Output = ()> + Send + 'static {
    let (diary, held, gate) = (diary.clone(), diary.drops("dropped"), gate.clone());
    async move {
        let _held = held;
        if waits {
            wheelhouse::yield_now().await;
            sleep(Duration::from_millis(1)).await;
        }
        diary.note("polled");
        gate.block();
        pending().await
    }
}

#[test]
fn one_worker_drops_what_waits_before_what_is_queued() {
    const QUEUED: usize = 100;
    on_unwatched_workers(&[1], |runtime, workers| {
        let diary = Diary::default();
        let waiting = waits(&runtime, diary.drops("waiting"));
        let held = hold_workers(&runtime, workers);
        let queue = |_| {
            let (diary, queued) = (diary.clone(), diary.drops("queued"));
            runtime.spawn(async move {
                diary.note("polled");
                std::mem::forget(queued);
            })
        };
        let queued: Vec<_> = (0..QUEUED).map(queue).collect();
        runtime.handle().shutdown_background();
        held.open();
        assert!(waiting.join().unwrap_err().is_cancelled());
        let polled = queued.into_iter().filter_map(|task| task.join().ok());
        assert_eq!(polled.count(), 0, "polled after the shutdown had begun");
        let words = diary.words();
        let order = ["waiting", "queued"].map(|word| {
            let place = |(place, other): (usize, &&str)| (*other == word).then_some(place);
            words
                .iter()
                .enumerate()
                .filter_map(place)
                .collect::<Vec<_>>()
        });
        assert!(order.concat().is_sorted(), "{words:?}");
        assert_eq!(words.len(), QUEUED + 1);
    });
}

#[test]
fn a_future_is_gone_before_its_handle_says_so() {
    on_workers(WORKERS, |runtime, _| {
        let (diary, told) = (Diary::default(), Diary::default());
        let task = waits(&runtime, diary.drops("dropped"));
        let (seen, tell) = (diary.clone(), told.clone());
        let other = Runtime::builder().worker_threads(1).build().unwrap();
        let waiter = other.spawn(async move {
            assert!(task.await.unwrap_err().is_cancelled());
            assert_eq!(seen.words(), ["dropped"]);
            tell.note("told");
        });
        drop(runtime);
        waiter.join().unwrap();
        assert_eq!(told.words(), ["told"]);
    });
}

#[test]
fn each_thread_ends_its_tasks_then_calls_its_hook_then_drops_its_locals() {
    thread_local!(static LOCAL: std::cell::RefCell<Option<NoteOnDrop>> = const { std::cell::RefCell::new(None) });
    let diary = Diary::default();
    let (hook, all) = (diary.clone(), diary.clone());
    on_built(
        &[1],
        move |builder| {
            let hook = hook.clone();
            // Unwatched: on a busy machine the monitor might end the task in the worker's place.
            let builder = builder.watch(false);
            builder.on_thread_stop(move || hook.note("hook"))
        },
        move |runtime, _| {
            let local = all.drops("local");
            runtime
                .spawn(async move { LOCAL.set(Some(local)) })
                .join()
                .unwrap();
            let task = waits(&runtime, all.drops("task"));
            drop(runtime);
            assert!(task.is_finished());
            let entries = all.entries();
            assert_eq!(
                all.words(),
                ["task", "hook", "local"],
                "all before the drop returns"
            );
            assert!(entries.iter().all(|(_, thread)| *thread == entries[0].1));
        },
    );
}

#[test]
fn what_is_spawned_afterwards_is_dropped_by_whoever_spawns() {
    fn spawns(handle: &Handle, diary: &Diary) {
        let (task, job) = (noted(diary, "task"), noted(diary, "job"));
        let task = handle.spawn(async move { task() });
        assert!(task.is_finished(), "when `spawn` returns");
        let job = handle.spawn_blocking(job);
        assert!(job.is_finished(), "when `spawn_blocking` returns");
        let here = thread::current().id();
        assert_eq!(diary.entries(), [("task", here), ("job", here)]);
    }
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        drop(runtime);
        spawns(&handle, &Diary::default());
        let other = Runtime::builder().worker_threads(1).build().unwrap();
        other
            .spawn(async move { spawns(&handle, &Diary::default()) })
            .join()
            .unwrap();
    });
}

#[test]
fn the_watching_thread_steps_in_when_all_are_held_up() {
    struct Name(mpsc::Sender<String>);
    impl Drop for Name {
        fn drop(&mut self) {
            let name = thread::current().name().unwrap_or_default().to_owned();
            let _ = self.0.send(name);
        }
    }
    on_built(
        WORKERS,
        |builder| builder.max_spare_threads(0),
        |runtime, workers| {
            let (name, names) = mpsc::channel();
            let task = waits(&runtime, Name(name));
            let gate = hold_workers(&runtime, workers);
            runtime.handle().shutdown_background();
            assert!(task.join().unwrap_err().is_cancelled());
            assert_eq!(names.recv().unwrap(), "wheelhouse-monitor");
            gate.open();
        },
    );
}
