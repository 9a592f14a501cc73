//! No wake-up is lost: tokens that can only go on if every single one arrives.

use futures::channel::mpsc::{self, UnboundedReceiver, UnboundedSender};
use futures::{StreamExt, executor};
use std::future::Future;
use std::hint::spin_loop;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{Runtime, sleep, sleep_until, spawn, yield_now};
use wheelhouse_tests::{WORKERS, on_workers};

/// Passes `hops` tokens on, then ends.
async fn station(mut from: UnboundedReceiver<u64>, to: UnboundedSender<u64>, hops: u64) {
    for _ in 0..hops {
        let token = from.next().await.expect("a token that never came");
        // The last stations have ended when the last tokens come round.
        let _ = to.unbounded_send(token + 1);
    }
}

/// Runs a ring in which `place` decides where each station runs.
fn ring(
    stations: usize,
    tokens: u64,
    hops: u64,
    mut place: impl FnMut(usize, std::pin::Pin<Box<dyn Future<Output = ()> + Send>>),
) {
    let (first, mut from) = mpsc::unbounded();
    for i in 0..stations {
        let (to, next) = match i + 1 == stations {
            true => (first.clone(), mpsc::unbounded().1),
            false => mpsc::unbounded(),
        };
        place(
            i,
            Box::pin(station(std::mem::replace(&mut from, next), to, hops)),
        );
    }
    (0..tokens).for_each(|token| first.unbounded_send(token).unwrap());
}

