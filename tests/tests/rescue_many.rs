//! Very many tasks that block at once: all get through, on no more threads than allowed, and a
//! runtime can be ended in the midst of it.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;
use wheelhouse::{BlockedReport, Builder, Runtime, spawn};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, Reports, WORKERS, on_built, on_workers, threads_named,
    wait_until_closed,
};

/// Counts the threads that are between their two hooks.
#[derive(Clone, Default)]
struct Live(Arc<[AtomicUsize; 2]>);

impl Live {
    fn hooks(&self, builder: Builder) -> Builder {
        let (began, ended) = (self.clone(), self.clone());
        let start = move || {
            let live = began.0[0].fetch_add(1, SeqCst) + 1;
            began.0[1].fetch_max(live, SeqCst);
        };
        let stop = move || {
            ended.0[0].fetch_sub(1, SeqCst);
        };
        builder.on_thread_start(start).on_thread_stop(stop)
    }

    fn now(&self) -> usize {
        self.0[0].load(SeqCst)
    }

    fn most(&self) -> usize {
        self.0[1].load(SeqCst)
    }
}

/// Starts `count` tasks that block at the gate, and gives the sum of their numbers.
fn block_at(runtime: &Runtime, gate: &Gate, count: usize) -> impl FnOnce() -> usize + use<> {
    let tasks: Vec<_> = (0..count)
        .map(|number| {
            let gate = gate.clone();
            runtime.spawn(async move {
                gate.block();
                number
            })
        })
        .collect();
    move || tasks.into_iter().map(|task| task.join().unwrap()).sum()
}

fn sum_below(count: usize) -> usize {
    count * (count - 1) / 2
}

#[test]
fn two_thousand_short_sleeps_of_threads() {
    const SPARES: usize = 100;
    for &workers in WORKERS {
        let live = Live::default();
        let most = live.clone();
        on_built(
            &[workers],
            |builder| live.hooks(builder.max_spare_threads(SPARES)),
            move |runtime, _| {
                let nap = |number| async move {
                    thread::sleep(Duration::from_millis(1));
                    number
                };
                let tasks: Vec<_> = (0..2000).map(|number| runtime.spawn(nap(number))).collect();
                let sum: usize = tasks.into_iter().map(|task| task.join().unwrap()).sum();
                assert_eq!(sum, sum_below(2000));
                let metrics = runtime.metrics();
                assert!(
                    metrics.spare_threads_started <= SPARES as u64,
                    "{metrics:?}"
                );
                assert!(metrics.spare_threads <= SPARES, "{metrics:?}");
            },
        );
        assert!(most.most() <= workers + SPARES, "{} threads", most.most());
        assert_eq!(live.now(), 0, "each thread that began has ended");
    }
}

/// All block until the last one, which an outside thread wakes, has had its turn.
#[test]
fn six_hundred_at_one_gate_that_the_next_task_opens() {
    on_built(
        WORKERS,
        |builder| builder.max_spare_threads(601),
        |runtime, _| {
            let (gate, waits) = (Gate::new(), Gate::new());
            let (open, opener) = (gate.clone(), waits.clone());
            let last = runtime.spawn(async move {
                opener.wait().await;
                open.open();
            });
            waits.wait_for(1, LIMIT);
            let sum = block_at(&runtime, &gate, 600);
            gate.wait_for(600, LIMIT);
            waits.open();
            last.join().unwrap();
            assert_eq!(sum(), sum_below(600));
            assert_eq!(runtime.metrics().spare_limit_hits, 0);
        },
    );
}

/// The limit that is not set is enough for five hundred.
#[test]
fn five_hundred_by_default() {
    on_workers(&[1, 4], |runtime, _| {
        let gate = Gate::new();
        let sum = block_at(&runtime, &gate, 500);
        gate.wait_for(500, LIMIT);
        let open = gate.clone();
        runtime.run(async move { spawn(async move { open.open() }).await.unwrap() });
        assert_eq!(sum(), sum_below(500));
    });
}

