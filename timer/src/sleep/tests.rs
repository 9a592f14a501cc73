use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::{Arc, Barrier};
use std::thread;

use futures::executor::block_on;
use parking_lot::Mutex;
use static_assertions::assert_impl_all;

use super::*;
use crate::clock::ManualClock;
use crate::driver::{NEVER, ShardSet};
use crate::testing::{Call, Count, Notes, Random, poll, watchdog};

mod slack;

assert_impl_all!(Sleep: Send, Sync, Unpin, UnwindSafe, RefUnwindSafe);

const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A set of one worker's shard, by a clock set by hand, which the thread enters.
struct World {
    set: ShardSet,
    hand: ManualClock,
    notes: &'static Notes,
    _entered: crate::driver::Entered,
}

fn world() -> World {
    let (hand, notes) = (ManualClock::new(), Notes::new());
    let set = ShardSet::new(hand.clone().into(), 1, 1, notes);
    let _entered = set.enter(0);
    World {
        set,
        hand,
        notes,
        _entered,
    }
}

impl World {
    /// Moves time on and fires what is due; how many that was.
    fn advance(&self, by: Duration) -> usize {
        self.hand.advance(by);
        let now = self.set.now();
        let mut fired = 0;
        loop {
            let did = self.set.fire(0, now, 7);
            fired += did.fired;
            if !did.more {
                return fired;
            }
        }
    }
}

#[test]
fn it_is_ready_when_its_time_has_come_and_not_before() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(SECOND);
    assert_eq!(world.set.len(), 0, "armed at the first poll");
    assert!(poll(&mut sleep, &waker).is_pending());
    assert_eq!(world.set.len(), 1);
    assert!(!sleep.is_elapsed());
    world.advance(SECOND - Duration::from_nanos(1));
    assert!(poll(&mut sleep, &waker).is_pending());
    assert_eq!(count.get(), 0);
    world.advance(Duration::from_nanos(1));
    assert_eq!((count.get(), world.set.len()), (1, 0));
    assert!(sleep.is_elapsed());
    assert!(poll(&mut sleep, &waker).is_ready());
    assert!(poll(&mut sleep, &waker).is_ready(), "and stays so");
    assert_eq!(Arc::strong_count(&count), 2);
}

#[test]
fn a_poll_that_comes_before_the_firing_is_ready_and_takes_the_timer_out() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(SECOND);
    assert!(poll(&mut sleep, &waker).is_pending());
    world.hand.advance(SECOND);
    assert!(poll(&mut sleep, &waker).is_ready());
    assert_eq!(
        (world.set.len(), world.advance(HOUR), count.get()),
        (0, 0, 0)
    );
}

#[test]
fn what_is_over_is_ready_at_the_first_poll() {
    let world = world();
    let noop = Waker::noop();
    assert!(poll(&mut sleep(Duration::ZERO), noop).is_ready());
    assert!(poll(&mut sleep_until(world.hand.now()), noop).is_ready());
    assert!(poll(&mut sleep_until(world.hand.now() - HOUR), noop).is_ready());
    for length in [Duration::from_nanos(1), SECOND, HOUR] {
        let mut sleep = sleep(length);
        world.hand.advance(length);
        assert!(poll(&mut sleep, noop).is_ready());
    }
    assert_eq!((world.set.len(), world.notes.take()), (0, vec![]));
}

#[test]
fn by_the_systems_clock_too() {
    let noop = Waker::noop();
    assert!(poll(&mut sleep(Duration::ZERO), noop).is_ready());
    assert!(poll(&mut sleep_until(Instant::now()), noop).is_ready());
    assert!(poll(&mut sleep_until(Instant::now() - HOUR), noop).is_ready());
    let mut short = sleep(Duration::from_millis(2));
    let mut until = sleep_until(Instant::now() + Duration::from_millis(2));
    let (start, end) = (Instant::now(), Duration::from_millis(3));
    while start.elapsed() < end {
        std::hint::spin_loop();
    }
    assert!(poll(&mut short, noop).is_ready() && poll(&mut until, noop).is_ready());
}

