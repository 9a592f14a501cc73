//! What slack a timer has: by its kind, its length, the set's bound, and what was asked for.

use super::*;
use crate::driver::Entered;
use crate::{interval_at, timeout, timeout_at};

const TICK: u64 = 1 << 14;
const MILLI: Duration = Duration::from_millis(1);

/// A set by the system's clock, which the thread enters.
struct Real {
    set: ShardSet,
    _entered: Entered,
}

fn real(max_slack: Option<Duration>) -> Real {
    let mut set = ShardSet::new(crate::Clock::monotonic(), 1, 1, Notes::new());
    max_slack.into_iter().for_each(|max| set.set_max_slack(max));
    let _entered = set.enter(0);
    Real { set, _entered }
}

/// Checks that deadlines are rounded up to multiples of so many ticks, with 64 timers. Each is
/// armed in a set of its own, whose next deadline it is.
#[track_caller]
fn check_within(max_slack: Option<Duration>, ticks: u64, arm: impl Fn(u64) -> Sleep) {
    for number in 0..64 {
        let real = real(max_slack);
        let sleep = arm(number);
        let due = sleep.deadline_nanos().next_multiple_of(ticks * TICK);
        assert_eq!(real.set.next(0), due, "{sleep:?}");
    }
}

#[track_caller]
fn check(ticks: u64, arm: impl Fn(u64) -> Sleep) {
    check_within(None, ticks, arm);
}

/// Makes them a little longer each, and polls them once.
fn polled(length: Duration, make: impl Fn(Duration) -> Sleep) -> impl Fn(u64) -> Sleep {
    move |number| {
        let mut sleep = make(length + Duration::from_micros(number * 170));
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        sleep
    }
}

fn limit(length: Duration) -> Sleep {
    super::super::limit(length)
}

#[test]
fn by_default_it_is_a_part_of_what_is_left() {
    for (length, sleeps, limits) in [
        (Duration::from_millis(100), 2, 16),
        (Duration::from_secs(30), 2, 512),
        (HOUR, 2, 512),
    ] {
        let until = |length| sleep_until(Instant::now() + length);
        let limit_until = |length| super::super::limit_until(Instant::now() + length);
        check(sleeps, polled(length, sleep));
        check(sleeps, polled(length, until));
        check(limits, polled(length, limit));
        check(limits, polled(length, limit_until));
    }
}

#[test]
fn of_what_is_left_where_it_is_armed_not_where_it_was_made() {
    // Made for an hour, of which most is over.
    let late = |_: u64| {
        let mut sleep = super::super::limit_until(Instant::now() + HOUR);
        sleep.reset(Instant::now() + 100 * MILLI);
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        sleep
    };
    check(16, late);
    // A thread that hasn't looked at the clock for an hour thinks that more is left than was at
    // first.
    let moved = |length| {
        let sleep = limit(length);
        context::set_last_monotonic_nanos(clock::nanos(Instant::now() - HOUR));
        sleep
    };
    check(128, polled(SECOND, moved));
}

#[test]
fn the_sets_bound_is_for_defaults_only() {
    let minute = Duration::from_secs(60);
    for (bound, sleeps, limits) in [
        (Duration::ZERO, 1, 1),
        (Duration::from_micros(30), 1, 1),
        (Duration::from_micros(33), 2, 2),
        (MILLI, 2, 32),
        (Duration::MAX, 2, 512),
    ] {
        let check = |ticks, arm: &dyn Fn(u64) -> Sleep| check_within(Some(bound), ticks, arm);
        check(sleeps, &polled(minute, sleep));
        check(limits, &polled(minute, limit));
        let explicit = |length| sleep(length).with_slack(2 * MILLI);
        check(64, &polled(minute, explicit));
    }
}

#[test]
fn what_is_asked_for_is_done() {
    for (slack, ticks) in [
        (Duration::ZERO, 1),
        (Duration::from_micros(32), 1),
        (Duration::from_micros(33), 2),
        (MILLI, 32),
        (SECOND, 32_768),
        (HOUR, 1 << 27),
    ] {
        for length in [50 * MILLI, SECOND, HOUR] {
            let with = |length| sleep(length).with_slack(slack);
            check(ticks, polled(length, with));
            let with = |length| limit(length).with_slack(slack);
            check(ticks, polled(length, with));
            let until = |length| sleep_until(Instant::now() + length).with_slack(slack);
            check(ticks, polled(length, until));
        }
    }
    let with = |length| sleep(length).with_slack(Duration::MAX);
    check(1 << (50 - 14), polled(SECOND, with));
}

