//! Loom models of every race between the holders of a task.

use super::*;
use loom::{
    cell::UnsafeCell,
    sync::{Arc, Mutex},
    thread,
};
use std::collections::VecDeque;

/// A task around the shipped state word. The cells stand for memory that the word guards: loom
/// fails if two threads touch one without an order between them. `freed` is written once.
struct Task {
    state: State,
    stage: UnsafeCell<Stage>,
    join_waker: UnsafeCell<bool>,
    freed: UnsafeCell<bool>,
    /// What a waker wrote before it woke the task.
    message: loom::sync::atomic::AtomicUsize,
    queue: Mutex<VecDeque<()>>,
    joiner_woken: loom::sync::atomic::AtomicUsize,
}

#[derive(Debug, PartialEq)]
enum Stage {
    Future { polls: usize },
    Output,
    Gone,
}

impl Task {
    fn new() -> Arc<Task> {
        let queue = Mutex::new(VecDeque::from([()]));
        Arc::new(Task {
            state: State::new(),
            stage: UnsafeCell::new(Stage::Future { polls: 0 }),
            join_waker: UnsafeCell::new(false),
            freed: UnsafeCell::new(false),
            message: loom::sync::atomic::AtomicUsize::new(0),
            queue,
            joiner_woken: loom::sync::atomic::AtomicUsize::new(0),
        })
    }

    fn free(&self) {
        self.freed.with_mut(|freed| {
            // SAFETY: loom checks that nobody else touches it.
            let freed = unsafe { &mut *freed };
            assert!(!*freed, "freed twice");
            *freed = true;
        });
        self.stage.with(|stage| {
            // SAFETY: as above.
            assert_eq!(
                unsafe { &*stage },
                &Stage::Gone,
                "freed with something inside"
            );
        });
    }

    fn stage(&self, change: impl FnOnce(&mut Stage)) {
        // SAFETY: loom checks that nobody else touches it.
        self.stage.with_mut(|stage| change(unsafe { &mut *stage }));
    }

    fn push(&self) {
        self.queue.lock().unwrap().push_back(());
    }

    fn pop(&self) -> bool {
        self.queue.lock().unwrap().pop_front().is_some()
    }

    /// Runs the task once, if it is in the queue. The future ends when it has a message.
    fn run_once(&self) {
        if !self.pop() {
            return;
        }
        self.assert_alive();
        match self.state.start() {
            Start::Poll { .. } => self.poll(),
            Start::Cancel { .. } => self.complete(false),
            Start::Stale => {}
            Start::Free => self.free(),
        }
    }

    /// As `Runnable::shut_down`, of a task that came out of a queue.
    fn shut_down(&self) {
        self.assert_alive();
        match self.state.start() {
            Start::Poll { .. } | Start::Cancel { .. } => self.complete(false),
            Start::Stale => {}
            Start::Free => self.free(),
        }
    }

    /// As `AbortHandle::abort`.
    fn abort(&self) {
        if self.state.abort() == Wake::Queue {
            self.push();
        }
    }

    /// As the drop of a waker or an `AbortHandle`.
    fn drop_reference(&self) {
        if self.state.drop_reference() {
            self.free();
        }
    }

    fn poll(&self) {
        self.stage(|stage| match stage {
            Stage::Future { polls } => *polls += 1,
            other => panic!("polled {other:?}"),
        });
        if self.message.load(Relaxed) == 1 {
            return self.complete(false);
        }
        match self.state.suspend(5, Stamp::of(0)) {
            Suspend::Idle => {}
            Suspend::Again => self.push(),
            Suspend::Cancel => self.complete(false),
        }
    }

    fn complete(&self, queued: bool) {
        self.stage(|stage| {
            assert!(
                matches!(stage, Stage::Future { .. }),
                "the future ends once"
            );
            *stage = Stage::Output;
        });
        match self.state.finish(queued, Epoch(0)) {
            Finish::Done => return,
            Finish::WakeJoiner => {
                // SAFETY: loom checks that nobody else touches it.
                let left = self
                    .join_waker
                    .with_mut(|waker| unsafe { std::mem::take(&mut *waker) });
                assert!(left, "there is a waker");
                self.joiner_woken.fetch_add(1, Relaxed);
            }
            Finish::DropOutput => self.stage(|stage| *stage = Stage::Gone),
        }
        if self.state.release_run() {
            self.free();
        }
    }

    fn wake_by_val(&self) {
        match self.state.wake_by_val() {
            Wake::Queue => self.push(),
            Wake::Nothing => {}
            Wake::Free => self.free(),
        }
    }

    /// As `JoinHandle::poll`: true when the output was taken.
    fn poll_join(&self) -> bool {
        if !self.state.is_complete() && self.leave_waker() {
            return false;
        }
        self.stage(|stage| {
            assert_eq!(stage, &Stage::Output);
            *stage = Stage::Gone;
        });
        true
    }

    fn leave_waker(&self) -> bool {
        if self.state.has_join_waker() && !self.state.unset_join_waker() {
            return false;
        }
        // SAFETY: loom checks that nobody else touches it.
        self.join_waker.with_mut(|waker| unsafe { *waker = true });
        let left = self.state.set_join_waker();
        if !left {
            // SAFETY: as above.
            self.join_waker.with_mut(|waker| unsafe { *waker = false });
        }
        left
    }

    /// As `JoinHandle::drop`.
    fn drop_join(&self, taken: bool) {
        if !self.state.is_complete() {
            if self.state.has_join_waker() && self.state.unset_join_waker() {
                // SAFETY: loom checks that nobody else touches it.
                self.join_waker.with_mut(|waker| unsafe { *waker = false });
            }
            if self.state.detach() {
                return;
            }
        }
        if !taken {
            self.stage(|stage| {
                assert_eq!(stage, &Stage::Output);
                *stage = Stage::Gone;
            });
        }
        if self.state.release_join() {
            self.free();
        }
    }

