//! The threads of `spawn_blocking`: how many, for how long, and that none leaves while a job comes
//! for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::task::TaskLocal;
use wheelhouse::{Builder, Runtime};
use wheelhouse_tests::{Gate, LIMIT, ON_PURPOSE, eventually, quiet, watchdog};

fn builder() -> Builder {
    Runtime::builder().worker_threads(1)
}

/// Has `count` jobs run at the same time, and waits until their threads are idle, or gone.
fn use_threads(runtime: &Runtime, count: usize) {
    let gate = Gate::new();
    let jobs: Vec<_> = (0..count)
        .map(|_| {
            let gate = gate.clone();
            runtime.spawn_blocking(move || gate.block())
        })
        .collect();
    gate.wait_for(count, LIMIT);
    let metrics = runtime.metrics();
    assert_eq!(metrics.blocking_threads, count);
    assert_eq!(metrics.idle_blocking_threads, 0);
    assert_eq!(metrics.queued_blocking_jobs, 0);
    gate.open();
    jobs.into_iter().for_each(|job| job.join().unwrap());
    eventually("nobody is busy", LIMIT, || {
        let metrics = runtime.metrics();
        metrics.idle_blocking_threads == metrics.blocking_threads
    });
}

#[test]
fn never_more_run_at_once_than_allowed() {
    watchdog("the limit", LIMIT, || {
        for limit in [1, 2, 3] {
            let keep_alive = Duration::from_micros(20);
            let options = builder().thread_keep_alive(keep_alive);
            let runtime = options.max_blocking_threads(limit).build().unwrap();
            let (running, most) = (Arc::new(AtomicUsize::new(0)), AtomicUsize::new(0));
            let most = Arc::new(most);
            thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for _ in 0..200 {
                            let (running, most) = (Arc::clone(&running), Arc::clone(&most));
                            let job = runtime.spawn_blocking(move || {
                                most.fetch_max(running.fetch_add(1, SeqCst) + 1, SeqCst);
                                thread::yield_now();
                                running.fetch_sub(1, SeqCst);
                            });
                            assert!(runtime.metrics().blocking_threads <= limit);
                            job.join().unwrap();
                        }
                    });
                }
            });
            let most = most.load(SeqCst);
            assert!((1..=limit).contains(&most), "{most} of {limit}");
        }
    });
}

#[test]
fn idle_threads_leave() {
    watchdog("leaving", LIMIT, || {
        let (count, left) = (4, Arc::new(AtomicUsize::new(0)));
        let count_left = Arc::clone(&left);
        let stopped = move || {
            count_left.fetch_add(1, SeqCst);
        };
        let options = builder().on_thread_stop(stopped);
        let keep_alive = Duration::from_millis(1);
        let runtime = options.thread_keep_alive(keep_alive).build().unwrap();
        for round in 1..=3 {
            use_threads(&runtime, count);
            eventually("they leave", LIMIT, || left.load(SeqCst) == count * round);
            let metrics = runtime.metrics();
            assert_eq!(metrics.blocking_threads, 0);
            assert_eq!(metrics.idle_blocking_threads, 0);
        }
    });
}

#[test]
fn no_thread_leaves_too_soon() {
    watchdog("staying", LIMIT, || {
        let keep_alive = Duration::from_millis(100);
        let runtime = builder().thread_keep_alive(keep_alive).build().unwrap();
        let since = Instant::now();
        use_threads(&runtime, 2);
        eventually("they leave", LIMIT, || {
            runtime.metrics().blocking_threads == 0
        });
        let stayed = since.elapsed();
        assert!(stayed >= keep_alive, "{stayed:?}");
    });
}

#[test]
fn threads_that_are_kept_for_ever_go_with_the_runtime() {
    watchdog("for ever", LIMIT, || {
        let keep_alive = Duration::MAX;
        let runtime = builder().thread_keep_alive(keep_alive).build().unwrap();
        for _ in 0..3 {
            use_threads(&runtime, 3);
            assert_eq!(runtime.metrics().idle_blocking_threads, 3);
        }
        let handle = runtime.handle().clone();
        drop(runtime);
        assert_eq!(handle.metrics().blocking_threads, 0);
    });
}

/// Long enough that no thread leaves in between, short enough that all do, and what is between.
const KEEP_ALIVES: [Duration; 4] = [
    Duration::ZERO,
    Duration::from_micros(1),
    Duration::from_micros(50),
    Duration::from_micros(200),
];

