//! `gather!` and `try_gather!`: what they yield, what becomes of the siblings, and who waits.

use futures::FutureExt;
use std::future::{Future, pending, ready};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;
use wheelhouse::gather::{Gather, Settle, TryGather};
use wheelhouse::{
    JoinError, JoinHandle, Runtime, gather, spawn, spawn_blocking, timeout, try_gather, yield_now,
};
use wheelhouse_tests::{
    Caught, CountWaker, DropCounter, DropToken, Gate, LIMIT, ON_PURPOSE, PanicOnDrop, WORKERS,
    catch, noop, on_workers, panic_text, poll_once, quiet, watchdog,
};

/// A future that holds `token` and waits for ever.
async fn hold<T>(token: DropToken) -> T {
    let _token = token;
    pending().await
}

async fn fail<T>() -> T {
    panic!("{ON_PURPOSE}")
}

/// Awaits a future that has to panic, and returns what it said.
async fn panic_of(future: impl Future) -> String {
    quiet();
    match AssertUnwindSafe(future).catch_unwind().await {
        Ok(_) => panic!("this had to panic, and did not"),
        Err(payload) => panic_text(&*payload),
    }
}

/// Polls `future` on this thread until it is ready.
fn drive<F: Future + Unpin>(mut future: F) -> F::Output {
    let wakes = CountWaker::new();
    let waker = wakes.waker();
    for woken in 1.. {
        if let Poll::Ready(output) = poll_once(&mut future, &waker) {
            return output;
        }
        wakes.wait_for(woken, LIMIT);
    }
    unreachable!()
}

// ---------------------------------------------------------------------------------- the values

#[test]
fn values_come_in_the_order_of_the_arguments() {
    on_workers(WORKERS, |runtime, _| {
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let [first, second, third] = gates.clone();
        let values = runtime.spawn(async move {
            async fn after<T>(gate: Gate, value: T) -> T {
                gate.wait().await;
                value
            }
            gather!(after(first, 1), after(second, "two"), after(third, 3.0)).await
        });
        for gate in gates.iter().rev() {
            gate.wait_for(1, LIMIT);
            gate.open();
        }
        assert_eq!(values.join().unwrap(), (1, "two", 3.0));
    });
}

#[test]
fn futures_and_all_kinds_of_handles_mix() {
    on_workers(WORKERS, |runtime, _| {
        let values = runtime.run(async {
            let task = spawn(async { 2 });
            let job = spawn_blocking(|| 3);
            let thread = thread::spawn(|| 4);
            gather!(
                async { 1 },
                task,
                job,
                thread,
                ready(5),
                Box::pin(async { 6 })
            )
            .await
        });
        assert_eq!(values, (1, 2, 3, 4, 5, 6));
    });
}

#[test]
fn none_one_and_sixteen() {
    on_workers(&[2], |runtime, _| {
        runtime.run(async {
            let () = gather!().await;
            let () = gather!().settle().await;
            let (one,) = gather!(ready(1)).await;
            assert_eq!(one, 1);
            let r = ready::<i32>;
            let many = gather!(
                r(0),
                r(1),
                r(2),
                r(3),
                r(4),
                r(5),
                r(6),
                r(7),
                r(8),
                r(9),
                r(10),
                r(11),
                r(12),
                r(13),
                r(14),
                r(15),
            );
            let many = many.await;
            assert_eq!((many.0, many.7, many.15), (0, 7, 15));
            let all = try_gather!(
                ready(Ok::<_, ()>(0)),
                ready(Ok(1)),
                ready(Ok(2)),
                ready(Ok(3)),
                ready(Ok(4)),
                ready(Ok(5)),
                ready(Ok(6)),
                ready(Ok(7)),
                ready(Ok(8)),
                ready(Ok(9)),
                ready(Ok(10)),
                ready(Ok(11)),
                ready(Ok(12)),
                ready(Ok(13)),
                ready(Ok(14)),
                ready(Ok(15)),
            );
            assert_eq!(all.await.unwrap().15, 15);
        });
    });
}

