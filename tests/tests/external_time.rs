//! Behaviours of timers that other projects test, and no other file here: `BEHAVIOURS.md` has the
//! whole list. What needs a clock set by hand is tested in the timer crate.

use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use wheelhouse::time::{Sleep, interval_at, sleep_until, timeout_at};
use wheelhouse::{interval, sleep, spawn, timeout};
use wheelhouse_tests::{Gate, LIMIT, WORKERS, noop, on_workers, poll_once};

const MILLI: Duration = Duration::from_millis(1);

#[test]
fn ten_thousand_sleeps_of_nothing() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            for _ in 0..10_000 {
                sleep(Duration::ZERO).await;
            }
        });
    });
}

#[test]
fn a_fraction_of_a_millisecond() {
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(async {
            for nanos in [1, 999, 1_000, 500_000, 1_000_001, 1_999_999] {
                let deadline = Instant::now() + Duration::from_nanos(nanos);
                sleep_until(deadline).await;
                assert!(Instant::now() >= deadline, "{nanos} ns");
            }
        });
    });
}

/// One after another, to later and to earlier, before and after it has fired.
#[test]
fn a_sleep_knows_whether_it_has_elapsed() {
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(async {
            let mut nap = sleep(MILLI);
            assert!(!nap.is_elapsed());
            (&mut nap).await;
            assert!(nap.is_elapsed());
            assert!(poll_once(&mut nap, noop()).is_ready());
            let before = nap.deadline();
            nap.reset(Instant::now() + 1000 * LIMIT);
            assert_ne!(nap.deadline(), before);
            assert!(!nap.is_elapsed());
            assert!(poll_once(&mut nap, noop()).is_pending());
            assert!(poll_once(&mut nap, noop()).is_pending());
            nap.reset(Instant::now() - MILLI);
            assert!(poll_once(&mut nap, noop()).is_ready());
            nap.reset(Instant::now() + MILLI);
            nap.await;
        });
    });
}

/// Two of the same time, of which one is set to that of a third, and dropped when the other fires.
#[test]
fn dropped_after_it_was_set_to_a_time_where_another_is() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            for _ in 0..20 {
                let start = Instant::now();
                let (mut first, mut moved) = (sleep(MILLI), sleep(MILLI));
                let mut last = sleep(2 * MILLI);
                for nap in [&mut first, &mut moved, &mut last] {
                    let _ = poll_once(nap, noop());
                }
                moved.reset(start + 2 * MILLI);
                first.await;
                drop(moved);
                last.await;
            }
        });
    });
}

/// The future never waits for anything, and the timeout has its turn all the same.
#[test]
fn a_timeout_of_a_future_that_is_always_ready_to_go_on() {
    on_workers(WORKERS, |runtime, _| {
        let busy = async {
            loop {
                spawn(async {}).await.unwrap();
            }
        };
        let all_ready = async {
            loop {
                wheelhouse::consume_budget().await;
            }
        };
        assert!(runtime.run(async { timeout(MILLI, busy).await }).is_err());
        assert!(
            runtime
                .run(async { timeout(MILLI, all_ready).await })
                .is_err()
        );
    });
}

/// A value that comes at the very time of the timeout counts.
#[test]
fn a_value_at_the_last_moment() {
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(async {
            let now = Instant::now();
            assert_eq!(timeout_at(now, async { 1 }).await, Ok(1));
            // Both are due when it is polled again.
            let deadline = Instant::now() + MILLI;
            let late = async {
                sleep_until(deadline).await;
                2
            };
            let mut both = pin!(timeout_at(deadline, late));
            let waits = poll_fn(|cx: &mut Context<'_>| match both.as_mut().poll(cx) {
                Poll::Ready(result) => Poll::Ready(Some(result)),
                Poll::Pending => Poll::Ready(None),
            });
            if waits.await.is_none() {
                while Instant::now() < deadline + MILLI {
                    std::hint::spin_loop();
                }
                assert_eq!(both.await, Ok(2));
            }
        });
    });
}

#[test]
fn a_timeout_that_is_as_long_as_can_be() {
    on_workers(&[1, 4], |runtime, _| {
        let gate = Gate::new();
        let mut waits = Box::pin(timeout(Duration::MAX, gate.wait()));
        assert!(poll_once(&mut waits, noop()).is_pending());
        let task = runtime.spawn(waits);
        gate.open();
        assert_eq!(task.join().unwrap(), Ok(()));
        let last = Instant::now() + Duration::from_secs(u32::MAX.into());
        let far =
            runtime.block_on(async { timeout(MILLI, timeout_at(last, pending::<()>())).await });
        assert!(far.is_err());
    });
}

/// `poll_tick` keeps the waker when it is pending, and only then: whoever is content with a tick and
/// returns `Pending` without a wake-up of its own stays asleep.
#[test]
fn an_interval_wakes_only_for_what_it_was_asked() {
    on_workers(&[1, 4], |runtime, _| {
        for wakes in [true, false] {
            let polls = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&polls);
            let mut ticks = interval_at(Instant::now(), MILLI);
            let mut counted = 0;
            let future = poll_fn(move |cx: &mut Context<'_>| {
                count.fetch_add(1, SeqCst);
                while counted < 3 {
                    if ticks.poll_tick(cx).is_pending() {
                        return Poll::Pending;
                    }
                    counted += 1;
                    if counted < 3 {
                        if wakes {
                            cx.waker().wake_by_ref();
                        }
                        return Poll::Pending;
                    }
                }
                Poll::Ready(())
            });
            let limit = if wakes { LIMIT } else { 50 * MILLI };
            let done = runtime.block_on(async { timeout(limit, future).await });
            match wakes {
                true => assert_eq!(done, Ok(())),
                // The first tick is due at once. Nobody wakes it after that but the timeout.
                false => {
                    let polls = polls.load(SeqCst);
                    assert!(done.is_err() && polls <= 2, "{done:?} after {polls} polls");
                }
            }
        }
        let mut endless = interval(Duration::MAX);
        let mut tick = pin!(endless.tick());
        assert!(
            tick.as_mut()
                .poll(&mut Context::from_waker(noop()))
                .is_ready()
        );
    });
}

/// Dropped by a wake-up of its own kind, on whichever thread fires them.
#[test]
fn a_hundred_that_are_dropped_by_the_first_wake_up() {
    struct DropAll(Mutex<Vec<Pin<Box<Sleep>>>>);
    impl std::task::Wake for DropAll {
        fn wake(self: Arc<Self>) {
            drop(std::mem::take(&mut *self.0.lock().unwrap()));
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let all = Arc::new(DropAll(Mutex::default()));
        let held = Arc::clone(&all);
        runtime.run(async move {
            let waker = Arc::clone(&held).into();
            let deadline = Instant::now() + 5 * MILLI;
            let naps: Vec<_> = (0..100)
                .map(|_| {
                    let mut nap = Box::pin(sleep_until(deadline));
                    let _ = poll_once(&mut nap, &waker);
                    nap
                })
                .collect();
            *held.0.lock().unwrap() = naps;
            sleep(10 * MILLI).await;
        });
        drop(runtime);
        assert!(all.0.lock().unwrap().is_empty());
    });
}
