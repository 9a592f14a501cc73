//! `Handle::tasks`: a look at all tasks of a runtime, whatever it does meanwhile.

use std::collections::{HashMap, HashSet};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::task::{self, Id, TaskInfo, TaskState};
use wheelhouse::{AbortHandle, Handle, JoinHandle, Runtime, sleep, spawn, yield_now};
use wheelhouse_tests::{
    Gate, LIMIT, ON_PURPOSE, WORKERS, eventually, hold_workers, on_built, on_unwatched_workers,
    on_workers, quiet,
};

/// Less than [`LIMIT`], so that what is missing is said before the watchdog ends the test.
const SOON: Duration = Duration::from_secs(20);

/// What the list says of the task, and checks that it is in it at most once.
fn look(handle: &Handle, id: Id) -> Option<TaskInfo> {
    let mut found: Vec<_> = handle
        .tasks()
        .into_iter()
        .filter(|task| task.id() == id)
        .collect();
    assert!(found.len() <= 1, "it is listed twice: {found:?}");
    found.pop()
}

#[track_caller]
fn assert_state(handle: &Handle, id: Id, state: TaskState) {
    let what = format!("{id} is {state:?}");
    eventually(&what, SOON, || {
        look(handle, id).is_some_and(|task| task.state() == state)
    });
}

/// Whatever the name is.
#[test]
fn the_text_is_one_line() {
    on_workers(&[1], |runtime, _| {
        let named = task::Builder::new().name("two\nlines\r\nor three");
        let task = named.spawn_on(pending::<()>(), runtime.handle());
        let text = look(runtime.handle(), task.id()).unwrap().to_string();
        assert_eq!(text.lines().count(), 1, "{text}");
    });
}

#[test]
fn every_state_a_task_can_be_in() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let handle = runtime.handle().clone();
        let gate = Gate::new();
        let waits = gate.clone();
        let waiting = runtime.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        assert_state(&handle, waiting.id(), TaskState::Waiting);
        let inside = Gate::new();
        let running: Vec<_> = (1..=workers)
            .map(|count| {
                let block = inside.clone();
                let task = runtime.spawn(async move { block.block() });
                inside.wait_for(count, LIMIT);
                task
            })
            .collect();
        for task in &running {
            assert_eq!(
                look(&handle, task.id()).unwrap().state(),
                TaskState::Running
            );
        }
        // Behind them: spawned anew, woken, aborted.
        let fresh = runtime.spawn(async { 1 });
        gate.open();
        let aborted = runtime.spawn(pending::<()>());
        aborted.abort();
        for id in [fresh.id(), waiting.id(), aborted.id()] {
            assert_eq!(look(&handle, id).unwrap().state(), TaskState::Queued);
        }
        assert_eq!(handle.tasks().len(), workers + 3);
        inside.open();
        fresh.join().unwrap();
        waiting.join().unwrap();
        assert!(aborted.join().unwrap_err().is_cancelled());
        for task in running {
            task.join().unwrap();
        }
        eventually("all are gone", SOON, || handle.tasks().is_empty());
    });
}

/// In each place where a task can wait for its turn.
#[test]
fn tasks_in_every_queue_are_listed() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let handle = runtime.handle().clone();
        let (inside, ids) = (Gate::new(), Arc::new(std::sync::Mutex::new(HashSet::new())));
        for count in 1..=workers {
            let (block, ids) = (inside.clone(), Arc::clone(&ids));
            drop(runtime.spawn(async move {
                // One in the slot, the others in the deque.
                for _ in 0..20 {
                    ids.lock().unwrap().insert(spawn(async {}).id());
                }
                block.block();
            }));
            inside.wait_for(count, LIMIT);
        }
        for _ in 0..20 {
            ids.lock().unwrap().insert(runtime.spawn(async {}).id()); // the injector
        }
        // What was stolen before its thief was held has ended: at 1 worker there is none.
        let listed: Vec<TaskInfo> = handle.tasks();
        let queued: HashSet<Id> = listed
            .iter()
            .filter(|task| task.state() == TaskState::Queued)
            .map(TaskInfo::id)
            .collect();
        let ids = ids.lock().unwrap().clone();
        assert!(queued.is_subset(&ids), "nothing that was not spawned");
        if workers == 1 {
            assert_eq!(queued, ids);
        }
        assert!(queued.len() >= 20, "{} of {}", queued.len(), ids.len());
        inside.open();
    });
}

