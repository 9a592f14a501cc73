//! What asyncio tests of its `gather`, its timeouts and `wait_for`, and no other file here does:
//! `BEHAVIOURS.md` has the whole list.

use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::task;
use wheelhouse::time::timeout_at;
use wheelhouse::{Runtime, gather, sleep, spawn, timeout, try_gather, yield_now};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, ON_PURPOSE, WORKERS, catch, eventually, on_workers, quiet,
};

const MILLI: Duration = Duration::from_millis(1);

/// Whose task waits in a gather, and is aborted: its children are cancelled, not waited for.
#[test]
fn a_cancelled_gather_cancels_its_children() {
    on_workers(WORKERS, |runtime, _| {
        for settles in [false, true] {
            let (gate, drops) = (Gate::new(), DropCounter::new());
            let child = || {
                let (token, waits) = (drops.token(), gate.wait());
                async move {
                    let _token = token;
                    waits.await;
                }
            };
            let (first, second, third) = (child(), runtime.spawn(child()), child());
            let handle = second.abort_handle();
            let outer = runtime.spawn(async move {
                match settles {
                    true => drop(gather!(first, second, third).settle().await),
                    false => drop(gather!(first, second, third).await),
                }
                unreachable!("it was cancelled");
            });
            gate.wait_for(3, LIMIT);
            outer.abort();
            let outer: wheelhouse::JoinHandle<()> = outer;
            assert!(outer.join().unwrap_err().is_cancelled());
            drops.wait_for(3, LIMIT);
            drops.assert_each_dropped_once();
            eventually("the handle's task ends too", LIMIT, || handle.is_finished());
        }
    });
}

/// One child is cancelled: with `settle` that is a value among others, and the others go on.
#[test]
fn one_cancelled_child_among_others() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let gate = Gate::new();
            let cancelled = spawn(pending::<()>());
            let waits = gate.wait();
            cancelled.abort();
            let all = gather!(cancelled, async { 2 }, waits).settle();
            gate.open();
            let (first, second, third) = all.await;
            assert!(first.unwrap_err().is_cancelled());
            assert_eq!((second.unwrap(), third.unwrap()), (2, ()));
        });
    });
}

/// A cancelled child and one that fails: both are told, each in its place.
#[test]
fn a_cancelled_child_and_one_that_fails() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let cancelled = runtime.spawn(pending::<()>());
        cancelled.abort();
        let failed = runtime.spawn(async { panic!("{ON_PURPOSE}: 3 apples") });
        let both = runtime.block_on(gather!(..[cancelled, failed]).settle());
        assert!(both[0].as_ref().unwrap_err().is_cancelled());
        assert!(both[1].as_ref().unwrap_err().is_panic());
    });
}

/// Handles of tasks in two runtimes, and a thread's, side by side.
#[test]
fn a_gather_of_handles_from_two_runtimes() {
    on_workers(WORKERS, |here, _| {
        let there = Runtime::builder().worker_threads(1).build().unwrap();
        let gate = Gate::new();
        let (waits, thread) = (gate.clone(), thread::spawn(|| 3));
        let (first, second) = (here.spawn(async { 1 }), async move {
            waits.wait().await;
            2
        });
        let both = gather!(first, there.spawn(second), thread);
        gate.wait_for(1, LIMIT);
        gate.open();
        assert_eq!(here.block_on(both), (1, 2, 3));
        // One of them ends with its runtime.
        let (left, _right) = (there.spawn(pending::<()>()), ());
        drop(there);
        let (left, right) = here.run(async { gather!(left, async { 4 }).settle().await });
        assert!(left.unwrap_err().is_cancelled());
        assert_eq!(right.unwrap(), 4);
    });
}

/// The first failure counts, whatever the order of the arguments, and those after it are not lost on
/// the way: each child's destructor has run.
#[test]
fn the_first_exception_counts() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let gate = Gate::new();
        let slow = |number: u32| {
            let (token, waits) = (drops.token(), gate.wait());
            async move {
                let _token = token;
                waits.await;
                Err::<u32, u32>(number)
            }
        };
        let (first, last, inside) = (slow(1), slow(3), gate.clone());
        let failing = async move {
            inside.wait_for(2, LIMIT);
            Err::<u32, u32>(2)
        };
        let all = runtime.block_on(async { try_gather!(first, failing, last).await });
        assert_eq!(all, Err(2));
        drops.assert_each_dropped_once();
    });
}

/// What is waited for is dropped when its time is over: before anything else of the task goes on.
#[test]
fn a_timeout_ends_what_it_waits_for() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let token = drops.token();
        runtime.run(async move {
            let endless = async move {
                let _token = token;
                pending::<()>().await
            };
            assert!(timeout(MILLI, endless).await.is_err());
            drops.assert_each_dropped_once();
        });
        // The task that waits is aborted: so is what it waits for.
        let (token, gate) = (drops.token(), Gate::new());
        let waits = gate.clone();
        let task = runtime.spawn(timeout(Duration::MAX, async move {
            let _token = token;
            waits.wait().await;
        }));
        gate.wait_for(1, LIMIT);
        task.abort();
        assert!(task.join().unwrap_err().is_cancelled());
        drops.assert_each_dropped_once();
    });
}

/// A handle is let go, and its task with it; aborted and awaited, it has ended.
#[test]
fn a_timeout_and_then_the_end_of_the_task() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let drops = DropCounter::new();
            let token = drops.token();
            let mut task = spawn(async move {
                let _token = token;
                pending::<()>().await
            });
            assert!(timeout(MILLI, &mut task).await.is_err());
            assert!(!task.is_finished(), "the task is nobody's part");
            task.abort();
            assert!(task.await.unwrap_err().is_cancelled());
            drops.assert_each_dropped_once();
        });
    });
}

