//! Idle costs nothing: threads that have nothing to do are not woken. The one place where a test
//! sleeps: the sleep is what is tested.
#![cfg(target_os = "linux")]

use std::fs;
use std::future::pending;
use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, sleep, spawn, time};
use wheelhouse_tests::{Gate, LIMIT, watchdog};

/// How long the runtime is left alone.
const LONG: Duration = Duration::from_millis(1200);

/// The thread that watches the workers.
const MONITOR: usize = 1;

/// The context switches so far of all threads whose names begin with `name`, and how many threads
/// these are.
fn switches(name: &str) -> (u64, usize) {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let statuses = tasks.filter_map(|task| fs::read_to_string(task.path().join("status")).ok());
    let ours: Vec<_> = statuses
        .filter(|status| status.starts_with(&format!("Name:\t{name}-")))
        .map(|status| {
            let counts = status.lines().filter(|line| line.contains("ctxt_switches"));
            counts
                .map(|line| line.rsplit('\t').next().unwrap().parse::<u64>().unwrap())
                .sum::<u64>()
        })
        .collect();
    (ours.iter().sum(), ours.len())
}

/// Waits until no thread has been switched to for a while, then checks that it stays so.
#[track_caller]
fn assert_idle(name: &str, threads: usize) {
    let mut before = switches(name);
    let settled = (0..100).any(|_| {
        thread::sleep(Duration::from_millis(20));
        let now = switches(name);
        // A thread that has just been started may not have its name yet.
        std::mem::replace(&mut before, now) == now && now.1 == threads
    });
    assert!(
        settled,
        "of {threads} threads called {name}, (switches, threads): {before:?}"
    );
    thread::sleep(LONG);
    let after = switches(name);
    assert_eq!(after.1, threads, "threads called {name}");
    let more = after.0 - before.0;
    assert!(more <= 2, "{more} context switches while {name} was idle");
}

fn named(name: &'static str, workers: usize) -> Runtime {
    Runtime::builder()
        .worker_threads(workers)
        .thread_name(name)
        .build()
        .unwrap()
}

#[test]
fn from_the_start() {
    watchdog("idle from the start", LIMIT, || {
        let _runtime = named("fresh", 4);
        assert_idle("fresh", 4 + MONITOR);
    });
}

#[test]
fn after_work_and_with_tasks_that_wait() {
    watchdog("idle after work", LIMIT, || {
        let runtime = named("worked", 4);
        runtime.run(async {
            for i in 0..1000 {
                let task = spawn(async move {
                    sleep(Duration::from_micros(i % 100)).await;
                });
                if i % 2 == 0 {
                    task.await.unwrap();
                }
                drop(spawn(pending::<()>()));
            }
        });
        runtime.spawn_blocking(|| ()).join().unwrap();
        // The detached sleepers end within a moment, before the threads come to rest.
        assert_idle("worked", 4 + 1 + MONITOR);
    });
}

#[test]
fn with_far_timers() {
    watchdog("idle with far timers", LIMIT, || {
        let runtime = named("timers", 4);
        let started = Gate::new();
        for i in 0..100 {
            let started = started.clone();
            drop(runtime.spawn(async move {
                started.wait().await;
                sleep(Duration::from_secs(100_000 + i)).await;
            }));
        }
        drop(runtime.spawn(sleep(Duration::MAX)));
        started.wait_for(100, LIMIT);
        started.open();
        assert_idle("timers", 4 + MONITOR);
    });
}

#[test]
fn while_threads_block_on_futures() {
    watchdog("idle with blocked threads", LIMIT, || {
        let (runtime, gate) = (named("blocked", 2), Gate::new());
        thread::scope(|scope| {
            for i in 0..2 {
                let (runtime, gate) = (&runtime, gate.clone());
                let named = thread::Builder::new().name(format!("blocked-on-{i}"));
                named
                    .spawn_scoped(scope, move || runtime.block_on(gate.wait()))
                    .unwrap();
            }
            gate.wait_for(2, LIMIT);
            assert_idle("blocked", 2 + 2 + MONITOR);
            gate.open();
        });
    });
}

#[test]
fn with_a_paused_clock() {
    watchdog("idle with a paused clock", LIMIT, || {
        for held in [false, true] {
            // Either nobody waits in it, or one waits and another holds the clock.
            let name = if held { "held" } else { "paused" };
            let builder = Runtime::builder().start_paused(true).worker_threads(2);
            let runtime = builder.thread_name(name).build().unwrap();
            let hold = held.then(|| runtime.block_on(async { time::hold() }));
            let sleepers: Vec<_> = (0..100)
                .map(|_| runtime.spawn(async { sleep(Duration::from_secs(1)).await }))
                .collect();
            thread::scope(|scope| {
                if held {
                    let runtime = &runtime;
                    scope.spawn(move || runtime.run(async { sleep(Duration::from_secs(2)).await }));
                }
                assert_idle(name, 2 + 1 + MONITOR);
                drop(hold);
            });
            assert!(sleepers.iter().all(|sleeper| sleeper.is_finished() == held));
        }
    });
}