#[test]
fn a_clock_that_was_not_read_for_long_is_read_again() {
    let noop = Waker::noop();
    let long_ago = clock::nanos(Instant::now() - HOUR);
    let until = sleep_until(Instant::now());
    let short = sleep(Duration::from_nanos(1));
    for mut sleep in [until, short] {
        context::set_last_monotonic_nanos(long_ago);
        assert!(poll(&mut sleep, noop).is_ready());
    }
    let world = world();
    let mut by_hand = sleep(HOUR);
    world.hand.advance(HOUR);
    context::set_last_monotonic_nanos(long_ago);
    assert!(poll(&mut by_hand, noop).is_ready());
}

#[test]
fn a_long_sleep_is_armed_without_another_look_at_the_clock() {
    let set = ShardSet::new(crate::Clock::monotonic(), 1, 1, Notes::new());
    let _entered = set.enter(0);
    let mut sleep = sleep(HOUR);
    let read = context::last_monotonic_nanos();
    assert!(read.is_some());
    assert!(poll(&mut sleep, Waker::noop()).is_pending());
    assert_eq!((context::last_monotonic_nanos(), set.len()), (read, 1));
    // On a thread that has never looked at it, nothing is known.
    context::set_last_monotonic_nanos(0);
    sleep = crate::sleep(HOUR);
    context::set_last_monotonic_nanos(0);
    assert!(poll(&mut sleep, Waker::noop()).is_pending());
    assert!(context::last_monotonic_nanos().is_some());
}

#[test]
fn what_never_comes_waits_for_ever() {
    let world = world();
    let (count, waker) = Count::new();
    let far = world
        .hand
        .now()
        .checked_add(Duration::from_secs(1 << 40))
        .unwrap();
    let mut sleeps = [
        sleep(Duration::MAX),
        sleep(Duration::from_nanos(u64::MAX)),
        sleep_until(far),
    ];
    for sleep in &mut sleeps {
        assert!(poll(sleep, &waker).is_pending());
        assert_eq!(sleep.deadline(), None);
    }
    assert_eq!(
        (world.set.next_deadline(), world.notes.take()),
        (NEVER, vec![])
    );
    for _ in 0..3 {
        world.advance(Duration::MAX);
    }
    assert!(
        sleeps
            .iter_mut()
            .all(|sleep| poll(sleep, &waker).is_pending())
    );
    assert_eq!(count.get(), 0);
    drop(sleeps);
    assert_eq!((world.set.len(), Arc::strong_count(&count)), (0, 2));
}

#[test]
fn the_deadline_is_told_as_it_was_given() {
    let at = Instant::now() + HOUR;
    assert_eq!(sleep_until(at).deadline(), Some(at));
    let past = Instant::now() - SECOND;
    assert_eq!(sleep_until(past).deadline(), Some(past));
    assert!(format!("{:?}", sleep_until(at)).starts_with("Sleep { deadline: Some("));
}

#[test]
fn dropping_takes_it_out_at_once() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleeps: Vec<Sleep> = (0..1000).map(|i| sleep(SECOND * (i % 10 + 1))).collect();
    for sleep in &mut sleeps {
        assert!(poll(sleep, &waker).is_pending());
    }
    assert_eq!((world.set.len(), Arc::strong_count(&count)), (1000, 1002));
    world.advance(SECOND * 5 + Duration::from_millis(1));
    assert_eq!((world.set.len(), count.get()), (500, 500));
    drop(sleeps);
    assert_eq!((world.set.len(), Arc::strong_count(&count)), (0, 2));
}

#[test]
fn it_may_be_dropped_on_another_thread() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(SECOND);
    assert!(poll(&mut sleep, &waker).is_pending());
    thread::scope(|scope| {
        scope.spawn(move || drop(sleep));
    });
    assert_eq!((world.set.len(), Arc::strong_count(&count)), (0, 2));
}

