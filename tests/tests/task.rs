//! Tasks are spawned from everywhere, run to their ends, and reach each other.

use futures::channel::{mpsc, oneshot};
use futures::{SinkExt, StreamExt};
use std::sync::mpsc as std_mpsc;
use wheelhouse::{spawn, yield_now};
use wheelhouse_tests::{Gate, WORKERS, on_workers};

#[test]
fn a_handle_gives_what_the_task_returned() {
    on_workers(WORKERS, |runtime, _| {
        let words = runtime.run(async {
            let (a, b) = (
                spawn(async { "a".to_owned() }),
                spawn(async { "b".to_owned() }),
            );
            a.await.unwrap() + &b.await.unwrap()
        });
        assert_eq!(words, "ab");
        assert_eq!(runtime.spawn(async {}).join().unwrap(), ());
    });
}

#[test]
fn a_detached_task_runs_to_its_end() {
    on_workers(WORKERS, |runtime, _| {
        let (sender, receiver) = std_mpsc::channel();
        runtime.run(async {
            for i in 0..100 {
                let sender = sender.clone();
                drop(spawn(async move {
                    yield_now().await;
                    sender.send(i).unwrap();
                }));
            }
        });
        drop(sender);
        let mut all: Vec<i32> = receiver.iter().collect();
        all.sort_unstable();
        assert_eq!(all, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn tasks_are_spawned_from_other_threads_idle_or_under_load() {
    on_workers(WORKERS, |runtime, workers| {
        for under_load in [false, true] {
            let enough = Gate::new();
            let hogs = if under_load { workers * 2 } else { 0 };
            let hogs: Vec<_> = (0..hogs)
                .map(|_| {
                    let enough = enough.clone();
                    runtime.spawn(async move {
                        while !enough.is_open() {
                            yield_now().await;
                        }
                    })
                })
                .collect();
            for i in 0..200 {
                assert_eq!(runtime.spawn(async move { i }).join().unwrap(), i);
            }
            enough.open();
            hogs.into_iter().for_each(|hog| hog.join().unwrap());
        }
    });
}

#[test]
fn many_oneshots_cross() {
    on_workers(WORKERS, |runtime, _| {
        const COUNT: usize = 2000;
        let sum = runtime.run(async {
            let (senders, receivers): (Vec<_>, Vec<_>) =
                (0..COUNT).map(|_| oneshot::channel::<usize>()).unzip();
            let waiting: Vec<_> = receivers
                .into_iter()
                .map(|r| spawn(async { r.await.unwrap() }))
                .collect();
            for (i, sender) in senders.into_iter().enumerate() {
                drop(spawn(async move { sender.send(i).unwrap() }));
            }
            let mut sum = 0;
            for task in waiting {
                sum += task.await.unwrap();
            }
            sum
        });
        assert_eq!(sum, COUNT * (COUNT - 1) / 2);
    });
}

#[test]
fn many_pairs_play_ping_pong() {
    const ROUNDS: usize = 200;
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let pairs: Vec<_> = (0..50)
                .flat_map(|_| {
                    let (mut ping, mut pinged) = mpsc::channel::<usize>(0);
                    let (mut pong, mut ponged) = mpsc::channel::<usize>(0);
                    let server = spawn(async move {
                        while let Some(ball) = pinged.next().await {
                            pong.send(ball + 1).await.unwrap();
                        }
                    });
                    let client = spawn(async move {
                        for ball in 0..ROUNDS {
                            ping.send(ball).await.unwrap();
                            assert_eq!(ponged.next().await, Some(ball + 1));
                        }
                    });
                    [server, client]
                })
                .collect();
            for player in pairs {
                player.await.unwrap();
            }
        });
    });
}

#[test]
fn a_task_is_spawned_from_a_tasks_destructor() {
    struct SpawnOnDrop(Option<oneshot::Sender<i32>>);
    impl Drop for SpawnOnDrop {
        fn drop(&mut self) {
            let sender = self.0.take().unwrap();
            drop(spawn(async move { sender.send(8).unwrap() }));
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let (sender, receiver) = oneshot::channel();
        let gate = Gate::new();
        let held = SpawnOnDrop(Some(sender));
        let task = runtime.spawn(async move {
            let _held = held;
            gate.wait().await;
        });
        task.abort();
        assert_eq!(runtime.run(receiver), Ok(8));
    });
}

#[test]
fn tasks_of_all_sizes_and_alignments_run() {
    #[repr(align(128))]
    struct Aligned(u8);
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let large = spawn(async {
                let bytes = [7_u8; 100_000];
                yield_now().await;
                bytes
            });
            let aligned = spawn(async {
                let value = Aligned(9);
                yield_now().await;
                assert_eq!((&raw const value).addr() % 128, 0);
                value
            });
            let nothing = spawn(std::future::ready(()));
            assert!(large.await.unwrap().iter().all(|&byte| byte == 7));
            assert_eq!(aligned.await.unwrap().0, 9);
            nothing.await.unwrap();
        });
    });
}