    /// At the end of a model, on one thread: runs what is queued.
    fn drain(&self) {
        for _ in 0..3 {
            self.run_once();
        }
    }

    /// Before the state word is touched: it is in the same allocation.
    fn assert_alive(&self) {
        // SAFETY: loom checks that nobody else touches it.
        let freed = self.freed.with(|freed| unsafe { *freed });
        assert!(!freed, "used after it was freed");
    }

    fn assert_freed(&self) {
        // SAFETY: loom checks that nobody else touches it.
        assert!(self.freed.with(|freed| unsafe { *freed }), "the cell leaks");
    }
}

fn model(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(f);
}

/// A message sent just before a wake is seen by a poll, wherever the wake falls.
#[test]
fn loom_wake_is_not_lost() {
    model(|| {
        let task = Task::new();
        task.state.add_reference();
        let waker = Arc::clone(&task);
        let other = thread::spawn(move || {
            waker.message.store(1, Relaxed);
            waker.wake_by_val();
        });
        task.run_once();
        other.join().unwrap();
        task.drain();
        assert!(task.poll_join(), "the message was missed");
        task.drop_join(true);
        task.assert_freed();
    });
}

/// Two threads run the task and two wakes race: one of them at a time touches the future.
#[test]
fn loom_two_runners_and_a_wake() {
    model(|| {
        let task = Task::new();
        task.state.add_reference();
        let runner = Arc::clone(&task);
        let runner = thread::spawn(move || runner.run_once());
        let waker = Arc::clone(&task);
        let waker = thread::spawn(move || waker.wake_by_val());
        task.run_once();
        runner.join().unwrap();
        waker.join().unwrap();
        task.message.store(1, Relaxed);
        if task.state.wake_by_ref() == Wake::Queue {
            task.push();
        }
        task.drain();
        assert!(task.poll_join());
        task.drop_join(true);
        task.assert_freed();
    });
}

/// The end of the task against its handle's poll: the output is taken, or the joiner is woken.
#[test]
fn loom_join_against_completion() {
    model(|| {
        let task = Task::new();
        task.message.store(1, Relaxed);
        let runner = Arc::clone(&task);
        let runner = thread::spawn(move || runner.run_once());
        let mut taken = task.poll_join();
        if !taken {
            taken = task.poll_join();
        }
        if !taken {
            runner.join().unwrap();
            assert_eq!(
                task.joiner_woken.load(Relaxed),
                1,
                "the joiner sleeps for ever"
            );
            assert!(task.poll_join());
            task.drop_join(true);
        } else {
            task.drop_join(true);
            runner.join().unwrap();
        }
        task.assert_freed();
    });
}

/// The end of the task against the drop of a handle that has left a waker.
#[test]
fn loom_detach_against_completion() {
    model(|| {
        let task = Task::new();
        task.message.store(1, Relaxed);
        let runner = Arc::clone(&task);
        let runner = thread::spawn(move || runner.run_once());
        let taken = task.poll_join();
        task.drop_join(taken);
        runner.join().unwrap();
        task.assert_freed();
    });
}

/// An abort against a poll, a wake and the end.
#[test]
fn loom_abort_against_run_and_wake() {
    model(|| {
        let task = Task::new();
        task.state.add_reference();
        let runner = Arc::clone(&task);
        let runner = thread::spawn(move || runner.run_once());
        let waker = Arc::clone(&task);
        let waker = thread::spawn(move || {
            waker.message.store(1, Relaxed);
            waker.wake_by_val();
        });
        task.abort();
        runner.join().unwrap();
        waker.join().unwrap();
        task.drain();
        assert!(task.poll_join(), "an aborted task ends");
        task.drop_join(true);
        task.assert_freed();
    });
}

/// All that can befall a task at the same time: it is run, woken by its last waker and aborted, and its
/// handle is polled and dropped. Its future ends once, and whoever is the last frees it.
#[test]
fn loom_all_holders_at_once() {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.check(|| {
        let task = Task::new();
        task.state.add_reference();
        task.state.add_reference();
        let runner = Arc::clone(&task);
        let runner = thread::spawn(move || runner.run_once());
        let waker = Arc::clone(&task);
        let waker = thread::spawn(move || {
            waker.message.store(1, Relaxed);
            waker.wake_by_val();
        });
        let aborter = Arc::clone(&task);
        let aborter = thread::spawn(move || {
            aborter.abort();
            aborter.drop_reference();
        });
        let taken = task.poll_join();
        task.drop_join(taken);
        runner.join().unwrap();
        waker.join().unwrap();
        aborter.join().unwrap();
        task.drain();
        task.assert_freed();
    });
}

/// A shutdown that takes the task while it is queued, run and woken, and its last reference
/// is dropped.
#[test]
fn loom_claim_against_run_and_last_reference() {
    model(|| {
        let task = Task::new();
        task.state.add_reference();
        let runner = Arc::clone(&task);
        let runner = thread::spawn(move || runner.run_once());
        let waker = Arc::clone(&task);
        let waker = thread::spawn(move || waker.wake_by_val());
        if task.state.claim() == Claim::Claimed {
            task.complete(true);
        }
        task.drop_join(false);
        runner.join().unwrap();
        waker.join().unwrap();
        task.drain();
        task.assert_freed();
    });
}

#[path = "shutdown_models.rs"]
mod shutdown;
