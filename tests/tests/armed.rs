//! An armed timer is never missed: not while others compute, not while the timekeeper is busy.
//!
//! Each test has a computation that ends only when a sleeper has run. It has no other end, so a
//! timer that is missed is a hang, which the watchdog tells.

use std::hint::spin_loop;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, sleep, spawn, yield_now};
use wheelhouse_tests::{CountWaker, Gate, LIMIT, on_workers, poll_once};

const NAP: Duration = Duration::from_millis(5);

/// Computes, without an await, until the flag is set.
fn compute_until(flag: &AtomicBool) {
    while !flag.load(SeqCst) {
        spin_loop();
    }
}

fn compute_until_woken(counter: &CountWaker) {
    while counter.count() == 0 {
        spin_loop();
    }
}

/// Starts a sleeper that sets the flag that comes back; returns when it has armed its timer.
async fn start_sleeper(nap: Duration) -> Arc<AtomicBool> {
    let (ran, armed) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicBool::new(false)),
    );
    let (flag, polled) = (Arc::clone(&ran), Arc::clone(&armed));
    drop(spawn(async move {
        let mut nap = Box::pin(sleep(nap));
        let mut first = true;
        std::future::poll_fn(|cx| {
            let polled_now = nap.as_mut().poll(cx);
            if std::mem::take(&mut first) {
                polled.store(true, SeqCst);
            }
            polled_now
        })
        .await;
        flag.store(true, SeqCst);
    }));
    while !armed.load(SeqCst) {
        yield_now().await;
    }
    ran
}

/// Lets all workers but one fall asleep. Nothing tells when they have: both cases are tested, by
/// doing this or not.
fn let_them_park(round: usize) {
    if round.is_multiple_of(2) {
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn one_worker_computes_and_the_other_sleeps_without_a_deadline() {
    on_workers(&[2, 4, 16], |runtime, _| {
        for round in 0..20 {
            let_them_park(round);
            runtime.run(async {
                let ran = start_sleeper(NAP).await;
                compute_until(&ran);
            });
        }
    });
}

#[test]
fn the_other_sleeps_until_a_later_deadline() {
    on_workers(&[2, 4, 16], |runtime, _| {
        drop(runtime.spawn(sleep(Duration::from_secs(1000))));
        for round in 0..20 {
            let_them_park(round);
            runtime.run(async {
                let later = start_sleeper(2 * NAP).await;
                let sooner = start_sleeper(NAP / 2).await;
                compute_until(&sooner);
                compute_until(&later);
            });
        }
    });
}

/// The timekeeper itself gets the task to compute with: it has to hand its role on first.
#[test]
fn whoever_kept_the_time_computes() {
    on_workers(&[2, 4, 16], |runtime, _| {
        for round in 0..20 {
            let_them_park(round);
            let computes = runtime.spawn(async {
                let ran = start_sleeper(2 * NAP).await;
                // Whoever fires this is most likely to run what follows, too.
                sleep(NAP).await;
                compute_until(&ran);
            });
            computes.join().unwrap();
        }
    });
}

#[test]
fn whoever_kept_the_time_computes_in_a_chain() {
    on_workers(&[2, 4], |runtime, _| {
        let computes = runtime.spawn(async {
            for _ in 0..30 {
                let ran = start_sleeper(NAP / 5).await;
                sleep(NAP / 10).await;
                compute_until(&ran);
                // Armed by a task that a timer woke, while nobody else is awake.
                let ran = start_sleeper(NAP / 10).await;
                compute_until(&ran);
            }
        });
        computes.join().unwrap();
    });
}

/// Whoever was woken to keep the time is given a task instead, which computes: another must keep it.
#[test]
fn whoever_was_to_keep_the_time_computes() {
    on_workers(&[3, 4, 16], |runtime, _| {
        for round in 0..10 {
            let_them_park(round);
            runtime.run(async {
                // Afterwards nobody keeps the time: whoever did runs this.
                sleep(NAP).await;
                let fired = Arc::new(CountWaker::new());
                let mut nap = sleep(NAP);
                assert!(poll_once(&mut nap, &fired.waker()).is_pending());
                // The first one stays here, and another worker takes the second one.
                let tasks = [(); 2].map(|()| {
                    let fired = Arc::clone(&fired);
                    spawn(async move { compute_until_woken(&fired) })
                });
                compute_until_woken(&fired);
                for task in tasks {
                    task.await.unwrap();
                }
            });
        }
    });
}

#[test]
fn all_workers_but_one_compute() {
    on_workers(&[2, 4], |runtime, workers| {
        for round in 0..10 {
            let_them_park(round);
            let (ran, inside) = (Arc::new(AtomicBool::new(false)), Gate::new());
            for count in 1..workers {
                let (flag, inside_one) = (Arc::clone(&ran), inside.clone());
                // The gate tells when it is being polled; it is open already for the last.
                drop(runtime.spawn(async move {
                    inside_one.block();
                    compute_until(&flag);
                }));
                inside.wait_for(count, LIMIT);
            }
            let flag = Arc::clone(&ran);
            let sleeper = runtime.spawn(async move {
                sleep(NAP).await;
                flag.store(true, SeqCst);
            });
            inside.open();
            sleeper.join().unwrap();
        }
    });
}

/// A thread in `block_on` arms its timers elsewhere: they are the workers' to fire all the same.
#[test]
fn a_thread_outside_arms_while_a_worker_computes() {
    on_workers(&[2, 4], |runtime, _| {
        for round in 0..20 {
            let_them_park(round);
            let (ran, inside) = (Arc::new(AtomicBool::new(false)), Gate::new());
            let (flag, is_inside) = (Arc::clone(&ran), inside.clone());
            let computes = runtime.spawn(async move {
                is_inside.block();
                compute_until(&flag);
            });
            inside.wait_for(1, LIMIT);
            inside.open();
            runtime.block_on(sleep(NAP));
            ran.store(true, SeqCst);
            computes.join().unwrap();
        }
    });
}

#[test]
fn many_threads_outside_sleep_in_one_runtime() {
    on_workers(&[1, 2, 4], |runtime, _| {
        thread::scope(|scope| {
            for i in 0..8_u64 {
                let runtime: &Runtime = &runtime;
                scope.spawn(move || {
                    for round in 0..30 {
                        runtime.block_on(sleep(Duration::from_micros(100 * (i + round % 3))));
                    }
                });
            }
        });
    });
}

/// Timers that are armed and dropped again leave the timekeeper's plan behind.
#[test]
fn dropped_timers_do_not_hide_others() {
    on_workers(&[2, 4], |runtime, _| {
        runtime.run(async {
            for i in 0..20 {
                let ran = start_sleeper(NAP).await;
                for short in 0..50 {
                    let mut nap = sleep(Duration::from_micros(10 * short + i));
                    let _ = poll_once(&mut nap, wheelhouse_tests::noop());
                }
                compute_until(&ran);
            }
        });
    });
}

/// Sleepers of many lengths on all workers, while one task computes again and again.
#[test]
fn a_crowd_of_sleepers_and_a_computation() {
    on_workers(&[2, 4], |runtime, _| {
        let left = Arc::new(AtomicUsize::new(500));
        for i in 0..500_u64 {
            let left = Arc::clone(&left);
            drop(runtime.spawn(async move {
                for lap in 1..4 {
                    sleep(Duration::from_micros(i * 7 * lap)).await;
                }
                left.fetch_sub(1, SeqCst);
            }));
        }
        runtime.run(async {
            while left.load(SeqCst) > 0 {
                spin_loop();
            }
        });
    });
}
