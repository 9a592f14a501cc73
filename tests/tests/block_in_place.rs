//! `block_in_place`: what may be done inside it, and what comes of it. Nobody needs to notice anything,
//! so nearly all of this runs where nobody watches.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{
    Builder, Handle, Runtime, block_in_place, sleep, spawn, spawn_blocking, yield_now,
};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, ON_PURPOSE, Place, WORKERS, block_until_fed, catch, eventually,
    on_built, panic_text, quiet, wait_until_closed, watchdog,
};

/// Runs `test` on runtimes that nobody watches.
#[track_caller]
fn unwatched(test: impl Fn(Runtime, usize) + Send + Sync + 'static) {
    on_built(WORKERS, |builder: Builder| builder.watch(false), test);
}

/// Again and again in one task, with a wait between; no thread for each of them.
#[test]
fn many_in_a_row() {
    unwatched(|runtime, _| {
        let sum: u64 = runtime.run(async {
            let mut sum = 0;
            for number in 0..500 {
                sum += block_in_place(|| spawn(async move { number }).join().unwrap());
                yield_now().await;
            }
            sum
        });
        assert_eq!(sum, 500 * 499 / 2);
        let metrics = runtime.metrics();
        assert!(metrics.spare_threads_started <= 8, "{metrics:?}");
        eventually("nobody is stood in for", LIMIT, || {
            runtime.metrics().stuck_workers == 0
        });
    });
}

#[test]
fn blocking_on_futures_inside() {
    unwatched(|runtime, workers| {
        let all_kinds = || async {
            let handle = Handle::current();
            let sum = block_in_place(|| {
                let slept = handle.block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    spawn(async { 1 }).await.unwrap()
                });
                let joined = spawn(async { 10 }).join().unwrap();
                let mut task = spawn(async { 100 });
                let in_time = task.join_timeout(LIMIT).unwrap().unwrap();
                let job = spawn_blocking(|| 1000).join().unwrap();
                let inner = wheelhouse::run(async { 10_000 });
                slept + joined + in_time + job + inner
            });
            // Outside it, blocking on a future is a mistake as ever.
            let caught = catch(|| handle.block_on(async {}));
            assert!(caught.text.contains("block_on"), "{caught:?}");
            catch(|| drop(spawn(async {}).join()));
            sum + spawn(async { 100_000 }).await.unwrap()
        };
        let tasks: Vec<_> = (0..2 * workers)
            .map(|_| runtime.spawn(all_kinds()))
            .collect();
        for task in tasks {
            assert_eq!(task.join().unwrap(), 111_111);
        }
    });
}

#[test]
fn a_panic_inside_goes_on_outside() {
    quiet();
    unwatched(|runtime, workers| {
        let fails = || async { block_in_place(|| panic!("{ON_PURPOSE}: in place")) };
        for _ in 0..10 {
            let tasks: Vec<_> = (0..2 * workers).map(|_| runtime.spawn(fails())).collect();
            for task in tasks {
                let payload = task.join().unwrap_err().into_panic();
                assert_eq!(panic_text(&*payload), format!("{ON_PURPOSE}: in place"));
            }
        }
        // A task that catches it goes on as an ordinary task.
        let sum = runtime.run(async {
            catch(|| block_in_place(|| panic!("caught")));
            catch(|| Handle::current().block_on(async {}));
            sleep(Duration::from_millis(1)).await;
            spawn(async { 1 }).await.unwrap() + block_in_place(|| 1)
        });
        assert_eq!(sum, 2);
        block_until_fed(&runtime, workers, Place::SpawnedSlot, block_in_place);
        eventually("nobody is stood in for", LIMIT, || {
            runtime.metrics().stuck_workers == 0
        });
    });
}

#[test]
fn outside_a_worker_it_is_a_call() {
    watchdog("outside", LIMIT, || {
        assert_eq!(block_in_place(|| 1), 1);
        let caught = catch(|| block_in_place(|| panic!("here")));
        assert_eq!(caught.text, "here");
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        let guard = runtime.enter();
        assert_eq!(block_in_place(|| spawn(async { 2 }).join().unwrap()), 2);
        drop(guard);
        let job = runtime.spawn_blocking(|| block_in_place(|| spawn(async { 3 }).join().unwrap()));
        assert_eq!(job.join().unwrap(), 3);
    });
}

