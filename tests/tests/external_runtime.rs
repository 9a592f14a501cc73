//! Behaviours of a runtime that other projects test, and no other file here: `BEHAVIOURS.md` has the
//! whole list.

use futures::channel::oneshot;
use std::future::{pending, poll_fn};
use std::mem;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::task::TaskState;
use wheelhouse::{Handle, JoinHandle, Runtime, block_in_place, gather, sleep, spawn, yield_now};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, ON_PURPOSE, WORKERS, catch, eventually, on_workers, quiet,
};

/// Tasks that yield for ever, two for each worker, until the runtime ends.
fn load(runtime: &Runtime, workers: usize) {
    for _ in 0..2 * workers {
        drop(runtime.spawn(async {
            loop {
                yield_now().await;
            }
        }));
    }
}

#[test]
fn main_futures_end_under_load() {
    on_workers(WORKERS, |runtime, workers| {
        load(&runtime, workers);
        for _ in 0..50 {
            let (sender, receiver) = oneshot::channel();
            let thread = thread::spawn(move || sender.send(5).unwrap());
            assert_eq!(runtime.block_on(receiver), Ok(5));
            thread.join().unwrap();
            let (sender, receiver) = oneshot::channel();
            let thread = thread::spawn(move || sender.send(6).unwrap());
            assert_eq!(runtime.run(receiver), Ok(6));
            thread.join().unwrap();
        }
    });
}

#[test]
fn a_task_that_waits_for_a_thread_ends_under_load() {
    on_workers(WORKERS, |runtime, workers| {
        for under_load in [false, true] {
            if under_load {
                load(&runtime, workers);
            }
            for round in 0..50 {
                let (sender, receiver) = oneshot::channel();
                let task = runtime.spawn(async move {
                    let first = receiver.await.unwrap();
                    spawn(async move { first + 1 }).await.unwrap()
                });
                thread::spawn(move || sender.send(round).unwrap())
                    .join()
                    .unwrap();
                assert_eq!(task.join().unwrap(), round + 1);
            }
        }
    });
}

/// Two threads in `block_on` that sleep, and wake each other in between: there is always somebody
/// who keeps the time.
#[test]
fn threads_in_block_on_sleep_by_turns() {
    on_workers(WORKERS, |runtime, _| {
        let nap = || sleep(Duration::from_millis(2));
        for _ in 0..10 {
            let ((here, there), (back, home)) = (oneshot::channel(), oneshot::channel());
            thread::scope(|scope| {
                scope.spawn(|| {
                    runtime.block_on(async {
                        there.await.unwrap();
                        nap().await;
                        back.send(()).unwrap();
                    });
                });
                scope.spawn(|| {
                    runtime.block_on(async {
                        here.send(()).unwrap();
                        nap().await;
                        home.await.unwrap();
                        nap().await;
                    });
                });
            });
        }
    });
}

#[test]
fn a_panic_in_block_on_goes_on_in_the_caller() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let (outer, inner) = (drops.token(), drops.token());
        let caught = catch(|| {
            runtime.block_on(async move {
                let _outer = outer;
                drop(spawn(async move {
                    let _inner = inner;
                    pending::<()>().await
                }));
                yield_now().await;
                panic!("{ON_PURPOSE}: 3 apples");
            })
        });
        assert_eq!(caught.text, "on purpose: 3 apples");
        assert_eq!(
            runtime.block_on(async { spawn(async { 1 }).await.unwrap() }),
            1
        );
        drop(runtime);
        drops.assert_each_dropped_once();
    });
}

/// The timed form inside a task, or a `block_on`, of another runtime.
#[test]
fn a_runtime_is_shut_down_inside_another() {
    on_workers(WORKERS, |runtime, _| {
        let other = || {
            let other = Runtime::builder().worker_threads(1).build().unwrap();
            let task = other.spawn(pending::<()>());
            (other, task)
        };
        for limit in [Duration::ZERO, LIMIT] {
            let (inner, task) = other();
            runtime.run(async move { drop(inner.shutdown_timeout(limit)) });
            assert!(task.join().unwrap_err().is_cancelled());
            let (inner, task) = other();
            runtime.block_on(async { drop(inner.shutdown_timeout(limit)) });
            assert!(task.join().unwrap_err().is_cancelled());
        }
        assert_eq!(runtime.run(async { 1 }), 1);
    });
}

