//! Timeouts and intervals inside a runtime.

use std::future::{pending, ready};
use std::time::{Duration, Instant};
use wheelhouse::time::{MissedTickBehavior, interval_at, timeout_at};
use wheelhouse::{interval, sleep, spawn, timeout};
use wheelhouse_tests::{WORKERS, noop, on_workers, poll_once};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_timeout_that_is_over_and_one_that_is_not() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let start = Instant::now();
            let error = timeout(5 * MS, pending::<()>()).await.unwrap_err();
            assert!(start.elapsed() >= 5 * MS);
            assert!(!error.to_string().is_empty());
            assert_eq!(timeout(Duration::MAX, async { 1 }).await.unwrap(), 1);
            let soon = async {
                sleep(MS).await;
                2
            };
            assert_eq!(timeout(Duration::from_secs(1000), soon).await.unwrap(), 2);
            // One that is ready wins, even if there is no time at all.
            assert_eq!(timeout(Duration::ZERO, ready(3)).await.unwrap(), 3);
            assert!(timeout(Duration::ZERO, pending::<()>()).await.is_err());
            assert!(timeout_at(start, pending::<()>()).await.is_err());
            assert_eq!(timeout_at(start, ready(4)).await.unwrap(), 4);
            // Nested, the shorter one counts.
            let inner = timeout(Duration::from_secs(1000), pending::<()>());
            assert!(timeout(MS, inner).await.is_err());
            let inner = timeout(MS, pending::<()>());
            assert!(
                timeout(Duration::from_secs(1000), inner)
                    .await
                    .unwrap()
                    .is_err()
            );
        });
    });
}

#[test]
fn a_timeout_of_a_task_leaves_the_task() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let mut task = spawn(async {
                sleep(20 * MS).await;
                "done"
            });
            let _ = timeout(MS, &mut task).await;
            if !task.is_finished() {
                assert_eq!(task.await.unwrap(), "done");
            }
        });
    });
}

#[test]
fn an_interval_ticks_at_multiples_of_its_period() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let mut ticks = interval(2 * MS);
            let first = ticks.tick().await;
            for i in 1..20 {
                let due = ticks.tick().await;
                assert_eq!(
                    due,
                    first + i * 2 * MS,
                    "the default makes up for every tick"
                );
                assert!(Instant::now() >= due);
            }
        });
    });
}

#[test]
fn an_interval_that_is_late() {
    on_workers(&[1, 2], |runtime, _| {
        runtime.run(async {
            let period = 2 * MS;
            let missed = |behavior| {
                // As if it had been forgotten for seven and a half periods.
                let start = Instant::now()
                    .checked_sub(15 * MS)
                    .expect("no machine is that young");
                let mut ticks = interval_at(start, period);
                ticks.set_missed_tick_behavior(behavior);
                (start, ticks)
            };
            let (start, mut burst) = missed(MissedTickBehavior::Burst);
            for i in 0..7 {
                assert!(poll_once(&mut burst.tick(), noop()).is_ready(), "tick {i}");
            }
            assert!(burst.tick().await >= start + 7 * period);
            let (start, mut skip) = missed(MissedTickBehavior::Skip);
            assert_eq!(skip.tick().await, start);
            let next = skip.tick().await;
            assert!(next >= start + 8 * period, "{:?}", next - start);
            assert_eq!((next - start).as_nanos() % period.as_nanos(), 0);
            let (start, mut delay) = missed(MissedTickBehavior::Delay);
            assert_eq!(delay.tick().await, start);
            assert!(delay.tick().await >= start + 15 * MS + period);
        });
    });
}

#[test]
fn an_endless_period_ticks_once() {
    on_workers(&[1], |runtime, _| {
        runtime.run(async {
            let mut ticks = interval(Duration::MAX);
            ticks.tick().await;
            assert!(timeout(5 * MS, ticks.tick()).await.is_err());
        });
    });
}
