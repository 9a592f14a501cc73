//! `spawn_blocking`: the jobs' threads, their limit, and what handles of jobs do.

use std::collections::HashSet;
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::Duration;
use wheelhouse::{Handle, JoinHandle, Runtime, sleep, spawn, spawn_blocking};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, ON_PURPOSE, WORKERS, on_workers, quiet, watchdog,
};

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

/// A runtime of one worker whose jobs share this many threads.
fn at_most(threads: usize) -> Runtime {
    let builder = Runtime::builder()
        .worker_threads(1)
        .max_blocking_threads(threads);
    builder.build().unwrap()
}

#[test]
fn a_job_runs_on_a_thread_of_its_own() {
    on_workers(WORKERS, |runtime, _| {
        let name = runtime.run(async { spawn_blocking(thread_name).await.unwrap() });
        assert_eq!(name, "wheelhouse-b0");
        assert_eq!(
            runtime.spawn_blocking(|| "x".repeat(3)).join().unwrap(),
            "xxx"
        );
    });
}

#[test]
fn jobs_run_side_by_side() {
    on_workers(&[1], |runtime, _| {
        let barrier = Arc::new(Barrier::new(8));
        let jobs: Vec<_> = (0..8)
            .map(|_| {
                let barrier = Arc::clone(&barrier);
                runtime.spawn_blocking(move || barrier.wait().is_leader())
            })
            .collect();
        let leaders = jobs
            .into_iter()
            .filter_map(|job| job.join().ok().filter(|&leads| leads));
        assert_eq!(leaders.count(), 1);
    });
}

#[test]
fn threads_are_used_again() {
    on_workers(&[1], |runtime, _| {
        let names: HashSet<_> = (0..100)
            .map(|_| runtime.spawn_blocking(thread_name).join().unwrap())
            .collect();
        // A thread that has just given its job's result may not be waiting for the next one yet.
        assert!(names.len() < 20, "{names:?}");
    });
}

#[test]
fn there_are_no_more_threads_than_allowed() {
    watchdog("the limit", LIMIT, || {
        let (runtime, inside) = (at_most(3), Gate::new());
        let names = Arc::new(Mutex::new(HashSet::new()));
        let jobs: Vec<_> = (0..50)
            .map(|i| {
                let (inside, names) = (inside.clone(), Arc::clone(&names));
                runtime.spawn_blocking(move || {
                    names.lock().unwrap().insert(thread_name());
                    inside.block();
                    i
                })
            })
            .collect();
        inside.wait_for(3, LIMIT);
        assert_eq!(runtime.run(async { 1 }), 1, "tasks don't wait for jobs");
        assert_eq!(inside.waiting(), 3);
        inside.open();
        let sum: i32 = jobs.into_iter().map(|job| job.join().unwrap()).sum();
        assert_eq!(sum, 50 * 49 / 2);
        assert_eq!(names.lock().unwrap().len(), 3);
    });
}

