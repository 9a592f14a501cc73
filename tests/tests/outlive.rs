//! What outlives its runtime: handles, wakers, sleeps, guards.

use futures::executor;
use std::future::{pending, poll_fn};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{Handle, Runtime, sleep, spawn, spawn_blocking};
use wheelhouse_tests::{
    CountWaker, DropCounter, Gate, LIMIT, WORKERS, noop, on_workers, poll_once, watchdog,
};

#[test]
fn a_handle() {
    on_workers(WORKERS, |runtime, _| {
        let (handle, drops) = (runtime.handle().clone(), DropCounter::new());
        drop(runtime);
        let token = drops.token();
        let task = handle.spawn(async move { token });
        assert!(task.join().unwrap_err().is_cancelled());
        let token = drops.token();
        let job = handle.spawn_blocking(move || token);
        assert!(job.join().map(|_| ()).unwrap_err().is_cancelled());
        drops.assert_each_dropped_once();
        let inside = handle.block_on(async {
            sleep(Duration::from_millis(1)).await;
            assert!(Handle::try_current().is_some());
            (spawn(async { 1 }).await, spawn_blocking(|| 1).await)
        });
        assert!(inside.0.unwrap_err().is_cancelled() && inside.1.unwrap_err().is_cancelled());
        let _entered = handle.enter();
        assert!(spawn(async {}).join().unwrap_err().is_cancelled());
        executor::block_on(sleep(Duration::from_millis(1)));
    });
}

#[test]
fn join_handles() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let (waits, waits_too) = (gate.clone(), gate.clone());
        let done = runtime.spawn(async { "done" });
        while !done.is_finished() {
            thread::yield_now();
        }
        let mut stuck = runtime.spawn(async move { waits.wait().await });
        let asked = runtime.spawn(async move { waits_too.wait().await });
        gate.wait_for(2, LIMIT);
        let counter = CountWaker::new();
        assert!(poll_once(&mut stuck, &counter.waker()).is_pending());
        drop(runtime);
        counter.wait_for(1, LIMIT);
        assert_eq!(done.join().unwrap(), "done");
        assert!(stuck.join().unwrap_err().is_cancelled());
        asked.abort();
        assert!(executor::block_on(asked).unwrap_err().is_cancelled());
        assert_eq!(counter.live(), 0);
    });
}

#[test]
fn wakers() {
    on_workers(WORKERS, |runtime, workers| {
        let (sender, polls) = mpsc::channel::<Waker>();
        for _ in 0..100 {
            let sender = sender.clone();
            drop(runtime.spawn(poll_fn(move |cx| {
                sender.send(cx.waker().clone()).unwrap();
                Poll::<()>::Pending
            })));
        }
        drop(sender);
        let wakers: Vec<_> = (0..100).map(|_| polls.recv().unwrap()).collect();
        drop(runtime);
        assert!(polls.recv().is_err(), "nothing is polled afterwards");
        // A runtime of the same size may be where the old one was.
        let next = Runtime::builder().worker_threads(workers).build().unwrap();
        let gate = Gate::new();
        let waits = gate.clone();
        let task = next.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        for waker in wakers {
            let copy = waker.clone();
            assert!(copy.will_wake(&waker));
            copy.wake_by_ref();
            thread::spawn(move || waker.wake()).join().unwrap();
        }
        assert!(!task.is_finished());
        gate.open();
        task.join().unwrap();
    });
}

/// How a sleep that was armed in a runtime goes on without it.
#[test]
fn sleeps() {
    on_workers(WORKERS, |runtime, _| {
        let (start, length) = (Instant::now(), Duration::from_millis(30));
        let counter = CountWaker::new();
        let (waker, never) = (counter.waker(), counter.waker());
        let (mut short, mut endless) = runtime.run(async move {
            let (mut short, mut endless) = (sleep(length), sleep(Duration::MAX));
            assert!(poll_once(&mut short, &waker).is_pending());
            assert!(poll_once(&mut endless, &never).is_pending());
            (short, endless)
        });
        drop(runtime);
        // It was woken when its runtime ended, so whoever waits polls it again.
        counter.wait_for(1, LIMIT);
        assert!(poll_once(&mut endless, noop()).is_pending());
        executor::block_on(&mut short);
        assert!(start.elapsed() >= length);
        assert!(poll_once(&mut endless, noop()).is_pending());
        drop((short, endless));
        assert_eq!(counter.live(), 0);
    });
}

#[test]
fn a_sleep_that_moves_to_another_runtime() {
    on_workers(WORKERS, |runtime, _| {
        let other = Runtime::builder().worker_threads(1).build().unwrap();
        let (start, length) = (Instant::now(), Duration::from_millis(30));
        let (task, end) = (Gate::new(), Gate::new());
        let mut nap = sleep(length);
        runtime.run(async { assert!(poll_once(&mut nap, noop()).is_pending()) });
        let (polled, ended) = (task.clone(), end.clone());
        let moved = other.spawn(async move {
            assert!(poll_once(&mut nap, noop()).is_pending());
            polled.open();
            // The old runtime ends while the task sleeps in the new one.
            nap.await;
            ended.open();
        });
        executor::block_on(task.wait());
        drop(runtime);
        moved.join().unwrap();
        assert!(end.is_open() && start.elapsed() >= length);
    });
}

#[test]
fn a_guard() {
    watchdog("guard", LIMIT, || {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        let handle = runtime.handle().clone();
        let entered = handle.enter();
        drop(runtime);
        assert!(spawn(pending::<()>()).join().unwrap_err().is_cancelled());
        executor::block_on(sleep(Duration::from_millis(1)));
        drop(entered);
        assert!(Handle::try_current().is_none());
    });
}

#[test]
fn reference_cycles() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        for _ in 0..10 {
            // A task that holds its own runtime's handle, and its own waker through the gate.
            let (handle, gate, token) = (runtime.handle().clone(), Gate::new(), drops.token());
            let waits = gate.clone();
            drop(runtime.spawn(async move {
                let _held = (handle, token, gate);
                waits.wait().await;
            }));
        }
        drop(runtime);
        drops.assert_each_dropped_once();
    });
}
