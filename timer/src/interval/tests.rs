use std::panic::{AssertUnwindSafe, Location, UnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Waker;

use futures::executor::block_on;
use parking_lot::Mutex;
use static_assertions::assert_impl_all;

use super::*;
use crate::clock::ManualClock;
use crate::driver::{Entered, ShardSet};
use crate::testing::{Count, Notes, poll, watchdog};

assert_impl_all!(Interval: Send, Sync, Unpin, UnwindSafe);
assert_impl_all!(Tick<'static>: Send, Sync, Unpin);

const MILLI: Duration = Duration::from_millis(1);

fn world() -> (ShardSet, ManualClock, Entered) {
    let hand = ManualClock::new();
    let set = ShardSet::new(hand.clone().into(), 1, 1, Notes::new());
    let entered = set.enter(0);
    (set, hand, entered)
}

/// Moves time on a step of 1 ms at a time; at which of them it ticked, and for when, in ms from the
/// start.
fn ticks(
    interval: &mut Interval,
    hand: &ManualClock,
    start: Instant,
    until: u128,
) -> Vec<(u128, u128)> {
    let mut ticks = Vec::new();
    loop {
        let now = (hand.now() - start).as_millis();
        while let Poll::Ready(due) = poll(&mut interval.tick(), Waker::noop()) {
            ticks.push((now, (due - start).as_millis()));
        }
        if now >= until {
            return ticks;
        }
        hand.advance(MILLI);
    }
}

#[test]
fn it_ticks_at_once_and_then_once_every_period() {
    let (_set, hand, _entered) = world();
    let start = hand.now();
    let mut interval = interval(MILLI * 10);
    assert_eq!(
        ticks(&mut interval, &hand, start, 35),
        [(0, 0), (10, 10), (20, 20), (30, 30)]
    );
    assert_eq!(interval.period(), MILLI * 10);
}

#[test]
fn a_missed_tick_is_made_up_for_as_was_asked() {
    use MissedTickBehavior::{Burst, Delay, Skip};
    for (behavior, expected) in [
        (
            Burst,
            vec![(47, 20), (47, 30), (47, 40), (50, 50), (60, 60), (70, 70)],
        ),
        (Delay, vec![(47, 20), (57, 57), (67, 67)]),
        (Skip, vec![(47, 20), (50, 50), (60, 60), (70, 70)]),
    ] {
        let (_set, hand, _entered) = world();
        let start = hand.now();
        let mut interval = interval(MILLI * 10);
        assert_eq!(interval.missed_tick_behavior(), Burst);
        interval.set_missed_tick_behavior(behavior);
        assert_eq!(ticks(&mut interval, &hand, start, 19), [(0, 0), (10, 10)]);
        hand.advance_to(start + MILLI * 47);
        assert_eq!(
            ticks(&mut interval, &hand, start, 75),
            expected,
            "{behavior:?}"
        );
    }
}

#[test]
fn a_little_late_is_in_time() {
    let second = 1_000_000_000;
    let delay = |late| MissedTickBehavior::Delay.next(100 * second, 100 * second + late, second);
    assert_eq!(delay(0), 101 * second);
    assert_eq!(delay(IN_TIME - 1), 101 * second, "so that it doesn't drift");
    assert_eq!(delay(IN_TIME), 101 * second + IN_TIME);
    assert_eq!(
        MissedTickBehavior::Delay.next(100, 110, 10),
        120,
        "a period is never in time"
    );
}

#[test]
fn the_next_tick_saturates() {
    use MissedTickBehavior::{Burst, Delay, Skip};
    for behavior in [Burst, Delay, Skip] {
        assert_eq!(behavior.next(5, 1 << 50, u64::MAX), u64::MAX);
        assert_eq!(behavior.next(u64::MAX - 5, u64::MAX - 1, 10), u64::MAX);
    }
    for late in 0..100 {
        let next = Skip.next(1000, 1000 + late, 7);
        assert!(next > 1000 + late && next <= 1007 + late && (next - 1000).is_multiple_of(7));
    }
}

#[test]
fn an_endless_period_ticks_once() {
    let (set, hand, _entered) = world();
    let mut interval = interval(Duration::MAX);
    assert!(poll(&mut interval.tick(), Waker::noop()).is_ready());
    hand.advance(Duration::MAX);
    assert!(poll(&mut interval.tick(), Waker::noop()).is_pending());
    assert_eq!(set.next_deadline(), crate::driver::NEVER);
}

#[test]
fn it_can_be_reset() {
    let (_set, hand, _entered) = world();
    let start = hand.now();
    let mut interval = interval_at(start + MILLI * 5, MILLI * 10);
    assert_eq!(ticks(&mut interval, &hand, start, 7), [(5, 5)]);
    interval.reset();
    assert_eq!(ticks(&mut interval, &hand, start, 17), [(17, 17)]);
    interval.reset_immediately();
    assert_eq!(ticks(&mut interval, &hand, start, 18), [(17, 17)]);
    interval.reset_after(MILLI * 2);
    assert_eq!(ticks(&mut interval, &hand, start, 20), [(20, 20)]);
    interval.reset_at(start + MILLI * 25);
    assert_eq!(ticks(&mut interval, &hand, start, 36), [(25, 25), (35, 35)]);
    // Further away than its period.
    interval.reset_at(start + MILLI * 100);
    assert_eq!(
        ticks(&mut interval, &hand, start, 115),
        [(100, 100), (110, 110)]
    );
}

#[test]
fn to_drop_a_tick_loses_nothing() {
    let (set, hand, _entered) = world();
    let (count, waker) = Count::new();
    let start = hand.now();
    let mut interval = interval_at(start + MILLI, MILLI);
    assert!(poll(&mut interval.tick(), &waker).is_pending());
    hand.advance(MILLI * 2);
    set.fire(0, set.now(), 10);
    assert_eq!(
        count.get(),
        1,
        "the timer is the interval's, not the tick's"
    );
    assert_eq!(
        poll(&mut interval.tick(), &waker),
        Poll::Ready(start + MILLI)
    );
}

#[test]
fn a_period_of_zero_is_refused_at_the_callers_line() {
    let place: Arc<Mutex<Option<(String, u32)>>> = Arc::default();
    let noted = place.clone();
    let thread = std::thread::current().id();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        if std::thread::current().id() == thread {
            let told = |at: &Location<'_>| (at.file().to_owned(), at.line());
            *noted.lock() = info.location().map(told);
        }
    }));
    let line = line!() + 1;
    let refused = catch_unwind(AssertUnwindSafe(|| interval(Duration::ZERO)));
    std::panic::set_hook(before);
    let message = *refused.unwrap_err().downcast::<&'static str>().unwrap();
    assert_eq!(message, "an interval's period must be longer than zero");
    assert_eq!(*place.lock(), Some((file!().to_owned(), line)));
}

#[test]
fn it_keeps_time_outside_every_runtime() {
    watchdog(|| {
        let start = Instant::now();
        let mut interval = interval(MILLI);
        let first = block_on(interval.tick());
        for number in 1..5 {
            assert_eq!(block_on(interval.tick()), first + MILLI * number);
            assert!(start.elapsed() >= MILLI * number);
        }
    });
}