#[test]
fn the_same_waker_is_not_cloned_again_and_another_takes_its_place() {
    let world = world();
    let ((first, one), (second, two)) = (Count::new(), Count::new());
    let mut sleep = sleep(SECOND);
    for _ in 0..3 {
        assert!(poll(&mut sleep, &one).is_pending());
        assert_eq!(Arc::strong_count(&first), 3);
    }
    assert!(poll(&mut sleep, &two).is_pending());
    assert_eq!(
        (Arc::strong_count(&first), Arc::strong_count(&second)),
        (2, 3)
    );
    world.advance(HOUR);
    assert_eq!((first.get(), second.get()), (0, 1));
}

#[test]
fn a_poll_by_the_same_waker_and_a_reset_to_later_lock_nothing() {
    watchdog(|| {
        // By the system's clock: a manual one is read under the lock.
        let set = ShardSet::new(crate::Clock::monotonic(), 1, 1, Notes::new());
        let _entered = set.enter(0);
        let mut sleep = sleep(HOUR);
        let waker = Count::new().1;
        assert!(poll(&mut sleep, &waker).is_pending());
        let shard = sleep.shard().unwrap();
        shard.with_lock_held(|| {
            for _ in 0..3 {
                assert!(poll(&mut sleep, &waker).is_pending());
            }
            sleep.reset(Instant::now() + 2 * HOUR);
        });
    });
}

#[test]
fn reset_to_later_goes_back_in() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(SECOND);
    assert!(poll(&mut sleep, &waker).is_pending());
    sleep.reset(world.hand.now() + SECOND * 3);
    // Polled before the old time, or not: the old entry wakes once in vain.
    assert!(poll(&mut sleep, &waker).is_pending());
    assert_eq!(world.set.len(), 1);
    assert_eq!(world.advance(SECOND * 2), 1);
    assert_eq!(count.get(), 1);
    assert!(poll(&mut sleep, &waker).is_pending(), "never early");
    assert_eq!(world.set.len(), 1, "and armed again");
    assert!(poll(&mut sleep, &waker).is_pending());
    assert_eq!(world.advance(SECOND * 2), 1);
    assert_eq!((count.get(), world.set.len()), (2, 0));
    assert!(poll(&mut sleep, &waker).is_ready());
}

#[test]
fn reset_to_later_with_another_waker_after_the_old_entry_fired() {
    let world = world();
    let ((first, one), (second, two)) = (Count::new(), Count::new());
    let mut sleep = sleep(SECOND);
    assert!(poll(&mut sleep, &one).is_pending());
    sleep.reset(world.hand.now() + SECOND * 3);
    world.advance(SECOND * 2);
    assert!(poll(&mut sleep, &two).is_pending());
    world.advance(SECOND * 2);
    assert_eq!((first.get(), second.get()), (1, 1));
    assert!(poll(&mut sleep, &two).is_ready());
}

#[test]
fn reset_to_earlier_wakes_earlier_without_a_poll() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(HOUR);
    assert!(poll(&mut sleep, &waker).is_pending());
    world.notes.take();
    sleep.reset(world.hand.now() + SECOND);
    assert_eq!(world.notes.take().len(), 1, "the keeper is told");
    world.advance(SECOND * 2);
    assert_eq!(count.get(), 1);
    assert!(poll(&mut sleep, &waker).is_ready());

    sleep.reset(world.hand.now() + HOUR);
    assert!(
        poll(&mut sleep, &waker).is_pending(),
        "it can be used again"
    );
    sleep.reset(world.hand.now() - SECOND * 10);
    assert_eq!(
        (count.get(), world.set.len()),
        (2, 0),
        "woken by the reset itself"
    );
    assert!(poll(&mut sleep, &waker).is_ready());
}

#[test]
fn reset_of_what_never_comes() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(Duration::MAX);
    assert!(poll(&mut sleep, &waker).is_pending());
    sleep.reset(world.hand.now() + SECOND);
    world.advance(SECOND * 2);
    assert_eq!(count.get(), 1);
    assert!(poll(&mut sleep, &waker).is_ready());
}

