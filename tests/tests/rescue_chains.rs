//! Blocked workers whose rescuers block in turn: chains, trees, and waves of them.

use futures::future::{BoxFuture, FutureExt};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{Handle, Runtime, block_in_place, sleep, spawn, spawn_blocking, yield_now};
use wheelhouse_tests::{Dice, Place, WORKERS, block_until_fed, on_workers};

const DEPTH: usize = 8;

/// Blocks on a feeder that blocks on a feeder, and so on; gives how many there were.
fn chain(depth: usize, place: fn(usize) -> Place) -> BoxFuture<'static, usize> {
    async move {
        if depth == 0 {
            return 0;
        }
        let (sender, receiver) = mpsc::channel();
        let next = chain(depth - 1, place);
        let feeder = place(depth).feeder(async move { sender.send(next.await).unwrap() });
        let feeder = feeder.await;
        let _held = feeder.put();
        1 + receiver.recv().expect("the feeder runs")
    }
    .boxed()
}

/// One chain for each worker, all at the same time.
fn chains(runtime: &Runtime, workers: usize, place: fn(usize) -> Place) {
    let tasks: Vec<_> = (0..workers)
        .map(|_| runtime.spawn(chain(DEPTH, place)))
        .collect();
    for task in tasks {
        assert_eq!(task.join().unwrap(), DEPTH);
    }
}

#[test]
fn a_feeder_in_the_slot_blocks_on_the_next() {
    on_workers(WORKERS, |runtime, workers| {
        for _ in 0..3 {
            chains(&runtime, workers, |_| Place::SpawnedSlot);
            chains(&runtime, workers, |_| Place::WokenSlot);
        }
    });
}

#[test]
fn a_feeder_in_the_deque_blocks_on_the_next() {
    on_workers(WORKERS, |runtime, workers| {
        (0..5).for_each(|_| chains(&runtime, workers, |_| Place::Deque));
    });
}

#[test]
fn a_feeder_that_a_timer_wakes_blocks_on_the_next() {
    on_workers(WORKERS, |runtime, workers| {
        for _ in 0..2 {
            chains(&runtime, workers, |_| Place::Timer);
            chains(&runtime, workers, |_| Place::TimersWaker);
        }
    });
}

#[test]
fn each_feeder_in_another_place() {
    on_workers(WORKERS, |runtime, workers| {
        for _ in 0..4 {
            chains(&runtime, workers, |depth| {
                Place::ALL[depth % Place::ALL.len()]
            });
        }
    });
}

/// Those of a wave return while those of the next one block.
#[test]
fn waves_that_overlap() {
    on_workers(WORKERS, |runtime, workers| {
        thread::scope(|scope| {
            for place in [Place::Deque, Place::WokenSlot, Place::Timer] {
                let runtime = &runtime;
                scope.spawn(move || {
                    for wave in 0..10 {
                        // Not for long either way: some are back before anybody has noticed.
                        let count = 1 + (wave * 7) % (2 * workers);
                        block_until_fed(runtime, count, place, |stuck| stuck());
                    }
                });
            }
        });
    });
}

/// A tree of tasks in which each waits for its children in one way or another; gives their number.
fn tree(depth: usize, seed: u64) -> BoxFuture<'static, usize> {
    async move {
        let mut dice = Dice(seed);
        let mut tasks = 1;
        let children = if depth == 0 { 0 } else { 1 + dice.roll(3) };
        for _ in 0..children {
            let child = tree(depth - 1, dice.roll(u64::MAX) | 1);
            tasks += wait_somehow(child, &mut dice).await;
        }
        tasks
    }
    .boxed()
}

async fn wait_somehow(child: BoxFuture<'static, usize>, dice: &mut Dice) -> usize {
    match dice.roll(8) {
        0 | 1 => {
            let (sender, receiver) = mpsc::channel();
            let place = Place::ALL[dice.roll(Place::ALL.len() as u64) as usize];
            let feeder = place.feeder(async move { sender.send(child.await).unwrap() });
            let feeder = feeder.await;
            let _held = feeder.put();
            receiver.recv().expect("the feeder runs")
        }
        2 => block_in_place(|| spawn(child).join().unwrap()),
        3 => {
            sleep(Duration::from_micros(dice.roll(1000))).await;
            child.await
        }
        4 => {
            let handle = Handle::current();
            let job = spawn_blocking(move || handle.block_on(child));
            job.await.unwrap()
        }
        5 => {
            thread::sleep(Duration::from_micros(dice.roll(3000)));
            child.await
        }
        6 => {
            yield_now().await;
            child.await
        }
        _ => spawn(child).await.unwrap(),
    }
}

#[test]
fn trees_of_tasks_that_block_here_and_there() {
    on_workers(WORKERS, |runtime, _| {
        for round in 0..6 {
            let roots: Vec<_> = (1..=4)
                .map(|root| runtime.spawn(tree(4, round * 1000 + root)))
                .collect();
            for root in roots {
                assert!(root.join().unwrap() >= 5);
            }
        }
    });
}
