use std::sync::Arc;
use std::task::Wake;
use std::time::Duration;

use parking_lot::Mutex;

use super::*;
use crate::clock::ManualClock;
use crate::table;
use crate::testing::{Call, Count, Notes};

const SECOND: u64 = 1_000_000_000;

/// A shard of one's own, by a clock set by hand.
fn claim() -> (&'static Shard, u32, ManualClock, &'static Notes) {
    let (hand, notes) = (ManualClock::new(), Notes::new());
    let (shard, generation) = table::claim(notes, hand.clone().into());
    (shard, generation, hand, notes)
}

fn arm(shard: &Shard, generation: u32, deadline: u64, waker: &Waker) -> Key {
    match shard.arm(generation, deadline, waker.clone()) {
        Arm::Armed(key) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_keeper_is_told_when_the_next_deadline_falls_and_only_then() {
    let (shard, generation, hand, notes) = claim();
    let (_, waker) = Count::new();
    let now = hand.nanos();
    let [first, second, third] = [3, 2, 4].map(|s| now + s * SECOND);
    assert_eq!(shard.next(generation), NEVER);
    let key = arm(shard, generation, first, &waker);
    assert_eq!((notes.take(), shard.next(generation)), (vec![first], first));
    arm(shard, generation, second, &waker);
    assert_eq!(
        (notes.take(), shard.next(generation)),
        (vec![second], second)
    );
    arm(shard, generation, third, &waker);
    arm(shard, generation, second, &waker);
    arm(shard, generation, NEVER, &waker);
    assert_eq!((notes.take(), shard.next(generation)), (vec![], second));
    let earlier = now + SECOND;
    assert!(shard.rearm(generation, key, earlier));
    assert_eq!(
        (notes.take(), shard.next(generation)),
        (vec![earlier], earlier)
    );
    shard.close(generation);
}

#[test]
fn an_earlier_deadline_in_the_same_tick_is_nothing_new() {
    let notes = Notes::new();
    let (shard, generation) = table::claim(notes, Clock::monotonic());
    let start =
        Unit::TICK.tick_nanos(Unit::TICK.deadline_tick(Clock::monotonic().nanos() + SECOND));
    let tick = Unit::TICK.tick_nanos(1);
    for (due, told) in [
        (start + tick / 2, Some(start + tick)),
        (start + tick, None),
        (start + tick / 4, None),
        (start + 1, None),
        (start, Some(start)),
        (start - tick + 1, None),
    ] {
        let next = shard.next(generation);
        arm(shard, generation, due, Waker::noop());
        assert_eq!(notes.take(), Vec::from_iter(told));
        assert_eq!(shard.next(generation), told.unwrap_or(next));
    }
    shard.close(generation);
}

#[test]
fn the_keeper_may_arm_timers_itself() {
    struct Arms(Mutex<Option<(&'static Shard, u32, u64)>>);
    impl Keeper for Arms {
        fn earlier(&self, deadline: u64) {
            let armed = self.0.lock().take();
            if let Some((shard, generation, by)) = armed {
                arm(shard, generation, deadline - by, Waker::noop());
            }
        }
    }
    crate::testing::watchdog(|| {
        let keeper: &'static Arms = Box::leak(Box::new(Arms(Mutex::new(None))));
        let (shard, generation) = table::claim(keeper, ManualClock::new().into());
        *keeper.0.lock() = Some((shard, generation, SECOND));
        let now = shard.manual_nanos(generation).unwrap();
        arm(shard, generation, now + 3 * SECOND, Waker::noop());
        assert_eq!(shard.len(generation), 2);
        assert!(shard.next(generation) < now + 2 * SECOND + (1 << 15));
        shard.close(generation);
    });
}

#[test]
fn firing_raises_the_next_deadline_and_calls_what_is_due() {
    let (shard, generation, hand, _) = claim();
    let (count, waker) = Count::new();
    let now = hand.nanos();
    let deadline = now + SECOND;
    for far in 0..100 {
        arm(shard, generation, deadline + far, &waker);
        arm(shard, generation, deadline + SECOND + far, &waker);
    }
    assert_eq!(shard.fire(generation, deadline - 1, usize::MAX).fired, 0);
    assert_eq!(count.get(), 0, "nothing is early");
    let due = deadline + 99;
    assert_eq!(
        shard.fire(generation, due, usize::MAX),
        Fired {
            fired: 100,
            more: false
        }
    );
    assert_eq!((count.get(), shard.len(generation)), (100, 100));
    let next = shard.next(generation);
    assert!(next > due && next <= deadline + SECOND + 100 + (1 << 14));
    assert_eq!(
        Arc::strong_count(&count),
        1 + 1 + 100,
        "each waker is dropped once it was called"
    );
    shard.close(generation);
}

#[test]
fn a_budget_bounds_one_firing() {
    let (shard, generation, hand, _) = claim();
    let (count, waker) = Count::new();
    let deadline = hand.nanos() + SECOND;
    for _ in 0..1000 {
        arm(shard, generation, deadline, &waker);
    }
    let (now, mut calls) = (deadline + SECOND, 0);
    while shard.next(generation) <= now {
        let before = count.get();
        let did = shard.fire(generation, now, 100);
        calls += 1;
        assert_eq!(count.get() - before, did.fired);
        assert!(did.fired <= 100);
        assert_eq!(did.more, shard.next(generation) <= now);
    }
    assert_eq!(count.get(), 1000);
    assert!(calls >= 10);
    shard.close(generation);
}

/// By both kinds of clock: what is told of a time, and what of the times around it.
#[test]
fn progress_tells_what_has_fired() {
    for clock in [Clock::monotonic(), ManualClock::new().into()] {
        let (unit, now) = (clock.unit(), clock.nanos());
        let (shard, generation) = table::claim(Notes::new(), clock);
        let (count, waker) = Count::new();
        let (start, tick) = (|tick| unit.tick_nanos(tick), unit.tick_nanos(1));
        // From the start of a turn of level 0 nothing cascades, so that the budget is for firing
        // alone. It is far enough ahead that real time doesn't get there.
        let turn = (unit.deadline_tick(now + 1000 * SECOND) | 0xff) + 1;
        arm(shard, generation, start(turn), Waker::noop());
        assert_eq!(shard.fire(generation, start(turn), 10).fired, 1);
        let before = start(turn + 9);
        let due = before + tick;
        for number in 0..200 {
            arm(shard, generation, due - number % tick, &waker);
        }
        let progress = |due| shard.progress(generation, due).unwrap();
        assert_eq!(shard.fire(generation, due - 1, 150).fired, 0);
        assert_eq!(progress(before + 1), Progress::Waiting);
        assert_eq!(progress(due), Progress::Waiting);
        assert_eq!(shard.fire(generation, due, 150).fired, 150);
        assert_eq!(progress(before), Progress::Done);
        assert_eq!(progress(before + 1), Progress::Waiting, "some are left");
        assert_eq!(shard.fire(generation, due, 150).fired, 50);
        assert_eq!(progress(due), Progress::Done);
        assert_eq!(progress(due + 1), Progress::Waiting);
        assert!(matches!(
            shard.arm(generation, before + 1, waker.clone()),
            Arm::Due
        ));
        assert!(matches!(shard.arm(generation, due, waker), Arm::Due));
        assert_eq!((count.get(), Arc::strong_count(&count)), (200, 1));
        shard.close(generation);
        assert_eq!(shard.progress(generation, due), None);
    }
}

/// Uses the shard whenever the user's code could run: with a lock held, that would hang.
struct Meddler(&'static Shard, u32);

impl Meddler {
    fn meddle(&self) {
        let _ = self.0.len(self.1);
        if let Arm::Armed(key) = self.0.arm(self.1, u64::MAX, Waker::noop().clone()) {
            self.0.disarm(self.1, key);
        }
    }
}

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        self.meddle();
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        self.meddle();
    }
}

#[test]
fn wakers_are_called_and_dropped_with_no_lock_held() {
    crate::testing::watchdog(|| {
        let (shard, generation, hand, _) = claim();
        let meddler = || Waker::from(Arc::new(Meddler(shard, generation)));
        let armed = |by| match shard.arm(generation, hand.nanos() + by, meddler()) {
            Arm::Armed(key) => key,
            other => panic!("{other:?}"),
        };
        let key = armed(SECOND);
        assert!(shard.swap_waker(generation, key, meddler()));
        shard.disarm(generation, key);
        assert!(!shard.swap_waker(generation, key, meddler()));
        assert!(matches!(shard.arm(generation, 0, meddler()), Arm::Due));
        let key = armed(SECOND);
        assert!(
            !shard.rearm(generation, key, 0),
            "due at once, so it was woken"
        );
        armed(SECOND);
        hand.advance(Duration::from_secs(2));
        assert_eq!(shard.fire(generation, hand.nanos(), 10).fired, 1);
        armed(SECOND);
        shard.close(generation);
        assert!(matches!(
            shard.arm(generation, u64::MAX, meddler()),
            Arm::Closed
        ));
    });
}

#[test]
fn a_waker_that_panics_is_contained() {
    let (shard, generation, hand, _) = claim();
    let (count, waker) = Count::new();
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("on purpose, in the drop of a payload");
        }
    }
    let deadline = hand.nanos() + SECOND;
    for number in 0..10 {
        arm(shard, generation, deadline, &waker);
        if number % 3 == 0 {
            let call = Call::waker(|| std::panic::panic_any(Bomb));
            arm(shard, generation, deadline, &call);
        }
    }
    let now = deadline + SECOND;
    while shard.next(generation) <= now {
        shard.fire(generation, now, 5);
    }
    assert_eq!((count.get(), shard.len(generation)), (10, 0));
    shard.close(generation);
}

#[test]
fn closing_wakes_everything_and_ends_the_claim() {
    let (shard, generation, hand, _) = claim();
    let (count, waker) = Count::new();
    let key = arm(shard, generation, hand.nanos() + SECOND, &waker);
    arm(shard, generation, NEVER, &waker);
    shard.close(generation);
    assert_eq!((count.get(), Arc::strong_count(&count)), (2, 2));
    // What comes too late touches nothing, whoever has claimed the shard since.
    let (again, now) = (shard, generation + 1);
    assert_eq!(again.next(generation), NEVER);
    assert_eq!(
        again.fire(generation, u64::MAX, 10),
        Fired {
            fired: 0,
            more: false
        }
    );
    assert!(!again.rearm(generation, key, 1) && !again.is_armed(generation, key));
    assert!(!again.swap_waker(generation, key, waker.clone()));
    again.disarm(generation, key);
    again.close(generation);
    assert!(again.manual_nanos(generation).is_none());
    assert!(again.is_open(now) && !again.is_open(generation));
}

#[test]
fn shards_are_used_again_under_another_generation() {
    let notes = Notes::new();
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..1000 {
        let (shard, generation) = table::claim(notes, Clock::monotonic());
        assert!(
            seen.insert((shard.index(), generation)),
            "a claim is unlike any before"
        );
        assert!(std::ptr::eq(shard, table::shard(shard.index())));
        assert_eq!((shard.next(generation), shard.len(generation)), (NEVER, 0));
        shard.close(generation);
    }
    let numbers: std::collections::BTreeSet<u32> = seen.iter().map(|claim| claim.0).collect();
    assert!(
        numbers.len() < 500,
        "{} shards for one at a time",
        numbers.len()
    );
}
