//! Nobody is starved: not by a pair that keeps waking each other, not by what is always ready.
//!
//! Everything here runs on one worker, or on as many as there are hogs. The hogs go on until those
//! whom they might starve have had their turn, so a starved task is a hang, which the watchdog
//! tells.

use futures::StreamExt;
use futures::channel::mpsc;
use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::task::Poll;
use std::time::Duration;
use wheelhouse::{JoinHandle, Runtime, consume_budget, sleep, spawn, yield_now};
use wheelhouse_tests::{Gate, WORKERS, on_workers};

/// Set when nobody need be a hog any more.
type Enough = Arc<AtomicBool>;

/// Two tasks that wake each other until it is enough. Each message finds the other task asleep,
/// so both run from the LIFO slot only.
fn chatty_pair(runtime: &Runtime, enough: &Enough) -> [JoinHandle<usize>; 2] {
    let (ping, pinged) = mpsc::unbounded::<()>();
    let (pong, ponged) = mpsc::unbounded::<()>();
    ping.unbounded_send(()).unwrap();
    let talk = |mut from: mpsc::UnboundedReceiver<()>, to: mpsc::UnboundedSender<()>| {
        let enough = Arc::clone(enough);
        async move {
            let mut messages = 0;
            while !enough.load(SeqCst) && from.next().await.is_some() {
                messages += 1;
                let _ = to.unbounded_send(());
            }
            messages
        }
    };
    [
        runtime.spawn(talk(pinged, pong)),
        runtime.spawn(talk(ponged, ping)),
    ]
}

/// Tasks of which each takes its worker for itself, if it can, until it is enough.
fn hogs(runtime: &Runtime, workers: usize, enough: &Enough) -> Vec<JoinHandle<usize>> {
    let mut all = Vec::new();
    for _ in 0..workers {
        all.extend(chatty_pair(runtime, enough));
        let own = Arc::clone(enough);
        all.push(runtime.spawn(async move {
            let mut yields = 0;
            while !own.load(SeqCst) {
                yield_now().await;
                yields += 1;
            }
            yields
        }));
    }
    all
}

/// Runs `starved` beside hogs, which end when it has ended.
fn beside_hogs<F>(starved: impl Fn() -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_workers(WORKERS, move |runtime, workers| {
        let enough = Enough::default();
        let hogs = hogs(&runtime, workers, &enough);
        for _ in 0..20 {
            runtime.spawn(starved()).join().unwrap();
        }
        enough.store(true, SeqCst);
        for hog in hogs {
            hog.join().unwrap();
        }
    });
}

#[test]
fn a_spawn_from_outside_has_its_turn() {
    beside_hogs(|| async {});
}

#[test]
fn a_task_that_yields_has_its_turn() {
    beside_hogs(|| async {
        for _ in 0..100 {
            yield_now().await;
        }
    });
}

#[test]
fn a_spawn_from_a_task_has_its_turn() {
    beside_hogs(|| async {
        let tasks: Vec<_> = (0..10).map(|i| spawn(async move { i })).collect();
        for (i, task) in tasks.into_iter().enumerate() {
            assert_eq!(task.await.unwrap(), i);
        }
    });
}

#[test]
fn a_timer_has_its_turn() {
    beside_hogs(|| sleep(Duration::from_micros(300)));
}

#[test]
fn a_wake_up_from_a_thread_has_its_turn() {
    beside_hogs(|| async {
        let gate = Gate::new();
        let opener = gate.clone();
        std::thread::spawn(move || opener.open());
        gate.wait().await;
    });
}

#[test]
fn a_chatty_pair_and_a_third_task() {
    on_workers(&[1], |runtime, _| {
        let enough = Enough::default();
        let pair = chatty_pair(&runtime, &enough);
        let third = Arc::clone(&enough);
        // It is queued behind the pair, on the same worker.
        runtime.run(async move {
            spawn(async move {
                for _ in 0..1000 {
                    yield_now().await;
                }
                third.store(true, SeqCst);
            })
            .await
            .unwrap();
        });
        for player in pair {
            // Bounded both ways: the LIFO slot's three polls, then one of the deque.
            assert!(player.join().unwrap() < 100_000);
        }
    });
}