#[test]
fn beyond_the_limit_tasks_wait_and_get_through() {
    const SPARES: usize = 8;
    for &workers in WORKERS {
        let (reports, name) = (Reports::new(), format!("beyond{workers}"));
        let (told, prefix) = (reports.clone(), format!("{name}-"));
        on_built(
            &[workers],
            |builder| {
                let builder = builder.thread_name(name.as_str()).max_spare_threads(SPARES);
                builder.on_blocked(reports.hook())
            },
            move |runtime, workers| {
                let gate = Gate::new();
                let sum = block_at(&runtime, &gate, 100);
                gate.wait_for(workers + SPARES, LIMIT);
                told.wait_for(LIMIT, |all| all.iter().find_map(limit_of));
                assert_eq!(gate.waiting(), workers + SPARES);
                let metrics = runtime.metrics();
                assert_eq!(metrics.spare_threads, SPARES, "{metrics:?}");
                assert!(metrics.spare_limit_hits >= 1, "{metrics:?}");
                // Beside workers and spares: one that watches, and one that calls the hook.
                let names = threads_named(&prefix);
                assert_eq!(names.len(), workers + SPARES + 2, "{names:?}");
                // For as long as many looks take.
                thread::sleep(Duration::from_millis(20));
                let limits: Vec<_> = told.all().iter().filter_map(limit_of).collect();
                assert_eq!(limits, [SPARES], "told once while it lasts");
                gate.open();
                assert_eq!(sum(), sum_below(100));
            },
        );
    }
}

fn limit_of(report: &BlockedReport) -> Option<usize> {
    match report {
        BlockedReport::SpareLimit { limit } => Some(*limit),
        _ => None,
    }
}

/// The limit was reached, then threads came back, then it was reached again.
#[test]
fn the_limit_is_told_again_after_it_was_left() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        &[2],
        |builder| builder.max_spare_threads(2).on_blocked(reports.hook()),
        move |runtime, _| {
            for wave in 1..=3 {
                let gate = Gate::new();
                let sum = block_at(&runtime, &gate, 10);
                gate.wait_for(4, LIMIT);
                let count = |all: &[BlockedReport]| all.iter().filter_map(limit_of).count();
                told.wait_for(LIMIT, |all| (count(all) >= wave).then_some(()));
                gate.open();
                assert_eq!(sum(), sum_below(10));
                assert!(runtime.metrics().spare_limit_hits >= wave as u64);
            }
        },
    );
}

#[test]
fn a_drop_in_the_midst_of_it_ends() {
    on_built(
        WORKERS,
        |builder| builder.max_spare_threads(20),
        |runtime, workers| {
            let (gate, drops) = (Gate::new(), DropCounter::new());
            for _ in 0..300 {
                let (gate, token, output) = (gate.clone(), drops.token(), drops.token());
                drop(runtime.spawn(async move {
                    let _token = token;
                    gate.block();
                    output
                }));
            }
            gate.wait_for(workers + 20, LIMIT);
            let handle = runtime.handle().clone();
            let dropper = thread::spawn(move || drop(runtime));
            wait_until_closed(&handle);
            assert_eq!(gate.waiting(), workers + 20, "nothing more was started");
            gate.open();
            dropper.join().unwrap();
            drops.assert_each_dropped_once();
        },
    );
}

/// Nobody waits for anybody to open anything: they come and go while the runtime ends.
#[test]
fn a_drop_while_threads_come_and_go() {
    for round in 0..8 {
        on_built(
            WORKERS,
            |builder| builder.max_spare_threads(40),
            move |runtime, _| {
                let (drops, (sender, ended)) = (DropCounter::new(), mpsc::channel());
                for number in 0..400 {
                    let (token, sender) = (drops.token(), sender.clone());
                    drop(runtime.spawn(async move {
                        let _token = token;
                        thread::sleep(Duration::from_micros(number % 7 * 500));
                        let _ = sender.send(());
                        spawn(async {}).await.unwrap();
                    }));
                }
                drop(sender);
                // In another moment each time.
                let _ = ended.iter().take(round * 40).count();
                drop(runtime);
                drops.assert_each_dropped_once();
            },
        );
    }
}