#[test]
fn it_can_be_asked_for_while_it_is_armed_and_lasts_through_resets() {
    let armed = |slack| {
        move |number| {
            let mut sleep = limit(HOUR + Duration::from_micros(number * 17));
            assert!(poll(&mut sleep, Waker::noop()).is_pending());
            sleep.with_slack(slack)
        }
    };
    check(1, armed(Duration::ZERO));
    check(128, armed(4 * MILLI));
    let to_earlier = |number| {
        let mut sleep = armed(4 * MILLI)(number);
        sleep.reset(Instant::now() + SECOND);
        sleep
    };
    check(128, to_earlier);
    let made_with_it = |number| {
        let make = |length| limit(length).with_slack(4 * MILLI);
        let mut sleep = polled(HOUR, make)(number);
        sleep.reset(Instant::now() + SECOND / 10);
        sleep
    };
    check(128, made_with_it);
    let fired_and_reset = |number| {
        let mut sleep = sleep(Duration::ZERO).with_slack(4 * MILLI);
        assert!(poll(&mut sleep, Waker::noop()).is_ready());
        sleep.reset(Instant::now() + SECOND + Duration::from_micros(number * 17));
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        sleep
    };
    check(128, fired_and_reset);
}

#[test]
fn a_reset_to_earlier_leaves_no_more_slack_than_is_due_to_what_is_left() {
    for (left, ticks) in [
        (HOUR, 512),
        (SECOND, 128),
        (100 * MILLI, 16),
        (6 * MILLI, 1),
    ] {
        let reset = |number| {
            let mut sleep = limit(2 * HOUR);
            assert!(poll(&mut sleep, Waker::noop()).is_pending());
            sleep.reset(Instant::now() + left + Duration::from_micros(number * 17));
            sleep
        };
        check(ticks, reset);
    }
}

#[test]
fn by_a_manual_clock_there_is_none() {
    let world = world();
    let (count, waker) = Count::new();
    let nano = Duration::from_nanos(1);
    let mut made: Vec<Sleep> = Vec::new();
    for length in [SECOND, HOUR] {
        let start = world.hand.now();
        made.extend([
            sleep(length),
            sleep_until(start + length),
            limit(length),
            sleep(length).with_slack(SECOND),
            limit(length).with_slack(Duration::MAX),
        ]);
        let mut armed = sleep(length);
        assert!(poll(&mut armed, &waker).is_pending());
        made.push(armed.with_slack(SECOND));
        let all = made.len();
        for sleep in &mut made {
            assert!(poll(sleep, &waker).is_pending());
        }
        assert_eq!(world.advance(length - nano), 0);
        assert_eq!((world.advance(nano), count.take()), (all, all));
        made.clear();
    }
}

#[test]
fn whoever_polls_in_time_finds_it_ready_before_it_fires() {
    let real = real(None);
    let (count, waker) = Count::new();
    let start = Instant::now();
    let mut sleep = sleep(5 * MILLI).with_slack(HOUR);
    while poll(&mut sleep, &waker).is_pending() {
        assert!(sleep.deadline().unwrap() - start <= 6 * MILLI);
        std::hint::spin_loop();
    }
    assert!(start.elapsed() >= 5 * MILLI);
    assert_eq!((count.get(), real.set.len()), (0, 0));
}

#[test]
fn dropped_between_its_deadline_and_its_firing_it_is_taken_out() {
    let real = real(None);
    let (count, waker) = Count::new();
    let mut late = sleep(SECOND).with_slack(HOUR);
    let mut moved = sleep(SECOND).with_slack(HOUR);
    assert!(poll(&mut late, &waker).is_pending());
    assert!(poll(&mut moved, &waker).is_pending());
    let after = late.deadline_nanos() + SECOND.as_nanos() as u64;
    // The wheel gets beyond the deadline.
    real.set.fire(0, real.set.next(0).min(after), 10);
    let mut other = sleep(2 * MILLI).with_slack(Duration::ZERO);
    assert!(poll(&mut other, &waker).is_pending());
    real.set.fire(0, after, usize::MAX);
    assert_eq!((count.get(), real.set.len()), (1, 2));
    drop(late);
    assert_eq!(real.set.len(), 1);
    moved.reset(Instant::now() + 2 * HOUR);
    drop(moved);
    assert_eq!((count.get(), real.set.len()), (1, 0));
}

