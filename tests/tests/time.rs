//! Sleeping, inside a runtime and outside.

use futures::executor;
use futures::future::join_all;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::time::{Sleep, sleep_until};
use wheelhouse::{sleep, spawn, timeout, yield_now};
use wheelhouse_tests::{CountWaker, LIMIT, WORKERS, noop, on_workers, poll_once, watchdog};

const MS: Duration = Duration::from_millis(1);

/// Sleeps and checks that it was not too short.
async fn nap(duration: Duration) {
    let start = Instant::now();
    sleep(duration).await;
    let took = start.elapsed();
    assert!(took >= duration, "{duration:?} took only {took:?}");
}

/// Durations about every boundary of a wheel with levels of 64 slots.
fn durations() -> Vec<Duration> {
    let powers = (0..27).map(|power| 1_u64 << power);
    let around = powers.flat_map(|nanos| [nanos - 1, nanos, nanos + 1]);
    around.map(Duration::from_nanos).collect()
}

#[test]
fn a_sleep_is_never_early() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let tasks: Vec<_> = durations()
                .into_iter()
                .map(|long| spawn(nap(long)))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
        });
        runtime.block_on(join_all(durations().into_iter().map(nap)));
    });
    watchdog("outside a runtime", LIMIT, || {
        executor::block_on(join_all(durations().into_iter().map(nap)));
    });
}

#[test]
fn what_is_over_is_ready_at_once() {
    on_workers(&[1, 4], |runtime, _| {
        let check = || {
            let hour_ago = Instant::now().checked_sub(Duration::from_secs(3600));
            let mut over = vec![sleep(Duration::ZERO), sleep_until(Instant::now())];
            over.extend(hour_ago.map(sleep_until));
            over.iter_mut()
                .all(|sleep| poll_once(sleep, noop()).is_ready())
        };
        assert!(runtime.run(async { check() }));
        assert!(runtime.block_on(async { check() }));
        assert!(check());
    });
}

#[test]
fn a_sleep_without_end_is_pending() {
    on_workers(&[1, 4], |runtime, _| {
        let far = [
            Duration::MAX,
            Duration::MAX - Duration::from_nanos(1),
            Duration::from_secs(u64::MAX),
            Duration::from_nanos(u64::MAX),
            Duration::from_nanos(u64::MAX - 1),
            Duration::from_secs(u64::from(u32::MAX)),
        ];
        let check = || {
            for duration in far {
                let (mut long, waker) = (sleep(duration), CountWaker::new());
                assert!(poll_once(&mut long, &waker.waker()).is_pending());
                assert!(!long.is_elapsed());
                assert_eq!(waker.count(), 0, "{duration:?}");
                drop(long);
                assert_eq!(waker.live(), 0, "{duration:?}");
            }
        };
        runtime.run(async move { check() });
        runtime.block_on(async { check() });
        check();
        let limited = timeout(5 * MS, sleep(Duration::MAX));
        assert!(runtime.run(limited).is_err());
    });
}

#[test]
fn ten_thousand_sleep_at_once() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let start = Instant::now();
            let tasks: Vec<_> = (0..10_000)
                .map(|i| spawn(nap(Duration::from_micros(20_000 + i % 1000))))
                .collect();
            for task in tasks {
                task.await.unwrap();
            }
            assert!(
                start.elapsed() < Duration::from_secs(30),
                "they sleep side by side"
            );
        });
    });
}

#[test]
fn a_sleep_can_be_reset() {
    on_workers(&[1, 2], |runtime, _| {
        runtime.run(async {
            let start = Instant::now();
            // To an earlier time, and to a later one, before and after it was armed.
            let (mut sooner, mut later) = (sleep(Duration::from_secs(1000)), sleep(MS));
            assert!(poll_once(&mut sooner, noop()).is_pending());
            let _ = poll_once(&mut later, noop());
            sooner.reset(start + 10 * MS);
            later.reset(start + 20 * MS);
            (&mut sooner).await;
            assert!(start.elapsed() >= 10 * MS);
            (&mut later).await;
            assert!(start.elapsed() >= 20 * MS);
            // One that is over can be used again.
            later.reset(start + 30 * MS);
            (&mut later).await;
            assert!(start.elapsed() >= 30 * MS);
        });
    });
}

#[test]
fn a_sleep_that_changes_hands_wakes_whoever_polled_last() {
    on_workers(&[1, 2], |runtime, _| {
        let (first, last) = (CountWaker::new(), CountWaker::new());
        let mut nap = sleep(30 * MS);
        let early = runtime.block_on(async { poll_once(&mut nap, &first.waker()).is_pending() });
        let early = early && runtime.run(async { poll_once(&mut nap, &last.waker()).is_pending() });
        if early {
            last.wait_for(1, LIMIT);
            assert_eq!(first.count(), 0);
        }
        executor::block_on(nap);
        first.wait_until_gone(LIMIT);
        last.wait_until_gone(LIMIT);
    });
}

#[test]
fn a_waker_may_drop_the_sleep_that_wakes_it() {
    struct Drops(Mutex<Option<Sleep>>, CountWaker);
    impl Wake for Drops {
        fn wake(self: Arc<Self>) {
            drop(self.0.lock().unwrap().take());
            self.1.waker().wake();
        }
    }
    fn arm() -> Arc<Drops> {
        let drops = Arc::new(Drops(Mutex::new(Some(sleep(MS))), CountWaker::new()));
        let waker = Waker::from(Arc::clone(&drops));
        let mut nap = drops.0.lock().unwrap().take().unwrap();
        if poll_once(&mut nap, &waker).is_ready() {
            waker.wake_by_ref();
        }
        // It may have fired already, between the poll and this: then it is dropped at the end.
        *drops.0.lock().unwrap() = Some(nap);
        drops
    }
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(async { arm() }).1.wait_for(1, LIMIT);
        arm().1.wait_for(1, LIMIT);
    });
}

#[test]
fn threads_outside_a_runtime_sleep_too() {
    watchdog("outside", LIMIT, || {
        let threads = (0..8).map(|i| thread::spawn(move || executor::block_on(nap(i * MS))));
        threads
            .collect::<Vec<_>>()
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_sleeping_task_is_polled_twice() {
    on_workers(WORKERS, |runtime, _| {
        let polls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&polls);
        let mut nap = Box::pin(nap(3 * MS));
        let counted = std::future::poll_fn(move |cx: &mut Context<'_>| {
            count.fetch_add(1, SeqCst);
            nap.as_mut().poll(cx)
        });
        runtime.run(async { spawn(counted).await.unwrap() });
        assert!(polls.load(SeqCst) <= 2, "{} polls", polls.load(SeqCst));
    });
}

#[test]
fn dropped_sleeps_wake_nobody() {
    on_workers(WORKERS, |runtime, _| {
        let counter = CountWaker::new();
        runtime.run(async {
            for i in 0..1000_u64 {
                let mut nap = sleep(Duration::from_secs(3600 + i));
                assert!(poll_once(&mut nap, &counter.waker()).is_pending());
                if i % 100 == 0 {
                    yield_now().await;
                }
            }
        });
        assert_eq!((counter.count(), counter.live()), (0, 0));
    });
}
