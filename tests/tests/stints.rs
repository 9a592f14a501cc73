//! A worker that was woken by timers again and again, always for a moment only, keeps to itself what they
//! wake. When one of these tasks then holds it up after all, the others are served nonetheless.
//!
//! There is no clock here: the task that holds the worker up waits for all others. Were one of them left
//! with that worker, the test would hang, which the watchdog tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use wheelhouse::{Runtime, block_in_place, gather, run, sleep, sleep_until, spawn, yield_now};
use wheelhouse_tests::{LIMIT, WORKERS, on_workers, watchdog};

/// So many brief stints are more than enough to be trusted.
const BRIEF: usize = 20;

/// Holds its thread until a counter has reached a number.
type Hold = fn(&AtomicUsize, usize);

fn blocking(counter: &AtomicUsize, number: usize) {
    while counter.load(SeqCst) < number {
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn computing(counter: &AtomicUsize, number: usize) {
    while counter.load(SeqCst) < number {
        std::hint::spin_loop();
    }
}

fn announced(counter: &AtomicUsize, number: usize) {
    block_in_place(|| blocking(counter, number));
}

const HOLDS: [Hold; 3] = [blocking, computing, announced];

/// Has its worker woken by timers, for a moment each time.
async fn settle() {
    for _ in 0..BRIEF {
        sleep(Duration::from_micros(300)).await;
    }
}

/// Timers of another task, each armed after the one before.
async fn chain(hold: Hold) {
    const LINKS: usize = 10;
    let done = Arc::new(AtomicUsize::new(0));
    let links = Arc::clone(&done);
    let chain = spawn(async move {
        for _ in 0..LINKS {
            sleep(Duration::from_micros(500)).await;
            links.fetch_add(1, SeqCst);
        }
    });
    let holder = spawn(async move {
        sleep(Duration::from_micros(700)).await;
        hold(&done, LINKS);
    });
    let _: ((), ()) = gather!(chain, holder).await;
}

/// Tasks that are woken by timers of the same moment.
async fn crowd(hold: Hold) {
    const CROWD: usize = 40;
    let done = Arc::new(AtomicUsize::new(0));
    let deadline = Instant::now() + Duration::from_millis(2);
    let tasks = (0..=CROWD).map(|number| {
        let done = Arc::clone(&done);
        spawn(async move {
            sleep_until(deadline).await;
            if number == CROWD / 2 {
                hold(&done, CROWD);
            } else {
                done.fetch_add(1, SeqCst);
            }
        })
    });
    let _: Vec<()> = gather!(..tasks).await;
}

#[test]
fn timers_beside_a_task_that_holds_the_timekeeper_up() {
    on_workers(WORKERS, |runtime, _| {
        for hold in HOLDS {
            runtime.run(async {
                for _ in 0..5 {
                    settle().await;
                    chain(hold).await;
                }
            });
        }
    });
}

#[test]
fn tasks_woken_together_with_one_that_holds_the_timekeeper_up() {
    on_workers(WORKERS, |runtime, _| {
        for hold in HOLDS {
            runtime.run(async {
                for _ in 0..5 {
                    settle().await;
                    crowd(hold).await;
                }
            });
        }
    });
}

/// The stint drags on though no poll is long.
#[test]
fn timers_beside_a_task_that_always_yields() {
    watchdog("timers beside a task that always yields", LIMIT, || {
        run(async {
            settle().await;
            let done = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&done);
            let yields = spawn(async move {
                sleep(Duration::from_micros(700)).await;
                while count.load(SeqCst) == 0 {
                    yield_now().await;
                }
            });
            for _ in 0..10 {
                sleep(Duration::from_micros(500)).await;
            }
            done.store(1, SeqCst);
            yields.await.unwrap();
        });
    });
}

/// The role is not taken along when a runtime ends. Nobody takes it away from a worker in the next one, which
/// may well have the same place in memory.
#[test]
fn a_runtime_that_ends_in_the_midst_leaves_the_next_one_alone() {
    const WORKERS: [usize; 2] = [2, 4];
    on_workers(&WORKERS, |runtime, workers| {
        runtime.run(settle());
        let ends = runtime.handle().clone();
        drop(runtime.spawn(async move {
            sleep(Duration::from_micros(300)).await;
            ends.shutdown_background();
        }));
        while !runtime.spawn(async {}).is_finished() {
            std::thread::yield_now();
        }
        drop(runtime);
        let builder = Runtime::builder().worker_threads(workers).watch(false);
        let next = builder.build().unwrap();
        for _ in 0..10 * workers {
            next.run(held_up_by_turns());
        }
    });
}

/// A task blocks its worker until another one, on a second worker, has slept.
async fn held_up_by_turns() {
    let slept = Arc::new(AtomicUsize::new(0));
    let done = Arc::clone(&slept);
    let sleeper = spawn(async move {
        sleep(Duration::from_micros(300)).await;
        done.fetch_add(1, SeqCst);
    });
    let holder = spawn(async move { blocking(&slept, 1) });
    let _: ((), ()) = gather!(sleeper, holder).await;
}
