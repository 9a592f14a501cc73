//! Unit tests of single transitions; the races between them are in the models.

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
        assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
        assert!(state.release_join(), "no reference is left");
    }

    #[test]
    fn an_ended_task_ignores_wakes_and_is_freed_by_its_last_holder() {
        let state = idle();
        state.add_reference();
        state.add_reference();
        assert_eq!(state.wake_by_ref(), Wake::Queue);
        assert_eq!(state.start(), Start::Poll { list: Some(5) });
        assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
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
        assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
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
        assert_eq!(state.finish(true, Epoch(0)), Finish::DropOutput);
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
        assert_eq!(state.finish(true, Epoch(0)), Finish::Done);
        assert!(state.release_join());
    }

    #[test]
    fn a_running_task_is_not_claimed_but_cancelled() {
        let state = State::new();
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(state.claim(), Claim::Running);
        assert_eq!(state.suspend(5, Stamp::of(0)), Suspend::Cancel);
        assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
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
        assert_eq!(state.finish(false, Epoch(0)), Finish::WakeJoiner);
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
        assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
        assert!(state.release_join());
    }
}

#[cfg(wheelhouse_loom)]
#[path = "state_models.rs"]
mod loom_models;