#[test]
fn random_resets_and_polls_are_never_early_and_never_lost() {
    let world = world();
    let mut random = Random(7);
    let millis = |random: &mut Random| Duration::from_micros(random.of_any_size(20));
    for _ in 0..3_000 {
        let wakers = [Count::new(), Count::new()];
        let mut sleep = sleep(millis(&mut random));
        let mut last = None;
        for _ in 0..random.below(12) {
            match random.below(4) {
                0 => sleep.reset(world.hand.now() + millis(&mut random)),
                1 => drop(world.advance(millis(&mut random))),
                _ => {
                    let which = random.below(2) as usize;
                    let before = wakers[which].0.get();
                    match poll(&mut sleep, &wakers[which].1) {
                        Poll::Pending => last = Some((which, before)),
                        Poll::Ready(()) => {
                            assert!(world.hand.now() >= sleep.deadline().unwrap());
                            last = None;
                        }
                    }
                }
            }
        }
        // Whoever polled last, and was told to wait, is woken by the end.
        if let Some((which, before)) = last {
            world.advance(HOUR);
            assert!(wakers[which].0.get() > before);
        }
        drop(sleep);
        assert_eq!(world.set.len(), 0);
    }
}

#[test]
fn a_waker_may_drop_and_reset_sleeps() {
    watchdog(|| {
        let world = world();
        let (count, waker) = Count::new();
        let others: Vec<Sleep> = (0..100).map(|_| sleep(SECOND)).collect();
        let others = Arc::new(Mutex::new(others));
        for (number, sleep) in others.lock().iter_mut().enumerate() {
            let others = others.clone();
            let later = world.hand.now() + HOUR;
            let call = Call::waker(move || {
                let mut others = others.lock();
                others.truncate(50);
                if let Some(other) = others.get_mut((number + 1) % 50) {
                    other.reset(later);
                    other.reset(later - SECOND);
                }
            });
            assert!(poll(sleep, &call).is_pending());
        }
        let mut own = sleep(SECOND);
        assert!(poll(&mut own, &waker).is_pending());
        world.advance(SECOND * 2);
        assert_eq!(count.get(), 1);
        let mut others = std::mem::take(&mut *others.lock());
        assert_eq!(others.len(), 50);
        for other in &mut others {
            let pending = poll(other, &waker).is_pending();
            assert_eq!(pending, !other.is_elapsed());
        }
        drop(others);
        assert_eq!(world.set.len(), 0);
    });
}

#[test]
fn swapping_the_waker_while_it_fires_loses_no_wake_up() {
    watchdog(|| {
        let rounds = if cfg!(debug_assertions) {
            5_000
        } else {
            50_000
        };
        let (hand, barrier) = (ManualClock::new(), Barrier::new(2));
        let set = ShardSet::new(hand.clone().into(), 1, 1, Notes::new());
        thread::scope(|scope| {
            scope.spawn(|| {
                for _ in 0..rounds {
                    barrier.wait();
                    hand.advance(SECOND);
                    set.fire(0, set.now(), 10);
                    barrier.wait();
                }
            });
            let _entered = set.enter(0);
            for _ in 0..rounds {
                let ((_, one), (second, two)) = (Count::new(), Count::new());
                let mut sleep = sleep(SECOND / 2);
                assert!(poll(&mut sleep, &one).is_pending());
                barrier.wait();
                let told_to_wait = poll(&mut sleep, &two).is_pending();
                barrier.wait();
                assert!(!told_to_wait || second.get() == 1);
                assert!(poll(&mut sleep, &two).is_ready());
            }
        });
        assert_eq!(set.len(), 0);
    });
}