/// Beside a task that never waits, whatever it awaits, another one has its turn.
fn beside_always_ready<F>(hog: impl Fn(Enough) -> F + Send + Sync + 'static)
where
    F: Future<Output = ()> + Send + 'static,
{
    on_workers(&[1], move |runtime, _| {
        let (enough, started) = (Enough::default(), Gate::new());
        let (waits, future) = (started.clone(), hog(Arc::clone(&enough)));
        let hog = runtime.spawn(async move {
            waits.wait().await;
            future.await;
        });
        let other = Arc::clone(&enough);
        runtime.run(async move {
            started.open();
            yield_now().await;
            other.store(true, SeqCst);
        });
        hog.join().unwrap();
    });
}

#[test]
fn a_loop_that_consumes_its_budget() {
    beside_always_ready(|enough| async move {
        while !enough.load(SeqCst) {
            consume_budget().await;
        }
    });
}

#[test]
fn a_loop_over_tasks_that_have_ended() {
    // They run on another pool, so that nothing but the budget ever ends a poll here.
    let other = Runtime::builder().worker_threads(1).build().unwrap();
    let other = Arc::new(other);
    beside_always_ready(move |enough| {
        let other = other.handle().clone();
        async move {
            while !enough.load(SeqCst) {
                let task = other.spawn(async {});
                while !task.is_finished() {
                    std::hint::spin_loop();
                }
                task.await.unwrap();
            }
        }
    });
}

#[test]
fn the_budget_is_spent_by_handles_that_are_ready() {
    on_workers(&[1], |runtime, _| {
        let polls = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&polls);
        runtime.run(async move {
            let ended: Vec<_> = (0..1000).map(|_| spawn(async {})).collect();
            while !ended.iter().all(JoinHandle::is_finished) {
                yield_now().await;
            }
            let mut all = Box::pin(async {
                for task in ended {
                    task.await.unwrap();
                }
            });
            poll_fn(|cx| {
                count.fetch_add(1, SeqCst);
                all.as_mut().poll(cx)
            })
            .await;
        });
        let polls = polls.load(SeqCst);
        assert!(
            (4..=100).contains(&polls),
            "1000 ready handles took {polls} polls"
        );
    });
}

#[test]
fn everybody_who_yields_comes_round() {
    on_workers(WORKERS, |runtime, _| {
        let turns: Arc<Vec<AtomicUsize>> = Arc::new((0..50).map(|_| AtomicUsize::new(0)).collect());
        let tasks: Vec<_> = (0..50)
            .map(|i| {
                let turns = Arc::clone(&turns);
                runtime.spawn(async move {
                    while turns.iter().any(|turn| turn.load(SeqCst) < 200) {
                        turns[i].fetch_add(1, SeqCst);
                        yield_now().await;
                    }
                })
            })
            .collect();
        tasks.into_iter().for_each(|task| task.join().unwrap());
    });
}

/// Each spawns its successor, which lands in the LIFO slot, and ends.
#[test]
fn a_chain_of_spawns_starves_nobody() {
    fn link(enough: Enough) {
        if !enough.load(SeqCst) {
            drop(spawn(async move { link(enough) }));
        }
    }
    on_workers(&[1, 2], |runtime, workers| {
        let enough = Enough::default();
        for _ in 0..workers {
            let own = Arc::clone(&enough);
            drop(runtime.spawn(async move { link(own) }));
        }
        for i in 0..20 {
            assert_eq!(runtime.spawn(async move { i }).join().unwrap(), i);
            runtime
                .spawn(sleep(Duration::from_micros(100)))
                .join()
                .unwrap();
        }
        enough.store(true, SeqCst);
    });
}

/// How many polls of a hog a spawn from outside waits at most: a busy worker looks at the injector
/// after 64 polls at the latest.
#[test]
fn a_spawn_from_outside_waits_for_a_bounded_number_of_polls() {
    on_workers(&[1], |runtime, _| {
        let (polls, enough) = (Arc::new(AtomicUsize::new(0)), Enough::default());
        let (count, own) = (Arc::clone(&polls), Arc::clone(&enough));
        let hog = runtime.spawn(poll_fn(move |cx| {
            count.fetch_add(1, SeqCst);
            cx.waker().wake_by_ref();
            if own.load(SeqCst) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        }));
        let (handle, look) = (runtime.handle().clone(), Arc::clone(&polls));
        let waited: usize = runtime
            .spawn_blocking(move || {
                let wait = || {
                    let queued = Arc::new(AtomicUsize::new(usize::MAX));
                    let (seen, count) = (Arc::clone(&queued), Arc::clone(&look));
                    let task = handle
                        .spawn(async move { count.load(SeqCst).saturating_sub(seen.load(SeqCst)) });
                    // Only what comes after the spawn counts; if the task was faster, nothing does.
                    queued.store(look.load(SeqCst), SeqCst);
                    task.join().unwrap()
                };
                (0..100).map(|_| wait()).max().unwrap()
            })
            .join()
            .unwrap();
        enough.store(true, SeqCst);
        hog.join().unwrap();
        assert!(
            waited <= 130,
            "a spawn waited for {waited} polls of another task"
        );
    });
}
