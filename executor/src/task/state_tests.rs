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
    fn a_wake_by_value_that_comes_to_nothing_uses_its_reference_up() {
        let state = State::new();
        state.add_reference();
        state.add_reference();
        assert_eq!(state.wake_by_val(), Wake::Nothing, "it is queued");
        assert_eq!(state.claim(), Claim::Claimed);
        assert_eq!(state.start(), Start::Stale);
        assert_eq!(state.wake_by_val(), Wake::Nothing, "it is cancelled");
        assert_eq!(state.finish(true, Epoch(0)), Finish::Done);
        assert!(state.release_join(), "nor did it queue the task");
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
    fn a_task_claimed_after_an_abort_stays_cancelled() {
        let state = idle();
        assert_eq!(state.abort(), Wake::Queue);
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
        assert!(!state.has_join_waker());
        assert!(state.set_join_waker());
        assert!(state.has_join_waker());
        assert!(state.unset_join_waker());
        assert!(!state.has_join_waker());
        assert!(state.set_join_waker());
        assert_eq!(state.start(), Start::Poll { list: None });
        assert!(!state.is_complete());
        assert_eq!(state.finish(false, Epoch(0)), Finish::WakeJoiner);
        assert!(state.is_complete());
        assert!(!state.unset_join_waker());
        assert!(!state.set_join_waker());
        assert!(!state.detach());
    }

    const SECOND: u64 = 1_000_000_000;

    /// What a look says at `now`, its seconds rounded down.
    fn look(state: &State, now: u64) -> (TaskState, Option<u64>) {
        let (doing, rested) = state.look(Stamp::of(now));
        (doing, rested.map(|nanos| nanos / SECOND))
    }

    #[test]
    fn a_look_tells_what_a_task_does_and_since_when() {
        let state = State::new();
        let started = 1000 * SECOND;
        assert_eq!(look(&state, started), (TaskState::Queued, None));
        assert_eq!(state.start(), Start::Poll { list: None });
        assert_eq!(look(&state, started), (TaskState::Running, None));
        assert_eq!(state.suspend(63, Stamp::of(started)), Suspend::Idle);
        assert_eq!(look(&state, started), (TaskState::Waiting, Some(0)));
        let later = started + 2000 * SECOND;
        let (doing, rested) = look(&state, later);
        assert_eq!(doing, TaskState::Waiting);
        // To about half a second.
        assert!((1998..=2001).contains(&rested.unwrap()), "{rested:?}");
        assert_eq!(state.wake_by_ref(), Wake::Queue);
        assert_eq!(look(&state, later), (TaskState::Queued, rested));
        assert_eq!(state.start(), Start::Poll { list: Some(63) });
        assert_eq!(look(&state, later), (TaskState::Running, None));
    }

    #[test]
    fn a_later_stamp_takes_the_place_of_an_earlier_one() {
        let day = 24 * 60 * 60 * SECOND;
        let state = State::new();
        for polls in 0..200 {
            let now = polls * day;
            let list = (polls > 0).then_some(5);
            assert_eq!(state.start(), Start::Poll { list });
            state.add_reference();
            assert_eq!(state.suspend(5, Stamp::of(now)), Suspend::Idle);
            assert_eq!(look(&state, now), (TaskState::Waiting, Some(0)));
            // After 52 days it begins anew.
            let (_, rested) = look(&state, now + 60 * day);
            assert!(rested.unwrap() / (day / SECOND) < 9, "{rested:?}");
            let (_, rested) = look(&state, now + 50 * day);
            assert!(rested.unwrap() / (day / SECOND) >= 49, "{rested:?}");
            assert_eq!(state.wake_by_ref(), Wake::Queue);
        }
        assert_eq!(state.start(), Start::Poll { list: Some(5) });
        assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
        assert!(!state.release_join());
        for _ in 1..200 {
            assert!(!state.drop_reference(), "the stamps are no references");
        }
        assert!(state.drop_reference());
    }

    #[test]
    fn every_list_can_be_told_from_the_others() {
        for list in 0..LISTS {
            let state = State::new();
            assert_eq!(state.start(), Start::Poll { list: None });
            assert_eq!(state.suspend(list, Stamp::of(u64::MAX)), Suspend::Idle);
            state.add_reference();
            assert_eq!(state.wake_by_ref(), Wake::Queue);
            assert_eq!(state.start(), Start::Poll { list: Some(list) });
            assert_eq!(state.finish(false, Epoch(0)), Finish::Done);
            assert!(!state.release_join() && state.drop_reference());
        }
    }

    /// Starts itself again, since the process ends.
    #[test]
    fn a_leak_of_references_ends_the_process_before_they_overflow() {
        const AGAIN: &str = "WHEELHOUSE_TEST_LEAKS_REFERENCES";
        if std::env::var_os(AGAIN).is_none() {
            let me = std::env::current_exe().unwrap();
            let name = "a_leak_of_references_ends_the_process_before_they_overflow";
            let again = std::process::Command::new(me)
                .args([name, "--nocapture"])
                .env(AGAIN, "1")
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&again.stdout);
            assert!(said.contains("so far so good"), "{said}");
            assert!(!again.status.success(), "{said}");
            return;
        }
        let state = State::new();
        state.0.fetch_add(MOST_REFERENCES & REFERENCES, Relaxed);
        state.add_reference();
        println!("so far so good");
        state.add_reference();
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