#[test]
fn timeouts_and_intervals_have_theirs() {
    let never = || sleep(Duration::MAX);
    for number in 0..20 {
        let at = Instant::now() + SECOND * 30 + Duration::from_micros(number * 17);
        let check = |poll: &mut dyn FnMut(&mut Context<'_>) -> bool, ticks: u64| {
            let real = real(None);
            assert!(poll(&mut Context::from_waker(Waker::noop())));
            let due = clock::nanos(at).next_multiple_of(ticks * TICK);
            assert_eq!(real.set.next(0), due);
        };
        let mut limited = timeout_at(at, never());
        check(&mut |cx| Pin::new(&mut limited).poll(cx).is_pending(), 512);
        let mut limited = timeout_at(at, never()).with_slack(MILLI);
        check(&mut |cx| Pin::new(&mut limited).poll(cx).is_pending(), 32);
        let mut ticks = interval_at(at, SECOND);
        check(&mut |cx| ticks.poll_tick(cx).is_pending(), 2);
        let mut ticks = interval_at(at, SECOND).with_slack(MILLI);
        check(&mut |cx| ticks.poll_tick(cx).is_pending(), 32);
    }
    let limited = |length| timeout(length, never());
    let real = real(None);
    let mut minute = limited(60 * SECOND);
    assert!(poll(&mut minute, Waker::noop()).is_pending());
    assert_eq!(real.set.next(0) % (512 * TICK), 0);
}

/// A sleep whose time is just over, on a thread that hasn't looked at the clock since it was made.
fn over_unseen(length: Duration, make: impl Fn(Duration) -> Sleep) -> Sleep {
    let mut sleep = make(length);
    sleep.deadline = clock::nanos(Instant::now());
    context::set_last_monotonic_nanos(sleep.deadline - length.as_nanos() as u64);
    sleep
}

#[test]
fn with_a_slack_asked_for_it_is_ready_at_a_first_poll_once_its_time_is_over() {
    let real = real(None);
    for slack in [Duration::ZERO, MILLI, HOUR, Duration::MAX] {
        for length in [SECOND, HOUR] {
            let mut late = over_unseen(length, |length| sleep(length).with_slack(slack));
            assert!(poll(&mut late, Waker::noop()).is_ready(), "{slack:?}");
            let mut late = over_unseen(length, |length| limit(length).with_slack(slack));
            assert!(poll(&mut late, Waker::noop()).is_ready(), "{slack:?}");
        }
    }
    assert_eq!(real.set.len(), 0);
}

#[test]
fn by_default_it_is_woken_no_later_than_it_may_be_anyway_after_a_first_poll_too_late() {
    for (length, sleeps, limits) in [(SECOND, 2, 128), (HOUR, 2, 512)] {
        for (make, ticks) in [(sleep as fn(_) -> _, sleeps), (limit, limits)] {
            let real = real(None);
            let (count, waker) = Count::new();
            let mut late = over_unseen(length, make);
            assert!(poll(&mut late, &waker).is_pending());
            let last = late.deadline_nanos() + ticks * TICK;
            assert_eq!(real.set.fire(0, last, 10).fired, 1);
            assert_eq!((count.get(), real.set.len()), (1, 0));
            assert!(poll(&mut late, &waker).is_ready());
        }
    }
}

#[test]
fn what_was_asked_for_outlasts_a_clock_set_by_hand() {
    for asked_first in [true, false] {
        let mut sleep = limit(HOUR);
        if asked_first {
            sleep = sleep.with_slack(4 * MILLI);
        }
        let world = world();
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        if !asked_first {
            sleep = sleep.with_slack(4 * MILLI);
        }
        sleep.reset(sleep.deadline().unwrap() - SECOND);
        assert_eq!(world.set.next(0), sleep.deadline_nanos(), "exact there");
        world.set.close();
        let real = real(None);
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        let due = sleep.deadline_nanos().next_multiple_of(128 * TICK);
        assert_eq!(real.set.next(0), due);
    }
}
