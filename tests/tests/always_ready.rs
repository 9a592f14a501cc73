//! A loop over what is always ready can be ended: by an abort, by a shutdown, and by its own runtime.
//!
//! Such a loop ends a poll by its budget only, and nothing but the end of a poll can end it.

use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::time::{interval_at, timeout_at};
use wheelhouse::{JoinHandle, Runtime, consume_budget, sleep, sleep_until, timeout, yield_now};
use wheelhouse_tests::{DropCounter, WORKERS, on_workers};

type Endless = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A loop without an end around `step`, which counts its rounds.
fn endless<F>(rounds: &Arc<AtomicUsize>, mut step: impl FnMut() -> F + Send + 'static) -> Endless
where
    F: Future + Send + 'static,
{
    let rounds = Arc::clone(rounds);
    Box::pin(async move {
        loop {
            step().await;
            rounds.fetch_add(1, SeqCst);
        }
    })
}

/// The loops by name.
fn loops(rounds: &Arc<AtomicUsize>) -> Vec<(&'static str, Endless)> {
    let past = Instant::now();
    let ticks = Arc::clone(rounds);
    let ticking = async move {
        // More ticks were missed than anybody will ever count.
        let mut interval = interval_at(past, Duration::from_nanos(1));
        loop {
            interval.tick().await;
            ticks.fetch_add(1, SeqCst);
        }
    };
    vec![
        ("sleep", endless(rounds, || sleep(Duration::ZERO))),
        ("sleep_until", endless(rounds, move || sleep_until(past))),
        (
            "timeout",
            endless(rounds, || timeout(Duration::ZERO, pending::<()>())),
        ),
        (
            "timeout_at",
            endless(rounds, move || timeout_at(past, pending::<()>())),
        ),
        ("interval", Box::pin(ticking)),
        ("consume_budget", endless(rounds, consume_budget)),
        ("yield_now", endless(rounds, yield_now)),
    ]
}

/// Calls `end` with a runtime and each loop, on pools of every size.
fn each_loop(end: impl Fn(Runtime, &str, Endless, &AtomicUsize) + Send + Sync + 'static) {
    let end = Arc::new(end);
    let count = loops(&Arc::default()).len();
    for i in 0..count {
        let end = Arc::clone(&end);
        on_workers(WORKERS, move |runtime, _| {
            let rounds = Arc::new(AtomicUsize::new(0));
            let (name, endless) = loops(&rounds).swap_remove(i);
            end(runtime, name, endless, &rounds);
        });
    }
}

fn wait_until_it_goes_round(rounds: &AtomicUsize) {
    let before = rounds.load(SeqCst);
    while rounds.load(SeqCst) < before + 1000 {
        thread::yield_now();
    }
}

/// Has a task go round the loop, with a token in its future.
fn start(
    runtime: &Runtime,
    endless: Endless,
    rounds: &AtomicUsize,
    drops: DropCounter,
) -> JoinHandle<()> {
    let token = drops.token();
    let task = runtime.spawn(async move {
        let _token = token;
        endless.await;
    });
    wait_until_it_goes_round(rounds);
    task
}

#[test]
fn an_abort_ends_it() {
    each_loop(|runtime, name, endless, rounds| {
        let drops = DropCounter::new();
        let task = start(&runtime, endless, rounds, drops);
        task.abort();
        assert!(task.join().unwrap_err().is_cancelled(), "{name}");
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_shutdown_ends_it() {
    each_loop(|runtime, name, endless, rounds| {
        let drops = DropCounter::new();
        let task = start(&runtime, endless, rounds, drops);
        drop(runtime);
        assert!(task.join().unwrap_err().is_cancelled(), "{name}");
        drops.assert_each_dropped_once();
    });
}

#[test]
fn another_task_has_its_turn() {
    each_loop(|runtime, name, endless, rounds| {
        let task = runtime.spawn(endless);
        wait_until_it_goes_round(rounds);
        for i in 0..20 {
            assert_eq!(
                runtime.run(async move { ready(i).await }),
                i,
                "beside {name}"
            );
        }
        task.abort();
    });
}
