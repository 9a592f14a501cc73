//! How scopes end: what is dropped before, what a shutdown changes, and what may outlive them.

use std::future::pending;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Mutex, mpsc};
use std::thread;
use wheelhouse::Handle;
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, WORKERS, eventually, on_built, on_workers, wait_until_closed,
};

/// Counts its drop in what it borrows, slowly.
struct Counted<'a>(&'a AtomicUsize);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        for _ in 0..100 {
            thread::yield_now();
        }
        self.0.fetch_add(1, SeqCst);
    }
}

/// By then they are gone: of tasks that end, whose handles are dropped before or after that, kept by
/// other tasks, or forgotten after the output was taken; of those that are aborted.
#[test]
fn futures_and_outputs_are_dropped_before_it_returns() {
    on_workers(WORKERS, |runtime, _| {
        for _ in 0..20 {
            let drops = AtomicUsize::new(0);
            let task = || {
                let (held, output) = (Counted(&drops), Counted(&drops));
                async {
                    let _held = held;
                    wheelhouse::yield_now().await;
                    output
                }
            };
            runtime.scope(|s| {
                drop(s.spawn(task()));
                let late = s.spawn(task());
                while !late.is_finished() {
                    thread::yield_now();
                }
                drop(late);
                let kept = s.spawn(task());
                s.spawn(async move {
                    let _kept = kept;
                    wheelhouse::yield_now().await;
                });
                let nested = s.spawn(task());
                s.spawn(async move { Some(nested) });
                let mut taken = s.spawn(task());
                assert!(futures::executor::block_on(&mut taken).is_ok());
                std::mem::forget(taken);
                let held = Counted(&drops);
                let aborted = s.spawn(async {
                    let _held = held;
                    pending::<()>().await
                });
                aborted.abort();
            });
            assert_eq!(drops.into_inner(), 5 * 2 + 1);
        }
    });
}

/// Not before the last destructor has returned, on whatever thread a shutdown runs it.
#[test]
fn a_shutdown_does_not_let_it_return_early() {
    struct Slow<'a>(&'a Gate, &'a AtomicBool);
    impl Drop for Slow<'_> {
        fn drop(&mut self) {
            self.0.block();
            self.1.store(true, SeqCst);
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        let (started, dropping) = (Gate::new(), Gate::new());
        let (begun, gate) = (started.clone(), dropping.clone());
        let returned = thread::spawn(move || {
            let (dropped, starts) = (AtomicBool::new(false), begun.clone());
            let result = handle.scope(|s| {
                let slow = Slow(&gate, &dropped);
                let task = s.spawn(async move {
                    let _slow = slow;
                    starts.wait().await;
                    pending::<()>().await
                });
                begun.wait_for(1, LIMIT);
                begun.open();
                task.join()
            });
            assert!(result.unwrap_err().is_cancelled());
            dropped.into_inner()
        });
        futures::executor::block_on(started.wait());
        let dropper = thread::spawn(move || drop(runtime));
        dropping.wait_for(1, LIMIT);
        for _ in 0..1000 {
            assert!(!returned.is_finished(), "while a future is being dropped");
            thread::yield_now();
        }
        dropping.open();
        assert!(returned.join().unwrap(), "it returned before");
        dropper.join().unwrap();
    });
}

#[test]
fn a_runtime_that_is_dropped_in_the_closure() {
    on_workers(WORKERS, |runtime, _| {
        let drops = AtomicUsize::new(0);
        let handle = runtime.handle().clone();
        handle.scope(|s| {
            let held = Counted(&drops);
            let task = s.spawn(async {
                let _held = held;
                pending::<()>().await
            });
            drop(runtime);
            assert!(task.join().unwrap_err().is_cancelled());
        });
        assert_eq!(drops.into_inner(), 1);
    });
}

#[test]
fn after_the_runtimes_end_tasks_are_cancelled() {
    on_workers(WORKERS, |runtime, _| {
        let (drops, handle) = (AtomicUsize::new(0), runtime.handle().clone());
        drop(runtime);
        handle.scope(|s| {
            let (first, second) = (Counted(&drops), Counted(&drops));
            let task = s.spawn(async { drop(first) });
            assert!(task.join().unwrap_err().is_cancelled());
            let job = s.spawn_blocking(|| drop(second));
            assert!(job.join().unwrap_err().is_cancelled());
        });
        assert_eq!(drops.into_inner(), 2);
    });
}

