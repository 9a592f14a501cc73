//! `scope`: tasks that borrow from the thread that waits for them.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::thread;
use std::time::Duration;
use wheelhouse::task::TaskLocal;
use wheelhouse::{Handle, Runtime, Scope, block_in_place, scope, sleep, task};
use wheelhouse_tests::{
    LIMIT, Place, WORKERS, block_until_fed, catch, on_built, on_workers, threads_named, watchdog,
};

/// Calls `f` wherever a scope may be opened: on a thread outside, in a `block_on`, in the main
/// future, in a task, in a blocking job, in place, and on another runtime's worker.
fn everywhere(runtime: &Runtime, f: fn(&Handle)) {
    let handle = runtime.handle().clone();
    let there = handle.clone();
    f(&handle);
    runtime.block_on(async { f(&handle) });
    runtime.run(async { f(&handle) });
    let [first, second] = [handle.clone(), handle.clone()];
    runtime.spawn(async move { f(&first) }).join().unwrap();
    runtime.spawn_blocking(move || f(&second)).join().unwrap();
    runtime.run(async { block_in_place(|| f(&handle)) });
    let other = Runtime::builder().worker_threads(1).build().unwrap();
    other.run(async { f(&there) });
}

#[test]
fn tasks_borrow_from_anywhere() {
    on_workers(WORKERS, |runtime, _| {
        everywhere(&runtime, |handle| {
            let (mut numbers, shared) = (vec![0_usize; 10], AtomicUsize::new(0));
            let returned = handle.scope(|s| {
                for number in &mut numbers {
                    let shared = &shared;
                    s.spawn(async move {
                        sleep(Duration::from_micros(50)).await;
                        *number = 1 + shared.fetch_add(1, SeqCst);
                    });
                }
                "the closure's value"
            });
            assert_eq!(returned, "the closure's value");
            numbers.sort_unstable();
            assert!((1..=10).eq(numbers));
        });
    });
}

#[test]
fn handles_are_joined_and_awaited_anywhere() {
    on_workers(WORKERS, |runtime, _| {
        everywhere(&runtime, |handle| {
            let text = String::from("all of these words");
            let length = handle.scope(|s| {
                let words = s.spawn(async { text.split(' ').collect::<Vec<&str>>() });
                let lengths = s.spawn(async { words.await.unwrap().into_iter().map(str::len) });
                let on_thread = s.spawn_blocking(|| text.len());
                lengths.join().unwrap().sum::<usize>() + on_thread.join().unwrap()
            });
            assert_eq!(length, 15 + 18);
        });
    });
}

#[test]
fn a_scope_of_no_tasks() {
    on_workers(WORKERS, |runtime, _| {
        everywhere(&runtime, |handle| assert_eq!(handle.scope(|_| 7), 7));
        assert_eq!(runtime.run(async { scope(|_| 7) }), 7);
    });
}

/// The tasks wait for each other, for a timer, and for the worker that waits for them.
#[test]
#[cfg(target_os = "linux")]
fn one_worker_and_its_spare_are_enough() {
    use futures::{SinkExt, StreamExt, channel::mpsc::channel};
    for watch in [false, true] {
        let options = move |builder: wheelhouse::Builder| {
            builder
                .thread_name("lone")
                .watch(watch)
                .max_spare_threads(1)
        };
        on_built(&[1], options, |runtime, _| {
            let rounds = runtime.run(async {
                let (mut there, mut pings) = channel::<u32>(0);
                let (mut back, mut pongs) = channel::<u32>(0);
                let (mut rounds, last) = (0, AtomicUsize::new(0));
                scope(|s| {
                    s.spawn(async {
                        while let Some(ball) = pings.next().await {
                            last.store(ball as usize, SeqCst);
                            sleep(Duration::from_millis(1)).await;
                            back.send(ball + 1).await.unwrap();
                        }
                        drop(back);
                    });
                    s.spawn(async {
                        for ball in 0..10 {
                            there.send(ball).await.unwrap();
                            assert_eq!(pongs.next().await, Some(ball + 1));
                            rounds += 1;
                        }
                        drop(there);
                    });
                });
                assert_eq!(last.load(SeqCst), 9);
                rounds
            });
            assert_eq!(rounds, 10);
            let metrics = runtime.metrics();
            assert!(metrics.spare_threads_started <= 1, "{metrics:?}");
            assert_eq!(metrics.blocking_threads, 0);
            let mut names = threads_named("lone-");
            names.retain(|name| !["lone-0", "lone-s0", "lone-monitor"].contains(&&**name));
            assert!(names.is_empty(), "threads beyond the spare: {names:?}");
        });
    }
}

/// What waits behind the task is served meanwhile: during the closure, and during the wait.
#[test]
fn the_workers_work_is_handed_on() {
    let options = |builder: wheelhouse::Builder| builder.watch(false);
    on_built(WORKERS, options, |runtime, workers| {
        for place in Place::ALL {
            for _ in 0..5 {
                block_until_fed(&runtime, workers, place, |stuck| scope(|_| stuck()));
                block_until_fed(&runtime, workers, place, |stuck| {
                    let mut fed = 0;
                    scope(|s| _ = s.spawn_blocking(|| fed = stuck()));
                    fed
                });
            }
        }
    });
}