#[test]
fn it_survives_the_end_of_its_set() {
    watchdog(|| {
        let World {
            set,
            hand,
            _entered,
            ..
        } = world();
        let (count, waker) = Count::new();
        // By the system's clock some of it is left when the set ends.
        let mut short = sleep(Duration::from_millis(20));
        let mut long = sleep(HOUR);
        let mut dropped = sleep(HOUR);
        let mut reset = sleep(HOUR);
        for sleep in [&mut short, &mut long, &mut dropped, &mut reset] {
            assert!(poll(sleep, &waker).is_pending());
        }
        set.close();
        assert_eq!(count.get(), 4, "each is woken so that it moves");
        drop(dropped);
        reset.reset(hand.now() + Duration::from_millis(10));
        // The thread still has the closed set entered.
        assert!(poll(&mut long, &waker).is_pending());
        block_on(&mut short);
        block_on(reset);
        assert!(Instant::now() >= short.deadline().unwrap());
        assert!(poll(&mut long, &waker).is_pending());
        drop(set);
        assert!(poll(&mut long, &waker).is_pending());
        // And it can move into another set, from outside.
        let another = world();
        let mut sleep = long;
        drop(sleep_until(another.hand.now()));
        assert!(poll(&mut sleep, &waker).is_pending());
        drop(sleep);
        assert_eq!(another.set.len(), 0);
    });
}

#[test]
fn a_shards_next_claim_is_not_touched_by_sleeps_of_the_last() {
    let first = world();
    let (_, waker) = Count::new();
    let mut old: Vec<Sleep> = (0..10).map(|_| sleep(HOUR)).collect();
    old.iter_mut()
        .for_each(|sleep| assert!(poll(sleep, &waker).is_pending()));
    first.set.close();
    drop(first);
    // Claims until the same shard comes round; its clock is far ahead.
    let sets: Vec<World> = (0..64).map(|_| world()).collect();
    let (count, waker) = Count::new();
    let mut new: Vec<Sleep> = Vec::new();
    for world in &sets {
        world.hand.advance(HOUR * 2);
        let _entered = world.set.enter(0);
        let mut sleep = sleep(HOUR);
        assert!(poll(&mut sleep, &waker).is_pending());
        new.push(sleep);
        world.advance(Duration::from_secs(1));
    }
    let outside = std::mem::take(&mut old);
    assert!(outside.iter().all(|sleep| sleep.shard().is_some()));
    for mut sleep in outside {
        sleep.reset(Instant::now() + HOUR);
        drop(sleep);
    }
    assert_eq!(count.get(), 0);
    assert!(sets.iter().all(|world| world.set.len() == 1));
    // The places nest: they are left in the reverse of their order.
    sets.into_iter().rev().for_each(drop);
}

#[test]
fn outside_every_runtime_a_thread_drives_it() {
    watchdog(|| {
        let start = Instant::now();
        block_on(sleep(Duration::from_millis(5)));
        assert!(start.elapsed() >= Duration::from_millis(5));
        // One that is armed later, for an earlier time.
        let mut late = sleep(HOUR);
        assert!(poll(&mut late, Waker::noop()).is_pending());
        block_on(sleep(Duration::from_millis(1)));
        assert!(start.elapsed() < HOUR);
    });
}

#[test]
fn a_timer_armed_while_the_driver_goes_to_sleep_is_not_missed() {
    watchdog(|| {
        let rounds = if cfg!(debug_assertions) {
            3_000
        } else {
            20_000
        };
        for _ in 0..rounds {
            let (count, waker) = Count::new();
            // Made ready by the driver, this thread arms the next at once, as the driver looks for
            // the last time.
            let mut sleep = sleep(Duration::from_micros(20));
            if poll(&mut sleep, &waker).is_pending() {
                while count.get() == 0 {
                    std::hint::spin_loop();
                }
            }
        }
    });
}

#[test]
fn many_threads_sleep_at_once_and_none_is_early() {
    watchdog(|| {
        let rounds = if cfg!(debug_assertions) { 50 } else { 200 };
        thread::scope(|scope| {
            for seed in 0..8 {
                scope.spawn(move || {
                    let mut random = Random(seed);
                    for _ in 0..rounds {
                        let length = Duration::from_nanos(random.below(2_000_000));
                        let start = Instant::now();
                        if random.below(3) == 0 {
                            let mut cancelled = sleep(length);
                            let _ = poll(&mut cancelled, Waker::noop());
                        }
                        block_on(sleep(length));
                        assert!(start.elapsed() >= length);
                    }
                });
            }
        });
    });
}

