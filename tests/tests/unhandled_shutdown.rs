//! `shutdown_on_unhandled_panic`: the first panic that nobody can collect ends the runtime, and
//! `run` and `block_on` fail with the cause.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::task::{Context, Poll, Waker};
use std::thread;
use wheelhouse::{Builder, Handle, JoinHandle, Runtime, spawn, spawn_blocking, task};
use wheelhouse_tests::{
    Bad, DropCounter, Gate, LIMIT, ON_PURPOSE, PanicOnDrop, WORKERS, bad_waker, catch,
    hold_workers, on_built, panic_text, poll_once, quiet, wait_until_closed,
};

/// Runs `test` on runtimes of every size that end with the first such panic.
#[track_caller]
fn on_strict(test: impl Fn(Runtime, usize) + Send + Sync + 'static) {
    quiet();
    on_built(
        WORKERS,
        |builder| builder.shutdown_on_unhandled_panic(true),
        test,
    );
}

async fn fail(text: &'static str) {
    panic!("{ON_PURPOSE}: {text}");
}

fn until_finished<T>(task: &JoinHandle<T>) {
    while !task.is_finished() {
        thread::yield_now();
    }
}

/// Checks that the runtime is closed for good, and that whoever asks it for anything is told
/// `cause`.
#[track_caller]
fn assert_closed(runtime: &Runtime, cause: &str) {
    let handle = runtime.handle();
    for text in [
        catch(|| runtime.run(async { 1 })).text,
        catch(|| runtime.run(pending::<()>())).text,
        catch(|| runtime.block_on(async { 1 })).text,
        catch(|| runtime.block_on(pending::<()>())).text,
        catch(|| handle.block_on(pending::<()>())).text,
    ] {
        assert!(text.contains(cause), "no `{cause}` in `{text}`");
    }
    let job = runtime.spawn_blocking(|| ());
    assert!(job.join().unwrap_err().is_cancelled());
}

#[track_caller]
fn assert_ends(runtime: Runtime) {
    let report = runtime.shutdown_timeout(LIMIT);
    assert!(report.is_complete(), "{report}");
}

