//! One round: a runtime, from its start to its end.

use crate::life::{Life, live, stir};
use crate::memory;
use crate::world::{Dice, PROGRESS, Token, World};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{Handle, Runtime, timeout};
use wheelhouse_tests::{LIMIT, threads_named};

/// How many threads outside the runtime use it.
const OUTSIDERS: usize = 2;

/// How long the runtime is used before it is shut down.
const BUSY: Duration = Duration::from_millis(150);

/// Runs a round, and checks that nothing is left of it.
pub(crate) fn run(workers: usize, mut dice: Dice) {
    let world = Arc::new(World::default());
    let runtime = build(workers, &world, &mut dice);
    let handle = runtime.handle().clone();
    crate::watch(Some(handle.clone()));
    for _ in 0..2 * workers {
        let life = Life::new(&world, &mut dice, 0);
        world.leave(&world.handles, runtime.spawn(life), &mut dice);
    }
    let outsiders: Vec<_> = (0..OUTSIDERS)
        .map(|_| {
            let (world, handle, dice) = (Arc::clone(&world), handle.clone(), dice.split());
            thread::spawn(move || use_it(&world, &handle, dice))
        })
        .collect();
    thread::sleep(BUSY + Duration::from_millis(dice.roll(50)));
    let how = dice.roll(7);
    let enders = end(runtime, how);
    world.over.store(true, SeqCst);
    for thread in outsiders.into_iter().chain(enders) {
        thread.join().expect("no panic outside");
    }
    nothing_is_left(&world, handle, &format!("{workers} workers, ending {how}"));
}

fn build(workers: usize, world: &Arc<World>, dice: &mut Dice) -> Runtime {
    let told = Arc::clone(world);
    Runtime::builder()
        .worker_threads(workers)
        .thread_name("st")
        .max_blocking_threads(4)
        .max_blocking_queue(20)
        .thread_keep_alive(Duration::from_millis(dice.roll(20)))
        .on_blocked(|_| _ = PROGRESS.fetch_add(1, SeqCst))
        .on_unhandled_panic(move |_| _ = told.told.fetch_add(1, SeqCst))
        .build()
        .expect("threads can be started")
}

/// The body of a thread outside.
fn use_it(world: &Arc<World>, handle: &Handle, mut dice: Dice) {
    while !world.over.load(SeqCst) {
        stir(world, &mut dice);
        match dice.roll(8) {
            0 => {
                let life = live(Arc::clone(world), dice.split(), 2);
                let limit = Duration::from_micros(dice.roll(2000));
                let block = || handle.block_on(async move { timeout(limit, life).await });
                if let Err(payload) = catch_unwind(AssertUnwindSafe(block)) {
                    world.caught(payload);
                }
            }
            1..4 => {
                let mut task = handle.spawn(Life::new(world, &mut dice, 1));
                match dice.roll(3) {
                    0 => drop(task),
                    1 => world.leave(&world.handles, task, &mut dice),
                    _ => {
                        let limit = Duration::from_micros(dice.roll(2000));
                        let result = task.join_timeout(limit);
                        result.into_iter().for_each(|result| world.take(result));
                    }
                }
            }
            4 => drop(world.find(&world.handles, &mut dice)),
            _ => thread::yield_now(),
        }
    }
}

/// Shuts the runtime down in one of several ways; the threads are to be joined.
fn end(runtime: Runtime, how: u64) -> Vec<thread::JoinHandle<()>> {
    let background = |handle: Handle| thread::spawn(move || handle.shutdown_background());
    let handle = runtime.handle().clone();
    let mut threads = Vec::new();
    match how {
        0 => drop(runtime),
        1 => drop(runtime.shutdown_timeout(Duration::ZERO)),
        2 => assert!(runtime.shutdown_timeout(LIMIT).is_complete()),
        3 => {
            drop(handle.spawn(async { Handle::current().shutdown_background() }));
            drop(runtime);
        }
        4 => {
            threads.extend((0..3).map(|_| background(handle.clone())));
            drop(runtime);
        }
        5 => drop(handle.spawn(async move { drop(runtime) })),
        _ => drop(handle.spawn_blocking(move || drop(runtime))),
    }
    threads
}

/// Checks that all counts have come back to zero, waiting for each.
fn nothing_is_left(world: &World, handle: Handle, context: &str) {
    let none = |what: &str, state: &dyn Fn() -> bool| {
        let deadline = Instant::now() + LIMIT;
        // What is left there may be the last to hold a task.
        while {
            world.clear();
            !state()
        } {
            if Instant::now() > deadline {
                crate::tell_state(&handle);
                panic!("not in {LIMIT:?}: {what} ({context})");
            }
            thread::sleep(Duration::from_millis(1));
        }
    };
    none("all threads end", &|| threads_named("st-").is_empty());
    none("all tasks are freed", &|| {
        // A wake-up that came too late to be of use may have left an ended task in a queue, which whoever
        // spawns takes out.
        drop(handle.spawn(async {}));
        memory::tasks() == 0
    });
    none("nothing lives", &|| world.population.load(SeqCst) == 0);
    // One that was started for a job may find that done, and has no name before it has run.
    none("threads and jobs are gone from the figures", &|| {
        let figures = handle.metrics();
        figures.blocking_threads + figures.queued_blocking_jobs + figures.spare_threads == 0
    });
    none("every token is dropped once", &|| {
        let (made, gone) = Token::balance();
        made == gone
    });
    the_figures_agree(world, &handle, context);
    crate::watch(None);
}

fn the_figures_agree(world: &World, handle: &Handle, context: &str) {
    let counts = [&world.panicked, &world.collected, &world.told];
    let [panicked, collected, told] = counts.map(|count| count.load(SeqCst));
    assert_eq!(
        panicked - collected,
        told,
        "panics that were nobody's ({context})"
    );
    let reported = handle.metrics().unhandled_panics;
    assert_eq!(reported, told, "{context}");
    assert!(
        handle.tasks().is_empty(),
        "tasks in the registry ({context})"
    );
}
