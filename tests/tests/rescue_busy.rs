//! Tasks that compute: a hog keeps nothing from others, and those who are merely busy are left
//! alone.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{JoinHandle, Runtime, sleep, yield_now};
use wheelhouse_tests::{
    LIMIT, Place, Reports, WORKERS, block_together, eventually, on_built, on_workers, watchdog,
};

/// Starts as many hogs as there are workers. When all of them run, each puts a feeder into `place`
/// and goes on computing until that has run.
fn hogs(runtime: &Runtime, workers: usize, place: Place) -> Vec<JoinHandle<()>> {
    let computing = Arc::new(AtomicUsize::new(0));
    let hog = || {
        let computing = Arc::clone(&computing);
        async move {
            let enough = Arc::new(AtomicBool::new(false));
            let set = Arc::clone(&enough);
            let feeder = place.feeder(async move { set.store(true, SeqCst) }).await;
            computing.fetch_add(1, SeqCst);
            while computing.load(SeqCst) < workers {
                spin_loop();
            }
            let _held = feeder.put();
            while !enough.load(SeqCst) {
                spin_loop();
            }
        }
    };
    (0..workers).map(|_| runtime.spawn(hog())).collect()
}

#[test]
fn a_hog_on_every_worker() {
    const SPARES: usize = 4;
    on_built(
        WORKERS,
        |builder| builder.max_spare_threads(SPARES),
        |runtime, workers| {
            for place in Place::ALL {
                for hog in hogs(&runtime, workers, place) {
                    hog.join().unwrap();
                }
            }
            let metrics = runtime.metrics();
            assert!(
                metrics.spare_threads_started <= SPARES as u64,
                "{metrics:?}"
            );
            assert!(metrics.computing_polls > 0, "{metrics:?}");
        },
    );
}

/// Hogs and blocked ones, until nobody is left for the one who frees them all.
#[test]
fn hogs_beside_blocked_workers() {
    on_workers(WORKERS, |runtime, workers| {
        for place in [Place::SpawnedSlot, Place::Deque, Place::Timer] {
            let blocked = block_together(&runtime, workers, place, |stuck| stuck());
            let hogs = hogs(&runtime, workers.min(4), place);
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
            for (number, task) in blocked.into_iter().enumerate() {
                assert_eq!(task.join().unwrap(), number);
            }
        }
    });
}

/// A hog on one worker, while another goes on with whatever else there is; gives the number of
/// spares that were started.
fn spares_for_one_hog(workers: usize) -> u64 {
    let reports = Reports::new();
    let builder = Runtime::builder().worker_threads(workers);
    let runtime = builder.on_blocked(reports.hook()).build().unwrap();
    let enough = Arc::new(AtomicBool::new(false));
    let own = Arc::clone(&enough);
    let hog = runtime.spawn(async move {
        while !own.load(SeqCst) {
            spin_loop();
        }
    });
    reports.wait_for_begin(hog.id(), LIMIT);
    for _ in 0..10 {
        runtime.run(async { sleep(Duration::from_millis(1)).await });
        let task = runtime.spawn(async { yield_now().await });
        task.join().unwrap();
    }
    enough.store(true, SeqCst);
    hog.join().unwrap();
    let metrics = runtime.metrics();
    assert_eq!(metrics.computing_polls, 1, "{metrics:?}");
    metrics.spare_threads_started
}

/// If the machine itself is so busy that the other worker has no turn for long, it may look as if
/// nobody got on with anything; hence more than one try.
#[test]
fn a_hog_beside_a_free_worker_needs_no_spare() {
    for workers in [2, 4, 16] {
        watchdog("one hog", LIMIT, move || {
            let tries: Vec<_> = (0..4).map(|_| spares_for_one_hog(workers)).collect();
            let without = tries.iter().filter(|&&spares| spares == 0).count();
            assert!(without >= 2, "on {workers} workers: {tries:?}");
        });
    }
}

/// Once the hogs have ended, nobody is stood in for any more.
#[test]
fn all_is_well_after_the_hogs() {
    on_workers(WORKERS, |runtime, workers| {
        for hog in hogs(&runtime, workers, Place::Injector) {
            hog.join().unwrap();
        }
        eventually("nobody is stuck", LIMIT, || {
            runtime.metrics().stuck_workers == 0
        });
    });
}

/// Computes for this long, or less if the thread has to wait for its turn meanwhile.
fn compute(duration: Duration) {
    let start = Instant::now();
    while start.elapsed() < duration {
        spin_loop();
    }
}

/// Runs polls of one to five milliseconds of computing, as many tasks as two for each worker.
fn busy_polls(runtime: &Runtime, workers: usize) {
    let busy = |number: u64| async move {
        for poll in 0..30 {
            compute(Duration::from_millis(1 + (number + poll) % 5));
            yield_now().await;
        }
    };
    let tasks = 2 * workers.min(4) as u64;
    let tasks: Vec<_> = (0..tasks)
        .map(|number| runtime.spawn(busy(number)))
        .collect();
    tasks.into_iter().for_each(|task| task.join().unwrap());
}

#[track_caller]
fn assert_left_alone(runtime: &Runtime) {
    let metrics = runtime.metrics();
    assert_eq!(metrics.spare_threads_started, 0, "{metrics:?}");
    assert_eq!(metrics.blocked_polls, 0, "{metrics:?}");
    assert_eq!(metrics.computing_polls, 0, "{metrics:?}");
    assert_eq!(metrics.stuck_workers, 0, "{metrics:?}");
}

#[test]
fn busy_polls_are_left_alone() {
    on_workers(WORKERS, |runtime, workers| {
        busy_polls(&runtime, workers);
        assert_left_alone(&runtime);
    });
}

/// A thread that waits for its turn on the processor is not blocked.
#[test]
fn busy_polls_are_left_alone_on_a_machine_that_is_busy_itself() {
    let enough = Arc::new(AtomicBool::new(false));
    let others: Vec<_> = (0..4)
        .map(|_| {
            let enough = Arc::clone(&enough);
            thread::spawn(move || {
                while !enough.load(SeqCst) {
                    spin_loop();
                }
            })
        })
        .collect();
    on_workers(&[1, 4], |runtime, workers| {
        busy_polls(&runtime, workers.min(2));
        assert_left_alone(&runtime);
    });
    enough.store(true, SeqCst);
    others.into_iter().for_each(|other| other.join().unwrap());
}

/// What is awaited does not block anybody.
#[test]
fn waiting_tasks_are_left_alone() {
    on_workers(WORKERS, |runtime, _| {
        let nap = || sleep(Duration::from_millis(20));
        let naps: Vec<_> = (0..1000).map(|_| runtime.spawn(nap())).collect();
        runtime.block_on(nap());
        naps.into_iter().for_each(|nap| nap.join().unwrap());
        let metrics = runtime.metrics();
        assert_eq!(metrics.spare_threads_started, 0, "{metrics:?}");
        assert_eq!(
            metrics.blocked_polls + metrics.computing_polls,
            0,
            "{metrics:?}"
        );
    });
}
