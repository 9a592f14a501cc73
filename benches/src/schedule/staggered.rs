//! Sleepers whose times are short and all differ: each wake-up may serve one of them only.

use std::time::{Duration, Instant};

use super::timers::{lateness, lateness_reading};
use wheelhouse_benches::process::Usage;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::Runtime;

const SLEEPERS: u32 = 50;
/// The first sleeps for so long, the second for twice as long, and so on: up to 1 ms.
const STEP: Duration = Duration::from_micros(20);

/// Lets every sleeper sleep again and again for `span`; how late they are, how often threads were
/// woken, and the CPU time of one sleep.
pub(super) async fn staggered<R: Runtime>(span: Duration) -> Reading {
    let (start, before) = (Instant::now(), Usage::now());
    let sleeper = |number: u32| R::spawn(sleeper::<R>(STEP * number, start + span));
    let sleepers: Vec<_> = (1..=SLEEPERS).map(sleeper).collect();
    let mut late = Vec::new();
    for sleeper in sleepers {
        late.extend(sleeper.await);
    }
    let (seconds, used) = (start.elapsed().as_secs_f64(), Usage::now() - before);
    let sleeps = late.len() as f64;
    let mut reading = lateness_reading(late);
    reading.set("wakeups_s", used.voluntary as f64 / seconds);
    reading.set("sleeps_s", sleeps / seconds);
    reading.set("cpu_us", used.cpu.as_secs_f64() * 1e6 / sleeps);
    reading.set_used(used, 1);
    reading
}

/// How late each sleep was, in nanoseconds.
async fn sleeper<R: Runtime>(asked: Duration, end: Instant) -> Vec<u64> {
    let mut late = Vec::with_capacity(1 << 15);
    let mut start = Instant::now();
    while start < end {
        R::sleep(asked).await;
        let woke = Instant::now();
        late.push(lateness(woke - start, asked));
        start = woke;
    }
    late
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::runtime::Which;
    use wheelhouse_benches::with_runtime;

    #[test]
    fn sleepers_of_every_runtime_sleep_often_enough() {
        for which in Which::ALL {
            let reading = with_runtime!(which, R => {
                let runtime = R::start(2).expect("two workers start");
                runtime.run_spawned(staggered::<R>(Duration::from_millis(30)))
            });
            // Each of them at least once in this time.
            let sleeps = reading.get("sleeps_s").expect("told");
            assert!(sleeps * 0.03 > 1.0, "{}: {reading:?}", which.name());
            assert!(reading.get("cpu_us") > Some(0.0), "{}", which.name());
        }
    }
}