/// The thread that empties a closed runtime's queues runs destructors, which may open scopes: nobody
/// else may be left to see to their tasks.
#[test]
fn a_scope_in_a_destructor_at_the_runtimes_end() {
    struct ScopeOnDrop(Handle, Gate);
    impl Drop for ScopeOnDrop {
        fn drop(&mut self) {
            let mut ran = false;
            self.0.scope(|s| {
                s.spawn(async { ran = true });
                s.spawn_blocking(|| ());
            });
            self.1.open();
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        let task = || {
            let ended = Gate::new();
            let opens = ScopeOnDrop(handle.clone(), ended.clone());
            let future = async move {
                let _opens = opens;
                pending::<()>().await
            };
            (future, ended)
        };
        let (future, waiting) = task();
        drop(runtime.spawn(future));
        drop(runtime);
        assert!(waiting.is_open());
        // The queues of a closed runtime are emptied by whoever spawns on it.
        let (future, queued) = task();
        drop(handle.spawn(future));
        assert!(queued.is_open());
    });
}

#[test]
fn what_outlives_the_scope_does_no_harm() {
    on_workers(WORKERS, |runtime, _| {
        let (wakers, mut aborts) = (Mutex::new(Vec::new()), Vec::new());
        for _ in 0..10 {
            let text = String::from("ends with the frame");
            runtime.scope(|s| {
                for turns in 0..4 {
                    let (wakers, text) = (&wakers, &text);
                    let task = s.spawn(async move {
                        let waker = futures::future::poll_fn(|cx| {
                            std::task::Poll::Ready(cx.waker().clone())
                        });
                        let waker = waker.await;
                        wakers.lock().unwrap().push(waker);
                        for _ in 0..turns {
                            wheelhouse::yield_now().await;
                        }
                        text.as_str()
                    });
                    aborts.push(task.abort_handle());
                    if turns % 2 == 0 {
                        assert_eq!(task.join().unwrap(), text);
                    }
                }
            });
        }
        let wakers = wakers.into_inner().unwrap();
        wakers.iter().for_each(|waker| waker.wake_by_ref());
        aborts.iter().for_each(|abort| abort.abort());
        assert!(aborts.iter().all(|abort| abort.is_finished()));
        eventually("the last poll returns", LIMIT, || {
            runtime.handle().tasks().is_empty()
        });
        drop(runtime);
        wakers.into_iter().for_each(|waker| waker.wake());
        aborts.iter().for_each(|abort| abort.abort());
    });
}

#[test]
fn a_job_that_did_not_start_is_cancelled() {
    let options = |builder: wheelhouse::Builder| builder.max_blocking_threads(1);
    on_built(&[1, 4], options, |runtime, _| {
        let (gate, drops, handle) = (Gate::new(), DropCounter::new(), runtime.handle().clone());
        let text = String::from("borrowed");
        let (sender, jobs) = mpsc::channel();
        let closer = {
            let gate = gate.clone();
            thread::spawn(move || {
                let abort: wheelhouse::AbortHandle = jobs.recv().unwrap();
                abort.abort();
                gate.wait_for(1, LIMIT);
                let (handle, opener) = (runtime.handle().clone(), gate.clone());
                let dropper = thread::spawn(move || drop(runtime));
                wait_until_closed(&handle);
                opener.open();
                dropper.join().unwrap();
            })
        };
        handle.scope(|s| {
            let running = s.spawn_blocking(|| {
                gate.block();
                text.len()
            });
            gate.wait_for(1, LIMIT);
            let [aborted, queued] = [(); 2].map(|()| {
                let token = drops.token();
                s.spawn_blocking(|| drop((token, text.len())))
            });
            sender.send(aborted.abort_handle()).unwrap();
            assert!(aborted.join().unwrap_err().is_cancelled());
            assert!(queued.join().unwrap_err().is_cancelled());
            assert_eq!(running.join().unwrap(), 8);
        });
        drops.assert_each_dropped_once();
        closer.join().unwrap();
    });
}