#[test]
fn jobs_start_in_order() {
    watchdog("the order", LIMIT, || {
        let (runtime, order) = (at_most(1), Arc::new(Mutex::new(Vec::new())));
        let jobs: Vec<_> = (0..100)
            .map(|i| {
                let order = Arc::clone(&order);
                runtime.spawn_blocking(move || order.lock().unwrap().push(i))
            })
            .collect();
        jobs.into_iter().for_each(|job| job.join().unwrap());
        assert_eq!(*order.lock().unwrap(), (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_job_may_block_on_futures_and_spawn() {
    on_workers(WORKERS, |runtime, _| {
        let value = runtime.run(async {
            spawn_blocking(|| {
                let handle = Handle::current();
                let slept = handle.block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    spawn(async { 1 }).await.unwrap()
                });
                let nested = spawn_blocking(|| 10).join().unwrap();
                let inner = wheelhouse::run(async { 100 });
                slept + nested + inner + spawn(async { 1000 }).join().unwrap()
            })
            .await
        });
        assert_eq!(value.unwrap(), 1111);
    });
}

#[test]
fn a_queued_job_can_be_aborted() {
    watchdog("aborting jobs", LIMIT, || {
        let (runtime, inside, drops) = (at_most(1), Gate::new(), DropCounter::new());
        let block = inside.clone();
        let running = runtime.spawn_blocking(move || {
            block.block();
            "it was running"
        });
        inside.wait_for(1, LIMIT);
        let token = drops.token();
        let queued: JoinHandle<()> = runtime.spawn_blocking(move || {
            let _token = token;
            unreachable!("it was aborted")
        });
        running.abort();
        queued.abort();
        inside.open();
        assert_eq!(running.join().unwrap(), "it was running");
        assert!(queued.join().unwrap_err().is_cancelled());
        drops.assert_each_dropped_once();
        assert_eq!(runtime.spawn_blocking(|| 3).join().unwrap(), 3);
    });
}

#[test]
fn a_detached_job_runs_and_its_output_is_dropped() {
    on_workers(&[1, 4], |runtime, _| {
        let (drops, inside) = (DropCounter::new(), Gate::new());
        for _ in 0..20 {
            let (output, block) = (drops.token(), inside.clone());
            drop(runtime.spawn_blocking(move || {
                block.block();
                output
            }));
        }
        inside.wait_for(20, LIMIT);
        inside.open();
        drop(runtime);
        drops.assert_each_dropped_once();
    });
}

/// Where a job is when its end comes.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Returns,
    Panics,
    AbortedQueued,
    AbortedRunning,
    ShutDownQueued,
    ShutDownRunning,
}

#[test]
fn every_way_that_a_job_ends() {
    use End::*;
    quiet();
    watchdog("every way that a job ends", LIMIT, || {
        for end in [
            Returns,
            Panics,
            AbortedQueued,
            AbortedRunning,
            ShutDownQueued,
            ShutDownRunning,
        ] {
            for keeps_handle in [false, true] {
                let drops = DropCounter::new();
                end_a_job(end, keeps_handle, drops);
                println!("checking {end:?}, handle kept: {keeps_handle}");
                drops.assert_each_dropped_once();
            }
        }
    });
}

fn end_a_job(end: End, keeps_handle: bool, drops: DropCounter) {
    let (runtime, inside, busy) = (at_most(1), Gate::new(), Gate::new());
    let queued = matches!(end, End::AbortedQueued | End::ShutDownQueued);
    if queued {
        let block = busy.clone();
        drop(runtime.spawn_blocking(move || block.block()));
        busy.wait_for(1, LIMIT);
    }
    let (held, output, block) = (drops.token(), drops.token(), inside.clone());
    let job = runtime.spawn_blocking(move || {
        let _held = held;
        block.block();
        if end == End::Panics {
            panic!("{ON_PURPOSE}: a job");
        }
        output
    });
    if !queued {
        inside.wait_for(1, LIMIT);
    }
    let abort = job.abort_handle();
    let job = keeps_handle.then_some(job);
    match end {
        End::AbortedQueued | End::AbortedRunning => abort.abort(),
        End::ShutDownQueued | End::ShutDownRunning => runtime.handle().shutdown_background(),
        End::Returns | End::Panics => {}
    }
    inside.open();
    busy.open();
    drop(runtime);
    assert!(abort.is_finished());
    let Some(job) = job else { return };
    match job.join() {
        Ok(_) => assert!(!queued && end != End::Panics, "{end:?}"),
        Err(error) if error.is_panic() => assert_eq!(end, End::Panics),
        Err(_) => assert!(queued, "{end:?}"),
    }
}

#[test]
fn thousands_of_jobs_from_many_threads() {
    watchdog("many jobs", LIMIT, || {
        let runtime = at_most(4);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for round in 0..100 {
                        let jobs: Vec<_> =
                            (0..10).map(|i| runtime.spawn_blocking(move || i)).collect();
                        let sum: i32 = jobs.into_iter().map(|job| job.join().unwrap()).sum();
                        assert_eq!(sum, 45, "in round {round}");
                    }
                });
            }
        });
    });
}
