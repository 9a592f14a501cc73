//! What is around a thread: the runtime that `spawn` finds there, in tasks, guards and destructors.

use std::cell::RefCell;
use std::future::pending;
use std::sync::mpsc;
use std::thread;
use wheelhouse::{Handle, Runtime, spawn};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, WORKERS, on_workers, watchdog};

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