/// One moves to the time of another, and goes away when a third fires.
#[test]
fn dropped_after_it_moved_to_a_time_where_another_is() {
    let world = world();
    let (count, waker) = Count::new();
    let start = world.hand.now();
    let mut fires = sleep_until(start + SECOND);
    let mut moves = sleep_until(start + SECOND);
    let mut stays = sleep_until(start + 2 * SECOND);
    for sleep in [&mut fires, &mut moves, &mut stays] {
        assert!(poll(sleep, &waker).is_pending());
    }
    moves.reset(start + 2 * SECOND);
    // The entry of the one that moved may fire at its old time; it is not ready for that.
    world.advance(SECOND + Duration::from_millis(1));
    assert!(poll(&mut fires, &waker).is_ready());
    assert!(poll(&mut moves, &waker).is_pending());
    drop(moves);
    assert_eq!(world.set.len(), 1, "the one that stays");
    let before = count.get();
    world.advance(SECOND);
    assert!(poll(&mut stays, &waker).is_ready());
    assert_eq!((count.get(), world.set.len()), (before + 1, 0));
}

#[test]
fn by_a_manual_clock_a_nanosecond_tells_two_sleeps_apart() {
    let world = world();
    let start = world.hand.now();
    let length = Duration::from_millis(1);
    let ((first, one), (second, two)) = (Count::new(), Count::new());
    let (mut sleeps, nano) = ([sleep(length), sleep(length)], Duration::from_nanos(1));
    sleeps[1].reset(start + length + nano);
    assert!(poll(&mut sleeps[0], &one).is_pending());
    assert!(poll(&mut sleeps[1], &two).is_pending());
    // From one deadline to the next, as time does that nobody waits for.
    let mut times = Vec::new();
    while world.set.next_deadline() != NEVER {
        let left = world.set.next_deadline() - world.set.now();
        if world.advance(Duration::from_nanos(left)) > 0 {
            times.push((world.hand.now() - start, first.get(), second.get()));
        }
    }
    assert_eq!(times, [(length, 1, 0), (length + nano, 1, 1)]);
}

/// Later than a wheel that counts in nanoseconds can say.
#[test]
fn by_a_manual_clock_centuries_are_never() {
    let world = world();
    let (count, waker) = Count::new();
    let mut sleep = sleep(Duration::from_secs(300 * 366 * 24 * 3600));
    assert!(poll(&mut sleep, &waker).is_pending());
    assert_eq!((world.set.len(), world.set.next_deadline()), (1, NEVER));
    world.advance(Duration::from_secs(299 * 366 * 24 * 3600));
    assert!(poll(&mut sleep, &waker).is_pending());
    assert_eq!(world.set.next_deadline(), NEVER);
    world.advance(Duration::from_secs(366 * 24 * 3600));
    assert_eq!(count.get(), 0);
    assert!(poll(&mut sleep, &waker).is_ready(), "whoever asks is told");
    assert_eq!(world.set.len(), 0);
}

/// Years one after another, and ten at once: as exact as a nanosecond.
#[test]
fn years_are_as_exact_as_nanoseconds() {
    let world = world();
    let (count, waker) = Count::new();
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    for years in [1, 1, 1, 5, 10, 80] {
        let deadline = world.hand.now() + years * YEAR;
        let mut sleep = sleep_until(deadline);
        assert!(poll(&mut sleep, &waker).is_pending());
        world.advance(years * YEAR - Duration::from_nanos(1));
        assert!(
            poll(&mut sleep, &waker).is_pending(),
            "{years} years: early"
        );
        assert_eq!((count.get(), world.set.len()), (0, 1));
        assert_eq!(world.advance(Duration::from_nanos(1)), 1);
        assert_eq!((count.take(), world.set.len()), (1, 0));
        assert!(poll(&mut sleep, &waker).is_ready(), "{years} years: late");
    }
    assert_eq!(world.set.len(), 0);
}
