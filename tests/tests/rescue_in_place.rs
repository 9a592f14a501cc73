//! Blocking that is announced, by `block_in_place`: the worker's other work is handed on beforehand.
//! Nobody needs to notice anything, so most of this runs where nobody watches; what is not handed on
//! then stays where it is, and the test hangs.

use std::sync::mpsc;
use wheelhouse::{Runtime, block_in_place};
use wheelhouse_tests::{Place, WORKERS, block_until_fed, on_built, on_workers};

/// Runs `test` on runtimes that nobody watches.
#[track_caller]
fn unwatched(test: impl Fn(Runtime, usize) + Send + Sync + 'static) {
    on_built(WORKERS, |builder| builder.watch(false), test);
}

fn over_and_over(place: Place) {
    unwatched(move |runtime, workers| {
        for _ in 0..40 {
            block_until_fed(&runtime, workers, place, block_in_place);
        }
    });
}

#[test]
fn a_task_in_the_deque() {
    over_and_over(Place::Deque);
}

#[test]
fn a_task_in_the_slot() {
    over_and_over(Place::SpawnedSlot);
    over_and_over(Place::WokenSlot);
}

#[test]
fn a_task_in_the_injector() {
    over_and_over(Place::Injector);
}

#[test]
fn a_timer() {
    over_and_over(Place::Timer);
    over_and_over(Place::TimersWaker);
}

#[test]
fn with_the_watch_it_is_the_same() {
    on_workers(WORKERS, |runtime, workers| {
        for place in Place::ALL {
            for _ in 0..5 {
                block_until_fed(&runtime, workers, place, block_in_place);
            }
        }
    });
}

/// What was queued before is handed on too, not only what the closure queues.
#[test]
fn what_was_queued_before() {
    unwatched(|runtime, workers| {
        for place in Place::ALL {
            let block = || async move {
                let (sender, receiver) = mpsc::channel();
                let feeder = place.feeder(async move { sender.send(7).unwrap() });
                let _held = feeder.await.put();
                block_in_place(|| receiver.recv().unwrap())
            };
            for _ in 0..10 {
                let tasks: Vec<_> = (0..workers).map(|_| runtime.spawn(block())).collect();
                tasks
                    .into_iter()
                    .for_each(|task| assert_eq!(task.join().unwrap(), 7));
            }
        }
    });
}

#[test]
fn nested() {
    unwatched(|runtime, workers| {
        for place in Place::ALL {
            block_until_fed(&runtime, workers, place, |stuck| {
                block_in_place(|| {
                    block_in_place(|| ());
                    block_in_place(stuck)
                })
            });
        }
    });
}