#[test]
fn a_thousand_of_an_iterator() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let expected: Vec<usize> = (0..1_000).collect();
            let double = |i: usize| async move {
                for _ in 0..i % 3 {
                    yield_now().await;
                }
                i
            };
            assert_eq!(gather!(..(0..1_000).map(double)).await, expected);
            let handles = (0..1_000).map(|i| spawn(double(i)));
            assert_eq!(gather!(..handles).await, expected);
            let settled = gather!(..(0..1_000).map(double)).settle().await;
            assert!(
                settled
                    .into_iter()
                    .map(Result::unwrap)
                    .eq(expected.iter().copied())
            );
            let handles: Vec<_> = (0..1_000).map(|i| spawn(double(i))).collect();
            let settled = gather!(..handles).settle().await;
            assert!(
                settled
                    .into_iter()
                    .map(Result::unwrap)
                    .eq(expected.iter().copied())
            );
            let threads = (0..20).map(|i| thread::spawn(move || i));
            assert_eq!(gather!(..threads).await, expected[..20]);
        });
    });
}

#[test]
fn an_empty_iterator_gives_an_empty_vec() {
    on_workers(&[1], |runtime, _| {
        runtime.run(async {
            assert_eq!(gather!(..Vec::<JoinHandle<u8>>::new()).await, []);
            assert_eq!(gather!(..Vec::<thread::JoinHandle<u8>>::new()).await, []);
            assert_eq!(gather!(..None::<std::future::Ready<u8>>).await, []);
            assert!(
                gather!(..None::<std::future::Ready<u8>>)
                    .settle()
                    .await
                    .is_empty()
            );
            let none = None::<std::future::Ready<Result<u8, ()>>>;
            assert_eq!(try_gather!(..none).await, Ok(vec![]));
        });
    });
}

/// Python runs an object that is passed twice once and fills both places. Here that takes a future
/// that can be cloned; two calls of one function are two futures.
#[test]
fn the_same_twice() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let runs = Arc::new(AtomicUsize::new(0));
            let run = |runs: Arc<AtomicUsize>| async move { runs.fetch_add(1, SeqCst) };
            let shared = run(Arc::clone(&runs)).shared();
            assert_eq!(gather!(shared.clone(), shared).await, (0, 0));
            let (first, second) = gather!(run(Arc::clone(&runs)), run(Arc::clone(&runs))).await;
            assert_eq!(first + second, 1 + 2);
        });
    });
}

#[test]
fn gathers_nest() {
    fn leaves(depth: u32) -> Pin<Box<dyn Future<Output = u32> + Send>> {
        Box::pin(async move {
            if depth == 0 {
                return 1;
            }
            gather!(..(0..4).map(|_| leaves(depth - 1)))
                .await
                .iter()
                .sum()
        })
    }
    on_workers(WORKERS, |runtime, _| {
        assert_eq!(runtime.run(leaves(5)), 1024)
    });
}

/// In generic code a handle is a future like any other.
#[test]
fn a_handle_in_generic_code_yields_its_result() {
    async fn one<F: Future<Output: Send> + Send + 'static>(future: F) -> F::Output {
        gather!(future).await.0
    }
    on_workers(&[2], |runtime, _| {
        let value: Result<u8, JoinError> = runtime.run(async { one(spawn(async { 7 })).await });
        assert_eq!(value.unwrap(), 7);
    });
}

// ----------------------------------------------------------------------------------- the start

#[test]
fn the_arguments_start_at_the_call() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let entered = runtime.enter();
        let gather = gather!(gate.wait(), gate.wait());
        gate.wait_for(2, LIMIT); // and nobody has polled the gather
        gate.open();
        drop(entered);
        runtime.run(gather);
    });
}