#[test]
fn blocking_jobs_are_listed() {
    on_built(
        WORKERS,
        |builder| builder.max_blocking_threads(1),
        |runtime, _| {
            let handle = runtime.handle().clone();
            let gate = Gate::new();
            let block = gate.clone();
            let named = task::Builder::new().name("first job");
            let first = named.spawn_blocking_on(move || block.block(), &handle);
            let line = line!() - 1;
            gate.wait_for(1, LIMIT);
            let second = runtime.spawn_blocking(|| ());
            let listed = look(&handle, first.id()).unwrap();
            assert_eq!(listed.state(), TaskState::Running);
            assert_eq!(listed.name(), Some("first job"));
            assert_eq!(
                (listed.spawn_site().file(), listed.spawn_site().line()),
                (file!(), line)
            );
            let listed = look(&handle, second.id()).unwrap();
            assert_eq!((listed.state(), listed.name()), (TaskState::Queued, None));
            gate.open();
            second.join().unwrap();
            eventually("they are gone", SOON, || handle.tasks().is_empty());
        },
    );
}

#[test]
fn names_sites_and_lines() {
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        let gate = Gate::new();
        let named = task::Builder::new().name("a name");
        let tasks = [
            named.spawn_on(gate.wait(), &handle),
            runtime.spawn(gate.wait()),
        ];
        gate.wait_for(2, LIMIT);
        for (task, name) in tasks.iter().zip([Some("a name"), None]) {
            let listed = look(&handle, task.id()).unwrap();
            assert_eq!(listed.name(), name);
            assert_eq!(listed.spawn_site(), task.spawn_site());
            let text = listed.to_string();
            let site = task.spawn_site().to_string();
            for word in [&*task.id().to_string(), name.unwrap_or_default(), &site] {
                assert!(text.contains(word), "no {word} in {text}");
            }
            assert_eq!(text.lines().count(), 1, "{text}");
        }
        // What was listed stays as it was.
        let before = look(&handle, tasks[0].id()).unwrap();
        gate.open();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        assert_eq!(
            (before.name(), before.clone().state()),
            (Some("a name"), before.state())
        );
    });
}

/// How far a task's figure may be off: about half a second, and more for the look itself.
const INACCURACY: Duration = Duration::from_millis(700);

/// Looks at the task for a second and a half. Its figure grows with the clock, or it is said how
/// not: nobody should panic here while others are held.
fn grows(handle: &Handle, id: Id, before: Instant) -> Result<(), String> {
    let since = Instant::now();
    while since.elapsed() < Duration::from_millis(1500) {
        let at_least = since.elapsed().saturating_sub(INACCURACY);
        let listed = look(handle, id).ok_or("it is not listed")?;
        let lasts = listed.duration();
        let at_most = before.elapsed() + INACCURACY;
        if lasts.unwrap_or_default() < at_least || lasts > Some(at_most) {
            return Err(format!(
                "{listed}: {lasts:?}, not in {at_least:?}..={at_most:?}"
            ));
        }
        thread::sleep(Duration::from_millis(3));
    }
    Ok(())
}

#[test]
fn how_long_it_waits() {
    on_workers(&[1, 4], |runtime, _| {
        let (gate, before) = (Gate::new(), Instant::now());
        let task = runtime.spawn(gate.wait());
        gate.wait_for(1, LIMIT);
        assert_state(runtime.handle(), task.id(), TaskState::Waiting);
        let grows = grows(runtime.handle(), task.id(), before);
        gate.open();
        task.join().unwrap();
        grows.unwrap();
    });
}

#[test]
fn how_long_it_runs() {
    on_workers(&[1, 4], |runtime, _| {
        let (gate, before) = (Gate::new(), Instant::now());
        let block = gate.clone();
        let task = runtime.spawn(async move { block.block() });
        gate.wait_for(1, LIMIT);
        let grows = grows(runtime.handle(), task.id(), before);
        gate.open();
        task.join().unwrap();
        grows.unwrap();
    });
}

#[test]
fn how_long_a_job_runs() {
    on_workers(&[1, 4], |runtime, _| {
        let (gate, before) = (Gate::new(), Instant::now());
        let block = gate.clone();
        let job = runtime.spawn_blocking(move || block.block());
        gate.wait_for(1, LIMIT);
        let grows = grows(runtime.handle(), job.id(), before);
        gate.open();
        job.join().unwrap();
        grows.unwrap();
    });
}

