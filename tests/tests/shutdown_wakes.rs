//! A wake-up, or an abort, while a runtime ends: it runs nobody's destructor, so that it may come
//! from under a lock, and the end of one task is never inside the end of another.

use std::future::{pending, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::{AbortHandle, Handle, JoinHandle, Runtime, sleep};
use wheelhouse_tests::{
    DropCounter, DropToken, LIMIT, WORKERS, hold_workers, on_unwatched_workers, on_workers,
};

/// What a future and whoever wakes it share, as the two ends of a channel do.
type Slot = Arc<Mutex<Option<Waker>>>;

/// The end of a channel: its destructor takes the lock.
struct End(Slot);

impl Drop for End {
    fn drop(&mut self) {
        *self.0.lock().unwrap() = None;
    }
}

/// A task that waits, with its waker in the slot.
fn start_waiter(runtime: &Runtime, drops: DropCounter) -> (JoinHandle<()>, Slot) {
    let slot = Slot::default();
    let (end, token) = (End(Arc::clone(&slot)), drops.token());
    let task = runtime.spawn(poll_fn(move |cx| {
        let _held = &token;
        *end.0.lock().unwrap() = Some(cx.waker().clone());
        Poll::Pending
    }));
    while slot.lock().unwrap().is_none() {
        thread::yield_now();
    }
    (task, slot)
}

#[test]
fn a_task_is_woken_under_a_lock_that_its_destructor_takes() {
    for by_value in [false, true] {
        on_unwatched_workers(WORKERS, move |runtime, workers| {
            let drops = DropCounter::new();
            let (task, slot) = start_waiter(&runtime, drops);
            let held = hold_workers(&runtime, workers);
            runtime.handle().shutdown_background();
            let mut locked = slot.lock().unwrap();
            let waker = locked.take().unwrap();
            match by_value {
                true => waker.wake(),
                false => waker.wake_by_ref(),
            }
            assert_eq!(drops.dropped(), 0, "a worker will drop it");
            drop(locked);
            held.open();
            assert!(task.join().unwrap_err().is_cancelled());
            drops.assert_each_dropped_once();
        });
    }
}

const LENGTH: usize = 20_000;

/// Tasks of which each waits for the one before. Were the end of one inside the end of the one
/// before, a stack would overflow, which ends the process.
struct Chain {
    first: AbortHandle,
    last: JoinHandle<()>,
    drops: DropCounter,
}

impl Chain {
    fn start(runtime: &Runtime) -> Chain {
        let (drops, polled) = (DropCounter::new(), Arc::new(AtomicUsize::new(1)));
        let token = drops.token();
        let mut last = runtime.spawn(async move {
            let _token = token;
            sleep(Duration::from_secs(1000)).await;
        });
        let first = last.abort_handle();
        for _ in 1..LENGTH {
            let (before, token, polled) = (last, drops.token(), Arc::clone(&polled));
            last = runtime.spawn(async move {
                let _token = token;
                polled.fetch_add(1, SeqCst);
                let _ = before.await;
            });
        }
        while polled.load(SeqCst) < LENGTH {
            thread::yield_now();
        }
        Chain { first, last, drops }
    }

    fn assert_ends(self) {
        // In whatever order.
        let _ = self.last.join();
        while !self.first.is_finished() {
            thread::yield_now();
        }
        self.drops.wait_for(LENGTH, LIMIT);
        self.drops.assert_each_dropped_once();
    }
}

#[test]
fn a_chains_first_task_is_aborted() {
    on_workers(WORKERS, |runtime, _| {
        let chain = Chain::start(&runtime);
        chain.first.abort();
        chain.assert_ends();
    });
}

#[test]
fn a_chains_first_task_is_aborted_while_the_runtime_ends() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let chain = Chain::start(&runtime);
        let held = hold_workers(&runtime, workers);
        runtime.handle().shutdown_background();
        chain.first.abort();
        held.open();
        chain.assert_ends();
    });
}

#[test]
fn a_runtime_with_a_chain_shuts_down_while_its_workers_are_stuck() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let chain = Chain::start(&runtime);
        let held = hold_workers(&runtime, workers);
        // The first task is woken: nobody serves its sleep any more.
        let report = runtime.shutdown_timeout(Duration::ZERO);
        assert_eq!(report.stuck().len(), workers, "{report}");
        held.open();
        chain.assert_ends();
    });
}

#[test]
fn a_runtime_with_a_chain_is_dropped() {
    on_workers(WORKERS, |runtime, _| {
        let chain = Chain::start(&runtime);
        drop(runtime);
        chain.drops.assert_each_dropped_once();
        chain.assert_ends();
    });
}

/// Spawns its like when it is dropped, until none is left.
struct Heirs(
    usize,
    Handle,
    DropCounter,
    #[expect(dead_code, reason = "it is held")] DropToken,
);

impl Heirs {
    fn new(left: usize, handle: &Handle, drops: DropCounter) -> Heirs {
        Heirs(left, handle.clone(), drops, drops.token())
    }

    fn spawn(self) -> JoinHandle<()> {
        let handle = self.1.clone();
        handle.spawn(async move {
            let _held = self;
            pending().await
        })
    }
}

impl Drop for Heirs {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            drop(Heirs::new(left, &self.1, self.2).spawn());
        }
    }
}

#[test]
fn destructors_that_spawn_in_a_runtime_that_has_ended() {
    on_workers(WORKERS, |runtime, _| {
        let (before, after) = (DropCounter::new(), DropCounter::new());
        let handle = runtime.handle().clone();
        drop(Heirs::new(LENGTH, &handle, before).spawn());
        drop(runtime);
        before.assert_each_dropped_once();
        let task = Heirs::new(LENGTH, &handle, after).spawn();
        assert!(task.join().unwrap_err().is_cancelled());
        after.assert_each_dropped_once();
        assert_eq!((before.made(), after.made()), (LENGTH + 1, LENGTH + 1));
    });
}
