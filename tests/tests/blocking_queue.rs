//! The bound of `spawn_blocking`'s queue: who waits, who is refused, and what a refused job leaves
//! behind.

use std::sync::{Arc, Mutex};
use std::thread::{self, ThreadId};
use wheelhouse::{JoinHandle, Metrics, Runtime, spawn_blocking};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, ON_PURPOSE, eventually, quiet, watchdog};

/// A runtime of one worker, with these bounds for jobs.
fn bounded(threads: usize, queue: usize) -> Runtime {
    let builder = Runtime::builder()
        .worker_threads(1)
        .max_blocking_threads(threads)
        .max_blocking_queue(queue);
    builder.build().unwrap()
}

/// A job that waits at the gate, and gives `value`.
fn held(runtime: &Runtime, gate: &Gate, value: usize) -> JoinHandle<usize> {
    let gate = gate.clone();
    runtime.spawn_blocking(move || {
        gate.block();
        value
    })
}

/// The figures of blocking jobs: threads, those that are idle, queued jobs, refused jobs.
fn figures(metrics: Metrics) -> (usize, usize, usize, u64) {
    (
        metrics.blocking_threads,
        metrics.idle_blocking_threads,
        metrics.queued_blocking_jobs,
        metrics.refused_blocking_jobs,
    )
}

#[test]
fn as_many_jobs_wait_as_may() {
    watchdog("the bound", LIMIT, || {
        for threads in [1, 2] {
            for queue in [0, 1, 3] {
                for arrived in [false, true] {
                    println!("{threads} threads, {queue} may wait, threads arrived: {arrived}");
                    fill(threads, queue, arrived);
                }
            }
        }
    });
}

/// Fills a runtime with jobs up to its bounds, and spawns three too many.
fn fill(threads: usize, queue: usize, arrived: bool) {
    let (runtime, gate, drops) = (bounded(threads, queue), Gate::new(), DropCounter::new());
    let mut jobs: Vec<_> = (0..threads).map(|i| held(&runtime, &gate, i)).collect();
    if arrived {
        gate.wait_for(threads, LIMIT);
    }
    jobs.extend((threads..threads + queue).map(|i| held(&runtime, &gate, i)));
    for count in 1..=3 {
        let token = drops.token();
        let refused = runtime.spawn_blocking(move || drop(token));
        assert_eq!(drops.dropped(), count, "at once");
        assert!(refused.is_finished());
        let error = refused.join().unwrap_err();
        assert!(error.is_refused() && error.is_cancelled() && !error.is_panic());
        let text = error.to_string();
        assert!(text.contains(&format!("{queue} blocking jobs")), "{text}");
    }
    gate.wait_for(threads, LIMIT);
    assert_eq!(figures(runtime.metrics()), (threads, 0, queue, 3));
    gate.open();
    for (i, job) in jobs.into_iter().enumerate() {
        assert_eq!(job.join().unwrap(), i);
    }
    eventually("the threads are idle", LIMIT, || {
        figures(runtime.metrics()) == (threads, threads, 0, 3)
    });
    let again = runtime.spawn_blocking(|| 7);
    assert_eq!(again.join().unwrap(), 7);
    drops.assert_each_dropped_once();
}

#[test]
fn an_idle_thread_takes_a_job_though_none_may_wait() {
    watchdog("no queue", LIMIT, || {
        let runtime = bounded(2, 0);
        for round in 0..200 {
            let (gate, before) = (Gate::new(), runtime.metrics());
            let jobs = [held(&runtime, &gate, 1), held(&runtime, &gate, 2)];
            let third = runtime.spawn_blocking(|| 3);
            assert!(third.join().unwrap_err().is_refused());
            gate.open();
            let sum: usize = jobs.into_iter().map(|job| job.join().unwrap()).sum();
            assert_eq!(sum, 3, "in round {round}, after {before:?}");
            eventually("both are idle", LIMIT, || {
                runtime.metrics().idle_blocking_threads == 2
            });
        }
        assert_eq!(figures(runtime.metrics()), (2, 2, 0, 200));
    });
}

