//! Loom models of a task and the end of its runtime.

use super::*;
use crate::scheduler::idle::Idle;
use loom::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Release;

/// A pool: the shipped idle word, and a queue that orders nothing but a push before its pop.
struct Pool {
    task: Arc<Task>,
    idle: Idle,
    queued: AtomicUsize,
}

impl Pool {
    fn open() -> Arc<Pool> {
        let idle = Idle::new(1);
        idle.open();
        Arc::new(Pool {
            task: Task::new(),
            idle,
            queued: AtomicUsize::new(0),
        })
    }

    /// As `Pool::inject_new`.
    fn inject_new(&self) {
        // Release pairs with `drain`, as the injector's push does with its steal.
        self.queued.fetch_add(1, Release);
        assert!(self.idle.notify(|| None).is_none(), "nobody sleeps");
        if self.idle.is_closed() {
            self.drain();
        }
    }

    /// As `Pool::drain`.
    fn drain(&self) {
        let less = |queued: usize| queued.checked_sub(1);
        while self.idle.is_closed_then_fence()
            && self.queued.fetch_update(Acquire, Relaxed, less).is_ok()
        {
            self.task.shut_down();
        }
    }

    /// What a worker does that finds the pool closed, or a thread that goes on where it is open.
    fn leave_if_closed(&self) {
        if self.idle.is_closed() {
            self.drain();
        }
    }
}

/// A spawn from outside against a shutdown, while two workers leave: the task is ended once, whoever
/// takes it, and nobody waits for its handle in vain.
#[test]
fn loom_spawn_against_shutdown() {
    model(|| {
        let pool = Pool::open();
        let worker = Arc::clone(&pool);
        let worker = thread::spawn(move || worker.leave_if_closed());
        let closer = Arc::clone(&pool);
        let closer = thread::spawn(move || {
            closer.idle.close();
            closer.leave_if_closed();
        });
        pool.inject_new();
        let taken = pool.task.poll_join();
        worker.join().unwrap();
        closer.join().unwrap();
        assert!(taken || pool.task.poll_join(), "the task is stranded");
        pool.task.drop_join(true);
        pool.task.assert_freed();
    });
}

/// A waker that outlives its runtime. It wakes the task while the shutdown claims it from its registry,
/// and may push it when the pool has been drained and belongs to a later runtime already; the last
/// reference is dropped at any time. The future is dropped once, and never polled again; what turns up
/// in the later runtime's queue is a reference, which it gives back.
#[test]
fn loom_waker_that_outlives_the_runtime() {
    model(|| {
        let task = Task::new();
        task.run_once();
        task.state.add_reference();
        task.state.add_reference();
        let straggler = Arc::clone(&task);
        let straggler = thread::spawn(move || straggler.wake_by_val());
        let shutdown = Arc::clone(&task);
        let shutdown = thread::spawn(move || {
            let claim = shutdown.state.claim();
            assert_eq!(claim, Claim::Claimed, "nobody runs it");
            shutdown.complete(true);
            if shutdown.pop() {
                shutdown.shut_down();
            }
            // The pool is a later runtime's.
            shutdown.run_once();
        });
        task.drop_join(false);
        task.drop_reference();
        straggler.join().unwrap();
        shutdown.join().unwrap();
        task.drain();
        task.assert_freed();
    });
}

/// The handle and an abort handle outlive the runtime, whose shutdown claims the task meanwhile: the
/// joiner is woken, or finds the output.
#[test]
fn loom_handle_that_outlives_the_runtime() {
    model(|| {
        let task = Task::new();
        task.run_once();
        task.state.add_reference();
        let shutdown = Arc::clone(&task);
        let shutdown = thread::spawn(move || {
            if shutdown.state.claim() == Claim::Claimed {
                shutdown.complete(true);
            }
            shutdown.run_once();
        });
        let aborter = Arc::clone(&task);
        let aborter = thread::spawn(move || {
            aborter.abort();
            aborter.drop_reference();
        });
        let taken = task.poll_join();
        shutdown.join().unwrap();
        aborter.join().unwrap();
        if !taken {
            assert_eq!(
                task.joiner_woken.load(Relaxed),
                1,
                "the joiner sleeps for ever"
            );
            assert!(task.poll_join());
        }
        task.drop_join(true);
        task.drain();
        task.assert_freed();
    });
}