#[test]
fn nothing_starts_if_an_argument_cannot_be_evaluated() {
    async fn half(drops: DropCounter, polled: Arc<AtomicUsize>) -> Option<()> {
        let token = drops.token();
        let counted = async move {
            let _token = token;
            polled.fetch_add(1, SeqCst);
        };
        gather!(counted, ready(None::<()>?)).await;
        unreachable!()
    }
    on_workers(&[1, 2], |runtime, _| {
        let (drops, polled) = (DropCounter::new(), Arc::new(AtomicUsize::new(0)));
        assert_eq!(runtime.run(half(drops, Arc::clone(&polled))), None);
        drop(runtime);
        drops.assert_each_dropped_once();
        assert_eq!(polled.load(SeqCst), 0);
    });
}

/// What evaluating an argument needs is dropped before the `.await`: this future is `Send`.
#[test]
fn temporaries_in_arguments_end_at_the_call() {
    on_workers(&[1], |runtime, _| {
        let names = Mutex::new(vec!["a", "bc"]);
        let length = |name: &'static str| async move { name.len() };
        runtime.run(async {
            let (one, ()) = gather!(length(names.lock().unwrap()[0]), ready(())).await;
            assert_eq!(one, 1);
            let all = gather!(..names.lock().unwrap().iter().map(|name| length(name))).await;
            assert_eq!(all, [1, 2]);
        });
    });
}

#[test]
fn outside_a_runtime_the_panic_names_the_callers_line() {
    let drops = DropCounter::new();
    let check = |line: u32, caught: Caught| {
        assert!(caught.text.contains("outside a runtime"), "{caught:?}");
        caught.assert_names(line);
    };
    let token = drops.token();
    let line = line!() + 1;
    check(line, catch(|| gather!(hold::<()>(token), ready(1))));
    let line = line!() + 1;
    check(line, catch(|| gather!(..[ready(1)])));
    let line = line!() + 1;
    check(line, catch(|| try_gather!(ready(Ok::<_, ()>(1)))));
    let line = line!() + 1;
    check(line, catch(|| try_gather!(..[ready(Ok::<_, ()>(1))])));
    drops.assert_each_dropped_once();
}

#[test]
fn handles_need_no_runtime() {
    watchdog("handles alone", LIMIT, || {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        let task = runtime.spawn(async { 1 });
        let gather = gather!(task, thread::spawn(|| 2));
        assert_eq!(drive(gather), (1, 2));
        let none = gather!(..None::<std::future::Ready<u8>>);
        assert_eq!(drive(none), []);
    });
}

#[test]
fn the_spawn_site_is_the_gathers_line() {
    on_workers(&[2], |runtime, _| {
        runtime.run(async {
            quiet();
            let panics = || panic!("{ON_PURPOSE}");
            let line = line!() + 1;
            let gather = gather!(fail::<()>(), thread::spawn(panics));
            let (task, thread) = gather.settle().await;
            for error in [task.err().unwrap(), thread.err().unwrap()] {
                assert!(error.is_panic());
                let site = error.spawn_site();
                assert_eq!((site.file(), site.line()), (file!(), line), "{error}");
            }
        });
    });
}

// ---------------------------------------------------------------------------------- a failure

/// Starts `failing` between two siblings that never end, awaits all, and checks that the panic
/// goes on once the siblings are gone.
async fn fails_between<F: Future<Output: Send> + Send + 'static>(failing: F) {
    let drops = DropCounter::new();
    let first = hold::<()>(drops.token());
    let last = spawn(hold::<()>(drops.token()));
    let text = panic_of(gather!(first, failing, last)).await;
    assert_eq!(text, ON_PURPOSE);
    drops.assert_each_dropped_once();
}

#[test]
fn a_panic_goes_on_at_once_after_the_siblings_are_gone() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            fails_between(fail::<()>()).await;
            fails_between(async {
                yield_now().await;
                fail::<()>().await
            })
            .await;
        });
    });
}