#[test]
fn how_long_it_is_queued() {
    on_unwatched_workers(&[1, 4], |runtime, workers| {
        let (gate, before) = (Gate::new(), Instant::now());
        let polled = runtime.spawn(gate.wait());
        gate.wait_for(1, LIMIT);
        assert_state(runtime.handle(), polled.id(), TaskState::Waiting);
        let held = hold_workers(&runtime, workers);
        gate.open();
        let fresh = runtime.spawn(async {});
        let never = look(runtime.handle(), fresh.id()).map(|task| task.duration());
        let state = look(runtime.handle(), polled.id()).map(|task| task.state());
        let grows = grows(runtime.handle(), polled.id(), before);
        held.open();
        polled.join().unwrap();
        fresh.join().unwrap();
        assert_eq!((never, state), (Some(None), Some(TaskState::Queued)));
        grows.unwrap();
    });
}

/// A new poll begins a new time.
#[test]
fn each_poll_begins_anew() {
    on_workers(&[1, 2], |runtime, _| {
        let handle = runtime.handle().clone();
        let task = runtime.spawn(async {
            loop {
                sleep(Duration::from_millis(5)).await;
            }
        });
        // Before its first poll has ended it may be on its way, and be missed.
        assert_state(&handle, task.id(), TaskState::Waiting);
        let start = Instant::now();
        while start.elapsed() < 3 * INACCURACY {
            let listed = look(&handle, task.id()).expect("it never ends");
            let lasts = listed.duration().unwrap_or_default();
            // Five milliseconds, the figure's inaccuracy, and a busy machine.
            assert!(lasts <= 2 * INACCURACY, "{listed}");
            thread::sleep(Duration::from_millis(3));
        }
    });
}

#[test]
fn a_task_sees_itself() {
    on_workers(WORKERS, |runtime, _| {
        let task = runtime.spawn(async {
            let listed = look(&Handle::current(), task::id()).unwrap();
            yield_now().await;
            (
                listed.state(),
                look(&Handle::current(), task::id()).unwrap().state(),
            )
        });
        assert_eq!(
            task.join().unwrap(),
            (TaskState::Running, TaskState::Running)
        );
        let job = runtime.spawn_blocking(|| look(&Handle::current(), task::id()).unwrap().state());
        assert_eq!(job.join().unwrap(), TaskState::Running);
    });
}

#[test]
fn each_runtime_lists_its_own() {
    on_workers(WORKERS, |runtime, _| {
        let other = Runtime::builder().worker_threads(1).build().unwrap();
        let gate = Gate::new();
        let (here, there) = (runtime.spawn(gate.wait()), other.spawn(gate.wait()));
        gate.wait_for(2, LIMIT);
        let ids = |of: &Runtime| {
            of.handle()
                .tasks()
                .iter()
                .map(TaskInfo::id)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            (ids(&runtime), ids(&other)),
            (vec![here.id()], vec![there.id()])
        );
        gate.open();
        here.join().unwrap();
        there.join().unwrap();
    });
}

#[test]
fn a_closed_runtime_has_none() {
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        let gate = Gate::new();
        let tasks: Vec<_> = (0..50).map(|_| runtime.spawn(gate.wait())).collect();
        gate.wait_for(50, LIMIT);
        assert_eq!(handle.tasks().len(), 50);
        drop(runtime);
        assert_eq!(handle.tasks().len(), 0);
        drop(handle.spawn(async {}));
        drop(handle.spawn_blocking(|| ()));
        assert_eq!(handle.tasks().len(), 0);
        assert!(tasks.into_iter().all(|task| task.join().is_err()));
    });
}

/// What a shutdown that gave up has left is still there to be seen, and then goes.
#[test]
fn a_stuck_poll_is_listed_after_the_shutdown_gave_up() {
    on_unwatched_workers(&[1, 4], |runtime, _| {
        let handle = runtime.handle().clone();
        let gate = Gate::new();
        let block = gate.clone();
        let stuck = runtime.spawn(async move { block.block() });
        gate.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(Duration::ZERO);
        assert!(!report.is_complete());
        let listed = handle.tasks();
        assert!(
            listed.iter().all(|task| task.id() == stuck.id()),
            "{listed:?}"
        );
        gate.open();
        eventually("it has ended", SOON, || handle.tasks().is_empty());
    });
}

