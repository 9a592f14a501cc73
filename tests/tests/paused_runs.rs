//! A paused clock shows the same stamps in every run, and nothing hangs under it.

use std::sync::{Arc, Mutex};
use std::time::Duration;
use wheelhouse::time::{self, sleep_until};
use wheelhouse::{Runtime, gather, interval, sleep, spawn, spawn_blocking, timeout, yield_now};
use wheelhouse_tests::{LIMIT, WORKERS, on_built, watchdog};

/// Random numbers, the same in each run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(0x5851_f42d_4c95_7f2d).wrapping_add(1);
        (self.0 >> 33) % limit
    }

    /// Mostly of lengths that others have as well.
    fn nap(&mut self) -> Duration {
        match self.below(3) {
            0 => Duration::from_millis(self.below(20)),
            1 => Duration::from_nanos(self.below(1 << 30)),
            _ => Duration::from_secs(self.below(5)),
        }
    }
}

type Stamps = Vec<(u64, Duration)>;

/// One of the tasks of a program that waits in many ways: its number, and the time after each.
async fn one(number: u64) -> Stamps {
    let (start, mut random) = (time::now(), Random(number));
    let mut stamps = Vec::new();
    for step in 0..6 {
        let nap = random.nap();
        match (number + step) % 6 {
            0 => sleep(nap).await,
            1 => drop(timeout(nap, sleep(random.nap())).await),
            2 => drop(spawn_blocking(move || std::hint::black_box(number)).await),
            3 => sleep_until(start + 3 * nap).await,
            4 => {
                let mut ticks = interval(nap + Duration::from_nanos(1));
                ticks.tick().await;
                gather!(ticks.tick_twice(), yield_now()).await;
            }
            _ => spawn(async move { sleep(nap).await }).await.unwrap(),
        }
        stamps.push((number, time::now() - start));
    }
    stamps
}

trait TickTwice {
    fn tick_twice(self) -> impl Future<Output = ()> + Send + 'static;
}

impl TickTwice for time::Interval {
    async fn tick_twice(mut self) {
        self.tick().await;
        self.tick().await;
    }
}

/// All stamps of a program, the times from its start.
async fn program(tasks: u64) -> Stamps {
    let start = time::now();
    let (log, hand_over) = (Arc::new(Mutex::new(Vec::new())), time::now());
    let watcher = Arc::clone(&log);
    let all = (0..tasks).map(|number| {
        let log = Arc::clone(&log);
        async move {
            let stamps = one(number).await;
            log.lock().unwrap().push((number, time::now() - hand_over));
            stamps
        }
    });
    let mut stamps: Stamps = gather!(..all).await.concat();
    stamps.push((tasks, time::now() - start));
    // Those that ended at one time may have done so in any order.
    let mut ends = watcher.lock().unwrap().clone();
    ends.sort_unstable_by_key(|(number, end)| (*end, *number));
    stamps.extend(ends);
    stamps
}

#[test]
fn ten_thousand_runs_give_the_same_stamps() {
    const RUNS: usize = 10_000;
    const RUNTIMES: usize = 20;
    watchdog("10,000 runs", 5 * LIMIT, || {
        let mut first: Option<Stamps> = None;
        for _ in 0..RUNTIMES {
            let builder = Runtime::builder().start_paused(true).worker_threads(4);
            let runtime = builder.build().unwrap();
            for _ in 0..RUNS / RUNTIMES {
                let stamps = runtime.run(program(4));
                let first = first.get_or_insert_with(|| stamps.clone());
                assert_eq!(&stamps, first);
            }
        }
        let stamps = first.expect("there were runs");
        assert_eq!(stamps.len(), 4 * 6 + 4 + 1);
        assert!(
            stamps
                .iter()
                .any(|(_, stamp)| *stamp > Duration::from_secs(5))
        );
    });
}

#[test]
fn the_number_of_workers_makes_no_difference() {
    let stamps = Mutex::new(None);
    on_built(
        WORKERS,
        |builder| builder.start_paused(true),
        move |runtime, _| {
            for _ in 0..20 {
                let new = (runtime.run(program(50)), runtime.block_on(program(50)));
                assert_eq!(new.0, new.1);
                let mut stamps = stamps.lock().unwrap();
                assert_eq!(stamps.get_or_insert_with(|| new.0.clone()), &new.0);
            }
        },
    );
}

#[test]
fn a_crowd_of_sleepers_gets_through_a_year() {
    on_built(
        WORKERS,
        |builder| builder.start_paused(true),
        |runtime, _| {
            const DAY: Duration = Duration::from_secs(86_400);
            runtime.run(async {
                let start = time::now();
                let all = (0..1_000_u32).map(|number| async move {
                    for nap in 1..=10 {
                        sleep(DAY / 20 * nap + Duration::from_nanos(number.into())).await;
                    }
                    time::now() - start
                });
                for (number, end) in gather!(..all).await.into_iter().enumerate() {
                    let drift = Duration::from_nanos(10 * number as u64);
                    assert_eq!(end, DAY / 20 * 55 + drift);
                }
            });
        },
    );
}
