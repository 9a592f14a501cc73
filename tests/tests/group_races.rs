//! Task groups under stress: children that end, fail, are aborted and spawn siblings, while their
//! group takes results, shuts down or goes.

use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use wheelhouse::{AbortHandle, Builder, Runtime, Spawner, TaskGroup, spawn, task_group, yield_now};
use wheelhouse_tests::{
    Dice, DropCounter, DropToken, LIMIT, ON_PURPOSE, WORKERS, eventually, on_built, on_workers,
    quiet,
};

type Value = DropToken;

/// Ends in some way, after some polls.
async fn child(mut dice: Dice, drops: DropCounter) -> Result<Value, Value> {
    let _held = drops.token();
    for _ in 0..dice.roll(3) {
        yield_now().await;
    }
    match dice.roll(8) {
        0 => Err(drops.token()),
        1 => panic!("{ON_PURPOSE}: a child"),
        2 => pending().await,
        _ => Ok(drops.token()),
    }
}

/// The same, with a sibling now and then.
async fn parent(
    mut dice: Dice,
    drops: DropCounter,
    spawner: Spawner<Value, Value>,
) -> Result<Value, Value> {
    if dice.roll(4) == 0 {
        spawner.spawn(child(Dice(dice.0 ^ 2), drops));
    }
    child(dice, drops).await
}

fn spawn_some(
    group: &TaskGroup<Value, Value>,
    dice: &mut Dice,
    drops: DropCounter,
) -> Vec<AbortHandle> {
    let spawn = |_| {
        let seed = Dice(dice.roll(u64::MAX) | 1);
        if seed.0 % 16 == 1 {
            return group.spawn_blocking(move || Ok(drops.token()));
        }
        group.spawn(parent(seed, drops, group.spawner()))
    };
    (0..20).map(spawn).collect()
}