#[test]
fn a_panic_in_any_place_and_kind_of_argument() {
    async fn all_places<F, A>(argument: F)
    where
        F: Fn() -> A,
        A: Future<Output: Send> + Send + 'static,
    {
        for place in 0..5 {
            let drops = DropCounter::new();
            type Boxed = Pin<Box<dyn Future<Output = ()> + Send>>;
            let arguments: Vec<Boxed> = (0..5)
                .map(|i| -> Boxed {
                    if i == place {
                        Box::pin(argument().map(drop))
                    } else {
                        Box::pin(hold(drops.token()))
                    }
                })
                .collect();
            assert_eq!(panic_of(gather!(..arguments)).await, ON_PURPOSE);
            drops.assert_each_dropped_once();
        }
    }
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            all_places(fail::<()>).await;
            for place in 0..5 {
                let drops = DropCounter::new();
                let argument = |i| {
                    if i == place {
                        spawn(fail())
                    } else {
                        spawn(hold::<()>(drops.token()))
                    }
                };
                assert_eq!(panic_of(gather!(..(0..5).map(argument))).await, ON_PURPOSE);
                drops.assert_each_dropped_once();
            }
            let drops = DropCounter::new();
            let thread = thread::spawn(|| panic!("{ON_PURPOSE}"));
            let gather = gather!(
                hold::<()>(drops.token()),
                thread,
                spawn(hold::<()>(drops.token()))
            );
            assert_eq!(panic_of(gather).await, ON_PURPOSE);
            drops.assert_each_dropped_once();
            let job = spawn_blocking(|| panic!("{ON_PURPOSE}"));
            assert_eq!(
                panic_of(gather!(hold::<()>(drops.token()), job)).await,
                ON_PURPOSE
            );
            drops.assert_each_dropped_once();
        });
    });
}

/// A future that ends with a value and panics when it is dropped.
fn panics_in_drop() -> impl Future<Output = ()> + Send {
    let held = PanicOnDrop("in drop");
    std::future::poll_fn(move |_| {
        let _ = &held;
        Poll::Ready(())
    })
}

#[test]
fn a_panic_in_a_futures_drop_counts_as_its_own() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let drops = DropCounter::new();
            let text = panic_of(gather!(hold::<()>(drops.token()), panics_in_drop())).await;
            assert_eq!(text, format!("{ON_PURPOSE}: in drop"));
            drops.assert_each_dropped_once();
        });
    });
}

/// A sibling whose drop panics while it is cancelled takes nothing away from the first failure.
#[test]
fn panics_of_cancelled_siblings_are_contained() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let drops = DropCounter::new();
            let sibling = |token| async move {
                let _held = (PanicOnDrop("in drop"), token);
                pending::<()>().await;
            };
            let first = gather!(sibling(drops.token()), fail::<()>(), sibling(drops.token()));
            assert_eq!(panic_of(first).await, ON_PURPOSE);
            let output = |token| async move { (PanicOnDrop("in drop"), token) };
            let done = spawn(output(drops.token()));
            while !done.is_finished() {
                yield_now().await;
            }
            let second = gather!(done, fail::<()>(), hold::<()>(drops.token()));
            assert_eq!(panic_of(second).await, ON_PURPOSE);
            drops.assert_each_dropped_once();
        });
    });
}

/// A gather that has noticed a failure and not told it yet. Of its arguments the first is stuck in
/// its poll until the gate opens, the second has failed, the third has been cancelled, and the last
/// is a thread that waits for the gate as well. The first holds a token.
fn failing(runtime: &Runtime, drops: DropCounter) -> (Gate, Gather<((), (), (), ())>) {
    quiet();
    let (gate, failing, cancelled) = (Gate::new(), Gate::new(), DropCounter::new());
    let (token, stuck, thread, fails) = (drops.token(), gate.clone(), gate.clone(), failing.wait());
    let stuck = async move {
        let _token = token;
        stuck.block();
        pending::<()>().await;
    };
    let fails = async move {
        fails.await;
        fail().await
    };
    let entered = runtime.enter();
    let waits = hold(cancelled.token());
    let mut gather = gather!(stuck, fails, waits, thread::spawn(move || thread.block()));
    drop(entered);
    gate.wait_for(2, LIMIT);
    assert!(poll_once(&mut gather, noop()).is_pending());
    failing.open();
    while cancelled.dropped() == 0 {
        assert!(poll_once(&mut gather, noop()).is_pending());
        thread::yield_now();
    }
    (gate, gather)
}

