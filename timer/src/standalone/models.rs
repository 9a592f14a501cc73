//! Loom models of the driver thread: the shipped publishing of its wake time and the shipped shard,
//! between threads that arm and fire. Time stands still, so that a sleep lasts until somebody ends
//! it: a deadline that nobody sleeps until is a deadlock, which loom reports.

use std::cell::Cell;
use std::sync::Arc;

use loom::sync::{Condvar, Mutex};
use loom::thread;

use super::*;
use crate::clock::{self, ManualClock};
use crate::testing::Count;
use crate::timers::{Arm, Shard};

/// When every model starts, in nanoseconds: later than any clock, and the same for each execution.
const START: u64 = 1 << 61;
const FIRST: u64 = START + 1;
const SECOND: u64 = START + 2;
const THIRD: u64 = START + 3;

/// All of them together take less than a second.
const PREEMPTIONS: usize = 3;

fn check(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(f);
}

/// The driver, and the token of its thread: loom's own `park` doesn't go with its locks, which let
/// go of a thread that is unparked as it waits for them.
struct Model {
    driver: Driver,
    token: Mutex<bool>,
    left: Condvar,
}

impl Keeper for Model {
    fn earlier(&self, deadline: u64) {
        if self.driver.must_wake(deadline) {
            *self.token.lock().unwrap() = true;
            self.left.notify_one();
        }
    }
}

impl Model {
    fn park(&self) {
        let mut token = self.token.lock().unwrap();
        while !*token {
            token = self.left.wait(token).unwrap();
        }
        *token = false;
    }

    /// The thread's loop, in which it is `now`; it ends once the thread sleeps until `last`.
    fn run(&self, shard: &Shard, now: u64, last: u64) {
        let kept = Cell::new(false);
        while !kept.get() {
            shard.fire(0, now, BUDGET);
            let wake_at = shard.next(0);
            let sleep = || {
                if wake_at > last {
                    self.park();
                } else {
                    kept.set(true);
                }
            };
            self.driver.sleep(wake_at, || shard.next(0), sleep);
        }
    }
}

/// A shard outside the table, claimed, and who keeps its time.
fn claimed() -> (Arc<Shard>, &'static Model) {
    let hand = ManualClock::new();
    hand.advance_to(clock::instant(START).expect("it can be represented"));
    let model: &'static Model = Box::leak(Box::new(Model {
        driver: Driver::new(),
        token: Mutex::new(false),
        left: Condvar::new(),
    }));
    let shard = Shard::new(0);
    assert_eq!(shard.claim(model, hand.into()), 0);
    (Arc::new(shard), model)
}

fn arm(shard: &Shard, due: u64) -> Arc<Count> {
    let (count, waker) = Count::new();
    assert!(matches!(shard.arm(0, due, waker), Arm::Armed(_)));
    count
}

/// A timer is armed while the thread falls asleep for ever.
#[test]
fn loom_arm_against_sleep() {
    check(|| {
        let (shard, model) = claimed();
        let driver = Arc::clone(&shard);
        let driver = thread::spawn(move || model.run(&driver, START, FIRST));
        arm(&shard, FIRST);
        driver.join().unwrap();
    });
}

/// Two timers are armed, both too early for a thread that falls asleep: one of those who arm wakes
/// it, and it sleeps for the earlier.
#[test]
fn loom_two_arms_against_sleep() {
    check(|| {
        let (shard, model) = claimed();
        arm(&shard, THIRD);
        let driver = Arc::clone(&shard);
        let driver = thread::spawn(move || model.run(&driver, START, FIRST));
        let other = Arc::clone(&shard);
        let other = thread::spawn(move || arm(&other, SECOND));
        arm(&shard, FIRST);
        other.join().unwrap();
        driver.join().unwrap();
    });
}

/// A timer is armed while the thread and another one fire what was the first: it is slept for.
#[test]
fn loom_arm_against_fire() {
    check(|| {
        let (shard, model) = claimed();
        let first = arm(&shard, FIRST);
        let driver = Arc::clone(&shard);
        let driver = thread::spawn(move || model.run(&driver, FIRST, SECOND));
        let other = Arc::clone(&shard);
        let other = thread::spawn(move || other.fire(0, FIRST, BUDGET));
        let second = arm(&shard, SECOND);
        other.join().unwrap();
        driver.join().unwrap();
        assert_eq!((first.get(), second.get()), (1, 0));
        assert_eq!(shard.next(0), SECOND);
    });
}
