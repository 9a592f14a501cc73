use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::*;
use crate::testing::{Call, Count, Notes, poll, watchdog};
use crate::{Sleep, now, sleep, sleep_until};

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A set with a paused clock.
fn set() -> (ShardSet, &'static Notes) {
    let notes = Notes::new();
    (ShardSet::new(paused_clock(), 1, 1, notes), notes)
}

/// One step. If it wakes anybody, that is announced.
fn step(set: &ShardSet, may_jump: bool) -> Step {
    let announced = Cell::new(false);
    let announce = || announced.set(true);
    let step = set.step(may_jump, announce, |move_on| {
        move_on();
        true
    });
    assert_eq!(step == Step::Woke, announced.get());
    step
}

fn polled(length: Duration) -> (Sleep, std::sync::Arc<Count>) {
    let (mut sleep, (count, waker)) = (sleep(length), Count::new());
    assert!(poll(&mut sleep, &waker).is_pending());
    (sleep, count)
}

#[test]
fn time_goes_on_to_the_very_deadline() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let start = now();
    let naps = [HOUR, SECOND, SECOND, HOUR * 24 * 365 * 20];
    let naps = naps.map(polled);
    let after = |steps| {
        for _ in 0..steps {
            assert_eq!(step(&set, true), Step::Woke);
        }
        (now() - start, naps.each_ref().map(|(_, woken)| woken.get()))
    };
    assert_eq!(after(0), (Duration::ZERO, [0, 0, 0, 0]));
    assert_eq!(after(1), (SECOND, [0, 1, 1, 0]));
    assert_eq!(after(1), (HOUR, [1, 1, 1, 0]));
    assert_eq!(after(1), (HOUR * 24 * 365 * 20, [1, 1, 1, 1]));
    assert_eq!(step(&set, true), Step::Nothing);
}

#[test]
fn all_shards_fire_at_the_same_time() {
    let (set, _) = set();
    let start = set.clock().now();
    let naps = [0, 1].map(|shard| {
        let _entered = set.enter(shard);
        polled(SECOND)
    });
    assert_eq!(step(&set, true), Step::Woke);
    assert_eq!(naps.map(|(_, woken)| woken.get()), [1, 1]);
    assert_eq!(set.clock().now() - start, SECOND);
}

#[test]
fn what_was_taken_out_attracts_nobody() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let start = now();
    for long in [1, 1 << 8, 1 << 20, 1 << 35, 1 << 50] {
        let (nap, _) = polled(Duration::from_nanos(long));
        drop(nap);
        assert_eq!(step(&set, true), Step::Nothing);
        let (never, _) = polled(Duration::MAX);
        assert_eq!(step(&set, true), Step::Nothing);
        drop(never);
    }
    assert_eq!(now(), start);
}

#[test]
fn time_does_not_jump_if_it_may_not() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let (start, (_nap, woken)) = (now(), polled(SECOND));
    assert_eq!(step(&set, false), Step::MayNotJump);
    let held = [hold(), hold()];
    for hold in held {
        assert_eq!(step(&set, true), Step::Nothing);
        drop(hold);
    }
    assert_eq!((now(), woken.get()), (start, 0));
    assert_eq!(step(&set, true), Step::Woke);
    assert_eq!((now() - start, woken.get()), (SECOND, 1));
}

#[test]
fn an_advance_stops_at_each_deadline_and_at_its_target() {
    let (set, notes) = set();
    let _entered = set.enter(0);
    let (start, _hold) = (now(), hold());
    let naps = [1, 2, 4].map(|n| polled(SECOND * n));
    let (mut three, (woken, waker)) = (advance(3 * SECOND), Count::new());
    notes.take();
    assert_eq!(step(&set, true), Step::Nothing, "it is not polled yet");
    assert!(poll(&mut three, &waker).is_pending());
    assert!(!notes.take().is_empty(), "the keeper is told");
    let mut stops = Vec::new();
    while woken.get() == 0 {
        assert!(poll(&mut three, &waker).is_pending());
        assert_eq!(step(&set, false), Step::Woke);
        let fired = naps.iter().filter(|(nap, _)| nap.is_elapsed()).count();
        stops.push(((now() - start).as_secs(), fired));
    }
    // At its target there is nothing to fire, so that it is told at once.
    assert_eq!(stops, [(1, 1), (2, 2), (3, 2)]);
    assert!(poll(&mut three, &waker).is_ready());
    assert!(poll(&mut three, &waker).is_ready());
    assert_eq!(step(&set, true), Step::Nothing);
}

#[test]
fn an_advance_is_over_when_what_is_due_then_has_fired() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let (_nap, napped) = polled(SECOND);
    let (mut second, (woken, waker)) = (advance(SECOND), Count::new());
    assert!(poll(&mut second, &waker).is_pending());
    assert_eq!(step(&set, true), Step::Woke);
    assert_eq!((napped.get(), woken.get()), (1, 0), "that runs first");
    assert_eq!(step(&set, true), Step::Woke);
    assert_eq!((napped.get(), woken.get()), (1, 1));
    // Nothing at all: what there is now.
    let mut nothing = advance(Duration::ZERO);
    assert!(poll(&mut nothing, &waker).is_pending());
    assert_eq!((step(&set, true), woken.get()), (Step::Woke, 2));
    assert!(poll(&mut nothing, &waker).is_ready());
}

