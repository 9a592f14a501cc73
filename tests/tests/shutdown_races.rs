//! Shutdown against everything else at once, and runtimes by the thousand.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, sleep, spawn, spawn_blocking};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, on_workers, watchdog};

fn small(workers: usize) -> Runtime {
    Runtime::builder().worker_threads(workers).build().unwrap()
}

#[test]
fn spawning_while_a_runtime_ends() {
    for workers in [1, 2, 4] {
        watchdog(&format!("spawning on {workers}"), LIMIT, move || {
            let drops = DropCounter::new();
            for _ in 0..100 {
                let runtime = small(workers);
                let started = Gate::new();
                let threads: Vec<_> = (0..3)
                    .map(|_| {
                        let (handle, started) = (runtime.handle().clone(), started.clone());
                        thread::spawn(move || {
                            loop {
                                let (held, output) = (drops.token(), drops.token());
                                let task = handle.spawn(async move {
                                    let _held = held;
                                    wheelhouse::yield_now().await;
                                    output
                                });
                                let job = drops.token();
                                drop(handle.spawn_blocking(move || drop(job)));
                                started.open();
                                match task.join() {
                                    Ok(output) => drop(output),
                                    Err(error) => break assert!(error.is_cancelled()),
                                }
                            }
                        })
                    })
                    .collect();
                futures::executor::block_on(started.wait());
                drop(runtime);
                threads
                    .into_iter()
                    .for_each(|thread| thread.join().unwrap());
            }
            drops.assert_each_dropped_once();
        });
    }
}

#[test]
fn tasks_that_spawn_while_their_runtime_ends() {
    fn chain(drops: DropCounter) {
        let token = drops.token();
        drop(spawn(async move {
            let _token = token;
            wheelhouse::yield_now().await;
            chain(drops);
            chain_of_drops(drops);
        }));
    }
    fn chain_of_drops(drops: DropCounter) {
        struct SpawnOnDrop(DropCounter);
        impl Drop for SpawnOnDrop {
            fn drop(&mut self) {
                let token = self.0.token();
                drop(spawn(async move { drop(token) }));
            }
        }
        let held = SpawnOnDrop(drops);
        drop(spawn(async move {
            let _held = held;
            wheelhouse::yield_now().await;
        }));
    }
    for workers in [1, 2, 4] {
        watchdog(&format!("chains on {workers}"), LIMIT, move || {
            let drops = DropCounter::new();
            for _ in 0..50 {
                let runtime = small(workers);
                runtime.run(async {
                    for _ in 0..8 {
                        chain(drops);
                    }
                });
            }
            drops.assert_each_dropped_once();
        });
    }
}

/// Wakers that threads use all the time, whatever becomes of their runtimes.
#[derive(Clone, Default)]
struct Wakers(Arc<Mutex<Vec<Waker>>>);

impl Wakers {
    /// A task that never ends and leaves its waker here.
    fn task(&self) -> impl Future<Output = ()> + Send + 'static {
        let (wakers, mut first) = (self.clone(), true);
        poll_fn(move |cx| {
            if std::mem::take(&mut first) {
                wakers.0.lock().unwrap().push(cx.waker().clone());
            }
            Poll::Pending
        })
    }

    /// Wakes a few of them, again and again.
    fn storm(&self, enough: &AtomicBool) {
        while !enough.load(SeqCst) {
            let some: Vec<_> = {
                let mut all = self.0.lock().unwrap();
                let old = all.len().saturating_sub(64);
                all.drain(..old);
                all.clone()
            };
            some.iter().for_each(Waker::wake_by_ref);
            some.into_iter().for_each(Waker::wake);
        }
    }
}

