//! The hearts and those that hold them up: the same body for every runtime.

use std::hint;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::case::{BEAT, HEARTS, Task};
use crate::runtime::Runtime;

/// When each heart started and when it ran, in slots that can be read while it may be stuck.
#[derive(Debug)]
pub struct Log {
    /// An instant before every other, so that no time in a slot is zero: that says "not yet".
    origin: Instant,
    /// One for each heart: its start, then one for each time that it ran.
    hearts: Vec<Vec<AtomicU64>>,
}

impl Log {
    /// Room for as many beats as are due, for as long as the process lives; time starts here.
    #[must_use]
    pub fn leak(span: Duration) -> &'static Log {
        let beats = (span.as_nanos() / BEAT.as_nanos()) as usize;
        let heart = |_| (0..beats + 1).map(|_| AtomicU64::new(0)).collect();
        let hearts = (0..HEARTS).map(heart).collect();
        Box::leak(Box::new(Log {
            origin: Instant::now() - Duration::from_nanos(1),
            hearts,
        }))
    }

    /// Sleeps until this long after the start, on the calling thread.
    pub fn wait_until(&self, since_start: Duration) {
        thread::sleep((self.origin + since_start).saturating_duration_since(Instant::now()));
    }

    /// Each heart's start, and when it ran up to now.
    #[must_use]
    pub fn read(&self) -> Vec<Vec<u64>> {
        // Relaxed: each slot is written once and says all by itself; one whose value isn't seen
        // yet was written just now, and counts as written after the look.
        let read = |slot: &AtomicU64| slot.load(Ordering::Relaxed);
        let told = |slots: &Vec<AtomicU64>| {
            let times = slots.iter().map(read);
            times.take_while(|at| *at != 0).collect()
        };
        self.hearts.iter().map(told).collect()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_nanos()).unwrap_or(u64::MAX)
    }
}

/// Lets the hearts beat and then the others hold their threads; all of them, still at it.
pub async fn start<R: Runtime>(log: &'static Log, task: Task) -> Vec<R::Task<()>> {
    let span = task.timing.span;
    let heart = |slots: &'static Vec<AtomicU64>| R::spawn(heart::<R>(log, slots, span));
    let mut tasks: Vec<_> = log.hearts.iter().map(heart).collect();
    R::sleep(task.timing.onset).await;
    let holder = |_| R::spawn(async move { hold(task) });
    tasks.extend((0..task.case.holders()).map(holder));
    tasks
}

/// Runs at every beat until no more is due, and tells when it ran. Beats that it missed are behind
/// it then.
async fn heart<R: Runtime>(log: &Log, slots: &[AtomicU64], span: Duration) {
    let (beat, last) = (BEAT.as_nanos() as u64, span.as_nanos() as u64);
    let mut now = log.now();
    let mut due = now + beat;
    for slot in slots {
        // Relaxed: see the load.
        slot.store(now, Ordering::Relaxed);
        if due > last {
            break;
        }
        R::sleep(Duration::from_nanos(due.saturating_sub(log.now()))).await;
        now = log.now();
        while due <= now {
            due += beat;
        }
    }
}

fn hold(task: Task) {
    let hold = task.timing.hold;
    if !task.case.computes() {
        return thread::sleep(hold);
    }
    let start = Instant::now();
    while start.elapsed() < hold {
        hint::black_box(start);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::{Case, Timing, lateness};
    use crate::runtime::Which;
    use crate::with_runtime;

    const MILLI: Duration = Duration::from_millis(1);

    fn beats_of<R: Runtime>(case: Case) {
        let timing = Timing {
            span: 60 * MILLI,
            onset: 15 * MILLI,
            hold: 5 * MILLI,
        };
        let runtime = R::start(2).expect("two workers start");
        let log = Log::leak(timing.span);
        let joined = runtime.run_spawned(async move {
            let mut joined = 0;
            for task in start::<R>(log, Task { case, timing }).await {
                task.await;
                joined += 1;
            }
            joined
        });
        assert_eq!(joined, HEARTS + case.holders());
        for heart in log.read() {
            let beats = lateness::of_heart(heart[0], &heart[1..], &timing).expect("none early");
            let last = beats.last().map_or(0, |beat| beat.due);
            assert!(
                heart[heart.len() - 1] >= last,
                "it stopped before {last}: {heart:?}"
            );
        }
    }

    #[test]
    fn every_heart_of_every_runtime_tells_of_every_beat() {
        for which in Which::ALL {
            for case in [Case::FewBlockers, Case::Hogs] {
                with_runtime!(which, R => beats_of::<R>(case));
            }
        }
    }

    #[test]
    fn a_log_is_read_as_far_as_it_is_written() {
        let log = Log::leak(30 * MILLI);
        assert_eq!(log.read(), vec![Vec::new(); HEARTS]);
        log.hearts[7][0].store(5, Ordering::Relaxed);
        log.hearts[7][1].store(6, Ordering::Relaxed);
        assert_eq!(log.read()[7], [5, 6]);
    }
}