/// A sibling in the middle of a poll is cancelled when the poll returns; the panic waits for that.
#[test]
fn a_failure_waits_for_a_siblings_poll() {
    on_workers(&[2, 4], |runtime, _| {
        let drops = DropCounter::new();
        let (gate, mut gather) = failing(&runtime, drops);
        for _ in 0..100 {
            assert!(poll_once(&mut gather, noop()).is_pending());
        }
        assert_eq!(drops.dropped(), 0);
        gate.open();
        assert_eq!(catch(|| drive(gather)).text, ON_PURPOSE);
        drops.assert_each_dropped_once();
    });
}

/// Threads and running jobs can't be cancelled: a failure does not wait for them.
#[test]
fn a_failure_lets_go_of_threads_and_jobs() {
    on_workers(WORKERS, |runtime, _| {
        let (gate, drops) = (Gate::new(), DropCounter::new());
        let block = || {
            let (gate, token) = (gate.clone(), drops.token());
            move || {
                gate.block();
                drop(token);
            }
        };
        let threads = [thread::spawn(block()), thread::spawn(block())];
        let job = runtime.spawn_blocking(block());
        gate.wait_for(3, LIMIT);
        let [first, second] = threads;
        let text = runtime.run(async { panic_of(gather!(first, fail::<()>(), job, second)).await });
        assert_eq!((text.as_str(), drops.dropped()), (ON_PURPOSE, 0));
        gate.open();
        drops.wait_for(3, LIMIT);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn an_aborted_handle_names_its_spawn_site_and_the_gather() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let drops = DropCounter::new();
            let line = line!() + 1;
            let task = spawn(pending::<()>());
            task.abort();
            let text = panic_of(gather!(hold::<()>(drops.token()), task)).await;
            for line in [line, line + 2] {
                assert!(
                    text.contains(&format!("{}:{line}", file!())),
                    "{line}: {text}"
                );
            }
            drops.assert_each_dropped_once();
        });
    });
}

/// Lets the tasks behind `gates` fail from the last to the first, each after the one before it was
/// noticed, and nobody polls the gather meanwhile.
fn fail_backwards(gates: &[Gate], noticed: impl Fn(usize)) {
    for (place, gate) in gates.iter().enumerate().rev() {
        gate.open();
        noticed(place);
    }
}

#[test]
fn the_first_failure_in_time_counts() {
    on_workers(WORKERS, |runtime, _| {
        quiet();
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let fail_at = |place: usize| {
            let gate = gates[place].wait();
            async move {
                gate.await;
                panic!("{ON_PURPOSE}: {place}");
            }
        };
        let (wakes, entered) = (CountWaker::new(), runtime.enter());
        let handles: Vec<JoinHandle<()>> = (0..3).map(|i| spawn(fail_at(i))).collect();
        let ends: Vec<_> = handles.iter().map(JoinHandle::abort_handle).collect();
        let mut gather = gather!(..handles);
        assert!(poll_once(&mut gather, &wakes.waker()).is_pending());
        fail_backwards(&gates, |place| {
            while !ends[place].is_finished() {
                thread::yield_now();
            }
        });
        drop(entered);
        assert_eq!(catch(|| drive(gather)).text, format!("{ON_PURPOSE}: 2"));
    });
}

