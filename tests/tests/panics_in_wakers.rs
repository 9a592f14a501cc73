//! Panics in wakers are contained as well: whoever wakes or drops one is not to blame.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Wake, Waker};
use wheelhouse_tests::{
    Bad, CountWaker, DropCounter, DropToken, Gate, LIMIT, ON_PURPOSE, bad_waker, catch, contained,
    poll_once, stubborn_waker,
};

#[test]
fn in_a_joiners_waker() {
    contained(|runtime, drops| {
        for bad in [Bad::Wake, Bad::Drop] {
            // The task ends: the worker wakes the joiner.
            let (gate, tokens) = (Gate::new(), DropCounter::new());
            let waits = gate.clone();
            let mut task = runtime.spawn(async move { waits.wait().await });
            let waker = bad_waker(bad, tokens.token());
            assert!(poll_once(&mut task, &waker).is_pending());
            let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
            gate.open();
            tokens.wait_for(1, LIMIT);
            task.join().unwrap();
            // Another waker takes its place: whoever polls now is not to blame.
            let mut task = runtime.spawn(pending::<()>());
            let waker = bad_waker(bad, drops.token());
            assert!(poll_once(&mut task, &waker).is_pending());
            let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
            assert!(poll_once(&mut task, Waker::noop()).is_pending());
            // The handle goes first, and takes its waker along.
            let mut task = runtime.spawn(pending::<()>());
            let waker = bad_waker(bad, drops.token());
            assert!(poll_once(&mut task, &waker).is_pending());
            let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
            drop(task);
        }
    });
}

#[test]
fn in_the_clone_of_a_joiners_waker() {
    contained(|runtime, drops| {
        let (gate, token) = (Gate::new(), drops.token());
        let waits = gate.clone();
        let mut task = runtime.spawn(async move {
            waits.wait().await;
            token
        });
        gate.wait_for(1, LIMIT);
        // After another waker was left already.
        let counter = CountWaker::new();
        assert!(poll_once(&mut task, &counter.waker()).is_pending());
        let caught = catch(|| poll_once(&mut task, &stubborn_waker()));
        assert_eq!(caught.text, "on purpose: a waker's clone");
        gate.open();
        drop(task.join().unwrap());
        assert_eq!(counter.live(), 0);
    });
}

/// A waker whose drop panics, once it is armed.
struct Armed(
    Arc<AtomicBool>,
    #[expect(dead_code, reason = "it is held")] DropToken,
);

impl Wake for Armed {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Armed {
    fn drop(&mut self) {
        if self.0.load(SeqCst) {
            panic!("{ON_PURPOSE}: a waker's drop");
        }
    }
}

/// What is left of a joiner whose next waker can't be cloned goes with the task, on a worker.
#[test]
fn in_the_clone_of_a_joiners_waker_and_the_drop_of_the_one_before() {
    contained(|runtime, drops| {
        let (gate, armed) = (Gate::new(), Arc::new(AtomicBool::new(false)));
        let waits = gate.clone();
        let mut task = runtime.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        let before = Armed(Arc::clone(&armed), drops.token());
        assert!(poll_once(&mut task, &Waker::from(Arc::new(before))).is_pending());
        catch(|| poll_once(&mut task, &stubborn_waker()));
        drop(task);
        armed.store(true, SeqCst);
        gate.open();
        drops.wait_for(1, LIMIT);
    });
}
