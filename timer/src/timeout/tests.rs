use std::future::{pending, ready};
use std::marker::PhantomPinned;
use std::panic::UnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::task::Waker;

use futures::executor::block_on;
use static_assertions::{assert_impl_all, assert_not_impl_any};

use super::*;
use crate::clock::ManualClock;
use crate::driver::ShardSet;
use crate::testing::{Count, Notes, poll, watchdog};

assert_impl_all!(Timeout<std::future::Ready<()>>: Send, Sync, Unpin, UnwindSafe);
assert_not_impl_any!(Timeout<PhantomPinned>: Unpin);
assert_not_impl_any!(Timeout<std::rc::Rc<()>>: Send, Sync);
assert_impl_all!(Elapsed: Error, Send, Sync, Copy);

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_future_that_is_ready_wins_whatever_the_time() {
    let past = Instant::now() - HOUR;
    assert_eq!(block_on(timeout(Duration::ZERO, ready(1))), Ok(1));
    assert_eq!(block_on(timeout_at(past, ready(2))), Ok(2));
    assert_eq!(block_on(timeout(Duration::MAX, async { 3 })), Ok(3));
}

#[test]
fn one_that_is_not_ready_is_elapsed_at_once_if_there_is_no_time() {
    watchdog(|| {
        let elapsed = block_on(timeout(Duration::ZERO, pending::<()>()));
        assert!(elapsed.is_err());
        assert!(block_on(timeout_at(Instant::now() - HOUR, pending::<()>())).is_err());
    });
}

#[test]
fn it_ends_in_time_and_takes_its_timer_out() {
    let hand = ManualClock::new();
    let set = ShardSet::new(hand.clone().into(), 1, 1, Notes::new());
    let _entered = set.enter(0);
    let (count, waker) = Count::new();

    let mut late = timeout(HOUR, pending::<()>());
    assert!(poll(&mut late, &waker).is_pending());
    hand.advance(HOUR + Duration::from_millis(1));
    assert_eq!(set.fire(0, set.now(), 100).fired, 1);
    assert_eq!(count.get(), 1);
    assert!(matches!(poll(&mut late, &waker), Poll::Ready(Err(_))));

    let mut polls = 0;
    let once = std::future::poll_fn(move |_| {
        polls += 1;
        if polls == 1 {
            Poll::Pending
        } else {
            Poll::Ready(polls)
        }
    });
    let mut in_time = timeout(HOUR, once);
    assert!(poll(&mut in_time, &waker).is_pending());
    assert_eq!(set.len(), 1);
    assert_eq!(poll(&mut in_time, &waker), Poll::Ready(Ok(2)));
    drop(in_time);
    assert_eq!((set.len(), Arc::strong_count(&count)), (0, 2));
}

#[test]
fn it_can_be_given_more_time_and_less_while_somebody_waits() {
    let hand = ManualClock::new();
    let set = ShardSet::new(hand.clone().into(), 1, 1, Notes::new());
    let _entered = set.enter(0);
    let (count, waker) = Count::new();
    // Later than `to` by no more than a tick, and never earlier.
    let wakes_up_to = |to: Duration, start: Instant| {
        hand.advance_to(start + to);
        let before = count.get();
        set.fire(0, set.now(), 100);
        count.get() - before
    };
    let start = hand.now();
    let mut limited = pin!(timeout(HOUR, async { pending::<()>().await }));
    let mut cx = Context::from_waker(&waker);
    assert!(limited.as_mut().poll(&mut cx).is_pending());
    limited.as_mut().reset(2 * HOUR);
    assert_eq!(limited.deadline(), Some(start + 2 * HOUR));
    wakes_up_to(HOUR + HOUR / 2, start);
    assert!(limited.as_mut().poll(&mut cx).is_pending(), "it got more");
    // Half an hour is left of the two, and is made a minute.
    limited.as_mut().reset(HOUR / 60);
    let end = HOUR + HOUR / 2 + HOUR / 60;
    assert_eq!(limited.deadline(), Some(start + end));
    assert_eq!(wakes_up_to(end - Duration::from_millis(1), start), 0);
    assert!(limited.as_mut().poll(&mut cx).is_pending());
    assert_eq!(wakes_up_to(end + Duration::from_millis(1), start), 1);
    assert!(limited.as_mut().poll(&mut cx).is_ready());
    // It is over, and has time once more.
    limited.as_mut().reset_at(start + 3 * HOUR);
    assert!(limited.as_mut().poll(&mut cx).is_pending());
    assert_eq!(wakes_up_to(3 * HOUR + Duration::from_millis(1), start), 1);
    assert!(limited.as_mut().poll(&mut cx).is_ready());
    limited.as_mut().reset(Duration::MAX);
    assert_eq!(limited.deadline(), None);
    assert!(limited.as_mut().poll(&mut cx).is_pending());
}

#[test]
fn the_inner_future_may_be_unmovable_and_borrow() {
    let text = String::from("text");
    let mut limited = pin!(timeout(HOUR, async {
        let borrowed = &text;
        std::future::ready(()).await;
        borrowed.len()
    }));
    let mut cx = Context::from_waker(Waker::noop());
    assert_eq!(limited.as_mut().poll(&mut cx), Poll::Ready(Ok(4)));
}

#[test]
fn the_inner_future_can_be_had_back() {
    let mut limited = timeout(HOUR, ready(5));
    assert!(limited.deadline().unwrap() > Instant::now());
    assert_eq!(timeout(Duration::MAX, ready(())).deadline(), None);
    let _: &std::future::Ready<i32> = limited.get_ref();
    *limited.get_mut() = ready(6);
    assert_eq!(block_on(limited.into_inner()), 6);
}

#[test]
fn the_error_says_what_happened() {
    let elapsed = block_on(timeout(Duration::ZERO, pending::<()>())).unwrap_err();
    assert_eq!(elapsed.to_string(), "deadline has elapsed");
    let error = std::io::Error::from(elapsed);
    assert_eq!(error.kind(), std::io::ErrorKind::TimedOut);
}