/// The same for futures. With one worker the second to be let through fails second.
#[test]
fn the_first_future_to_fail_counts() {
    on_workers(&[1], |runtime, _| {
        let gates = [Gate::new(), Gate::new(), Gate::new()];
        let fail_at = |place: usize| {
            let gate = gates[place].wait();
            async move {
                gate.await;
                Err::<(), _>(place)
            }
        };
        let (wakes, entered) = (CountWaker::new(), runtime.enter());
        let mut gather = try_gather!(..(0..3).map(fail_at));
        drop(entered);
        assert!(poll_once(&mut gather, &wakes.waker()).is_pending());
        gates.iter().for_each(|gate| gate.wait_for(1, LIMIT));
        fail_backwards(&gates, |place| {
            if place == 2 {
                wakes.wait_for(1, LIMIT);
            }
        });
        assert_eq!(drive(gather), Err(2));
    });
}

// ------------------------------------------------------------------------------- being dropped

#[test]
fn dropping_a_gather_aborts_what_it_started() {
    on_workers(WORKERS, |runtime, _| {
        let (drops, gate) = (DropCounter::new(), Gate::new());
        let thread = |token| {
            let gate = gate.clone();
            thread::spawn(move || {
                gate.block();
                drop(token);
            })
        };
        let entered = runtime.enter();
        let some = gather!(hold::<()>(drops.token()), spawn(hold::<()>(drops.token())));
        let settled = gather!(hold::<()>(drops.token()), spawn(hold::<()>(drops.token())));
        let all = gather!(..(0..10).map(|_| hold::<()>(drops.token())));
        let tried = try_gather!(hold::<Result<(), ()>>(drops.token()));
        let threads = gather!(thread(drops.token()), thread(drops.token()));
        drop(entered);
        let mut some = some;
        let mut settled = settled.settle();
        assert!(poll_once(&mut some, noop()).is_pending());
        assert!(poll_once(&mut settled, noop()).is_pending());
        drop((some, settled, all, tried));
        drops.wait_for(15, LIMIT);
        gate.wait_for(2, LIMIT);
        drop(threads);
        assert_eq!((gate.waiting(), drops.dropped()), (2, 15));
        gate.open();
        drops.wait_for(17, LIMIT);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_dropped_gather_keeps_no_waker() {
    on_workers(&[2], |runtime, _| {
        let (wakes, gate) = (CountWaker::new(), Gate::new());
        let entered = runtime.enter();
        let waits = || gate.wait();
        let mut gather = gather!(waits(), spawn(waits()), thread::spawn(thread::yield_now));
        drop(entered);
        gate.wait_for(2, LIMIT);
        assert!(poll_once(&mut gather, &wakes.waker()).is_pending());
        assert!(wakes.live() > 0);
        drop(gather);
        assert_eq!(wakes.live(), 0);
        gate.open();
    });
}

/// Giving up a wait is not giving up the gather.
#[test]
fn a_gather_can_be_waited_for_in_parts() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let value = runtime.run(async {
            let mut gather = gather!(gate.wait().map(|()| 1), ready(2));
            for _ in 0..3 {
                assert!(
                    timeout(Duration::from_millis(1), &mut gather)
                        .await
                        .is_err()
                );
            }
            gate.open();
            gather.await
        });
        assert_eq!(value, (1, 2));
    });
}

#[test]
fn a_gather_that_has_ended_says_so() {
    on_workers(&[1], |runtime, _| {
        let _entered = runtime.enter();
        let mut gather = gather!(ready(1));
        drive(&mut gather);
        let caught = catch(|| poll_once(&mut gather, noop()));
        assert!(caught.text.contains("gather.rs:"), "{}", caught.text);
        assert!(caught.text.ends_with("was polled after it had ended"));
        let mut failed = gather!(fail::<()>());
        assert_eq!(catch(|| drive(&mut failed)).text, ON_PURPOSE);
        assert!(!catch(|| poll_once(&mut failed, noop())).text.is_empty());
    });
}