#[test]
fn however_a_task_ends_it_goes() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        let mut kept: Vec<AbortHandle> = Vec::new();
        for round in 0..200 {
            let task: JoinHandle<()> = match round % 4 {
                0 => runtime.spawn(async {}),
                1 => runtime.spawn(async { panic!("{ON_PURPOSE}: 3 apples") }),
                2 => runtime.spawn(pending()),
                _ => runtime.spawn_blocking(|| ()),
            };
            kept.push(task.abort_handle());
            if round % 4 == 2 {
                task.abort();
            }
            let _ = task.join();
        }
        eventually("all are gone", SOON, || handle.tasks().is_empty());
        assert!(kept.iter().all(AbortHandle::is_finished));
    });
}

/// Those that are there all the time are in every list, whatever moves meanwhile: waiting ones, and
/// one that is always on its way between queue and worker.
#[test]
fn under_load_none_is_lost() {
    on_workers(WORKERS, |runtime, workers| {
        let handle = runtime.handle().clone();
        let (gate, over) = (Gate::new(), Arc::new(AtomicBool::new(false)));
        let (looks, turns) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let mut there: HashMap<Id, &str> = HashMap::new();
        for _ in 0..100 {
            there.insert(runtime.spawn(gate.wait()).id(), "waits");
        }
        for _ in 0..workers + 2 {
            let (stop, over) = (Arc::clone(&over), Arc::clone(&over));
            let turns = Arc::clone(&turns);
            let busy = runtime.spawn(async move {
                yield_now().await;
                turns.fetch_add(1, SeqCst);
                while !stop.load(SeqCst) {
                    yield_now().await;
                }
            });
            there.insert(busy.id(), "yields");
            let spawner = runtime.spawn(async move {
                while !over.load(SeqCst) {
                    spawn(async { yield_now().await }).await.unwrap();
                }
            });
            there.insert(spawner.id(), "spawns");
        }
        gate.wait_for(100, LIMIT);
        let begun = || turns.load(SeqCst) == workers + 2;
        eventually("all have begun", SOON, begun);
        thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    for _ in 0..300 {
                        let listed: Vec<Id> = handle.tasks().iter().map(TaskInfo::id).collect();
                        let unique: HashSet<&Id> = listed.iter().collect();
                        assert_eq!(unique.len(), listed.len(), "one is listed twice");
                        for (id, kind) in &there {
                            assert!(unique.contains(id), "one that {kind} is not listed");
                        }
                        looks.fetch_add(1, SeqCst);
                    }
                });
            }
        });
        assert_eq!(looks.load(SeqCst), 600);
        over.store(true, SeqCst);
        gate.open();
        eventually("all are gone", SOON, || handle.tasks().is_empty());
    });
}

#[test]
fn ten_thousand_at_once() {
    on_workers(&[1, 4], |runtime, _| {
        let handle = runtime.handle().clone();
        let gate = Gate::new();
        let ids: HashSet<Id> = (0..10_000)
            .map(|_| runtime.spawn(gate.wait()).id())
            .collect();
        gate.wait_for(10_000, LIMIT);
        let listed: HashSet<Id> = handle.tasks().iter().map(TaskInfo::id).collect();
        assert_eq!(listed, ids);
        drop(runtime);
        assert_eq!(handle.tasks().len(), 0);
    });
}

/// While the list is made nothing is held up that the tasks need, nor do they hold it up.
#[test]
fn looking_while_runtimes_end() {
    on_workers(WORKERS, |first, workers| {
        drop(first);
        for _ in 0..30 {
            let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
            let (handle, over) = (runtime.handle().clone(), Arc::new(AtomicBool::new(false)));
            let done = Arc::clone(&over);
            let looker = thread::spawn(move || {
                while !done.load(SeqCst) {
                    handle
                        .tasks()
                        .iter()
                        .for_each(|task| assert!(!task.to_string().is_empty()));
                }
                handle.tasks().len()
            });
            for _ in 0..100 {
                let named = task::Builder::new().name(String::from("short-lived"));
                drop(named.spawn_on(async { yield_now().await }, runtime.handle()));
                drop(runtime.spawn(pending::<()>()));
            }
            drop(runtime);
            over.store(true, SeqCst);
            assert_eq!(looker.join().unwrap(), 0);
        }
    });
}
