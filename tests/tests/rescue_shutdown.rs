//! The end of a runtime whose threads are blocked.

use futures::channel::oneshot;
use std::collections::HashSet;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use wheelhouse::{JoinHandle, Runtime, block_in_place, sleep, spawn};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, Place, WORKERS, hold_workers, on_built, on_workers, wait_until_closed,
};

/// Starts tasks of which each blocks at the gate, until all do.
fn block_at(runtime: &Runtime, gate: &Gate, count: usize) -> Vec<JoinHandle<()>> {
    let block = || {
        let gate = gate.clone();
        runtime.spawn(async move { gate.block() })
    };
    let tasks = (0..count).map(|_| block()).collect();
    gate.wait_for(count, LIMIT);
    tasks
}

#[test]
fn the_report_names_every_blocked_thread() {
    on_workers(WORKERS, |runtime, workers| {
        let gate = Gate::new();
        let tasks = block_at(&runtime, &gate, workers + 3);
        let site = tasks[0].spawn_site();
        // Long enough for all others to leave, on a busy machine too.
        let report = runtime.shutdown_timeout(Duration::from_millis(200));
        let names: HashSet<_> = report.stuck().iter().map(|thread| thread.name()).collect();
        assert_eq!(names.len(), workers + 3, "{report}");
        for thread in report.stuck() {
            assert_eq!(thread.spawn_site(), Some(site), "{report}");
        }
        gate.open();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn a_drop_waits_for_spares() {
    on_workers(WORKERS, |runtime, workers| {
        let (gate, went_on) = (Gate::new(), Arc::new(AtomicBool::new(false)));
        let held = hold_workers(&runtime, workers);
        let (block, flag) = (gate.clone(), Arc::clone(&went_on));
        let on_spare = runtime.spawn(async move {
            block.block();
            flag.store(true, SeqCst);
        });
        gate.wait_for(1, LIMIT);
        held.open();
        let handle = runtime.handle().clone();
        let dropper = thread::spawn(move || {
            drop(runtime);
            went_on.load(SeqCst)
        });
        wait_until_closed(&handle);
        gate.open();
        assert!(
            dropper.join().unwrap(),
            "the drop came back before the spare went on"
        );
        on_spare.join().unwrap();
    });
}

#[test]
fn a_drop_on_a_spare_does_not_wait() {
    on_workers(WORKERS, |runtime, workers| {
        let (inside, drops) = (hold_workers(&runtime, workers), DropCounter::new());
        let token = drops.token();
        drop(runtime.spawn(async move {
            let _token = token;
            pending::<()>().await
        }));
        let (give, take) = oneshot::channel::<Runtime>();
        let (sender, receiver) = mpsc::channel();
        drop(runtime.spawn(async move {
            drop(take.await);
            sender.send(()).unwrap();
        }));
        assert!(give.send(runtime).is_ok());
        receiver
            .recv()
            .expect("the drop came back, and its task went on");
        inside.open();
        drops.wait_for(1, LIMIT);
    });
}

#[test]
fn other_threads_sleep_on_while_all_workers_are_blocked() {
    on_workers(WORKERS, |runtime, workers| {
        let gate = Gate::new();
        let tasks = block_at(&runtime, &gate, workers + 2);
        runtime.block_on(async {
            runtime.handle().shutdown_background();
            for _ in 0..10 {
                sleep(Duration::from_millis(2)).await;
            }
        });
        gate.open();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

#[test]
fn other_threads_sleep_while_all_workers_are_blocked_for_long() {
    on_workers(WORKERS, |runtime, workers| {
        let gate = Gate::new();
        let tasks = block_at(&runtime, &gate, workers);
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    runtime.block_on(async {
                        for _ in 0..10 {
                            sleep(Duration::from_millis(2)).await;
                        }
                    });
                });
            }
        });
        gate.open();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

/// What came of waiting for a feeder: it ran, or it was cancelled.
type Fed = Result<(), mpsc::RecvError>;

/// All workers block, each on a feeder, when the runtime ends. If the feeder runs or is cancelled,
/// its end lets the blocked one go; if neither, nothing ever does.
fn ends_while_waiting_for(place: Place, how: fn(&mpsc::Receiver<()>) -> Fed) {
    on_workers(WORKERS, move |runtime, workers| {
        let (drops, (sender, inside)) = (DropCounter::new(), mpsc::channel());
        for _ in 0..workers {
            let (token, fed, sender) = (drops.token(), drops.token(), sender.clone());
            drop(runtime.spawn(async move {
                let _token = token;
                let (feed, food) = mpsc::channel();
                let feeder = place.feeder(async move {
                    let _fed = fed;
                    let _ = feed.send(());
                });
                let _held = feeder.await.put();
                let _ = sender.send(());
                let _ = how(&food);
            }));
        }
        drop(sender);
        for _ in 0..workers {
            inside.recv().expect("each comes to its end some time");
        }
        drop(runtime);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_drop_cancels_what_blocked_workers_wait_for() {
    for place in Place::ALL {
        for _ in 0..10 {
            ends_while_waiting_for(place, mpsc::Receiver::recv);
        }
    }
}

#[test]
fn a_drop_cancels_what_is_waited_for_in_place() {
    for place in Place::ALL {
        for _ in 0..5 {
            ends_while_waiting_for(place, |food| block_in_place(|| food.recv()));
        }
    }
}

/// Nobody is left to run anything, and there are no spares: what ends the runtime is the drop.
#[test]
fn a_drop_cancels_what_nobody_can_run() {
    for place in Place::ALL {
        on_built(
            WORKERS,
            |builder| builder.max_spare_threads(0),
            move |runtime, workers| {
                let (drops, (sender, inside)) = (DropCounter::new(), mpsc::channel());
                for _ in 0..workers {
                    let (token, sender) = (drops.token(), sender.clone());
                    drop(runtime.spawn(async move {
                        let (feed, food) = mpsc::channel();
                        let feeder = place.feeder(async move {
                            let _token = token;
                            let _ = feed.send(());
                        });
                        let _held = feeder.await.put();
                        let _ = sender.send(());
                        let _ = food.recv();
                    }));
                }
                drop(sender);
                inside.recv().expect("at least one gets that far");
                drop(runtime);
                drops.assert_each_dropped_once();
            },
        );
    }
}

/// What is spawned when nobody may be left to run it ends one way or the other, also for those who
/// block on it.
fn spawns_after_the_end(how: fn(Box<dyn FnOnce()>)) {
    on_workers(WORKERS, move |runtime, workers| {
        let (gate, drops) = (Gate::new(), DropCounter::new());
        for _ in 0..workers {
            let gate = gate.clone();
            drop(runtime.spawn(async move {
                how(Box::new(move || {
                    gate.block();
                    let (feed, food) = mpsc::channel();
                    for _ in 0..3 {
                        let (feed, token) = (feed.clone(), drops.token());
                        drop(spawn(async move {
                            let _token = token;
                            let _ = feed.send(());
                        }));
                    }
                    drop(feed);
                    let _ = food.recv();
                }));
            }));
        }
        gate.wait_for(workers, LIMIT);
        let handle = runtime.handle().clone();
        let dropper = thread::spawn(move || drop(runtime));
        wait_until_closed(&handle);
        gate.open();
        dropper.join().unwrap();
        assert_eq!(drops.made(), 3 * workers);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_task_that_goes_on_after_the_end_and_blocks_on_a_new_one() {
    spawns_after_the_end(|blocks| blocks());
}

#[test]
fn a_closure_that_goes_on_after_the_end_and_blocks_on_a_new_task() {
    spawns_after_the_end(block_in_place);
}