#[test]
fn scopes_within_scopes() {
    fn sum(numbers: &[u64]) -> u64 {
        if let [number] = numbers {
            return *number;
        }
        let (left, right) = numbers.split_at(numbers.len() / 2);
        scope(|s| {
            let left = s.spawn(async { sum(left) });
            sum(right) + left.join().unwrap()
        })
    }
    on_workers(WORKERS, |runtime, _| {
        let numbers: Vec<u64> = (0..64).collect();
        assert_eq!(runtime.scope(|_| sum(&numbers)), 63 * 64 / 2);
        assert_eq!(runtime.run(async { sum(&numbers) }), 63 * 64 / 2);
        // The inner one borrows the outer one, and takes a handle of it along.
        let text = runtime.run(async {
            let text = String::from("outer");
            scope(|outer| {
                let borrowed = outer.spawn(async { &*text });
                scope(|inner| {
                    let task = inner.spawn(async { borrowed.await.unwrap() });
                    outer.spawn(async { text.len() });
                    task.join().unwrap().to_owned()
                })
            })
        });
        assert_eq!(text, "outer");
    });
}

#[test]
fn tasks_spawn_further_tasks() {
    fn tree<'s>(s: &'s Scope<'s, '_>, leaves: &'s AtomicUsize, depth: u32) {
        if depth == 0 {
            leaves.fetch_add(1, SeqCst);
            return;
        }
        for _ in 0..2 {
            s.spawn(async move {
                wheelhouse::yield_now().await;
                tree(s, leaves, depth - 1);
            });
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let leaves = AtomicUsize::new(0);
        runtime.scope(|s| tree(s, &leaves, 8));
        assert_eq!(leaves.into_inner(), 256);
    });
}

/// Others use the token of the thread that waits, too.
#[test]
fn stray_wake_ups_do_not_end_it() {
    on_workers(WORKERS, |runtime, _| {
        for _ in 0..50 {
            let (enough, waiter) = (AtomicBool::new(false), thread::current());
            thread::scope(|threads| {
                threads.spawn(|| {
                    while !enough.load(SeqCst) {
                        waiter.unpark();
                        thread::yield_now();
                    }
                });
                let ended = AtomicUsize::new(0);
                runtime.scope(|s| {
                    for _ in 0..4 {
                        s.spawn(async {
                            sleep(Duration::from_micros(100)).await;
                            ended.fetch_add(1, SeqCst);
                        });
                    }
                });
                assert_eq!(ended.into_inner(), 4);
                enough.store(true, SeqCst);
            });
        }
    });
}

#[test]
fn tasks_know_who_they_are() {
    static USER: TaskLocal<&str> = TaskLocal::new();
    let who = || (task::id(), USER.get(), Handle::try_current().is_some());
    on_workers(WORKERS, move |runtime, _| {
        let opened = USER.scope("ada", async {
            scope(|s| {
                let line = line!() + 1;
                let task = s.spawn(async { who() });
                let job = s.spawn_blocking(who);
                for (handle, line) in [(task, line), (job, line + 1)] {
                    let site = handle.spawn_site();
                    assert_eq!((site.file(), site.line()), (file!(), line));
                    assert!(format!("{handle:?}").contains(file!()));
                    assert_eq!(handle.name(), None);
                    let id = handle.id();
                    assert_eq!(handle.join().unwrap(), (id, Some("ada"), true));
                }
            });
        });
        runtime.run(opened);
    });
}

#[test]
fn outside_a_runtime_it_names_the_line() {
    let line = line!() + 1;
    let caught = catch(|| scope(|_| ()));
    caught.assert_names(line);
    assert!(caught.text.contains("wheelhouse::scope"), "{caught:?}");
}

#[test]
fn joining_inside_a_task_names_the_line() {
    on_workers(WORKERS, |runtime, _| {
        runtime.scope(|s| {
            let inner = s.spawn(async {});
            let joins = s.spawn(async {
                let line = line!() + 1;
                let caught = catch(|| inner.join());
                caught.assert_names(line);
                assert!(caught.text.contains("ScopedJoinHandle::join"), "{caught:?}");
            });
            joins.join().unwrap();
        });
    });
}

#[test]
fn the_closures_runtime_is_the_scopes() {
    on_workers(WORKERS, |runtime, _| {
        let other = Runtime::builder()
            .worker_threads(1)
            .thread_name("other")
            .build()
            .unwrap();
        let name = || thread::current().name().unwrap().to_owned();
        let flow = runtime.run(async {
            other.handle().scope(|s| {
                let (scoped, spawned) = (
                    s.spawn(async { name() }),
                    wheelhouse::spawn(async move { name() }),
                );
                assert!(scoped.join().unwrap().starts_with("other"));
                assert!(spawned.join().unwrap().starts_with("other"));
                ControlFlow::<u8, ()>::Break(1)
            })
        });
        assert_eq!(flow, ControlFlow::Break(1));
    });
}

/// The waiting thread's future is the only thing that a `block_on` polls meanwhile, and its runtime ends.
#[test]
fn it_hangs_nobody_at_the_end() {
    watchdog("ends", LIMIT, || {
        let total: usize = wheelhouse::run(async {
            let numbers: Vec<usize> = (0..1000).collect();
            scope(|s| {
                let chunks = numbers.chunks(10);
                let tasks: Vec<_> = chunks
                    .map(|chunk| s.spawn(async { chunk.iter().sum::<usize>() }))
                    .collect();
                tasks.into_iter().map(|task| task.join().unwrap()).sum()
            })
        });
        assert_eq!(total, 999 * 500);
    });
}