fn stress(rounds: u64, round: impl Fn(&Runtime, Dice, DropCounter) + Send + Sync + 'static) {
    quiet();
    on_workers(WORKERS, move |runtime, workers| {
        let drops = DropCounter::new();
        for number in 0..rounds {
            let seed = (number + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ workers as u64;
            round(&runtime, Dice(seed | 1), drops);
        }
        let report = runtime.shutdown_timeout(LIMIT);
        assert!(report.is_complete(), "{report}");
        drops.assert_each_dropped_once();
    });
}

#[test]
fn every_result_comes_once() {
    stress(60, |runtime, mut dice, drops| {
        runtime.run(async move {
            let group = Arc::new(TaskGroup::new());
            let children = spawn_some(&group, &mut dice, drops);
            let taken = Arc::new(AtomicUsize::new(0));
            let takers = (0..2).map(|_| {
                let (group, taken) = (Arc::clone(&group), Arc::clone(&taken));
                spawn(async move {
                    while group.next().await.is_some() {
                        taken.fetch_add(1, SeqCst);
                    }
                })
            });
            let takers: Vec<_> = takers.collect();
            let aborter = thread::spawn(move || children.iter().rev().for_each(AbortHandle::abort));
            yield_now().await;
            group.abort_all();
            while !group.is_empty() {
                group.abort_all(); // siblings may have come
                yield_now().await;
            }
            for taker in takers {
                taker.await.unwrap();
            }
            aborter.join().unwrap();
            assert!(taken.load(SeqCst) >= 20, "{taken:?}");
            assert!(group.next().await.is_none());
        });
    });
}

#[test]
fn when_a_task_group_returns_nothing_of_it_is_left() {
    stress(100, |runtime, mut dice, drops| {
        let group_drops = DropCounter::new();
        let _ = drops;
        runtime.run(async move {
            let wait = dice.roll(4);
            let ended = task_group(async |group: TaskGroup<Value, Value>| {
                spawn_some(&group, &mut dice, group_drops);
                for _ in 0..wait {
                    yield_now().await;
                }
                Err::<(), _>(group_drops.token())
            });
            drop(ended.await.unwrap_err());
            assert_eq!(group_drops.dropped(), group_drops.made());
        });
        group_drops.assert_each_dropped_once();
    });
}

#[test]
fn groups_are_dropped_and_shut_down_at_any_moment() {
    stress(100, |runtime, mut dice, drops| {
        let owner = runtime.spawn(async move {
            let group = TaskGroup::new();
            spawn_some(&group, &mut dice, drops);
            for _ in 0..dice.roll(4) {
                yield_now().await;
            }
            if dice.roll(2) == 0 {
                group.shutdown().await;
                assert!(group.is_empty());
            }
            pending::<()>().await;
        });
        for _ in 0..drops.made() % 7 {
            thread::yield_now();
        }
        owner.abort();
        assert!(owner.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn owners_are_aborted_while_their_groups_fail() {
    stress(100, |runtime, mut dice, drops| {
        let wait = dice.roll(200);
        let owner = runtime.spawn(async move {
            let ended = task_group(async |group: TaskGroup<Value, Value>| {
                spawn_some(&group, &mut dice, drops);
                while let Some(result) = group.next().await {
                    drop(result);
                }
                Ok(drops.token())
            });
            ended.await
        });
        for _ in 0..wait {
            thread::yield_now();
        }
        owner.abort();
        drop(owner.join());
    });
}

/// A value that is counted as long as it lives, so that nobody runs too far ahead.
struct Live(
    Arc<AtomicUsize>,
    #[expect(dead_code, reason = "it is held")] DropToken,
);

impl Live {
    fn new(alive: &Arc<AtomicUsize>, token: DropToken) -> Self {
        alive.fetch_add(1, SeqCst);
        Live(Arc::clone(alive), token)
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn spawners_race_with_the_end_of_their_group() {
    const AT_ONCE: usize = 50;
    stress(60, |runtime, _, drops| {
        let group = TaskGroup::<Live, ()>::new();
        let alive = Arc::new(AtomicUsize::new(0));
        let gone = Arc::new(AtomicBool::new(false));
        let spawners = (0..3).map(|_| {
            let (spawner, handle) = (group.spawner(), runtime.handle().clone());
            let (alive, gone) = (Arc::clone(&alive), Arc::clone(&gone));
            thread::spawn(move || {
                let _entered = handle.enter();
                let spawn = || {
                    let value = Live::new(&alive, drops.token());
                    spawner.spawn(async { Ok(value) })
                };
                while !gone.load(SeqCst) {
                    if alive.load(SeqCst) > AT_ONCE {
                        thread::yield_now(); // until the group takes some, or ends
                    } else {
                        spawn();
                    }
                }
                spawn()
            })
        });
        let spawners: Vec<_> = spawners.collect();
        for _ in 0..5 {
            drop(runtime.block_on(group.next()));
        }
        drop(group);
        gone.store(true, SeqCst);
        for spawner in spawners {
            let late = spawner.join().unwrap();
            eventually("who comes too late is cancelled", LIMIT, || {
                late.is_finished()
            });
        }
        eventually("nothing is left", LIMIT, || alive.load(SeqCst) == 0);
    });
}

#[test]
fn runtimes_go_while_groups_run() {
    quiet();
    on_workers(WORKERS, |first, workers| {
        drop(first);
        for seed in 0..30 {
            let mut dice = Dice(seed * 2 + 1);
            let drops = DropCounter::new();
            let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
            let group = TaskGroup::new();
            let entered = runtime.enter();
            spawn_some(&group, &mut dice, drops);
            drop(entered);
            let owner = runtime.spawn(task_group(async move |group: TaskGroup<Value, Value>| {
                spawn_some(&group, &mut dice, drops);
                pending::<Result<(), _>>().await
            }));
            drop(runtime);
            drop(owner);
            // Every child has an end, whoever has brought it about.
            let other = Runtime::builder().worker_threads(1).build().unwrap();
            other.block_on(async { while group.next().await.is_some() {} });
            assert!(group.is_empty());
            drop(group);
            drops.assert_each_dropped_once();
        }
    });
}

#[test]
fn every_panic_is_taken_or_reported_once() {
    quiet();
    let reported = Arc::new(AtomicUsize::new(0));
    let report = Arc::clone(&reported);
    let hooked = move |builder: Builder| {
        let report = Arc::clone(&report);
        builder.on_unhandled_panic(move |_| {
            report.fetch_add(1, SeqCst);
        })
    };
    on_built(WORKERS, hooked, move |runtime, workers| {
        reported.store(0, SeqCst);
        let panicked = Arc::new(AtomicUsize::new(0));
        let mut taken = 0;
        for round in 0..200 {
            let group = TaskGroup::<(), ()>::new();
            let entered = runtime.enter();
            for _ in 0..10 {
                let panicked = Arc::clone(&panicked);
                group.spawn(async move {
                    panicked.fetch_add(1, SeqCst);
                    panic!("{ON_PURPOSE}: a child")
                });
            }
            drop(entered);
            for _ in 0..round % 10 {
                let ended = runtime.block_on(group.next()).unwrap();
                assert!(ended.unwrap_err().is_panic());
                taken += 1;
            }
            drop(group); // while the others begin, panic, and end
        }
        assert!(runtime.shutdown_timeout(LIMIT).is_complete());
        let (panicked, reported) = (panicked.load(SeqCst), reported.load(SeqCst));
        assert_eq!(
            taken + reported,
            panicked,
            "taken and reported, on {workers} workers"
        );
    });
}
