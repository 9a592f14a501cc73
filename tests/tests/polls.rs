//! When a task is polled: once for each wake-up, whoever wakes it and however often.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use wheelhouse_tests::{DropCounter, Gate, LIMIT, WORKERS, on_workers, poll_once};

/// Counts its polls and asks `step` what to do at each.
struct Counted<F>(Arc<AtomicUsize>, F);

impl<F: FnMut(usize, &Waker) -> Poll<()> + Unpin> Future for Counted<F> {
    type Output = ();
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Relaxed: the test reads it after it has joined the task.
        let before = self.0.fetch_add(1, Relaxed);
        (self.1)(before, cx.waker())
    }
}

#[test]
fn a_task_is_polled_once_per_wake_up() {
    on_workers(WORKERS, |runtime, _| {
        let polls = |step: fn(usize, &Waker) -> Poll<()>| {
            let count = Arc::new(AtomicUsize::new(0));
            runtime.spawn(Counted(count.clone(), step)).join().unwrap();
            // A task that was queued once too often would be polled before these.
            (0..10).for_each(|_| runtime.spawn(async {}).join().unwrap());
            count.load(Relaxed) // Relaxed: the task has been joined.
        };
        assert_eq!(polls(|_, _| Poll::Ready(())), 1);
        // However often it is woken during a poll, it is polled once more.
        let by_ref = |before, waker: &Waker| {
            (0..10).for_each(|_| waker.wake_by_ref());
            if before == 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        };
        assert_eq!(polls(by_ref), 4);
        let by_value = |before, waker: &Waker| {
            std::iter::repeat_n(waker.clone(), 10).for_each(Waker::wake);
            if before == 3 {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        };
        assert_eq!(polls(by_value), 4);
    });
}

#[test]
fn a_task_that_waits_is_not_polled_in_vain() {
    on_workers(WORKERS, |runtime, _| {
        let (gate, count) = (Gate::new(), Arc::new(AtomicUsize::new(0)));
        let mut wait = gate.wait();
        let step = move |_, waker: &Waker| poll_once(&mut wait, waker);
        let task = runtime.spawn(Counted(count.clone(), step));
        gate.wait_for(1, LIMIT);
        (0..10).for_each(|_| runtime.spawn(async {}).join().unwrap());
        gate.open();
        task.join().unwrap();
        assert_eq!(count.load(Relaxed), 2); // Relaxed: the task has been joined.
    });
}

#[test]
fn a_task_is_woken_by_reference_and_by_value_from_a_thread() {
    on_workers(WORKERS, |runtime, _| {
        for by_value in [false, true] {
            let step = move |before, waker: &Waker| {
                let waker = waker.clone();
                if before == 100 {
                    return Poll::Ready(());
                }
                thread::spawn(move || {
                    if by_value {
                        waker.wake()
                    } else {
                        waker.wake_by_ref()
                    }
                });
                Poll::Pending
            };
            runtime.spawn(Counted(Arc::default(), step)).join().unwrap();
        }
    });
}

#[test]
fn wakers_of_one_task_are_alike() {
    on_workers(&[2], |runtime, _| {
        let mut first: Option<Waker> = None;
        let task = poll_fn(move |cx| match &first {
            None => {
                first = Some(cx.waker().clone());
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Some(first) => Poll::Ready(first.will_wake(cx.waker())),
        });
        assert!(runtime.spawn(task).join().unwrap());
    });
}

#[test]
fn a_million_wake_ups_behind_a_busy_worker_are_one() {
    on_workers(&[1], |runtime, _| {
        let (busy, waits, drops) = (Gate::new(), Gate::new(), DropCounter::new());
        let (sender, wakers) = mpsc::channel();
        let (token, gate) = (drops.token(), waits.clone());
        let task = runtime.spawn(async move {
            let _token = token;
            sender
                .send(poll_fn(|cx| Poll::Ready(cx.waker().clone())).await)
                .unwrap();
            gate.wait().await;
        });
        waits.wait_for(1, LIMIT);
        let block = busy.clone();
        let blocker = runtime.spawn(async move { block.block() });
        busy.wait_for(1, LIMIT);
        let waker = wakers.recv().unwrap();
        (0..1_000_000).for_each(|_| waker.wake_by_ref());
        busy.open();
        blocker.join().unwrap();
        waits.open();
        task.join().unwrap();
        drops.assert_each_dropped_once();
    });
}
