//! Blocking jobs and the shutdown: those that have not started are cancelled, whoever shuts down, and
//! those that come later as well.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{Handle, JoinError, JoinHandle, Runtime};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, eventually, watchdog};

fn at_most(threads: usize) -> Runtime {
    let builder = Runtime::builder()
        .worker_threads(1)
        .max_blocking_threads(threads);
    builder.build().unwrap()
}

/// How the runtime is shut down.
#[derive(Clone, Copy, Debug)]
enum How {
    Drop,
    Timeout,
    Background,
}

#[test]
fn jobs_that_never_started_are_cancelled() {
    for how in [How::Drop, How::Timeout, How::Background] {
        for threads in [1, 2] {
            for inside in [false, true] {
                let name = format!("{how:?}, {threads} threads, in a job: {inside}");
                watchdog(&name, LIMIT, move || {
                    shut_down_with_jobs(how, threads, inside)
                });
            }
        }
    }
}

fn shut_down_with_jobs(how: How, threads: usize, inside: bool) {
    let (runtime, gate, drops) = (at_most(threads), Gate::new(), DropCounter::new());
    let handle = runtime.handle().clone();
    let (give, given) = mpsc::channel();
    let shuts = move || shut_down(given.recv().unwrap(), how);
    // Either the first of the running jobs shuts down, or a thread outside.
    let (mut in_job, outside) = if inside {
        (Some(shuts), None)
    } else {
        (None, Some(thread::spawn(shuts)))
    };
    let running: Vec<_> = (0..threads)
        .map(|i| {
            let (gate, token, shuts) = (gate.clone(), drops.token(), in_job.take());
            handle.spawn_blocking(move || {
                shuts.into_iter().for_each(|shut| shut());
                gate.block();
                drop(token);
                i
            })
        })
        .collect();
    gate.wait_for(threads - usize::from(inside), LIMIT);
    let waiting: Vec<JoinHandle<()>> = (0..5)
        .map(|_| {
            let token = drops.token();
            handle.spawn_blocking(move || {
                drop(token);
                unreachable!("it never starts")
            })
        })
        .collect();
    eventually("all others wait", LIMIT, || {
        handle.metrics().queued_blocking_jobs == 5
    });
    give.send(runtime).unwrap();
    // While the others still run.
    for job in waiting {
        never_started(&job.join().unwrap_err());
    }
    assert_eq!(handle.metrics().queued_blocking_jobs, 0);
    assert_eq!(handle.metrics().blocking_threads, threads);
    gate.open();
    for (i, job) in running.into_iter().enumerate() {
        assert_eq!(job.join().unwrap(), i, "what has started runs to its end");
    }
    outside.into_iter().for_each(|it| it.join().unwrap());
    eventually("the threads end", LIMIT, || {
        handle.metrics().blocking_threads == 0
    });
    assert_eq!(handle.metrics().refused_blocking_jobs, 0);
    drops.assert_each_dropped_once();
}

/// Shuts down while a job runs.
fn shut_down(runtime: Runtime, how: How) {
    match how {
        How::Drop => drop(runtime),
        How::Timeout => {
            let _report = runtime.shutdown_timeout(Duration::from_millis(1));
        }
        How::Background => {
            runtime.handle().shutdown_background();
            // Nobody waits.
            std::mem::forget(runtime);
        }
    }
}

fn never_started(error: &JoinError) {
    assert!(error.is_cancelled() && !error.is_refused() && !error.is_panic());
}

#[test]
fn jobs_that_come_during_the_shutdown_run_or_are_cancelled() {
    watchdog("coming late", LIMIT, || {
        for round in 0..200 {
            let (runtime, drops) = (at_most(1 + round % 3), DropCounter::new());
            let handles: Vec<Handle> = (0..3).map(|_| runtime.handle().clone()).collect();
            thread::scope(|scope| {
                for handle in handles {
                    scope.spawn(move || {
                        let mut cancelled = 0;
                        while cancelled < 3 {
                            let token = drops.token();
                            match handle.spawn_blocking(move || drop(token)).join() {
                                Ok(()) => assert_eq!(cancelled, 0, "none runs any more"),
                                Err(error) => {
                                    never_started(&error);
                                    cancelled += 1;
                                }
                            }
                        }
                    });
                }
                drop(runtime);
            });
            drops.assert_each_dropped_once();
        }
    });
}

/// Spawns a job where it is dropped.
struct Spawns {
    handle: Handle,
    outcome: mpsc::Sender<Result<(), JoinError>>,
}

impl Drop for Spawns {
    fn drop(&mut self) {
        let outcome = self.handle.spawn_blocking(|| ()).join();
        self.outcome.send(outcome).unwrap();
    }
}

#[test]
fn what_a_cancelled_job_or_a_running_one_spawns_is_cancelled() {
    watchdog("spawned late", LIMIT, || {
        let (runtime, gate) = (at_most(1), Gate::new());
        let (outcome, outcomes) = mpsc::channel();
        let (block, handle) = (gate.clone(), runtime.handle().clone());
        let running = runtime.spawn_blocking(move || {
            block.block();
            handle.spawn_blocking(|| ()).join()
        });
        gate.wait_for(1, LIMIT);
        let handle = runtime.handle().clone();
        let spawns = Spawns { handle, outcome };
        let waiting = runtime.spawn_blocking(move || drop(spawns));
        runtime.handle().shutdown_background();
        never_started(&outcomes.recv().unwrap().unwrap_err());
        never_started(&waiting.join().unwrap_err());
        gate.open();
        never_started(&running.join().unwrap().unwrap_err());
    });
}