#[test]
fn of_two_advances_each_has_its_own_time() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let start = now();
    let mut both = [3, 1].map(|n| advance(n * SECOND));
    let counts = both.each_mut().map(|advance| {
        let (count, waker) = Count::new();
        assert!(poll(advance, &waker).is_pending());
        count
    });
    let woken = || counts.each_ref().map(|count| count.get());
    assert_eq!(step(&set, true), Step::Woke);
    assert_eq!((woken(), now() - start), ([0, 1], SECOND));
    let (_, waker) = Count::new();
    assert!(both.each_mut().map(|one| poll(one, &waker).is_ready()) == [false, true]);
    assert_eq!(step(&set, true), Step::Woke);
    assert_eq!((woken(), now() - start), ([0, 1], 3 * SECOND));
    assert!(poll(&mut both[0], &waker).is_ready());
}

#[test]
fn a_dropped_advance_moves_nothing() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let start = now();
    let mut gone = advance(SECOND);
    let dropped = Call::waker(|| panic!("it is not called"));
    assert!(poll(&mut gone, &dropped).is_pending());
    drop(gone);
    assert_eq!(step(&set, true), Step::Nothing);
    assert_eq!(now(), start);
}

#[test]
fn an_advance_to_the_end_of_time_ends() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let (mut end, (woken, waker)) = (advance(Duration::MAX), Count::new());
    let (_never, _) = polled(Duration::MAX);
    assert!(poll(&mut end, &waker).is_pending());
    assert_eq!((step(&set, true), woken.get()), (Step::Woke, 1));
    assert_eq!(step(&set, true), Step::Nothing);
}

#[test]
fn wakers_are_called_and_dropped_outside_the_lock() {
    watchdog(|| {
        let (set, _) = set();
        let _entered = set.enter(0);
        let asked = Driven::current("test").asked;
        let in_lock = move || drop(asked.0.lock());
        let mut zero = advance(Duration::ZERO);
        struct OnDrop<F: Fn()>(F);
        impl<F: Fn() + Send + Sync> std::task::Wake for OnDrop<F> {
            fn wake(self: Arc<Self>) {
                (self.0)();
            }
        }
        impl<F: Fn()> Drop for OnDrop<F> {
            fn drop(&mut self) {
                (self.0)();
            }
        }
        for _ in 0..3 {
            let waker = Waker::from(Arc::new(OnDrop(in_lock.clone())));
            assert!(poll(&mut zero, &waker).is_pending());
        }
        assert_eq!(step(&set, true), Step::Woke);
        let mut left = advance(SECOND);
        let waker = Waker::from(Arc::new(OnDrop(in_lock)));
        assert!(poll(&mut left, &waker).is_pending());
        drop(waker);
        drop(left);
    });
}

#[test]
fn the_end_of_the_runtime_ends_an_advance() {
    let (set, _) = set();
    let entered = set.enter(0);
    let (count, waker) = Count::new();
    let (mut polled, mut unpolled) = (advance(SECOND), advance(SECOND));
    let held = hold();
    assert!(poll(&mut polled, &waker).is_pending());
    set.close();
    assert_eq!(count.get(), 1);
    assert!(poll(&mut polled, &waker).is_ready());
    assert!(poll(&mut unpolled, &waker).is_ready());
    drop(held);
    assert!(
        catch_unwind(hold).is_err(),
        "there is no paused clock any more"
    );
    drop(entered);
}

#[test]
fn without_a_paused_clock_there_is_nothing_to_move() {
    let manual = ShardSet::new(ManualClock::new().into(), 1, 1, Notes::new());
    assert_eq!(step(&manual, true), Step::Nothing);
    let message = |what: fn()| {
        let payload = catch_unwind(AssertUnwindSafe(what)).unwrap_err();
        *payload.downcast::<String>().unwrap()
    };
    for entered in [None, Some(manual.enter(0))] {
        let advance = message(|| drop(advance(SECOND)));
        assert!(
            advance.starts_with("`advance` was called where"),
            "{advance}"
        );
        assert!(advance.contains("`Builder::start_paused(true)`"));
        assert!(message(|| drop(hold())).starts_with("`hold` was called where"));
        drop(entered);
    }
}

#[test]
fn a_deadline_that_has_passed_is_over_under_a_paused_clock_too() {
    let (set, _) = set();
    let _entered = set.enter(0);
    let start = now();
    let (mut second, waker) = (advance(SECOND), Count::new().1);
    assert!(poll(&mut second, &waker).is_pending());
    assert_eq!(step(&set, true), Step::Woke);
    assert!(poll(&mut sleep_until(start + SECOND), &waker).is_ready());
    assert!(poll(&mut sleep_until(start + 2 * SECOND), &waker).is_pending());
}