#[test]
fn inside_block_on() {
    unwatched(|runtime, _| {
        let value = runtime.block_on(async {
            let value = block_in_place(|| {
                let inner = Handle::current().block_on(async {
                    sleep(Duration::from_millis(1)).await;
                    1
                });
                inner + spawn(async { 10 }).join().unwrap()
            });
            catch(|| Handle::current().block_on(async {}));
            value + spawn(async { 100 }).await.unwrap()
        });
        assert_eq!(value, 111);
        assert_eq!(runtime.metrics().spare_threads_started, 0);
    });
}

#[test]
fn inside_the_main_future() {
    unwatched(|runtime, _| {
        let text = String::from("borrowed");
        let length = runtime.run(async {
            let (sender, receiver) = mpsc::channel();
            drop(spawn(async move { sender.send(1).unwrap() }));
            block_in_place(|| receiver.recv().unwrap() + text.len())
        });
        assert_eq!(length, 9);
    });
}

#[test]
fn it_counts_as_stuck_while_it_lasts() {
    unwatched(|runtime, workers| {
        let gate = Gate::new();
        let tasks: Vec<_> = (0..workers + 3)
            .map(|_| {
                let gate = gate.clone();
                runtime.spawn(async move { block_in_place(|| gate.block()) })
            })
            .collect();
        gate.wait_for(workers + 3, LIMIT);
        eventually("all are counted", LIMIT, || {
            runtime.metrics().stuck_workers == workers + 3
        });
        assert_eq!(runtime.run(async { 1 }), 1, "one more stands in");
        gate.open();
        tasks.into_iter().for_each(|task| task.join().unwrap());
        eventually("nobody is", LIMIT, || runtime.metrics().stuck_workers == 0);
    });
}

/// Beyond the limit it blocks its worker like any call, and that is all.
#[test]
fn without_spares() {
    on_built(
        WORKERS,
        |builder| builder.watch(false).max_spare_threads(0),
        |runtime, workers| {
            let gate = Gate::new();
            let tasks: Vec<_> = (0..2 * workers)
                .map(|_| {
                    let gate = gate.clone();
                    runtime.spawn(async move { block_in_place(|| gate.block()) })
                })
                .collect();
            gate.wait_for(workers, LIMIT);
            let hits = runtime.metrics().spare_limit_hits;
            gate.open();
            tasks.into_iter().for_each(|task| task.join().unwrap());
            assert_eq!(runtime.metrics().spare_threads_started, 0);
            assert!(hits > 0, "the limit was reached, and not counted");
        },
    );
}

#[test]
fn a_runtime_is_dropped_meanwhile() {
    unwatched(|runtime, workers| {
        let (gate, drops) = (Gate::new(), DropCounter::new());
        for _ in 0..workers + 3 {
            let (gate, token) = (gate.clone(), drops.token());
            drop(runtime.spawn(async move {
                let _token = token;
                block_in_place(|| gate.block());
                yield_now().await;
                unreachable!("the runtime has ended");
            }));
        }
        gate.wait_for(workers + 3, LIMIT);
        let handle = runtime.handle().clone();
        let dropper = thread::spawn(move || drop(runtime));
        wait_until_closed(&handle);
        assert_eq!(drops.dropped(), 0);
        gate.open();
        dropper.join().unwrap();
        drops.assert_each_dropped_once();
    });
}

/// A worker of one runtime that waits in place for another one, and the other way round.
#[test]
fn two_runtimes_wait_for_each_other() {
    unwatched(|runtime, workers| {
        let other = Runtime::builder()
            .worker_threads(workers)
            .watch(false)
            .build()
            .unwrap();
        let (here, there) = (runtime.handle().clone(), other.handle().clone());
        let back = move || {
            let here = here.clone();
            async move { block_in_place(|| here.spawn(async { 7 }).join().unwrap()) }
        };
        let tasks: Vec<_> = (0..2 * workers)
            .map(|_| {
                let (there, back) = (there.clone(), back.clone());
                runtime.spawn(async move {
                    block_in_place(|| there.block_on(async { there.spawn(back()).await.unwrap() }))
                })
            })
            .collect();
        tasks
            .into_iter()
            .for_each(|task| assert_eq!(task.join().unwrap(), 7));
    });
}
