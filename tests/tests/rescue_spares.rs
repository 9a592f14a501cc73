//! The spare threads themselves: they are used again, stay behind when they are not needed, and leave
//! in the end.

use std::collections::HashSet;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{Runtime, spawn};
use wheelhouse_tests::{
    Gate, LIMIT, Place, WORKERS, block_until_fed, eventually, on_built, on_workers,
};

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// Blocks so many tasks that all are blocked at once, and lets them go.
fn wave(runtime: &Runtime, count: usize) {
    let gate = Gate::new();
    let tasks: Vec<_> = (0..count)
        .map(|_| {
            let gate = gate.clone();
            runtime.spawn(async move { gate.block() })
        })
        .collect();
    gate.wait_for(count, LIMIT);
    gate.open();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

#[test]
fn a_wave_is_served_by_the_spares_of_the_one_before() {
    on_workers(WORKERS, |runtime, workers| {
        let count = workers + 10;
        for _ in 0..20 {
            wave(&runtime, count);
        }
        // Each wave needs ten; nobody knows in advance how many will block.
        let metrics = runtime.metrics();
        assert!(metrics.spare_threads_started >= 10, "{metrics:?}");
        let most = 2 * count as u64;
        assert!(metrics.spare_threads_started <= most, "{metrics:?}");
    });
}

#[test]
fn nobody_is_stuck_when_all_have_returned() {
    on_workers(WORKERS, |runtime, workers| {
        let gate = Gate::new();
        let tasks: Vec<_> = (0..workers + 3)
            .map(|_| {
                let gate = gate.clone();
                runtime.spawn(async move { gate.block() })
            })
            .collect();
        gate.wait_for(workers + 3, LIMIT);
        eventually("all are counted as stuck", LIMIT, || {
            runtime.metrics().stuck_workers == workers + 3
        });
        assert_eq!(runtime.metrics().workers, workers);
        gate.open();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        eventually("none is", LIMIT, || runtime.metrics().stuck_workers == 0);
    });
}

/// How many of a hundred short polls ran at the same time.
fn at_the_same_time(runtime: &Runtime) -> usize {
    let counts: Arc<[AtomicUsize; 2]> = Arc::default();
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let counts = Arc::clone(&counts);
            runtime.spawn(async move {
                let now = counts[0].fetch_add(1, SeqCst) + 1;
                counts[1].fetch_max(now, SeqCst);
                let start = Instant::now();
                while start.elapsed() < Duration::from_micros(100) {
                    spin_loop();
                }
                counts[0].fetch_sub(1, SeqCst);
            })
        })
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
    counts[1].load(SeqCst)
}

/// The spares are at rest again: no more threads run tasks than there are workers.
#[test]
fn the_pool_returns_to_its_size() {
    on_workers(&[1, 2, 4], |runtime, workers| {
        for _ in 0..5 {
            wave(&runtime, workers + 10);
            eventually("as many run as there are workers", LIMIT, || {
                at_the_same_time(&runtime) <= workers
            });
            // And stay at rest while there is a lot to do.
            let more = (0..5)
                .filter(|_| at_the_same_time(&runtime) > workers)
                .count();
            assert_eq!(more, 0);
        }
    });
}

/// Every thread that the rescue started calls both hooks and bears the runtime's name.
#[test]
fn spares_are_threads_of_the_runtime() {
    for &workers in WORKERS {
        let started = Arc::new(Mutex::new(Vec::new()));
        let stopped = Arc::new(Mutex::new(Vec::new()));
        let (start, stop) = (Arc::clone(&started), Arc::clone(&stopped));
        on_built(
            &[workers],
            |builder| {
                let (start, stop) = (Arc::clone(&start), Arc::clone(&stop));
                builder
                    .thread_name("kin")
                    .on_thread_start(move || start.lock().unwrap().push(thread_name()))
                    .on_thread_stop(move || stop.lock().unwrap().push(thread_name()))
            },
            |runtime, workers| wave(&runtime, workers + 10),
        );
        let (mut started, mut stopped) = (started.lock().unwrap(), stopped.lock().unwrap());
        started.sort();
        stopped.sort();
        assert_eq!(*started, *stopped);
        let names: HashSet<_> = started.iter().collect();
        assert!(names.len() >= workers + 10, "{names:?}");
        assert_eq!(
            names.len(),
            started.len(),
            "no two with one name: {names:?}"
        );
        assert!(
            names.iter().all(|name| name.starts_with("kin-")),
            "{names:?}"
        );
    }
}

/// A spare is a worker in everything: its tasks spawn, sleep, and are joined.
#[test]
fn a_spare_does_what_a_worker_does() {
    on_workers(WORKERS, |runtime, workers| {
        let gate = wheelhouse_tests::hold_workers(&runtime, workers);
        // From here on only spares run.
        for place in Place::ALL {
            block_until_fed(&runtime, 3, place, |stuck| stuck());
        }
        let sum = runtime.run(async {
            let tasks: Vec<_> = (0..1000)
                .map(|number| {
                    spawn(async move {
                        wheelhouse::sleep(Duration::from_micros(number)).await;
                        wheelhouse::yield_now().await;
                        number
                    })
                })
                .collect();
            wheelhouse::gather!(..tasks).await.iter().sum::<u64>()
        });
        assert_eq!(sum, 1000 * 999 / 2);
        gate.open();
    });
}

/// It takes them ten seconds; then new ones are as good.
#[test]
fn spares_leave_when_they_are_not_needed_for_long() {
    on_workers(&[2], |runtime, workers| {
        wave(&runtime, workers + 5);
        let before = runtime.metrics();
        assert!(before.spare_threads >= 5, "{before:?}");
        eventually("the spares leave", LIMIT, || {
            runtime.metrics().spare_threads == 0
        });
        wave(&runtime, workers + 5);
        let after = runtime.metrics();
        assert!(
            after.spare_threads_started >= before.spare_threads_started + 5,
            "{after:?}"
        );
    });
}