#[test]
fn a_job_that_meets_a_leaving_thread_is_run() {
    watchdog("one after the other", LIMIT, || {
        for keep_alive in KEEP_ALIVES {
            for threads in [1, 2, 512] {
                let options = builder().thread_keep_alive(keep_alive);
                let runtime = options.max_blocking_threads(threads).build().unwrap();
                for i in 0..1000 {
                    let mut job = runtime.spawn_blocking(move || i);
                    let output = job.join_timeout(Duration::from_secs(20));
                    let output = output.unwrap_or_else(|| {
                        panic!("stranded with {keep_alive:?}: {:?}", runtime.metrics())
                    });
                    assert_eq!(output.unwrap(), i);
                }
                eventually("all leave", LIMIT, || {
                    runtime.metrics().blocking_threads == 0
                });
            }
        }
    });
}

#[test]
fn jobs_of_many_threads_that_meet_leaving_threads_are_run() {
    watchdog("side by side", LIMIT, || {
        for keep_alive in KEEP_ALIVES {
            for threads in [1, 3, 512] {
                let options = builder().thread_keep_alive(keep_alive);
                let runtime = options.max_blocking_threads(threads).build().unwrap();
                thread::scope(|scope| {
                    for _ in 0..4 {
                        scope.spawn(|| {
                            for round in 0..100 {
                                let jobs: Vec<_> =
                                    (0..3).map(|i| runtime.spawn_blocking(move || i)).collect();
                                let sum: i32 =
                                    jobs.into_iter().map(|job| job.join().unwrap()).sum();
                                assert_eq!(sum, 3, "in round {round}");
                            }
                        });
                    }
                });
                eventually("all leave", LIMIT, || {
                    runtime.metrics().blocking_threads == 0
                });
                assert_eq!(runtime.metrics().queued_blocking_jobs, 0);
            }
        }
    });
}

/// Jobs that need each other: a thread that two of them counted on would have one wait for ever.
#[test]
fn jobs_that_meet_have_a_thread_each() {
    watchdog("meeting", LIMIT, || {
        for keep_alive in KEEP_ALIVES {
            let runtime = builder().thread_keep_alive(keep_alive).build().unwrap();
            for _ in 0..200 {
                let barrier = Arc::new(std::sync::Barrier::new(3));
                let meet = || {
                    let barrier = Arc::clone(&barrier);
                    runtime.spawn_blocking(move || barrier.wait().is_leader())
                };
                let jobs: Vec<_> = thread::scope(|scope| {
                    let spawners: Vec<_> = (0..3).map(|_| scope.spawn(meet)).collect();
                    spawners.into_iter().map(|it| it.join().unwrap()).collect()
                });
                let leaders = jobs.into_iter().filter_map(|job| job.join().ok());
                assert_eq!(leaders.filter(|&leads| leads).count(), 1);
            }
        }
    });
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: a value's destructor");
    }
}

static INHERITED: TaskLocal<Arc<PanicsWhenDropped>> = TaskLocal::new();

#[test]
fn a_thread_outlives_whatever_a_job_or_task_leaves_behind() {
    quiet();
    watchdog("left behind", LIMIT, || {
        let runtime = builder().max_blocking_threads(1).build().unwrap();
        let (gate, value) = (Gate::new(), Arc::new(PanicsWhenDropped));
        let (block, wait) = (gate.clone(), gate.wait());
        INHERITED.sync_scope(value, || {
            drop(runtime.spawn_blocking(move || block.block()))
        });
        let value = Arc::new(PanicsWhenDropped);
        INHERITED.sync_scope(value, || drop(runtime.spawn(wait)));
        gate.open();
        assert_eq!(runtime.spawn_blocking(|| 2).join().unwrap(), 2);
        assert_eq!(runtime.run(async { 3 }), 3);
        eventually("both are told of", LIMIT, || {
            runtime.metrics().unhandled_panics == 2
        });
        let metrics = runtime.metrics();
        assert_eq!(metrics.blocking_threads, 1);
        assert_eq!(metrics.queued_blocking_jobs, 0);
    });
}

#[test]
fn runtimes_that_live_for_two_jobs() {
    watchdog("short lives", LIMIT, || {
        for round in 0..512 {
            let runtime = builder().build().unwrap();
            let sum = runtime.run(async {
                let first = wheelhouse::spawn_blocking(|| 1);
                let second = wheelhouse::spawn_blocking(|| wheelhouse::spawn(async { 10 }));
                first.await.unwrap() + second.await.unwrap().await.unwrap()
            });
            assert_eq!(sum, 11, "in round {round}");
        }
    });
}