#[test]
fn waking_while_runtimes_end_and_are_recycled() {
    for workers in [1, 2] {
        watchdog(&format!("waking on {workers}"), LIMIT, move || {
            let (wakers, enough) = (Wakers::default(), Arc::new(AtomicBool::new(false)));
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    let (wakers, enough) = (wakers.clone(), Arc::clone(&enough));
                    thread::spawn(move || wakers.storm(&enough))
                })
                .collect();
            for _ in 0..300 {
                let runtime = small(workers);
                for _ in 0..8 {
                    drop(runtime.spawn(wakers.task()));
                }
                // It has to work while the old one's wakers come in: idle and busy by turns.
                for i in 0..4 {
                    assert_eq!(runtime.spawn(async move { i }).join().unwrap(), i);
                }
            }
            enough.store(true, SeqCst);
            threads
                .into_iter()
                .for_each(|thread| thread.join().unwrap());
        });
    }
}

#[test]
fn thousands_of_runtimes_one_after_the_other() {
    watchdog("recycling", LIMIT, || {
        let (drops, count) = (DropCounter::new(), Arc::new(AtomicUsize::new(0)));
        for round in 0..2000 {
            let runtime = small(1 + round % 3);
            let (token, counted) = (drops.token(), Arc::clone(&count));
            drop(runtime.spawn(async move {
                let _token = token;
                sleep(Duration::from_secs(1000)).await;
            }));
            runtime.run(async move {
                spawn(async move { counted.fetch_add(1, SeqCst) })
                    .await
                    .unwrap();
            });
        }
        assert_eq!(count.load(SeqCst), 2000);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_job_is_run_or_cancelled_never_stranded() {
    watchdog("jobs and runtimes", LIMIT, || {
        let (drops, ran) = (DropCounter::new(), Arc::new(AtomicUsize::new(0)));
        let mut finished = 0;
        for round in 0..512 {
            let runtime = small(1);
            let (token, count) = (drops.token(), Arc::clone(&ran));
            let job = move || {
                let _token = token;
                count.fetch_add(1, SeqCst);
            };
            let job = match round % 2 {
                0 => runtime.spawn_blocking(job),
                _ => {
                    let _entered = runtime.enter();
                    spawn_blocking(job)
                }
            };
            if round % 4 == 0 {
                runtime.block_on(job).unwrap();
                finished += 1;
                continue;
            }
            drop(runtime);
            finished += usize::from(job.join().is_ok());
        }
        assert_eq!(finished, ran.load(SeqCst));
        drops.assert_each_dropped_once();
    });
}

#[test]
fn several_runtimes_wake_each_other() {
    watchdog("several", LIMIT, || {
        const RUNTIMES: usize = 5;
        for _ in 0..20 {
            let runtimes: Vec<_> = (0..RUNTIMES).map(|i| small(1 + i % 2)).collect();
            let (mut links, mut tasks) = (Vec::new(), Vec::new());
            let (first, mut receiver) = futures::channel::mpsc::unbounded::<usize>();
            for hop in 0..200 {
                let (sender, next) = futures::channel::mpsc::unbounded();
                let mut from = std::mem::replace(&mut receiver, next);
                tasks.push(runtimes[hop % RUNTIMES].spawn(async move {
                    while let Some(ball) = futures::StreamExt::next(&mut from).await {
                        sender.unbounded_send(ball + 1).unwrap();
                    }
                }));
            }
            (0..10).for_each(|ball| first.unbounded_send(ball).unwrap());
            links.push(first);
            let mut balls = runtimes[0].block_on(async {
                let balls = futures::StreamExt::take(&mut receiver, 10);
                futures::StreamExt::collect::<Vec<_>>(balls).await
            });
            balls.sort_unstable();
            assert_eq!(balls, (200..210).collect::<Vec<_>>());
            drop(links);
            tasks.into_iter().for_each(|task| task.join().unwrap());
        }
    });
}

#[test]
fn runtimes_end_at_once_on_many_threads() {
    on_workers(&[1], |_, _| {
        let drops = DropCounter::new();
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(move || {
                    for _ in 0..100 {
                        let (runtime, token) = (small(2), drops.token());
                        drop(runtime.spawn(async move {
                            sleep(Duration::from_millis(1)).await;
                            drop(token);
                        }));
                    }
                });
            }
        });
        drops.assert_each_dropped_once();
    });
}
