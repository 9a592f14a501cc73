//! Loom models of a shard: the shipped `timers.rs`, with its wheel and its slab, between threads
//! that arm, fire, poll, disarm and close. Time is set by hand and starts at [`START`].
//!
//! The wakers count with std's atomics: those are what the models note, not what they check.

use std::sync::Arc;

use loom::thread;

use super::*;
use crate::clock::{self, ManualClock};
use crate::testing::Count;

/// When every model starts, in nanoseconds: later than any clock, and the same for each execution.
const START: u64 = 1 << 61;
const DUE: u64 = START + 1;
/// In another tick, of the same level.
const LATER: u64 = START + 2;

/// All of them together take less than a second.
const PREEMPTIONS: usize = 3;

fn check(f: impl Fn() + Send + Sync + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(PREEMPTIONS);
    builder.check(f);
}

/// Needn't be told of anything.
struct Anybody;

impl Keeper for Anybody {
    fn earlier(&self, _deadline: u64) {}
}

fn clock_at(nanos: u64) -> Clock {
    let hand = ManualClock::new();
    hand.advance_to(clock::instant(nanos).expect("it can be represented"));
    hand.into()
}

/// A shard outside the table, claimed; its first generation is 0.
fn claimed(number: u32) -> Arc<Shard> {
    let shard = Shard::new(number);
    assert_eq!(shard.claim(&Anybody, clock_at(START)), 0);
    Arc::new(shard)
}

/// An armed timer, and what became of its waker.
struct Timer {
    key: Key,
    count: Arc<Count>,
}

impl Timer {
    fn arm(shard: &Shard, generation: u32, due: u64) -> Timer {
        let (count, waker) = Count::new();
        match shard.arm(generation, due, waker) {
            Arm::Armed(key) => Timer { key, count },
            other => panic!("{other:?}"),
        }
    }

    fn calls(&self) -> usize {
        assert_gone(&self.count);
        self.count.get()
    }
}

/// Every waker has been dropped, and none twice.
fn assert_gone(count: &Arc<Count>) {
    assert_eq!(Arc::strong_count(count), 1);
}

/// A timer is dropped while it is fired, and its memory goes to another, which stays.
#[test]
fn loom_disarm_against_fire() {
    check(|| {
        let shard = claimed(0);
        let first = Timer::arm(&shard, 0, DUE);
        let firing = Arc::clone(&shard);
        let firing = thread::spawn(move || {
            let fired = firing.fire(0, DUE, usize::MAX).fired;
            (fired, Timer::arm(&firing, 0, LATER))
        });
        shard.disarm(0, first.key);
        let (fired, second) = firing.join().unwrap();
        assert_eq!(first.calls(), fired);
        assert_eq!(shard.len(0), 1);
        assert_eq!(shard.fire(0, LATER, usize::MAX).fired, 1);
        assert_eq!(second.calls(), 1);
    });
}

/// Two threads fire while the timer is dropped: it is called by one of them, or by none.
#[test]
fn loom_disarm_against_two_fires() {
    check(|| {
        let shard = claimed(1);
        let timer = Timer::arm(&shard, 0, DUE);
        let firing = [(); 2].map(|()| {
            let shard = Arc::clone(&shard);
            thread::spawn(move || shard.fire(0, DUE, usize::MAX).fired)
        });
        shard.disarm(0, timer.key);
        let fired: usize = firing.map(|thread| thread.join().unwrap()).iter().sum();
        assert!(fired <= 1);
        assert_eq!(timer.calls(), fired);
        assert_eq!(shard.len(0), 0);
    });
}

/// A timer gets another waker while it is fired: that one is called, or the old one and its owner
/// is told so.
#[test]
fn loom_swap_waker_against_fire() {
    check(|| {
        let shard = claimed(2);
        let timer = Timer::arm(&shard, 0, DUE);
        let firing = Arc::clone(&shard);
        let firing = thread::spawn(move || firing.fire(0, DUE, usize::MAX));
        let (new, waker) = Count::new();
        let swapped = shard.swap_waker(0, timer.key, waker);
        assert_eq!(firing.join().unwrap().fired, 1);
        assert_gone(&new);
        assert_eq!(
            (timer.calls(), new.get()),
            (1 - usize::from(swapped), usize::from(swapped))
        );
    });
}

