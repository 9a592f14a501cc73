use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::Duration;

use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::*;
use crate::clock::ManualClock;
use crate::testing::{Count, Notes, poll};
use crate::{Sleep, now, sleep};

assert_impl_all!(ShardSet: Send, Sync);
assert_not_impl_any!(Entered: Send);

const HOUR: Duration = Duration::from_secs(3600);

fn set(workers: usize, external: usize) -> (ShardSet, ManualClock) {
    let hand = ManualClock::new();
    (
        ShardSet::new(hand.clone().into(), workers, external, Notes::new()),
        hand,
    )
}

fn polled(length: Duration) -> Sleep {
    let mut sleep = sleep(length);
    let (_, waker) = Count::new();
    assert!(poll(&mut sleep, &waker).is_pending());
    sleep
}

fn armed(set: &ShardSet) -> Vec<bool> {
    (0..set.shards())
        .map(|shard| set.next(shard) != NEVER)
        .collect()
}

#[test]
fn timers_go_where_the_thread_has_entered_last() {
    let (outer, _) = set(2, 1);
    let (inner, _) = set(1, 1);
    let first = outer.enter(1);
    let _a = polled(HOUR);
    assert_eq!(armed(&outer), [false, true, false]);
    {
        let _second = inner.enter(0);
        let _b = polled(HOUR);
        assert_eq!((outer.len(), inner.len()), (1, 1));
        let _third = outer.enter_external();
        let _c = polled(HOUR);
        assert_eq!(armed(&outer), [false, true, true]);
    }
    let _d = polled(HOUR);
    assert_eq!(
        (outer.len(), inner.len()),
        (2, 0),
        "the timers of the inner block are gone"
    );
    drop(first);
    let _e = polled(HOUR);
    assert_eq!(outer.len(), 2);
    assert_eq!(outer.next_deadline(), outer.next(1).min(outer.next(2)));
}

#[test]
fn each_thread_has_an_external_shard_and_they_spread() {
    let (set, _) = set(1, 4);
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                let _entered = set.enter_external();
                std::mem::forget((polled(HOUR), polled(HOUR)));
            });
        }
    });
    assert_eq!(armed(&set)[..1], [false]);
    // Threads of other tests take numbers meanwhile, so not all need to be hit.
    assert!(armed(&set)[1..].iter().filter(|armed| **armed).count() >= 2);
    assert_eq!(set.len(), 32);
    set.close();
    assert!(set.is_empty());
}

#[test]
fn the_clock_is_that_of_the_set() {
    let (set, hand) = set(1, 1);
    let before = hand.now();
    hand.advance(HOUR);
    {
        let _entered = set.enter(0);
        assert!(now() >= before + HOUR);
        assert_eq!(now(), hand.now());
        assert_eq!(set.clock().now(), hand.now());
        set.close();
        assert!(now() < before + HOUR, "by the system's clock again");
    }
    assert!(now() < before + HOUR);
}

#[test]
fn any_thread_may_fire_any_shard() {
    let (set, hand) = set(2, 1);
    let entered = set.enter(0);
    let (count, waker) = Count::new();
    let mut sleep = sleep(Duration::from_secs(1));
    assert!(poll(&mut sleep, &waker).is_pending());
    hand.advance(Duration::from_secs(2));
    // This thread is busy; another one looks after its timers.
    thread::scope(|scope| {
        scope.spawn(|| {
            assert_eq!(
                set.fire(0, set.now(), 10),
                Fired {
                    fired: 1,
                    more: false
                }
            )
        });
    });
    assert_eq!(count.get(), 1);
    assert!(poll(&mut sleep, &waker).is_ready());
    drop(entered);
}

#[test]
fn dropping_the_set_wakes_its_timers() {
    let (set, _) = set(1, 1);
    let entered = set.enter(0);
    let (count, waker) = Count::new();
    let mut sleep = sleep(HOUR);
    assert!(poll(&mut sleep, &waker).is_pending());
    drop(set);
    assert_eq!(count.get(), 1);
    drop(entered);
}

#[test]
fn a_set_without_external_shards_is_refused() {
    let refused = catch_unwind(AssertUnwindSafe(|| set(1, 0)));
    let message = *refused
        .unwrap_err()
        .downcast::<String>()
        .unwrap_or_default();
    assert!(
        message.is_empty() || message.contains("at least 1 external"),
        "{message}"
    );
}

#[test]
fn a_set_can_be_closed_from_a_shared_reference_while_others_use_it() {
    crate::testing::watchdog(|| {
        for _ in 0..200 {
            let (set, hand) = set(1, 1);
            hand.advance(HOUR);
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _entered = set.enter(0);
                    for _ in 0..20 {
                        drop(polled(HOUR));
                    }
                });
                scope.spawn(|| set.fire(0, set.now(), 100));
                scope.spawn(|| set.close());
            });
            set.close();
            assert_eq!((set.len(), set.next_deadline()), (0, NEVER));
        }
    });
}