#[test]
fn many_tokens_in_a_ring_of_tasks_and_threads() {
    on_workers(WORKERS, |runtime, _| {
        let (mut tasks, mut threads) = (Vec::new(), Vec::new());
        ring(64, 16, 2000, |i, station| {
            if i % 16 == 0 {
                threads.push(thread::spawn(move || executor::block_on(station)));
            } else {
                tasks.push(runtime.spawn(station));
            }
        });
        tasks.into_iter().for_each(|task| task.join().unwrap());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn one_token_in_a_ring_where_nearly_all_sleep() {
    on_workers(WORKERS, |runtime, _| {
        let (mut tasks, mut threads) = (Vec::new(), Vec::new());
        ring(6, 1, 6000, |i, station| match i % 3 {
            0 => threads.push(thread::spawn(move || executor::block_on(station))),
            1 => {
                let handle = runtime.handle().clone();
                threads.push(thread::spawn(move || handle.block_on(station)));
            }
            _ => tasks.push(runtime.spawn(station)),
        });
        tasks.into_iter().for_each(|task| task.join().unwrap());
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
    });
}

#[test]
fn a_spawn_reaches_an_idle_pool_every_time() {
    on_workers(WORKERS, |runtime, _| {
        for i in 0..20_000 {
            assert_eq!(runtime.spawn(async move { i }).join().unwrap(), i);
        }
    });
}

#[test]
fn two_tasks_that_must_meet_do() {
    // Each holds its thread until the other runs, so the second has to be given to another worker.
    on_workers(&[2, 4, 16], |runtime, _| {
        for round in 0..2000 {
            let barrier = Arc::new(Barrier::new(2));
            let meet = |barrier: &Arc<Barrier>| {
                let barrier = Arc::clone(barrier);
                async move {
                    barrier.wait();
                }
            };
            let (one, other) = (meet(&barrier), meet(&barrier));
            match round % 2 {
                0 => [runtime.spawn(one), runtime.spawn(other)]
                    .into_iter()
                    .for_each(|task| task.join().unwrap()),
                _ => runtime.run(async {
                    let (one, other) = (spawn(one), spawn(other));
                    one.await.unwrap();
                    other.await.unwrap();
                }),
            }
        }
    });
}

#[test]
fn as_many_tasks_as_workers_meet() {
    // One task spawns them all, at different speeds; each worker has to take one and hold it.
    on_workers(&[2, 4, 16], |runtime, workers| {
        for round in 0..300 {
            let barrier = Arc::new(Barrier::new(workers));
            runtime.run(async {
                let mut tasks = Vec::new();
                for _ in 0..workers {
                    let barrier = Arc::clone(&barrier);
                    tasks.push(spawn(async move { barrier.wait().is_leader() }));
                    (0..round * 20).for_each(|_| spin_loop());
                }
                let mut leaders = 0;
                for task in tasks {
                    leaders += usize::from(task.await.unwrap());
                }
                assert_eq!(leaders, 1);
            });
        }
    });
}

/// Computes, without an await, until the flag is set.
fn compute_until(flag: &AtomicBool) {
    while !flag.load(SeqCst) {
        spin_loop();
    }
}

#[test]
fn a_task_that_yields_to_a_computation_is_given_to_another_worker() {
    on_workers(&[2, 4, 16], |runtime, _| {
        for round in 0..10 {
            if round % 2 == 0 {
                // The others fall asleep, which nothing tells.
                thread::sleep(Duration::from_millis(2));
            }
            let went_on = Arc::new(AtomicBool::new(false));
            let flag = Arc::clone(&went_on);
            runtime.run(async move {
                let computes = spawn(async move { compute_until(&flag) });
                yield_now().await;
                went_on.store(true, SeqCst);
                computes.await.unwrap();
            });
        }
    });
}

/// What timers have put into the worker's queue before does not hide what its next poll puts there.
#[test]
fn a_spawn_after_timers_that_fired_together_is_given_to_another_worker() {
    on_workers(&[2, 4, 16], |runtime, _| {
        for timers in 1..8 {
            let first = Arc::new(AtomicBool::new(true));
            let when = Instant::now() + Duration::from_millis(2);
            let sleepers: Vec<_> = (0..timers)
                .map(|_| {
                    let first = Arc::clone(&first);
                    runtime.spawn(async move {
                        sleep_until(when).await;
                        if first.swap(false, SeqCst) {
                            spawn_two_and_compute();
                        }
                    })
                })
                .collect();
            for sleeper in sleepers {
                sleeper.join().unwrap();
            }
        }
    });
}

/// The first one stays with this worker; only another one can run the second.
fn spawn_two_and_compute() {
    // The others run out of tasks and fall asleep, which nothing tells.
    thread::sleep(Duration::from_millis(5));
    let ran = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&ran);
    drop(spawn(async {}));
    drop(spawn(async move { flag.store(true, SeqCst) }));
    compute_until(&ran);
}

#[test]
fn many_threads_spawn_at_once() {
    on_workers(WORKERS, |runtime, _| {
        thread::scope(|scope| {
            for _ in 0..4 {
                let runtime: &Runtime = &runtime;
                scope.spawn(move || {
                    for round in 0..50 {
                        let tasks: Vec<_> = (0..20)
                            .map(|i| {
                                runtime.spawn(async move {
                                    if i % 3 == 0 {
                                        yield_now().await;
                                    }
                                    i
                                })
                            })
                            .collect();
                        let sum: i32 = tasks.into_iter().map(|task| task.join().unwrap()).sum();
                        assert_eq!(sum, 190, "in round {round}");
                    }
                });
            }
        });
    });
}

#[test]
fn fans_of_tasks_within_tasks_come_home() {
    fn tree(depth: u32) -> std::pin::Pin<Box<dyn Future<Output = u32> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                return 1;
            }
            let children = [(); 3].map(|()| spawn(tree(depth - 1)));
            let mut leaves = 0;
            for child in children {
                leaves += child.await.unwrap();
            }
            leaves
        })
    }
    on_workers(WORKERS, |runtime, _| {
        for _ in 0..3 {
            assert_eq!(runtime.run(tree(7)), 3_u32.pow(7));
        }
    });
}

#[test]
fn timers_and_tokens_together() {
    on_workers(WORKERS, |runtime, _| {
        let tasks: Vec<_> = (0..16)
            .map(|i| {
                let (to, mut from) = mpsc::unbounded();
                let sender = runtime.spawn(async move {
                    for round in 0..30 {
                        if (round + i) % 3 == 0 {
                            sleep(Duration::from_micros(50 * i)).await;
                        }
                        to.unbounded_send(round).unwrap();
                    }
                });
                let receiver = runtime.spawn(async move {
                    for round in 0..30 {
                        assert_eq!(from.next().await, Some(round));
                    }
                });
                [sender, receiver]
            })
            .collect();
        tasks
            .into_iter()
            .flatten()
            .for_each(|task| task.join().unwrap());
    });
}