/// The runtime goes away under a gather: its tasks count as aborted.
#[test]
fn a_gather_outlives_its_runtime() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let entered = runtime.enter();
        let gather = gather!(hold::<()>(drops.token()), spawn(hold::<()>(drops.token())));
        let settled = gather!(..[hold::<()>(drops.token()), hold(drops.token())]).settle();
        drop(entered);
        drop(runtime);
        drops.assert_each_dropped_once();
        assert!(catch(|| drive(gather)).text.contains("was cancelled"));
        assert!(
            drive(settled)
                .into_iter()
                .all(|result| result.unwrap_err().is_cancelled())
        );
    });
}

// ------------------------------------------------------------------------------------- settle

#[test]
fn settle_gives_exactly_one_result_each() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            quiet();
            let aborted = spawn(pending::<u8>());
            aborted.abort();
            let id = aborted.id();
            let (value, panicked, aborted, thread, broken, job) = gather!(
                async { 1 },
                fail::<u8>(),
                aborted,
                thread::spawn(|| 4),
                thread::spawn(|| -> u8 { resume_unwind(Box::new("5")) }),
                spawn_blocking(|| 6),
            )
            .settle()
            .await;
            assert_eq!(value.unwrap(), 1);
            assert_eq!(panic_text(&*panicked.unwrap_err().into_panic()), ON_PURPOSE);
            let aborted = aborted.unwrap_err();
            assert_eq!((aborted.is_cancelled(), aborted.id()), (true, id));
            assert_eq!(thread.unwrap(), 4);
            assert_eq!(panic_text(&*broken.unwrap_err().into_panic()), "5");
            assert_eq!(job.unwrap(), 6);
        });
    });
}

/// A failure cancels nobody under `settle`, and the slowest is waited for.
#[test]
fn settle_waits_for_all() {
    on_workers(WORKERS, |runtime, _| {
        quiet();
        let (gate, wakes) = (Gate::new(), CountWaker::new());
        let entered = runtime.enter();
        let slow = gate.wait().map(|()| "slow");
        let mut settled = gather!(fail::<()>(), slow, spawn(gate.wait())).settle();
        drop(entered);
        gate.wait_for(2, LIMIT);
        for _ in 0..100 {
            assert!(poll_once(&mut settled, &wakes.waker()).is_pending());
        }
        gate.open();
        let (failed, slow, task) = drive(settled);
        assert!(failed.unwrap_err().is_panic());
        assert_eq!((slow.unwrap(), task.unwrap()), ("slow", ()));
    });
}

/// `settle` comes too late for siblings that the failure has cancelled, and says so.
#[test]
fn settle_after_a_failure() {
    on_workers(&[2, 4], |runtime, _| {
        let drops = DropCounter::new();
        let (gate, gather) = failing(&runtime, drops);
        gate.open();
        let (stuck, failed, sibling, thread) = drive(gather.settle());
        assert!(failed.unwrap_err().is_panic());
        for cancelled in [stuck, sibling, thread] {
            assert!(cancelled.unwrap_err().is_cancelled());
        }
        drops.assert_each_dropped_once();
    });
}

// --------------------------------------------------------------------------------- try_gather!

async fn half(number: u32) -> Result<u32, String> {
    yield_now().await;
    if number.is_multiple_of(2) {
        Ok(number / 2)
    } else {
        Err(format!("{number} is odd"))
    }
}

#[test]
fn try_gather_yields_all_values() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let thread = thread::spawn(|| Ok::<_, String>("thread"));
            let job = spawn_blocking(|| Ok("job"));
            let all = try_gather!(half(2), spawn(half(4)), thread, job, ready(Ok(3.0))).await;
            assert_eq!(all, Ok((1, 2, "thread", "job", 3.0)));
            let expected: Vec<u32> = (0..1_000).collect();
            let all = try_gather!(..(0..1_000).map(|i| half(2 * i))).await;
            assert_eq!(all.as_ref(), Ok(&expected));
            let all = try_gather!(..(0..1_000).map(|i| spawn(half(2 * i)))).await;
            assert_eq!(all, Ok(expected));
            let threads = (0..10).map(|i| thread::spawn(move || Ok::<_, ()>(i)));
            assert_eq!(try_gather!(..threads).await, Ok((0..10).collect()));
        });
    });
}

