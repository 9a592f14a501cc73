//! What is done with timers: the same body for every runtime. A timer that fires early fails its
//! body.

use std::future::{Future, poll_fn};
use std::sync::OnceLock;
use std::task::Poll;
use std::time::{Duration, Instant};

use wheelhouse_benches::heartbeat::{Case, Task, Timing, cell};
use wheelhouse_benches::process::Memory;
use wheelhouse_benches::random::Random;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::Runtime;
use wheelhouse_benches::stats::percentile;

/// Pending once, and woken at once: the timeout around it is armed, and cancelled.
fn pending_once() -> impl Future<Output = u64> + Send {
    let mut polled = false;
    poll_fn(move |cx| {
        if polled {
            return Poll::Ready(1);
        }
        polled = true;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
}

/// Arms and cancels a timeout, again and again; nanoseconds of one.
pub(super) async fn timeouts<R: Runtime>(count: u64) -> f64 {
    let start = Instant::now();
    let mut in_time = 0;
    for _ in 0..count {
        in_time += R::timeout(Duration::from_secs(30), pending_once())
            .await
            .unwrap_or(0);
    }
    assert_eq!(in_time, count);
    start.elapsed().as_nanos() as f64 / count as f64
}

/// A time before all sleepers started, where it costs none of them any memory.
static ORIGIN: OnceLock<Instant> = OnceLock::new();

/// Spawned sleepers, all asleep at the same time: the memory of each, and how much longer than one
/// sleep it takes until all of them were spawned and are awake again.
///
/// The duration is a constant, as it mostly is in programs: kept in each future, it would count as
/// memory. So would the time at which each started, so that only one in a thousand keeps it and is
/// held to it exactly; the others must sleep past the end of a sleep that started before them all.
pub(super) async fn sleepers<R: Runtime, const MILLIS: u64>(count: u64) -> Reading {
    let sleep = Duration::from_millis(MILLIS);
    let mut tasks = Vec::with_capacity(count as usize);
    let before = Memory::now().resident;
    let start = Instant::now();
    ORIGIN.get_or_init(|| start);
    for number in 0..count {
        tasks.push(if number.is_multiple_of(1_000) {
            R::spawn(exact_sleeper::<R, MILLIS>())
        } else {
            R::spawn(async {
                R::sleep(Duration::from_millis(MILLIS)).await;
                let origin = ORIGIN.get().expect("it was set before this was spawned");
                lateness(origin.elapsed(), Duration::from_millis(MILLIS));
                1
            })
        });
    }
    // By then all are asleep, and none is awake yet.
    R::sleep(sleep * 2 / 5).await;
    let grown = Memory::now().resident.saturating_sub(before);
    let mut awake = 0;
    for task in tasks {
        awake += task.await;
    }
    assert_eq!(awake, count);
    let late = lateness(start.elapsed(), sleep);
    let mut reading = Reading::default();
    reading.set("bytes", grown as f64 / count as f64);
    reading.set("last_ms", late as f64 / 1e6);
    reading
}

async fn exact_sleeper<R: Runtime, const MILLIS: u64>() -> u64 {
    let start = Instant::now();
    R::sleep(Duration::from_millis(MILLIS)).await;
    lateness(start.elapsed(), Duration::from_millis(MILLIS));
    1
}

/// Tasks that each sleep for random times, one after the other; how late they are.
pub(super) async fn random_sleeps<R: Runtime>(
    tasks: u64,
    each: usize,
    from: Duration,
    to: Duration,
) -> Reading {
    let sleeper = |seed: u64| async move {
        let mut random = Random::new(seed);
        let mut late = Vec::with_capacity(each);
        for _ in 0..each {
            let asked = random.between(from, to);
            let start = Instant::now();
            R::sleep(asked).await;
            late.push(lateness(start.elapsed(), asked));
        }
        late
    };
    let tasks: Vec<_> = (0..tasks).map(|seed| R::spawn(sleeper(seed))).collect();
    let mut late = Vec::new();
    for task in tasks {
        late.extend(task.await);
    }
    lateness_reading(late)
}

/// Hearts that want to beat while others hold the workers; how late they are.
pub(super) fn heartbeats<R: Runtime>(runtime: &R, case: Case) -> Reading {
    let timing = Timing::usual(case);
    let record = cell::observe(runtime, Task { case, timing }).expect("a thread starts");
    let lateness = record.lateness(&timing);
    let lateness = lateness.unwrap_or_else(|why| panic!("{why}"));
    let mut reading = Reading::default();
    reading.set("p50_us", lateness.p50.nanos as f64 / 1e3);
    reading.set("p99_us", lateness.p99.nanos as f64 / 1e3);
    reading.set("max_ms", lateness.worst.nanos as f64 / 1e6);
    reading.set("threads", record.threads as f64);
    reading
}

/// Nanoseconds past what was asked.
///
/// # Panics
///
/// If the sleep was shorter.
pub(super) fn lateness(slept: Duration, asked: Duration) -> u64 {
    let late = slept.checked_sub(asked);
    let late = late.unwrap_or_else(|| panic!("a sleep of {asked:?} took only {slept:?}"));
    u64::try_from(late.as_nanos()).unwrap_or(u64::MAX)
}

pub(super) fn lateness_reading(mut late: Vec<u64>) -> Reading {
    late.sort_unstable();
    let mut reading = Reading::default();
    reading.set("p50_us", percentile(&late, 50.0) as f64 / 1e3);
    reading.set("p99_us", percentile(&late, 99.0) as f64 / 1e3);
    reading.set("max_ms", percentile(&late, 100.0) as f64 / 1e6);
    reading
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::runtime::Which;
    use wheelhouse_benches::with_runtime;

    const MILLI: Duration = Duration::from_millis(1);

    fn all_bodies<R: Runtime>() {
        let runtime = R::start(2).expect("two workers start");
        runtime.run_spawned(async {
            assert!(timeouts::<R>(50).await > 0.0);
            let few = random_sleeps::<R>(3, 4, MILLI, 3 * MILLI).await;
            assert!(few.get("p50_us") <= few.get("p99_us"));
            let memory = sleepers::<R, 50>(1_000).await;
            assert!(memory.get("last_ms").is_some());
        });
    }

    #[test]
    fn every_body_has_the_right_result_on_every_runtime() {
        for which in Which::ALL {
            with_runtime!(which, R => all_bodies::<R>());
        }
    }

    #[test]
    #[should_panic(expected = "a sleep of 1ms took only 999µs")]
    fn an_early_sleep_fails() {
        lateness(Duration::from_micros(999), MILLI);
    }
}
