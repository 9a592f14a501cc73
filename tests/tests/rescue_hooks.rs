//! Hooks that misbehave: whatever `on_blocked` was given, the rescue goes on.

use std::sync::{Mutex, mpsc};
use wheelhouse::{BlockedReport, JoinHandle, Runtime, spawn};
use wheelhouse_tests::{
    Gate, LIMIT, ON_PURPOSE, Place, Reports, WORKERS, block_until_fed, on_built, quiet,
};

/// A task whose poll blocks at the gate.
fn blocks(runtime: &Runtime, gate: &Gate) -> JoinHandle<()> {
    let gate = gate.clone();
    runtime.spawn(async move { gate.block() })
}

#[test]
fn a_hook_that_panics() {
    quiet();
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        WORKERS,
        |builder| {
            let keep = reports.hook();
            builder.on_blocked(move |report| {
                keep(report);
                panic!("{ON_PURPOSE}: a hook");
            })
        },
        move |runtime, workers| {
            for _ in 0..5 {
                let gate = Gate::new();
                let task = blocks(&runtime, &gate);
                told.wait_for_begin(task.id(), LIMIT);
                gate.open();
                told.wait_for_end(task.id(), LIMIT);
            }
            block_until_fed(&runtime, workers, Place::Deque, |stuck| stuck());
        },
    );
}

/// Whether the hook comes back, and whether there is a thread for it, is nothing to the rescue.
#[test]
fn a_hook_that_blocks_for_long() {
    for &workers in WORKERS {
        let hooked = Gate::new();
        let own = hooked.clone();
        on_built(
            &[workers],
            |builder| {
                let own = own.clone();
                let builder = builder.max_blocking_threads(1);
                builder.on_blocked(move |_| own.block())
            },
            move |runtime, workers| {
                for place in Place::ALL {
                    for _ in 0..5 {
                        block_until_fed(&runtime, workers, place, |stuck| stuck());
                    }
                }
                hooked.wait_for(1, LIMIT);
                hooked.open();
            },
        );
    }
}

/// All threads for jobs are taken: the hook is called all the same.
#[test]
fn a_hook_while_no_job_can_run() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        WORKERS,
        |builder| builder.max_blocking_threads(1).on_blocked(reports.hook()),
        move |runtime, workers| {
            let busy = Gate::new();
            let block = busy.clone();
            let job = runtime.spawn_blocking(move || block.block());
            busy.wait_for(1, LIMIT);
            let gate = Gate::new();
            let task = blocks(&runtime, &gate);
            block_until_fed(&runtime, workers, Place::WokenSlot, |stuck| stuck());
            told.wait_for_begin(task.id(), LIMIT);
            gate.open();
            task.join().unwrap();
            busy.open();
            job.join().unwrap();
        },
    );
}

/// The hook may use the runtime, even to block there.
#[test]
fn a_hook_that_spawns_and_joins() {
    for &workers in WORKERS {
        let (sender, values) = mpsc::channel();
        let values = Mutex::new(values);
        on_built(
            &[workers],
            |builder| {
                let sender = sender.clone();
                builder.on_blocked(move |report| {
                    if matches!(report, BlockedReport::Began(_)) {
                        let _ = sender.send(spawn(async { 7 }).join().unwrap());
                    }
                })
            },
            move |runtime, workers| {
                let gate = Gate::new();
                let tasks: Vec<_> = (0..workers).map(|_| blocks(&runtime, &gate)).collect();
                for _ in &tasks {
                    assert_eq!(values.lock().unwrap().recv(), Ok(7));
                }
                gate.open();
                tasks.into_iter().for_each(|task| task.join().unwrap());
            },
        );
    }
}
