//! The options of the rescue: how many spare threads, and whether anybody watches.

use std::io::ErrorKind;
use std::thread;
use std::time::Duration;
use wheelhouse::Runtime;
use wheelhouse_tests::{
    Gate, LIMIT, Place, Reports, WORKERS, block_until_fed, eventually, on_built, threads_named,
    watchdog,
};

#[test]
fn too_many_spare_threads_are_refused() {
    for asked in [4097, 5000, usize::MAX] {
        let builder = Runtime::builder()
            .worker_threads(1)
            .max_spare_threads(asked);
        let error = builder.build().map(|_| ()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        let text = error.to_string();
        for word in [&format!("max_spare_threads({asked})"), "at most 4096"] {
            assert!(text.contains(word), "no `{word}` in: {text}");
        }
    }
}

#[test]
fn none_and_the_most_are_accepted() {
    watchdog("the bounds", LIMIT, || {
        for spares in [0, 1, 4096] {
            let builder = Runtime::builder()
                .worker_threads(1)
                .max_spare_threads(spares);
            assert_eq!(builder.build().unwrap().run(async { 1 }), 1);
        }
    });
}

/// Whoever is idle takes over what lies behind a blocked worker, wherever it lies.
#[test]
fn without_spares_idle_workers_take_over() {
    on_built(
        &[2, 4, 16],
        |builder| builder.max_spare_threads(0),
        |runtime, workers| {
            for place in Place::ALL {
                for _ in 0..10 {
                    block_until_fed(&runtime, workers - 1, place, |stuck| stuck());
                }
            }
            let metrics = runtime.metrics();
            assert_eq!(metrics.spare_threads_started, 0, "{metrics:?}");
        },
    );
}

/// With nobody left at all, things go on when somebody comes back.
#[test]
fn without_spares_all_wait_for_the_first_that_comes_back() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        WORKERS,
        |builder| builder.max_spare_threads(0).on_blocked(reports.hook()),
        move |runtime, workers| {
            let gate = Gate::new();
            let tasks: Vec<_> = (0..workers)
                .map(|_| {
                    let gate = gate.clone();
                    runtime.spawn(async move { gate.block() })
                })
                .collect();
            gate.wait_for(workers, LIMIT);
            let behind = runtime.spawn(async { 7 });
            tasks
                .iter()
                .for_each(|task| drop(told.wait_for_begin(task.id(), LIMIT)));
            assert!(!behind.is_finished());
            gate.open();
            assert_eq!(behind.join().unwrap(), 7);
            assert_eq!(runtime.metrics().spare_threads_started, 0);
        },
    );
}

#[test]
fn nothing_is_told_without_the_watch() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        &[1, 4],
        |builder| builder.watch(false).on_blocked(reports.hook()),
        move |runtime, workers| {
            for _ in 0..2 {
                let nap = || runtime.spawn(async { thread::sleep(Duration::from_millis(30)) });
                let naps: Vec<_> = (0..workers).map(|_| nap()).collect();
                naps.into_iter().for_each(|nap| nap.join().unwrap());
            }
            let metrics = runtime.metrics();
            assert_eq!(metrics.workers, workers);
            assert_eq!(
                metrics.blocked_polls + metrics.computing_polls,
                0,
                "{metrics:?}"
            );
            assert_eq!(metrics.spare_threads_started, 0, "{metrics:?}");
            drop(runtime);
            assert!(told.all().is_empty(), "{:?}", told.all());
        },
    );
}

/// The workers, and at most one thread more; without the watch not even that.
#[test]
#[cfg(target_os = "linux")]
fn one_thread_more_than_workers_at_most() {
    for (watch, workers) in WORKERS.iter().flat_map(|&n| [(true, n), (false, n)]) {
        // A name of its own each time: a thread that was joined may be listed for a moment yet.
        let name = format!("one{workers}{watch}");
        let prefix = format!("{name}-");
        on_built(
            &[workers],
            |builder| builder.thread_name(name.as_str()).watch(watch),
            move |runtime, _| {
                eventually("all have their names", LIMIT, || {
                    threads_named(&prefix).len() >= workers
                });
                for _ in 0..20 {
                    runtime.run(async { wheelhouse::sleep(Duration::from_millis(1)).await });
                    let names = threads_named(&prefix);
                    assert!(names.len() <= workers + usize::from(watch), "{names:?}");
                }
            },
        );
    }
}
