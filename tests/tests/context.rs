//! What is around a thread: the runtime that `spawn` finds there, in tasks, guards and destructors.

use std::cell::RefCell;
use std::future::pending;
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;
use wheelhouse::{Handle, Runtime, sleep, spawn, spawn_blocking};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, WORKERS, catch, on_workers, watchdog};

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

fn named(name: &str, workers: usize) -> Runtime {
    let builder = Runtime::builder().thread_name(name);
    builder.worker_threads(workers).build().unwrap()
}

#[test]
fn entering_decides_where_spawn_goes() {
    watchdog("enter", LIMIT, || {
        let (outer, inner) = (named("outer", 2), named("inner", 1));
        let where_to = || {
            let name = spawn(async { thread_name() }).join().unwrap();
            name.split('-').next().unwrap().to_owned()
        };
        {
            let _outer = outer.enter();
            assert_eq!(where_to(), "outer");
            {
                let _inner = inner.handle().enter();
                assert_eq!(where_to(), "inner");
                let _again = outer.enter();
                assert_eq!(where_to(), "outer");
            }
            assert_eq!(where_to(), "outer");
            assert_eq!(
                inner.block_on(async { spawn(async { thread_name() }).await.unwrap() }),
                "inner-0"
            );
            assert_eq!(where_to(), "outer");
        }
        assert!(Handle::try_current().is_none());
    });
}

#[test]
fn a_task_may_enter_another_runtime() {
    watchdog("enter in a task", LIMIT, || {
        let (home, other) = (named("home", 1), named("other", 1));
        let handle = other.handle().clone();
        let (there, here) = home.run(async move {
            let there = {
                let _entered = handle.enter();
                spawn(async { thread_name() })
            };
            (
                there.await.unwrap(),
                spawn(async { thread_name() }).await.unwrap(),
            )
        });
        assert_eq!((there.as_str(), here.as_str()), ("other-0", "home-0"));
    });
}

/// Where `spawn` goes: the name of the runtime, without the number of the thread.
async fn current() -> String {
    let name = spawn(async { thread_name() }).await.unwrap();
    name.split('-').next().unwrap().to_owned()
}

/// A guard that is forgotten in a task is the task's only until its poll ends.
#[test]
fn a_task_may_forget_a_guard() {
    for workers in [1, 4] {
        watchdog("forgotten guards", LIMIT, move || {
            let (home, other) = (named("home", workers), named("other", 1));
            let (all_inside, (sender, spawned)) =
                (Arc::new(Barrier::new(workers)), mpsc::channel());
            // One on each worker.
            let forgetful: Vec<_> = (0..workers)
                .map(|_| {
                    let (barrier, handle) = (Arc::clone(&all_inside), other.handle().clone());
                    let sender = sender.clone();
                    home.spawn(async move {
                        barrier.wait();
                        std::mem::forget(handle.enter());
                        std::mem::forget(handle.enter());
                        // Awaited elsewhere: this task ends with the poll that forgets.
                        sender.send(spawn(async { thread_name() })).unwrap();
                    })
                })
                .collect();
            for task in forgetful {
                task.join().unwrap();
                assert_eq!(spawned.recv().unwrap().join().unwrap(), "other-0");
            }
            drop(other);
            for _ in 0..workers * 2 {
                assert_eq!(home.run(current()), "home");
                home.run(sleep(Duration::from_micros(100)));
            }
            assert!(home.shutdown_timeout(LIMIT).is_complete());
        });
    }
}

#[test]
fn a_blocking_job_may_forget_a_guard() {
    watchdog("forgotten guards", LIMIT, || {
        let (builder, other) = (Runtime::builder(), named("other", 1));
        let builder = builder.thread_name("home").worker_threads(1);
        let home = builder.max_blocking_threads(1).build().unwrap();
        let handle = other.handle().clone();
        let forgetful = home.spawn_blocking(move || std::mem::forget(handle.enter()));
        forgetful.join().unwrap();
        drop(other);
        let next = home.spawn_blocking(|| spawn(async { thread_name() }).join().unwrap());
        assert_eq!(next.join().unwrap(), "home-0");
        assert!(home.shutdown_timeout(LIMIT).is_complete());
    });
}

#[test]
fn guards_that_go_out_of_order_are_told_and_take_nothing_else_along() {
    watchdog("out of order", LIMIT, || {
        let runtimes = ["a", "b", "c", "d"].map(|name| named(name, 1));
        let here = || Handle::current().block_on(current());
        let [a, b, c, d] = &runtimes;
        let (in_a, in_b) = (a.enter(), b.enter());
        let caught = catch(|| drop(in_a));
        assert!(caught.text.contains("out of order"), "{caught:?}");
        assert_eq!(here(), "b");
        let (in_c, in_d) = (c.enter(), d.enter());
        assert_eq!(here(), "d");
        catch(|| drop(in_b));
        assert_eq!(here(), "d");
        drop(in_d);
        assert_eq!(here(), "c");
        drop(in_c);
        assert!(Handle::try_current().is_none());
    });
}