/// Arguments that yield what a handle yields, and handles whose tasks do.
#[test]
fn try_gather_of_join_errors() {
    async fn forward(value: u8) -> Result<u8, JoinError> {
        spawn(async move { value }).await
    }
    on_workers(&[2], |runtime, _| {
        runtime.run(async {
            let all = try_gather!(forward(1), spawn(forward(2)), thread::spawn(|| Ok(3))).await;
            assert_eq!(all.unwrap(), (1, 2, 3));
            let all = try_gather!(..[spawn(forward(1))]).await;
            assert_eq!(all.unwrap(), [1]);
        });
    });
}

#[test]
fn an_err_cancels_the_siblings_and_waits_for_them() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let drops = DropCounter::new();
            let endless = || hold::<Result<(), String>>(drops.token());
            let result = try_gather!(endless(), half(3), spawn(endless())).await;
            assert_eq!(result, Err("3 is odd".into()));
            drops.assert_each_dropped_once();
            let result = try_gather!(endless(), spawn(half(5)), endless()).await;
            assert_eq!(result, Err("5 is odd".into()));
            drops.assert_each_dropped_once();
            let thread = thread::spawn(|| Err::<(), _>("7 is odd".to_owned()));
            assert_eq!(try_gather!(endless(), thread).await, Err("7 is odd".into()));
            drops.assert_each_dropped_once();
            let handles = (0..10).map(|i| spawn(async move { half(i).await.map(drop) }));
            let others = (0..10).map(|_| spawn(endless()));
            let result = try_gather!(..handles.skip(9).chain(others)).await;
            assert_eq!(result, Err("9 is odd".into()));
            drops.assert_each_dropped_once();
        });
    });
}

#[test]
fn a_panic_is_not_an_err() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            let drops = DropCounter::new();
            let endless = hold::<Result<(), String>>(drops.token());
            let panics = fail::<Result<(), String>>();
            assert_eq!(panic_of(try_gather!(endless, panics)).await, ON_PURPOSE);
            drops.assert_each_dropped_once();
            let aborted = spawn(half(2));
            aborted.abort();
            while !aborted.is_finished() {
                yield_now().await;
            }
            // It may have been faster than the abort.
            if let Err(text) = AssertUnwindSafe(try_gather!(aborted)).catch_unwind().await {
                assert!(panic_text(&*text).contains("`try_gather!` at"));
            }
        });
    });
}

// ---------------------------------------------------------------------------- what it costs

/// Counts the polls of the future inside.
struct Counted<F> {
    future: F,
    polls: usize,
}

impl<F: Future + Unpin> Future for Counted<F> {
    type Output = (F::Output, usize);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        self.polls += 1;
        let polls = self.polls;
        Pin::new(&mut self.future)
            .poll(context)
            .map(|output| (output, polls))
    }
}

/// The awaiting task is woken a few times, not once per argument: one yield in 128 looks, and one
/// wake-up for each argument that is the last still to run.
#[test]
fn a_gather_of_a_thousand_is_polled_a_few_times() {
    on_workers(&[1], |runtime, _| {
        let polls = runtime.run(async {
            let work = |i: usize| async move {
                yield_now().await;
                i
            };
            let gather = gather!(..(0..1_000).map(work));
            let (values, polls) = Counted {
                future: gather,
                polls: 0,
            }
            .await;
            assert_eq!(values.len(), 1_000);
            polls
        });
        assert!(polls <= 20, "{polls} polls");
    });
}

#[test]
fn the_futures_are_send_unpin_and_unwind_safe() {
    fn is<T: Send + Sync + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe + 'static>() {
    }
    type Pinned = std::marker::PhantomPinned;
    is::<Gather<(u8, Pinned)>>();
    is::<Settle<Vec<String>>>();
    is::<TryGather<(u8, String), std::io::Error>>();
}
