//! A worker that is blocked keeps nothing from others: all workers block at once, each on what only
//! one certain task can give it, and that task lies where the blocked worker would have found it.
//!
//! There is no clock here. Without a rescue each of these tests hangs, which the watchdog tells.

use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, mpsc};
use std::task::{Wake, Waker};
use std::time::Duration;
use wheelhouse::{Builder, sleep, spawn, yield_now};
use wheelhouse_tests::{
    Gate, LIMIT, Place, WORKERS, armed_with, block_together, block_until_fed, on_built, on_workers,
};

/// How often everything is tried in a runtime.
const ROUNDS: usize = 40;

fn over_and_over(place: Place) {
    on_workers(WORKERS, move |runtime, workers| {
        for _ in 0..ROUNDS {
            block_until_fed(&runtime, workers, place, |stuck| stuck());
        }
    });
}

#[test]
fn a_task_in_a_blocked_deque() {
    over_and_over(Place::Deque);
}

#[test]
fn a_task_spawned_into_a_blocked_slot() {
    over_and_over(Place::SpawnedSlot);
}

#[test]
fn a_task_woken_into_a_blocked_slot() {
    over_and_over(Place::WokenSlot);
}

#[test]
fn a_task_in_the_injector() {
    over_and_over(Place::Injector);
}

#[test]
fn a_task_that_a_timer_wakes() {
    over_and_over(Place::Timer);
}

#[test]
fn a_waker_that_a_timer_calls() {
    over_and_over(Place::TimersWaker);
}

/// The first blocked poll of a runtime comes before anything has settled.
#[test]
fn at_once_after_the_start() {
    for place in Place::ALL {
        for _ in 0..5 {
            on_workers(WORKERS, move |runtime, workers| {
                block_until_fed(&runtime, workers, place, |stuck| stuck());
            });
        }
    }
}

/// A worker that sleeps is as good as a spare, if somebody wakes it.
#[test]
fn beside_workers_that_sleep() {
    on_workers(&[2, 4, 16], |runtime, workers| {
        for place in Place::ALL {
            for blocked in [1, workers / 2, workers - 1] {
                for _ in 0..5 {
                    block_until_fed(&runtime, blocked, place, |stuck| stuck());
                }
            }
        }
    });
}

/// Whoever served the timers when a waker blocked serves none of them any more.
#[test]
fn timers_go_on_while_a_waker_blocks() {
    struct Blocks(Gate);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            self.0.block();
        }
    }
    on_workers(WORKERS, |runtime, workers| {
        for _ in 0..5 {
            let (gate, done) = (Gate::new(), Gate::new());
            let (waker, finish) = (Waker::from(Arc::new(Blocks(gate.clone()))), done.clone());
            let task = runtime.spawn(async move {
                let _timer = armed_with(&waker);
                done.wait().await;
            });
            gate.wait_for(1, LIMIT);
            runtime.run(async {
                for _ in 0..3 {
                    sleep(Duration::from_millis(2)).await;
                }
            });
            block_until_fed(&runtime, workers, Place::Timer, |stuck| stuck());
            gate.open();
            finish.open();
            task.join().unwrap();
        }
    });
}

/// More tasks than workers: they come together in one place only if each that blocks is stood in
/// for.
#[test]
fn many_more_than_there_are_workers() {
    on_workers(WORKERS, |runtime, workers| {
        for place in Place::ALL {
            block_until_fed(&runtime, 4 * workers, place, |stuck| stuck());
        }
    });
}

#[test]
fn feeders_in_every_place_at_once() {
    on_workers(WORKERS, |runtime, workers| {
        for _ in 0..3 {
            let sets = Place::ALL.map(|place| {
                let tasks = block_together(&runtime, workers, place, |stuck| stuck());
                (place, tasks)
            });
            for (place, tasks) in sets {
                for task in tasks {
                    assert!(task.join().is_ok(), "fed by {place:?}");
                }
            }
        }
    });
}

/// What was spawned before the feeder, and behind it, has its turn too.
#[test]
fn everything_in_a_blocked_deque_runs() {
    on_workers(WORKERS, |runtime, _| {
        for _ in 0..20 {
            let sum: usize = runtime.run(async {
                let (sender, receiver) = mpsc::channel();
                for number in 0..500 {
                    let sender = sender.clone();
                    drop(spawn(async move {
                        yield_now().await;
                        sender.send(number).unwrap();
                    }));
                }
                drop(sender);
                receiver.iter().sum()
            });
            assert_eq!(sum, 500 * 499 / 2);
        }
    });
}

/// Whoever stands in has enough to do with part of what lies behind the blocked worker, for ever if
/// need be: the rest has its turn too.
#[test]
fn the_rest_of_a_blocked_deque_while_others_are_busy() {
    on_workers(WORKERS, |runtime, workers| {
        let all = Arc::new(Barrier::new(workers));
        let block = || {
            let all = Arc::clone(&all);
            async move {
                let (enough, (sender, receiver)) = (Arc::default(), mpsc::channel());
                let yields = |enough: Arc<AtomicBool>| async move {
                    while !enough.load(SeqCst) {
                        yield_now().await;
                    }
                };
                all.wait();
                for _ in 0..100 {
                    drop(spawn(yields(Arc::clone(&enough))));
                }
                drop(spawn(async move { sender.send(()).unwrap() }));
                receiver.recv().unwrap();
                enough.store(true, SeqCst);
            }
        };
        for _ in 0..3 {
            let tasks: Vec<_> = (0..workers).map(|_| runtime.spawn(block())).collect();
            tasks.into_iter().for_each(|task| task.join().unwrap());
        }
    });
}

/// A task that lies in the slot of a blocked worker stays there for good only if nobody looks twice.
#[test]
fn one_wake_up_after_another_in_the_same_poll() {
    on_workers(WORKERS, |runtime, _| {
        for _ in 0..5 {
            runtime.run(async {
                for round in 0..10 {
                    let (gate, (sender, receiver)) = (Gate::new(), mpsc::channel());
                    let waits = gate.clone();
                    drop(spawn(async move {
                        waits.wait().await;
                        sender.send(round).unwrap();
                    }));
                    gate.wait_for(1, LIMIT);
                    gate.open();
                    assert_eq!(receiver.recv(), Ok(round));
                }
            });
        }
    });
}

/// That the tests above prove anything: nobody helps a lone worker that nobody watches.
#[test]
fn without_the_watch_a_blocked_worker_waits_in_vain() {
    on_built(
        &[1],
        |builder: Builder| builder.watch(false),
        |runtime, _| {
            for place in Place::ALL {
                let early = runtime.run(async move {
                    let (sender, receiver) = mpsc::channel();
                    let feeder = place.feeder(async move { sender.send(()).unwrap() });
                    let _held = feeder.await.put();
                    let early = receiver.recv_timeout(Duration::from_millis(30)).is_ok();
                    while !early && receiver.try_recv().is_err() {
                        yield_now().await;
                    }
                    early
                });
                assert!(!early, "fed from {place:?}");
            }
        },
    );
}
