//! A million timers with one deadline, and how long others wait for their turn meanwhile.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::timers::lateness;
use wheelhouse_benches::process::Usage;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::Runtime;

/// What those do who feel the burst: one way for who waits for a timer, one for who is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Probe {
    /// Sleeps for 1 ms, again and again; it waited for as long as that was late.
    Sleeps,
    /// Yields, again and again; it waited from one poll to the next.
    Yields,
}

/// Several for each of the usual two workers: only some wheels may be full.
const PROBES: usize = 4;
const NAP: Duration = Duration::from_millis(1);
/// The probes start so long before the deadline.
const ONSET: Duration = Duration::from_millis(100);

/// What sleepers, probes and the body know of each other. It lives as long as the process: a
/// counter of references would be counted down a million times in the burst.
#[derive(Debug)]
struct Stage {
    deadline: Instant,
    armed: AtomicU64,
    over: AtomicBool,
}

/// The longest time that a probe waited, before the deadline and after it.
#[derive(Clone, Copy, Debug, Default)]
struct Longest {
    before: Duration,
    after: Duration,
}

/// Has `count` spawned sleepers wait for one deadline, which is `lead` away.
///
/// # Panics
///
/// If not all of them are armed by then, or one wakes early.
pub(super) async fn burst<R: Runtime>(count: u64, lead: Duration, probe: Probe) -> Reading {
    let stage: &'static Stage = Box::leak(Box::new(Stage {
        deadline: Instant::now() + lead,
        armed: AtomicU64::new(0),
        over: AtomicBool::new(false),
    }));
    let sleepers: Vec<_> = (0..count).map(|_| R::spawn(sleeper::<R>(stage))).collect();
    R::sleep_until(stage.deadline - ONSET).await;
    // Relaxed: a number that nothing else hangs on.
    let armed = stage.armed.load(Ordering::Relaxed);
    assert_eq!(armed, count, "sleepers armed in {:?}", lead - ONSET);
    let before = Usage::now();
    let probes: Vec<_> = (0..PROBES)
        .map(|_| R::spawn(wait_often::<R>(stage, probe)))
        .collect();
    let mut awake = 0;
    for sleeper in sleepers {
        awake += sleeper.await;
    }
    let last = lateness(stage.deadline.elapsed(), Duration::ZERO);
    assert_eq!(awake, count);
    // Relaxed: the probes need to see it some time, and read nothing else.
    stage.over.store(true, Ordering::Relaxed);
    let mut longest = Longest::default();
    for probe in probes {
        let felt = probe.await;
        longest.before = longest.before.max(felt.before);
        longest.after = longest.after.max(felt.after);
    }
    let mut reading = Reading::default();
    reading.set("longest_ms", longest.after.as_secs_f64() * 1e3);
    reading.set("quiet_ms", longest.before.as_secs_f64() * 1e3);
    reading.set("last_ms", last as f64 / 1e6);
    reading.set_used(Usage::now() - before, 1);
    reading
}

async fn sleeper<R: Runtime>(stage: &'static Stage) -> u64 {
    // Relaxed: see the load. The same poll arms the timer.
    stage.armed.fetch_add(1, Ordering::Relaxed);
    R::sleep_until(stage.deadline).await;
    let woke = Instant::now();
    assert!(
        woke >= stage.deadline,
        "a sleeper woke {:?} early",
        stage.deadline - woke
    );
    1
}

/// Waits again and again until all sleepers are awake.
async fn wait_often<R: Runtime>(stage: &'static Stage, probe: Probe) -> Longest {
    let mut longest = Longest::default();
    // Relaxed: see the store.
    while !stage.over.load(Ordering::Relaxed) {
        let start = Instant::now();
        let waited = match probe {
            Probe::Sleeps => {
                R::sleep(NAP).await;
                Duration::from_nanos(lateness(start.elapsed(), NAP))
            }
            Probe::Yields => {
                R::yield_now().await;
                start.elapsed()
            }
        };
        let felt = if Instant::now() < stage.deadline {
            &mut longest.before
        } else {
            &mut longest.after
        };
        *felt = waited.max(*felt);
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::runtime::Which;
    use wheelhouse_benches::with_runtime;

    fn bursts<R: Runtime>(probe: Probe) -> Reading {
        let runtime = R::start(2).expect("two workers start");
        runtime.run_spawned(burst::<R>(1_000, 4 * ONSET, probe))
    }

    #[test]
    fn probes_of_every_runtime_tell_how_long_they_waited() {
        for which in Which::ALL {
            for probe in [Probe::Sleeps, Probe::Yields] {
                let reading = with_runtime!(which, R => bursts::<R>(probe));
                for number in ["longest_ms", "last_ms", "cpu_ms"] {
                    let told = reading.get(number);
                    assert!(told > Some(0.0), "{}: {number}: {told:?}", which.name());
                }
                // On a busy machine the probes may have come too late to feel anything.
                assert!(reading.get("quiet_ms") >= Some(0.0), "{}", which.name());
            }
        }
    }
}