#[test]
fn a_task_is_dropped_inside_its_runtime() {
    struct Look(mpsc::Sender<bool>);
    impl Drop for Look {
        fn drop(&mut self) {
            let _ = self.0.send(Handle::try_current().is_some());
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let ((found, seen), gate) = (mpsc::channel(), Gate::new());
        for _ in 0..10 {
            let (look, gate) = (Look(found.clone()), gate.clone());
            drop(runtime.spawn(async move {
                let _look = look;
                gate.wait().await;
            }));
        }
        gate.wait_for(10, LIMIT);
        drop((runtime, found));
        assert_eq!(seen.iter().collect::<Vec<_>>(), [true; 10]);
    });
}

#[test]
fn a_runtime_may_live_in_a_thread_local() {
    thread_local!(static KEPT: RefCell<Option<Runtime>> = const { RefCell::new(None) });
    watchdog("thread local", LIMIT, || {
        let drops = DropCounter::new();
        let token = drops.token();
        let thread = thread::spawn(|| {
            KEPT.with_borrow_mut(|kept| {
                let runtime = kept.insert(named("kept", 2));
                drop(runtime.spawn(async move {
                    let _token = token;
                    pending::<()>().await
                }));
                runtime.run(async { 3 })
            })
        });
        assert_eq!(thread.join().unwrap(), 3);
        drops.assert_each_dropped_once();
    });
}

/// The last reference to a runtime may be a thread-local of its own worker, or of its own blocking
/// thread: the drop waits for the other threads.
#[test]
fn a_runtime_may_live_in_a_thread_local_of_its_own() {
    /// Fields are dropped in this order: when the second one goes, the drop of the first is back.
    #[expect(dead_code, reason = "they are held")]
    struct Kept(Arc<Runtime>, mpsc::Sender<()>);
    thread_local!(static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) });
    for (workers, in_job) in [(1, false), (4, false), (1, true), (4, true)] {
        watchdog("its own thread local", LIMIT, move || {
            let (ends, (sender, back)) = (Gate::new(), mpsc::channel());
            let waits = ends.clone();
            let builder = Runtime::builder().worker_threads(workers);
            let runtime = builder
                .on_thread_stop(move || waits.block())
                .build()
                .unwrap();
            let runtime = Arc::new(runtime);
            let kept = Kept(Arc::clone(&runtime), sender);
            let keep = move || KEPT.set(Some(kept));
            match in_job {
                true => runtime.run(async { spawn_blocking(keep).await.unwrap() }),
                false => runtime.run(async { spawn(async { keep() }).await.unwrap() }),
            }
            runtime.handle().shutdown_background();
            ends.wait_for(workers, LIMIT);
            drop(runtime);
            ends.open();
            assert!(back.recv().is_err(), "nobody sends anything");
        });
    }
}

#[test]
fn a_task_may_be_woken_from_a_thread_locals_destructor() {
    struct WakeOnDrop(Option<std::task::Waker>, bool);
    impl Drop for WakeOnDrop {
        fn drop(&mut self) {
            match self.0.take() {
                Some(waker) if self.1 => waker.wake(),
                Some(waker) => waker.wake_by_ref(),
                None => {}
            }
        }
    }
    thread_local!(static LAST: RefCell<Option<WakeOnDrop>> = const { RefCell::new(None) });
    on_workers(&[1, 4], |runtime, _| {
        for by_value in [false, true] {
            let mut polls = 0;
            let task = std::future::poll_fn(move |cx| {
                polls += 1;
                if polls == 2 {
                    return std::task::Poll::Ready(());
                }
                let waker = WakeOnDrop(Some(cx.waker().clone()), by_value);
                // The thread ends without having run anything else.
                thread::spawn(move || LAST.set(Some(waker)));
                std::task::Poll::Pending
            });
            runtime.run(async { spawn(task).await.unwrap() });
        }
        // And from a worker's own thread-locals, when the runtime is down already.
        let sets = |cx: &mut std::task::Context<'_>| {
            LAST.set(Some(WakeOnDrop(Some(cx.waker().clone()), true)));
            std::task::Poll::<()>::Pending
        };
        let set = runtime.spawn(std::future::poll_fn(sets));
        drop(runtime);
        assert!(set.join().unwrap_err().is_cancelled());
    });
}