#[test]
fn run_fails_with_the_cause() {
    on_strict(|runtime, _| {
        let drops = DropCounter::new();
        let (main, other) = (drops.token(), drops.token());
        let waiting = runtime.spawn(async move {
            let _other = other;
            pending::<()>().await
        });
        let line = line!() + 5;
        let caught = catch(|| {
            runtime.run(async move {
                let _main = main;
                let lost = task::Builder::new().name("lost");
                drop(lost.spawn(fail("3 apples")));
                pending::<()>().await
            })
        });
        let site = format!("{}:{line}", file!());
        for word in ["lost", "3 apples", &site] {
            assert!(caught.text.contains(word), "no {word} in {caught:?}");
        }
        assert!(waiting.join().unwrap_err().is_cancelled());
        drops.wait_for(2, LIMIT);
        assert_closed(&runtime, "3 apples");
        assert_ends(runtime);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn block_on_fails_with_the_cause() {
    on_strict(|runtime, _| {
        let caught = catch(|| {
            runtime.block_on(async {
                drop(spawn(fail("4 pears")));
                pending::<()>().await
            })
        });
        assert!(caught.text.contains("4 pears"), "{caught:?}");
        assert_closed(&runtime, "4 pears");
        assert_ends(runtime);
    });
}

/// What the cause is: a text, whatever the task panicked with.
#[test]
fn the_cause_is_a_text() {
    on_strict(|runtime, _| {
        let main = async {
            drop::<JoinHandle<()>>(spawn(async { std::panic::panic_any(42_u32) }));
            pending::<()>().await
        };
        let result = catch_unwind(AssertUnwindSafe(|| runtime.run(main)));
        let text = result.unwrap_err().downcast::<String>().expect("a text");
        assert!(text.contains(file!()), "it names the spawn site: {text}");
    });
}

#[test]
fn everybody_who_waits_fails() {
    on_strict(|runtime, _| {
        let (inside, go) = (Gate::new(), Gate::new());
        let waits = go.clone();
        let lost = runtime.spawn(async move {
            waits.wait().await;
            fail("5 plums").await;
        });
        thread::scope(|scope| {
            let waiting: Vec<_> = (0..6)
                .map(|number| {
                    let (runtime, future) = (&runtime, inside.wait());
                    scope.spawn(move || match number % 3 {
                        0 => runtime.run(future),
                        1 => runtime.block_on(future),
                        _ => runtime.handle().block_on(future),
                    })
                })
                .collect();
            let joining = runtime.spawn(pending::<()>());
            let joining = scope.spawn(move || joining.join());
            inside.wait_for(6, LIMIT);
            drop(lost);
            go.open();
            for thread in waiting {
                let text = panic_text(&*thread.join().unwrap_err());
                assert!(text.contains("5 plums"), "{text}");
            }
            assert!(joining.join().unwrap().unwrap_err().is_cancelled());
        });
        assert_eq!(inside.waiting(), 0, "what they waited for is gone");
        assert_closed(&runtime, "5 plums");
        assert_ends(runtime);
    });
}

/// One of them is the cause, and stays it; the hook is told of each.
#[test]
fn several_at_once() {
    quiet();
    for &workers in WORKERS {
        let told = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&told);
        on_built(
            &[workers],
            move |builder| {
                let count = Arc::clone(&count);
                builder
                    .shutdown_on_unhandled_panic(true)
                    .on_unhandled_panic(move |_| {
                        count.fetch_add(1, SeqCst);
                    })
            },
            move |runtime, _| {
                let gate = Gate::new();
                for _ in 0..200 {
                    let waits = gate.clone();
                    drop(runtime.spawn(async move {
                        waits.wait().await;
                        fail("one of many").await;
                    }));
                }
                gate.wait_for(200, LIMIT);
                let first = catch(|| {
                    runtime.run(async {
                        gate.open();
                        pending::<()>().await
                    })
                });
                assert!(first.text.contains("one of many"), "{first:?}");
                for _ in 0..10 {
                    assert_eq!(catch(|| runtime.run(async {})).text, first.text);
                }
                let handle = runtime.handle().clone();
                assert_ends(runtime);
                let told = told.load(SeqCst);
                assert!((1..=200).contains(&told), "{told}");
                assert_eq!(handle.metrics().unhandled_panics, told as u64);
            },
        );
    }
}

/// Tasks wherever they are: waiting, queued, running, and blocking jobs that have not begun.
#[test]
fn the_other_tasks_are_cancelled() {
    quiet();
    on_built(
        WORKERS,
        |builder| {
            let builder = builder.watch(false).max_blocking_threads(1);
            builder.shutdown_on_unhandled_panic(true)
        },
        |runtime, workers| {
            let (drops, gate, block) = (DropCounter::new(), Gate::new(), Gate::new());
            let future = || {
                let (token, waits) = (drops.token(), gate.wait());
                async move {
                    let _token = token;
                    waits.await;
                }
            };
            let inside = block.clone();
            let begun = runtime.spawn_blocking(move || inside.block());
            block.wait_for(1, LIMIT);
            let token = drops.token();
            let not_begun = runtime.spawn_blocking(move || drop(token));
            let waiting: Vec<_> = (0..10).map(|_| runtime.spawn(future())).collect();
            gate.wait_for(10, LIMIT);
            let held = hold_workers(&runtime, workers);
            drop(runtime.spawn(fail("in the queue")));
            let queued: Vec<_> = (0..10).map(|_| runtime.spawn(future())).collect();
            held.open();
            wait_until_closed_while(&runtime, &block);
            for task in waiting.into_iter().chain(queued) {
                assert!(task.join().unwrap_err().is_cancelled());
            }
            assert!(not_begun.join().unwrap_err().is_cancelled());
            begun.join().unwrap();
            drops.assert_each_dropped_once();
            assert_ends(runtime);
        },
    );
}

/// Waits until the runtime is closed, then opens the gate at which its only blocking thread waits.
fn wait_until_closed_while(runtime: &Runtime, block: &Gate) {
    let caught = catch(|| runtime.block_on(pending::<()>()));
    assert!(caught.text.contains("in the queue"), "{caught:?}");
    block.open();
    wait_until_closed(runtime.handle());
}

struct BadFuture(#[expect(dead_code, reason = "it is held")] PanicOnDrop);

impl Future for BadFuture {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }
}

/// Wherever the panic is.
#[test]
fn every_kind_ends_it() {
    type Kind = (&'static str, fn(&Runtime));
    let kinds: [Kind; 6] = [
        ("a poll", |runtime| drop(runtime.spawn(fail("a poll")))),
        ("a job", |runtime| {
            drop(runtime.spawn_blocking(|| panic!("{ON_PURPOSE}: a job")));
        }),
        ("a future", |runtime| {
            drop(runtime.spawn(BadFuture(PanicOnDrop("a future"))));
        }),
        ("an output", |runtime| {
            let output = PanicOnDrop("an output");
            drop(runtime.spawn(async move { output }));
        }),
        ("a waker", |runtime| {
            let gate = Gate::new();
            let waits = gate.clone();
            let mut task = runtime.spawn(async move { waits.wait().await });
            gate.wait_for(1, LIMIT);
            assert!(poll_once(&mut task, &bad_waker(Bad::Wake, ())).is_pending());
            gate.open();
            until_finished(&task);
        }),
        ("a handle", |runtime| {
            let task = runtime.spawn(fail("a handle"));
            until_finished(&task);
            assert_eq!(runtime.run(async { 1 }), 1, "it may still be collected");
            drop(task);
        }),
    ];
    on_strict(move |first, workers| {
        drop(first);
        for (text, make) in kinds {
            let builder = Runtime::builder().worker_threads(workers);
            let runtime = builder.shutdown_on_unhandled_panic(true).build().unwrap();
            make(&runtime);
            let caught = catch(|| runtime.block_on(pending::<()>()));
            assert!(caught.text.contains(text), "no {text} in {caught:?}");
            assert_ends(runtime);
        }
    });
}

#[test]
fn the_runtimes_own_hooks_end_it() {
    quiet();
    let start = |builder: Builder| builder.on_thread_start(|| panic!("{ON_PURPOSE}: start"));
    let blocked = |builder: Builder| builder.on_blocked(|_| panic!("{ON_PURPOSE}: blocked"));
    on_built(
        WORKERS,
        move |builder| start(builder).shutdown_on_unhandled_panic(true),
        |runtime, _| {
            let caught = catch(|| runtime.block_on(pending::<()>()));
            assert!(caught.text.contains("start"), "{caught:?}");
            assert_ends(runtime);
        },
    );
    on_built(
        &[1],
        move |builder| blocked(builder).shutdown_on_unhandled_panic(true),
        |runtime, _| {
            let gate = Gate::new();
            let block = gate.clone();
            let task = runtime.spawn(async move { block.block() });
            let caught = catch(|| runtime.block_on(pending::<()>()));
            assert!(caught.text.contains("blocked"), "{caught:?}");
            gate.open();
            task.join().unwrap();
            assert_ends(runtime);
        },
    );
}

#[test]
fn what_somebody_collects_does_not_end_it() {
    on_strict(|runtime, _| {
        assert!(runtime.spawn(fail("joined")).join().is_err());
        assert_eq!(catch(|| runtime.run(fail("run"))).text, "on purpose: run");
        assert_eq!(
            catch(|| runtime.block_on(fail("here"))).text,
            "on purpose: here"
        );
        runtime.run(async {
            let (failed, _) = wheelhouse::gather!(fail("settled"), async {})
                .settle()
                .await;
            assert!(failed.is_err());
        });
        let task = runtime.spawn(pending::<()>());
        task.abort();
        drop(task);
        assert_eq!(runtime.run(async { spawn(async { 7 }).await.unwrap() }), 7);
        assert_ends(runtime);
    });
}

#[test]
fn without_the_option_it_goes_on() {
    quiet();
    on_built(
        WORKERS,
        |builder| builder.shutdown_on_unhandled_panic(false),
        |runtime, workers| {
            drop(runtime.spawn(fail("nobody asks")));
            hold_workers(&runtime, workers).open();
            assert_eq!(runtime.run(async { 1 }), 1);
        },
    );
}

/// The hook comes first, and if it panics, the cause is still what it was told of.
#[test]
fn with_a_hook_that_panics() {
    quiet();
    on_built(
        WORKERS,
        |builder| {
            let builder = builder.on_unhandled_panic(|_| panic!("{ON_PURPOSE}: the hook"));
            builder.shutdown_on_unhandled_panic(true)
        },
        |runtime, _| {
            drop(runtime.spawn(fail("the cause")));
            let caught = catch(|| runtime.block_on(pending::<()>()));
            assert!(caught.text.contains("the cause"), "{caught:?}");
            assert_ends(runtime);
        },
    );
}

/// Once its main future has a value, `run` or `block_on` returns it; the next one fails.
#[test]
fn a_main_future_that_ends_in_the_same_poll_keeps_its_value() {
    on_strict(|first, workers| {
        drop(first);
        for on_this_thread in [false, true] {
            let builder = Runtime::builder().worker_threads(workers);
            let builder = builder.watch(false).shutdown_on_unhandled_panic(true);
            let runtime = builder.build().unwrap();
            let main = async {
                // A worker of the pool may be taken by this very poll: so it is a job.
                drop::<JoinHandle<()>>(spawn_blocking(|| panic!("{ON_PURPOSE}: meanwhile")));
                while !is_closed(runtime.handle()) {
                    thread::yield_now();
                }
                5
            };
            let value = match on_this_thread {
                true => runtime.block_on(main),
                false => runtime.run(main),
            };
            assert_eq!(value, 5);
            assert_closed(&runtime, "meanwhile");
            assert_ends(runtime);
        }
    });
}

/// Asks by a job, and without waiting as a task must not: what is closed cancels it at once.
fn is_closed(handle: &Handle) -> bool {
    let mut job = handle.spawn_blocking(|| ());
    until_finished(&job);
    matches!(poll_once(&mut job, Waker::noop()), Poll::Ready(Err(_)))
}