#[test]
fn without_time_left() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let past = Instant::now() - Duration::from_secs(11);
            let done = spawn(async { "done" });
            while !done.is_finished() {
                yield_now().await;
            }
            assert_eq!(
                timeout(Duration::ZERO, done).await.unwrap().unwrap(),
                "done"
            );
            assert_eq!(timeout_at(past, async { "at once" }).await, Ok("at once"));
            for deadline in [past, Instant::now()] {
                assert!(timeout_at(deadline, pending::<()>()).await.is_err());
                assert!(timeout_at(deadline, yield_now()).await.is_err());
            }
            // Polled once, and no more.
            let mut polls = 0;
            let counts = std::future::poll_fn(|_| {
                polls += 1;
                Poll::<()>::Pending
            });
            assert!(timeout(Duration::ZERO, counts).await.is_err());
            assert_eq!(polls, 1);
        });
    });
}

/// The outer one's time is over first, or both at once: it is the outer one that ends.
#[test]
fn timeouts_within_timeouts() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let inner = timeout(Duration::MAX, pending::<()>());
            assert!(timeout(MILLI, inner).await.is_err());
            let inner = timeout(MILLI, pending::<()>());
            assert!(timeout(LIMIT, inner).await.unwrap().is_err());
            // At the same time the inner one has its value: that it is over.
            let deadline = Instant::now() + MILLI;
            let inner = timeout_at(deadline, pending::<()>());
            let outer = timeout_at(deadline, inner).await;
            assert!(outer.is_err() || outer.is_ok_and(|inner| inner.is_err()));
            // A poll that lasts beyond both, and goes on to wait.
            let inner = timeout(2 * MILLI, async {
                thread::sleep(5 * MILLI);
                pending::<()>().await
            });
            assert!(
                timeout(MILLI, async { inner.await.is_err() && pending().await })
                    .await
                    .is_err()
            );
            // After the inner one the outer one still counts.
            let start = Instant::now();
            let body = async {
                assert!(timeout(MILLI, pending::<()>()).await.is_err());
                pending::<()>().await
            };
            assert!(timeout(5 * MILLI, body).await.is_err());
            assert!(start.elapsed() >= 5 * MILLI);
        });
    });
}

/// A deadline that moves while it is waited for: a `Sleep` beside the future.
#[test]
fn a_timeout_that_is_rescheduled() {
    async fn until<F: Future>(
        mut limit: Pin<&mut wheelhouse::time::Sleep>,
        future: F,
    ) -> Option<F::Output> {
        let mut future = pin!(future);
        std::future::poll_fn(|cx: &mut Context<'_>| match future.as_mut().poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => limit.as_mut().poll(cx).map(|()| None),
        })
        .await
    }
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let mut limit = pin!(sleep(MILLI));
            limit.reset(Instant::now() + LIMIT);
            assert_eq!(until(limit.as_mut(), sleep(3 * MILLI)).await, Some(()));
            limit.reset(Instant::now() + MILLI);
            assert_eq!(until(limit.as_mut(), pending::<()>()).await, None);
        });
    });
}

/// What the future fails with, in time or in the very poll in which its time is over, comes through.
#[test]
fn a_failure_inside_a_timeout_goes_through() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let error = runtime.run(async { timeout(LIMIT, async { Err::<(), _>("foreign") }).await });
        assert_eq!(error, Ok(Err("foreign")));
        let fails = async { panic!("{ON_PURPOSE}: in time") };
        let caught = catch(|| runtime.run(async { timeout(LIMIT, fails).await.map(|()| 1) }));
        assert_eq!(caught.text, "on purpose: in time");
        let late = async {
            thread::sleep(3 * MILLI);
            panic!("{ON_PURPOSE}: late")
        };
        let caught = catch(|| runtime.run(async { timeout(MILLI, late).await.map(|()| 1) }));
        assert_eq!(caught.text, "on purpose: late");
    });
}

/// The task around a timeout is not cancelled by it: it goes on, and may wait again.
#[test]
fn the_task_goes_on_after_a_timeout() {
    on_workers(WORKERS, |runtime, _| {
        let task = runtime.spawn(async {
            let over = timeout(MILLI, pending::<()>()).await;
            sleep(MILLI).await;
            let again = timeout(LIMIT, sleep(MILLI)).await;
            (over.is_err(), again.is_ok(), task::try_id().is_some())
        });
        assert_eq!(task.join().unwrap(), (true, true, true));
    });
}

/// In a destructor, as in a `finally`: a task that is cancelled may still run what does not wait.
#[test]
fn clean_up_runs_when_a_task_is_cancelled() {
    struct CleanUp(Arc<Mutex<Vec<&'static str>>>, &'static str);
    impl Drop for CleanUp {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(self.1);
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let (order, gate) = (Arc::<Mutex<Vec<_>>>::default(), Gate::new());
        let (kept, waits) = (Arc::clone(&order), gate.clone());
        let task = runtime.spawn(async move {
            let _outer = CleanUp(Arc::clone(&kept), "outer");
            let inner = async {
                let _inner = CleanUp(Arc::clone(&kept), "inner");
                waits.wait().await;
            };
            timeout(Duration::MAX, inner).await.unwrap();
        });
        gate.wait_for(1, LIMIT);
        task.abort();
        assert!(task.join().unwrap_err().is_cancelled());
        assert_eq!(*order.lock().unwrap(), ["inner", "outer"]);
    });
}