/// Its own thread can't end before the task does: it is named, and nobody waits for it.
#[test]
fn a_runtime_is_shut_down_inside_its_own_task() {
    on_workers(WORKERS, |runtime, _| {
        let (give, take) = oneshot::channel::<Runtime>();
        let (sender, reports) = mpsc::channel();
        let handle = runtime.handle().clone();
        let task = handle.spawn(async move {
            let runtime = take.await.unwrap();
            sender
                .send(runtime.shutdown_timeout(Duration::from_millis(1)))
                .unwrap();
            loop {
                yield_now().await; // it is cancelled at one of these
            }
        });
        give.send(runtime).unwrap();
        let report = reports.recv().unwrap();
        assert!(!report.is_complete(), "{report}");
        let ended: JoinHandle<()> = task;
        assert!(ended.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn runtimes_within_runtimes() {
    fn nested(depth: usize) -> usize {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        let sum = runtime.run(async move {
            let inner = match depth {
                0 => 0,
                _ => block_in_place(|| nested(depth - 1)),
            };
            let (first, second) = gather!(async { 1 }, async move { inner }).await;
            first + second
        });
        sum + runtime.block_on(async { spawn(async { 1 }).await.unwrap() })
    }
    on_workers(&[1, 4], |runtime, _| {
        assert_eq!(runtime.run(async { block_in_place(|| nested(4)) }), 10);
        assert_eq!(runtime.spawn_blocking(|| nested(4)).join().unwrap(), 10);
        // Built in a task, handed out, and used by somebody else.
        let built = runtime.run(async { Runtime::builder().worker_threads(1).build().unwrap() });
        assert_eq!(built.run(async { 7 }), 7);
    });
}

/// Hooks are on no runtime: they may use another one, blocking.
#[test]
fn a_thread_hook_may_block_on_another_runtime() {
    on_workers(&[1, 4], |other, _| {
        let (other, calls) = (Arc::new(other), Arc::new(AtomicUsize::new(0)));
        let hook = || {
            let (handle, calls) = (other.handle().clone(), Arc::clone(&calls));
            move || {
                let task = handle.spawn(async { 1 });
                calls.fetch_add(handle.block_on(task).unwrap(), SeqCst);
            }
        };
        let builder = Runtime::builder().worker_threads(2);
        let builder = builder.on_thread_start(hook()).on_thread_stop(hook());
        drop(builder.build().unwrap());
        assert_eq!(calls.load(SeqCst), 4);
    });
}

/// Nothing is dropped, and nothing stops: forgetting a runtime is how to have one for ever.
#[test]
fn a_forgotten_runtime_goes_on() {
    on_workers(&[1, 4], |runtime, _| {
        let (handle, drops, gate) = (runtime.handle().clone(), DropCounter::new(), Gate::new());
        let (token, waits) = (drops.token(), gate.clone());
        let task = runtime.spawn(async move {
            let _token = token;
            waits.wait().await;
        });
        gate.wait_for(1, LIMIT);
        mem::forget(runtime);
        assert_eq!(handle.spawn(async { 7 }).join().unwrap(), 7);
        assert_eq!(drops.dropped(), 0);
        gate.open();
        task.join().unwrap();
        drops.assert_each_dropped_once();
        handle.shutdown_background();
    });
}

/// An output waits in its handle, whichever of handle and runtime goes first.
#[test]
fn an_output_goes_with_its_handle() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let finished = || {
            let token = drops.token();
            let task = runtime.spawn(async move { token });
            eventually("it ends", LIMIT, || task.is_finished());
            task
        };
        let (first, last, asked) = (finished(), finished(), finished());
        assert_eq!(drops.dropped(), 0);
        drop(first);
        assert_eq!(drops.dropped(), 1);
        drop(runtime);
        assert_eq!(drops.dropped(), 1);
        drop(last);
        assert_eq!(drops.dropped(), 2);
        drop(asked.join().unwrap());
        drops.assert_each_dropped_once();
    });
}

/// A task whose wakers and handle are gone can't be woken. It is still there to be seen, and goes
/// with its runtime.
#[test]
fn a_task_that_nobody_can_wake() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let token = drops.token();
        let (sender, wakers) = mpsc::channel::<Waker>();
        let task = runtime.spawn(poll_fn(move |cx| {
            let _token = &token;
            sender.send(cx.waker().clone()).unwrap();
            Poll::<()>::Pending
        }));
        let id = task.id();
        drop((task, wakers.recv().unwrap()));
        let waits = || {
            let all = runtime.handle().tasks();
            all.iter()
                .any(|task| task.id() == id && task.state() == TaskState::Waiting)
        };
        eventually("it waits", LIMIT, waits);
        assert_eq!(drops.dropped(), 0);
        drop(runtime);
        drops.assert_each_dropped_once();
    });
}

/// A thread that blocks has no budget to keep: in a job, in place, and in a `block_on` there.
#[test]
fn thousands_that_are_ready_while_a_thread_blocks_on_them() {
    on_workers(WORKERS, |runtime, _| {
        fn all_ready() -> usize {
            let spawn = |number| Handle::current().spawn(async move { number });
            let tasks: Vec<JoinHandle<usize>> = (0..2000).map(spawn).collect();
            while !tasks.iter().all(JoinHandle::is_finished) {
                thread::yield_now();
            }
            Handle::current().block_on(async {
                let mut sum = 0;
                for task in tasks {
                    sum += task.await.unwrap();
                }
                sum
            })
        }
        let sum = 1999 * 1000;
        assert_eq!(runtime.spawn_blocking(all_ready).join().unwrap(), sum);
        assert_eq!(runtime.run(async { block_in_place(all_ready) }), sum);
        assert_eq!(runtime.block_on(async { block_in_place(all_ready) }), sum);
    });
}

/// Many threads are in `block_on` when the runtime ends: their own futures are not its tasks, and go
/// on; what they spawned is cancelled.
#[test]
fn a_shutdown_beneath_many_threads_in_block_on() {
    on_workers(WORKERS, |runtime, _| {
        let (handle, gate) = (runtime.handle().clone(), Gate::new());
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let (handle, gate) = (handle.clone(), gate.clone());
                thread::spawn(move || {
                    handle.block_on(async {
                        let left = spawn(pending::<()>());
                        gate.wait().await;
                        left.await.unwrap_err().is_cancelled()
                    })
                })
            })
            .collect();
        gate.wait_for(8, LIMIT);
        drop(runtime);
        gate.open();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}

/// From the moment at which a shutdown has begun, nothing that is spawned runs.
#[test]
fn what_is_spawned_after_a_shutdown_has_begun_is_cancelled() {
    on_workers(&[1, 2, 16], |first, workers| {
        drop(first);
        let rounds = 2000 / workers;
        let cancelled = (0..rounds).filter(|_| {
            let builder = Runtime::builder().worker_threads(workers);
            let runtime = builder.build().unwrap();
            runtime.handle().shutdown_background();
            runtime.spawn(async {}).join().is_err()
        });
        assert_eq!(cancelled.count(), rounds);
    });
}