/// A timer is set for a tick that is being fired: it is called then, later, or by its owner.
#[test]
fn loom_rearm_against_fire() {
    check(|| {
        let shard = claimed(3);
        let other = Timer::arm(&shard, 0, DUE);
        let timer = Timer::arm(&shard, 0, LATER);
        let firing = Arc::clone(&shard);
        let firing = thread::spawn(move || firing.fire(0, DUE, usize::MAX));
        if shard.rearm(0, timer.key, DUE) {
            let _ = shard.fire(0, DUE, usize::MAX);
        }
        firing.join().unwrap();
        assert_eq!((other.calls(), timer.calls()), (1, 1));
        assert_eq!(shard.len(0), 0);
    });
}

/// The poll that locks nothing, while the timer's tick is fired in two steps: what is said to be
/// done is out of the wheel.
#[test]
fn loom_progress_against_fire() {
    check(|| {
        let shard = claimed(4);
        let timers = [(); 2].map(|()| Timer::arm(&shard, 0, DUE));
        let firing = Arc::clone(&shard);
        let firing = thread::spawn(move || while firing.fire(0, DUE, 1).more {});
        if shard.progress(0, DUE) == Some(Progress::Done) {
            assert!(timers.iter().all(|timer| !shard.is_armed(0, timer.key)));
        }
        firing.join().unwrap();
        assert_eq!(shard.progress(0, DUE), Some(Progress::Done));
        assert!(timers.iter().all(|timer| timer.calls() == 1));
    });
}

/// The poll that locks nothing, while its shard goes to somebody whose clock is far ahead: nothing
/// of the new claim is taken for the old one's.
#[test]
fn loom_progress_against_close_and_claim() {
    const NUMBER: u32 = 5;
    check(|| {
        let shard = claimed(NUMBER);
        let timer = Timer::arm(&shard, 0, DUE);
        let closing = Arc::clone(&shard);
        let closing = thread::spawn(move || {
            closing.close(0);
            closing.claim(&Anybody, clock_at(LATER))
        });
        let progress = shard.progress(0, DUE);
        assert_ne!(progress, Some(Progress::Done), "nobody fires");
        if progress.is_none() {
            assert!(!shard.is_armed(0, timer.key));
        }
        assert_eq!(closing.join().unwrap(), 1);
        assert_eq!(shard.progress(0, DUE), None);
        assert_eq!(timer.calls(), 1);
        assert_eq!(table::take_back(NUMBER), 1);
    });
}

/// A shard is fired for a claim that ends, and whose successor has a timer that is due: that one is
/// its own keeper's.
#[test]
fn loom_fire_against_close_and_claim() {
    const NUMBER: u32 = 6;
    check(|| {
        let shard = claimed(NUMBER);
        let old = Timer::arm(&shard, 0, DUE);
        let closing = Arc::clone(&shard);
        let closing = thread::spawn(move || {
            closing.close(0);
            let generation = closing.claim(&Anybody, clock_at(START));
            Timer::arm(&closing, generation, DUE)
        });
        assert!(shard.fire(0, DUE, usize::MAX).fired <= 1);
        let new = closing.join().unwrap();
        assert_eq!((old.calls(), shard.len(1)), (1, 1));
        assert_eq!(shard.next(1), DUE);
        assert_eq!(shard.fire(1, DUE, usize::MAX).fired, 1);
        assert_eq!(new.calls(), 1);
        assert_eq!(table::take_back(NUMBER), 1);
    });
}

/// A timer is armed while its shard is closed, by two threads at once: it is woken, once, or
/// refused; and the shard is given back once.
#[test]
fn loom_arm_against_close() {
    const NUMBER: u32 = 7;
    check(|| {
        let shard = claimed(NUMBER);
        let closing = [(); 2].map(|()| {
            let shard = Arc::clone(&shard);
            thread::spawn(move || shard.close(0))
        });
        let (count, waker) = Count::new();
        let arm = shard.arm(0, DUE, waker);
        closing
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        let woken = match arm {
            Arm::Armed(_) => 1,
            Arm::Closed => 0,
            Arm::Due => panic!("nobody fires"),
        };
        assert_eq!(count.get(), woken);
        assert_gone(&count);
        assert_eq!(table::take_back(NUMBER), 1);
        assert_eq!(shard.claim(&Anybody, clock_at(START)), 1);
        assert_eq!((shard.len(1), shard.next(1)), (0, NEVER));
    });
}