#[test]
fn a_job_that_starts_makes_room_for_one() {
    watchdog("room", LIMIT, || {
        let runtime = bounded(1, 1);
        let (mut running, mut jobs) = (Gate::new(), Vec::new());
        jobs.push(held(&runtime, &running, 0));
        running.wait_for(1, LIMIT);
        for i in 1..50 {
            let waiting = Gate::new();
            jobs.push(held(&runtime, &waiting, i));
            let refused = runtime.spawn_blocking(|| 0);
            assert!(refused.join().unwrap_err().is_refused());
            running.open();
            waiting.wait_for(1, LIMIT);
            running = waiting;
        }
        running.open();
        let sum: usize = jobs.into_iter().map(|job| job.join().unwrap()).sum();
        assert_eq!(sum, 49 * 50 / 2);
    });
}

#[test]
fn an_aborted_job_keeps_its_place_until_its_turn() {
    watchdog("aborted", LIMIT, || {
        let (runtime, gate) = (bounded(1, 1), Gate::new());
        let running = held(&runtime, &gate, 1);
        let aborted = held(&runtime, &gate, 2);
        aborted.abort();
        let refused = held(&runtime, &gate, 3);
        assert!(refused.join().unwrap_err().is_refused());
        gate.open();
        assert_eq!(running.join().unwrap(), 1);
        let error = aborted.join().unwrap_err();
        assert!(error.is_cancelled() && !error.is_refused());
    });
}

/// Tells where it is dropped, and what the runtime says of itself there.
struct Witness {
    runtime: wheelhouse::Handle,
    seen: Arc<Mutex<Option<(ThreadId, Metrics)>>>,
}

impl Drop for Witness {
    fn drop(&mut self) {
        let metrics = self.runtime.metrics();
        let nested = self.runtime.spawn_blocking(|| ());
        assert!(nested.join().unwrap_err().is_refused());
        *self.seen.lock().unwrap() = Some((thread::current().id(), metrics));
    }
}

#[test]
fn a_refused_closure_is_dropped_by_the_caller_and_under_no_lock() {
    watchdog("the destructor", LIMIT, || {
        let (runtime, gate) = (bounded(1, 0), Gate::new());
        let running = held(&runtime, &gate, 1);
        gate.wait_for(1, LIMIT);
        let seen = Arc::new(Mutex::new(None));
        let witness = Witness {
            runtime: runtime.handle().clone(),
            seen: Arc::clone(&seen),
        };
        let refused = runtime.spawn_blocking(move || drop(witness));
        let (dropper, metrics) = seen.lock().unwrap().take().expect("dropped at once");
        assert_eq!(dropper, thread::current().id());
        assert_eq!(figures(metrics), (1, 0, 0, 1));
        assert!(refused.join().unwrap_err().is_refused());
        assert_eq!(runtime.metrics().refused_blocking_jobs, 2);
        gate.open();
        running.join().unwrap();
    });
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: a closure's destructor");
    }
}

#[test]
fn a_refused_closure_whose_destructor_panics_harms_nobody() {
    quiet();
    watchdog("a panic", LIMIT, || {
        let (runtime, gate) = (bounded(1, 1), Gate::new());
        let jobs = [held(&runtime, &gate, 1), held(&runtime, &gate, 2)];
        let bomb = PanicsWhenDropped;
        let refused = runtime.spawn_blocking(move || drop(bomb));
        assert!(refused.join().unwrap_err().is_panic());
        let bomb = PanicsWhenDropped;
        drop(runtime.spawn_blocking(move || drop(bomb)));
        let metrics = runtime.metrics();
        assert_eq!(metrics.refused_blocking_jobs, 2);
        assert_eq!(metrics.unhandled_panics, 1, "nobody collects the second");
        gate.open();
        assert_eq!(jobs.map(|job| job.join().unwrap()), [1, 2]);
    });
}

#[test]
fn tasks_and_jobs_are_refused_like_others() {
    watchdog("inside", LIMIT, || {
        let (runtime, gate) = (bounded(1, 0), Gate::new());
        let nested = runtime.spawn_blocking(|| spawn_blocking(|| 1).join());
        assert!(nested.join().unwrap().unwrap_err().is_refused());
        eventually("it is idle", LIMIT, || {
            runtime.metrics().idle_blocking_threads == 1
        });
        let running = held(&runtime, &gate, 1);
        let error = runtime.run(async { spawn_blocking(|| 2).await.unwrap_err() });
        assert!(error.is_refused());
        assert_eq!(error.spawn_site().file(), file!());
        gate.open();
        running.join().unwrap();
    });
}
