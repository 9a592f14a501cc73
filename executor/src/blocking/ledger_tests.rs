//! The bookkeeping, step by step.

use super::*;
use std::time::Duration;

fn ledger(max_threads: usize, max_queue: usize) -> Ledger<u32> {
    Ledger::new(&BlockingOptions {
        max_threads,
        max_queue,
        keep_alive: Duration::ZERO,
    })
}

/// Pushes a job and has it taken by the thread that this starts.
fn occupy(ledger: &mut Ledger<u32>, job: u32) {
    assert!(matches!(ledger.push(job), Push::Start(_)));
    ledger.arrive();
    assert_eq!(ledger.take(), Some(job));
}

/// A busy thread finds no job.
fn rest(ledger: &mut Ledger<u32>) {
    assert_eq!(ledger.take(), None);
    ledger.rest();
}

/// An idle thread takes this job.
fn rise_for(ledger: &mut Ledger<u32>, job: u32) {
    ledger.rise();
    assert_eq!(ledger.take(), Some(job));
}

fn figures(threads: usize, idle: usize, jobs: usize, refused: u64) -> Figures {
    Figures {
        threads,
        idle,
        jobs,
        refused,
    }
}

#[test]
fn as_many_wait_as_may_whether_or_not_the_threads_have_arrived() {
    for max_threads in [1, 2] {
        for max_queue in [0, 1, 3] {
            for arrive in [false, true] {
                let mut ledger = ledger(max_threads, max_queue);
                for number in 0..max_threads {
                    assert_eq!(ledger.push(0), Push::Start(number));
                    if arrive {
                        ledger.arrive();
                        ledger.take().unwrap();
                    }
                }
                for _ in 0..max_queue {
                    assert_eq!(ledger.push(1), Push::Wait);
                }
                assert_eq!(ledger.push(2), Push::Refuse(2));
                let jobs = max_queue + if arrive { 0 } else { max_threads };
                assert_eq!(ledger.figures(), figures(max_threads, 0, jobs, 1));
            }
        }
    }
}

#[test]
fn a_job_taken_makes_room_for_one() {
    let mut ledger = ledger(1, 1);
    occupy(&mut ledger, 0);
    assert_eq!(ledger.push(1), Push::Wait);
    assert_eq!(ledger.push(2), Push::Refuse(2));
    assert_eq!(ledger.take(), Some(1));
    assert_eq!(ledger.push(3), Push::Wait);
    assert_eq!(ledger.push(4), Push::Refuse(4));
    assert_eq!(ledger.figures(), figures(1, 0, 1, 2));
}

#[test]
fn an_idle_thread_counts_once() {
    let mut ledger = ledger(2, 0);
    occupy(&mut ledger, 0);
    rest(&mut ledger);
    assert_eq!(ledger.push(1), Push::Wake);
    // The first is still counted as idle, for it has not got up yet.
    assert_eq!(ledger.push(2), Push::Start(1));
    assert_eq!(ledger.push(3), Push::Refuse(3));
    rise_for(&mut ledger, 1);
    assert_eq!(ledger.push(4), Push::Refuse(4));
    ledger.arrive();
    assert_eq!(ledger.take(), Some(2));
    assert_eq!(ledger.push(5), Push::Refuse(5));
    rest(&mut ledger);
    assert_eq!(ledger.push(6), Push::Wake);
    assert_eq!(ledger.figures(), figures(2, 1, 1, 3));
}

#[test]
fn a_starting_thread_whose_job_another_took_is_free() {
    let mut ledger = ledger(3, 0);
    occupy(&mut ledger, 0);
    assert_eq!(ledger.push(1), Push::Start(1));
    assert_eq!(ledger.take(), Some(1), "by the first thread");
    assert_eq!(ledger.push(2), Push::Wait, "for the second");
    assert_eq!(ledger.push(3), Push::Start(2));
}

#[test]
fn a_wake_up_goes_to_each_idle_thread() {
    let mut ledger = ledger(2, 0);
    occupy(&mut ledger, 0);
    occupy(&mut ledger, 1);
    rest(&mut ledger);
    rest(&mut ledger);
    assert_eq!(ledger.push(2), Push::Wake);
    assert_eq!(ledger.push(3), Push::Wake);
    assert_eq!(ledger.push(4), Push::Refuse(4));
}

#[test]
fn a_place_that_was_left_is_free_for_another_thread() {
    let mut ledger = ledger(1, 0);
    occupy(&mut ledger, 0);
    rest(&mut ledger);
    ledger.rise();
    assert_eq!(ledger.take(), None);
    ledger.leave();
    assert_eq!(ledger.figures(), figures(0, 0, 0, 0));
    assert_eq!(ledger.push(1), Push::Start(1));
}

#[test]
fn without_any_thread_all_jobs_are_cancelled() {
    let mut ledger = ledger(1, 5);
    assert_eq!(ledger.push(0), Push::Start(0));
    assert_eq!(ledger.push(1), Push::Wait);
    let expected = NotStarted::Cancel([0, 1].into());
    assert_eq!(ledger.not_started(), expected);
    assert_eq!(ledger.figures(), figures(0, 0, 0, 0));
    assert_eq!(ledger.push(2), Push::Start(1));
}

#[test]
fn threads_that_did_not_start_leave_as_many_waiting_as_may() {
    for (max_queue, first, second) in [
        (0, vec![2], vec![1]),
        (1, vec![], vec![2]),
        (2, vec![], vec![]),
    ] {
        let mut ledger = ledger(3, max_queue);
        occupy(&mut ledger, 0);
        assert_eq!(ledger.push(1), Push::Start(1));
        assert_eq!(ledger.push(2), Push::Start(2));
        let refused = (first.len() + second.len()) as u64;
        assert_eq!(ledger.not_started(), NotStarted::Refuse(first.into()));
        assert_eq!(ledger.not_started(), NotStarted::Refuse(second.into()));
        assert_eq!(ledger.figures(), figures(1, 0, max_queue, refused));
    }
}

#[test]
fn after_a_refused_thread_the_next_job_asks_for_one_again() {
    let mut ledger = ledger(2, 1);
    occupy(&mut ledger, 0);
    assert_eq!(ledger.push(1), Push::Start(1));
    assert_eq!(ledger.not_started(), NotStarted::Refuse([].into()));
    // One waits already; with the new thread, no more do.
    assert_eq!(ledger.push(2), Push::Start(2));
    assert_eq!(ledger.push(3), Push::Refuse(3));
    assert_eq!(ledger.not_started(), NotStarted::Refuse([2].into()));
}

#[test]
fn a_closed_ledger_accepts_nothing() {
    let mut ledger = ledger(2, 5);
    occupy(&mut ledger, 0);
    assert_eq!(ledger.push(1), Push::Start(1));
    assert_eq!(ledger.push(2), Push::Wait);
    assert_eq!(ledger.close(), [1, 2]);
    assert_eq!(ledger.push(3), Push::Cancel(3));
    assert_eq!(ledger.take(), None);
    ledger.leave();
    // The caller is told of the shutdown, not of the thread.
    assert_eq!(ledger.not_started(), NotStarted::Refuse([].into()));
    assert_eq!(ledger.figures(), figures(0, 0, 0, 0));
}

#[test]
fn a_queue_without_a_bound_has_none() {
    let mut ledger = ledger(1, usize::MAX);
    occupy(&mut ledger, 0);
    for job in 1..1000 {
        assert_eq!(ledger.push(job), Push::Wait);
    }
}
