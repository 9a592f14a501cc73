//! Unit tests of single transitions, and loom models of every race between holders.

use super::*;

#[cfg(not(wheelhouse_loom))]
mod unit {
    use super::*;

    /// A task that waits: started, and suspended once.
    fn idle() -> State {
        let state = State::new();
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.suspend(5, Stamp::of(0)), Suspend::Idle);
        state
    }

    #[test]
    fn a_wake_queues_an_idle_task_once() {
        let state = idle();
        assert_eq!(state.wake_by_ref(), Wake::Queue);
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.start(), Start::Poll { list: Some(5) });
    }

    #[test]
    fn a_wake_during_the_poll_runs_it_again() {
        let state = State::new();
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.suspend(5, Stamp::of(0)), Suspend::Again);
        assert_eq!(state.start(), Start::Poll { list: Some(5) });
    }

    #[test]
    fn a_wake_by_value_uses_its_reference_up() {
        let state = idle();
        state.add_reference();
        assert_eq!(state.wake_by_val(), Wake::Queue);
        assert_eq!(state.start(), Start::Poll { list: Some(5) });
        assert_eq!(state.finish(false), Finish::Done);
        assert!(state.release_join(), "no reference is left");
    }

    #[test]
    fn an_ended_task_ignores_wakes_and_is_freed_by_its_last_holder() {
        let state = idle();
        state.add_reference();
        state.add_reference();
        assert_eq!(state.wake_by_ref(), Wake::Queue);
        assert_eq!(state.start(), Start::Poll { list: Some(5) });
        assert_eq!(state.finish(false), Finish::Done);
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.abort(), Wake::Nothing);
        assert!(!state.release_join());
        assert!(!state.drop_reference());
        assert_eq!(state.wake_by_val(), Wake::Free);
    }

    #[test]
    fn a_wake_during_the_last_poll_is_forgotten() {
        let state = State::new();
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.finish(false), Finish::Done);
        assert!(state.release_join(), "the wake left no queue entry behind");
    }

    #[test]
    fn an_abort_queues_an_idle_task_for_its_cancellation() {
        let state = idle();
        assert_eq!(state.abort(), Wake::Queue);
        assert_eq!(state.abort(), Wake::Nothing);
        assert_eq!(state.wake_by_ref(), Wake::Nothing);
        assert_eq!(state.start(), Start::Cancel { list: Some(5) });
    }

    #[test]
    fn an_abort_of_a_queued_task_waits_for_the_queue() {
        let state = State::new();
        assert_eq!(state.abort(), Wake::Nothing);
        assert_eq!(state.start(), Start::Cancel { list: None });
    }

    #[test]
    fn an_abort_during_the_poll_is_the_runners_to_carry_out() {
        let state = State::new();
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.abort(), Wake::Nothing);
        assert_eq!(state.suspend(5, Stamp::of(0)), Suspend::Cancel);
        assert_eq!(state.look(Stamp::of(0)).0, TaskState::Running);
    }

    #[test]
    fn a_task_claimed_in_a_queue_is_freed_from_there() {
        let state = State::new();
        assert_eq!(state.claim(), Claim::Claimed);
        assert!(state.detach());
        assert_eq!(state.finish(true), Finish::DropOutput);
        assert!(!state.release_run(), "the queue holds it");
        assert_eq!(state.start(), Start::Free);
    }

    #[test]
    fn a_queue_entry_may_turn_up_while_the_shutdown_runs_the_task() {
        let state = State::new();
        assert_eq!(state.claim(), Claim::Claimed);
        assert_eq!(state.start(), Start::Stale);
        assert_eq!(
            state.wake_by_ref(),
            Wake::Nothing,
            "a wake must not queue it again"
        );
        assert_eq!(state.finish(true), Finish::Done);
        assert!(state.release_join());
    }

    #[test]
    fn a_running_task_is_not_claimed_but_cancelled() {
        let state = State::new();
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.claim(), Claim::Running);
        assert_eq!(state.suspend(5, Stamp::of(0)), Suspend::Cancel);
        assert_eq!(state.finish(false), Finish::Done);
        assert_eq!(state.claim(), Claim::Ended);
    }

    #[test]
    fn the_join_waker_is_taken_back_only_before_the_end() {
        let state = State::new();
        assert!(state.set_join_waker());
        assert!(state.has_join_waker());
        assert!(state.unset_join_waker());
        assert!(state.set_join_waker());
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.finish(false), Finish::WakeJoiner);
        assert!(!state.unset_join_waker());
        assert!(!state.set_join_waker());
        assert!(!state.detach());
    }

    #[test]
    fn any_number_of_wakes_of_a_queued_task_change_nothing() {
        let state = State::new();
        for _ in 0..100_000 {
            assert_eq!(state.wake_by_ref(), Wake::Nothing);
        }
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.finish(false), Finish::Done);
        assert!(state.release_join());
    }
}

#[cfg(wheelhouse_loom)]
mod loom_models {
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

        /// Runs the task once, if it is in the queue. The future ends when it has a message.
        fn run_once(&self) {
            let popped = self.queue.lock().unwrap().pop_front();
            if popped.is_none() {
                return;
            }
            match self.state.start() {
                Start::Poll { .. } => self.poll(),
                Start::Cancel { .. } => self.complete(false),
                Start::Stale => {}
                Start::Free => self.free(),
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
            match self.state.finish(queued) {
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
            if task.state.abort() == Wake::Queue {
                task.push();
            }
            runner.join().unwrap();
            waker.join().unwrap();
            task.drain();
            assert!(task.poll_join(), "an aborted task ends");
            task.drop_join(true);
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
}
