//! Task groups: how they end, and what becomes of their children.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use wheelhouse::group::Failure;
use wheelhouse::{
    AbortHandle, GroupError, Runtime, Spawner, TaskGroup, consume_budget, join, spawn,
    task::TaskLocal, task_group, yield_now,
};
use wheelhouse_tests::{
    CountWaker, DropCounter, DropToken, Gate, LIMIT, ON_PURPOSE, WORKERS, catch, contained,
    eventually, hold_workers, noop, on_unwatched_workers, on_workers, panic_text, poll_once, quiet,
    watchdog,
};

type Error = &'static str;

/// Holds a token and never ends.
async fn stuck<T>(token: DropToken) -> Result<T, Error> {
    let _token = token;
    pending().await
}

/// Calls its closure when it is dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn errors(error: GroupError<Error>) -> Vec<Error> {
    let failures = error.into_failures().into_iter();
    failures
        .map(|failure| failure.into_error().expect("an error that was returned"))
        .collect()
}

#[test]
fn values_come_in_the_order_of_spawn() {
    on_workers(WORKERS, |runtime, _| {
        let gates: Vec<Gate> = (0..20).map(|_| Gate::new()).collect();
        let (body, values) = runtime
            .run(task_group(async |group| {
                for (number, gate) in gates.iter().enumerate() {
                    let gate = gate.clone();
                    group.spawn(async move {
                        gate.wait().await;
                        Ok::<_, Error>(number)
                    });
                }
                for left in (0..gates.len()).rev() {
                    gates[left].open();
                    let taken = if left % 5 == 0 {
                        group.next().await
                    } else {
                        None
                    };
                    assert_eq!(taken.map(Result::unwrap).is_some(), left % 5 == 0);
                }
                Ok("body")
            }))
            .unwrap();
        assert_eq!(body, "body");
        assert_eq!(values.len(), 16);
        assert!(values.is_sorted(), "{values:?}");
    });
}

#[test]
fn an_empty_group_ends_with_its_body() {
    on_workers(&[1], |runtime, _| {
        let ended = runtime.run(task_group::<u8, Error, _, _, _>(async |group| {
            assert!(group.is_empty());
            assert!(group.next().await.is_none());
            Ok(7)
        }));
        assert_eq!(ended.unwrap(), (7, vec![]));
    });
}

#[test]
fn a_failing_child_cancels_its_siblings_and_the_body() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let error = runtime.run(async {
            let name = String::from("borrowed by the body");
            let failed = task_group(async |group| {
                for _ in 0..10 {
                    group.spawn(stuck::<()>(drops.token()));
                }
                group.spawn(async { Err("first") });
                let _token = drops.token();
                assert_eq!(name.len(), 20);
                pending::<()>().await;
                Ok(())
            });
            let error = failed.await.unwrap_err();
            drops.assert_each_dropped_once(); // all had ended
            error
        });
        assert_eq!(drops.made(), 11);
        assert_eq!(error.first().error(), Some(&"first"));
        assert_eq!(errors(error), ["first"]);
    });
}

#[test]
fn a_failure_after_the_body_cancels_the_siblings() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let go = Gate::new();
        let failed = task_group(async |group| {
            group.spawn(stuck::<()>(drops.token()));
            let go = go.clone();
            group.spawn(async move {
                go.wait().await;
                Err("late")
            });
            Ok(OnDrop(|| ())) // the body's value goes, too
        });
        let mut failed = pin!(failed);
        assert!(
            runtime
                .block_on(async { poll_fn(|c| Poll::Ready(failed.as_mut().poll(c))).await })
                .is_pending()
        );
        go.open();
        assert_eq!(errors(runtime.block_on(failed).err().unwrap()), ["late"]);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_failing_body_cancels_its_children() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let error = runtime
            .run(task_group(async |group| {
                for _ in 0..10 {
                    group.spawn(stuck::<()>(drops.token()));
                }
                yield_now().await;
                Err::<(), _>("body")
            }))
            .unwrap_err();
        drops.assert_each_dropped_once();
        let first = error.first();
        assert!(first.task_id().is_none() && first.spawn_site().is_none());
        assert_eq!(first.to_string(), "the body of a task group failed: body");
        assert_eq!(errors(error), ["body"]);
    });
}

#[test]
fn a_panicking_body_cancels_its_children_and_panics_when_they_have_ended() {
    contained(|runtime, drops| {
        let caught = catch(|| {
            runtime.run(async {
                let _ = task_group::<(), Error, (), _, _>(async |group| {
                    for _ in 0..10 {
                        group.spawn(stuck(drops.token()));
                    }
                    yield_now().await;
                    panic!("{ON_PURPOSE}: the body");
                })
                .await;
            });
        });
        assert_eq!(caught.text, "on purpose: the body");
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_body_that_panics_in_its_drop_panics() {
    contained(|runtime, drops| {
        let caught = catch(|| {
            runtime.run(async {
                let _ = task_group::<(), Error, (), _, _>(async |group| {
                    group.spawn(stuck(drops.token()));
                    group.spawn(async { Err("first") });
                    let _panics = OnDrop(|| panic!("{ON_PURPOSE}: in the drop"));
                    pending().await
                })
                .await;
            });
        });
        assert_eq!(caught.text, "on purpose: in the drop");
        drops.assert_each_dropped_once();
    });
}

#[test]
fn an_owner_that_is_cancelled_cancels_its_children() {
    on_workers(WORKERS, |runtime, _| {
        for in_body in [true, false] {
            let drops = DropCounter::new();
            let started = Gate::new();
            let start = started.clone();
            let owner = runtime.spawn(async move {
                task_group(async move |group| {
                    for _ in 0..10 {
                        group.spawn(stuck::<()>(drops.token()));
                    }
                    let body = drops.token();
                    if in_body {
                        start.open();
                        pending::<()>().await;
                    }
                    drop(body);
                    start.open();
                    Ok(())
                })
                .await
            });
            started.block();
            owner.abort();
            assert!(owner.join().unwrap_err().is_cancelled());
            drops.wait_for(11, LIMIT);
            drops.assert_each_dropped_once();
        }
    });
}

#[test]
fn groups_nest() {
    on_workers(WORKERS, |runtime, _| {
        let outer = runtime.run(task_group(async |outer| {
            for number in 0..3_u32 {
                outer.spawn(async move {
                    let inner = task_group(async |inner| {
                        for i in 0..number {
                            inner.spawn(async move { Ok::<_, Error>(i) });
                        }
                        Ok(number)
                    });
                    let (number, inner) = inner.await.map_err(|error| errors(error)[0])?;
                    Ok((number, inner))
                });
            }
            Ok::<_, Error>(())
        }));
        let expected = vec![(0, vec![]), (1, vec![0]), (2, vec![0, 1])];
        assert_eq!(outer.unwrap().1, expected);
    });
}

#[test]
fn the_failure_of_an_outer_group_ends_the_inner_ones() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let ready = Gate::new();
        let failed = runtime.run(task_group(async |outer| {
            let started = ready.clone();
            outer.spawn(async move {
                let inner = task_group::<(), Error, (), _, _>(async |inner| {
                    inner.spawn(stuck(drops.token()));
                    let _body = drops.token();
                    started.open();
                    pending().await
                });
                let _ = inner.await;
                Ok(())
            });
            ready.wait().await;
            Err::<(), _>("outer")
        }));
        assert_eq!(errors(failed.unwrap_err()), ["outer"]);
        // The inner group's owner was dropped, so nobody has waited for its child.
        drops.wait_for(2, LIMIT);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn every_failure_is_kept_the_earliest_first() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let (release, released) = mpsc::channel::<()>();
        let running = Gate::new();
        let error = runtime.run(async {
            let failed = task_group(async |group| {
                let run = running.clone();
                group.spawn_blocking(move || {
                    run.open();
                    // Until the second has failed, which it does when it is cancelled.
                    let _ = released.recv();
                    Err("third")
                });
                let waiting = Gate::new();
                let wait = waiting.clone();
                group.spawn(async move {
                    let _release = release; // dropped after the other
                    let _panics = OnDrop(|| panic!("{ON_PURPOSE}: second"));
                    wait.open();
                    pending::<Result<(), _>>().await
                });
                join!(running.wait(), waiting.wait());
                group.spawn(async { Err("first") });
                pending::<Result<(), _>>().await
            });
            failed.await.unwrap_err()
        });
        let failures = error.failures();
        assert_eq!(failures.len(), 3, "{error}");
        assert_eq!(failures[0].error(), Some(&"first"));
        // The two others end on two threads.
        let panic = failures.iter().position(Failure::is_panic).unwrap();
        let third = failures.iter().position(|f| f.error() == Some(&"third"));
        assert_eq!(panic + third.unwrap(), 3);
        assert!(
            error
                .to_string()
                .ends_with("failed: first (and 2 more failures)"),
            "{error}"
        );
        let payload = error.into_failures().remove(panic).into_join_error();
        let payload = payload.unwrap().into_panic();
        assert_eq!(panic_text(&*payload), "on purpose: second");
    });
}

#[test]
fn a_child_that_panics_fails_the_group() {
    contained(|runtime, drops| {
        let token = drops.token();
        let line = Arc::new(AtomicUsize::new(0));
        let error = runtime
            .run(task_group::<(), Error, (), _, _>(async |group| {
                group.spawn(stuck(drops.token()));
                line.store(line!() as usize + 1, SeqCst);
                group.spawn(async move {
                    let _token = token;
                    yield_now().await;
                    panic!("{ON_PURPOSE}: a child")
                });
                pending().await
            }))
            .unwrap_err();
        let failure = error.first();
        assert!(failure.is_panic() && !failure.is_cancelled() && failure.error().is_none());
        assert!(failure.to_string().contains("a child"), "{failure}");
        let site = failure.spawn_site().unwrap();
        assert_eq!(
            (site.file(), site.line() as usize),
            (file!(), line.load(SeqCst))
        );
    });
}

#[test]
fn what_is_spawned_during_the_cancellation_is_cancelled_before_its_first_poll() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let polled = Arc::new(AtomicUsize::new(0));
        let polls = Arc::clone(&polled);
        let late = move |spawner: Spawner<(), Error>| {
            let (token, polls) = (drops.token(), Arc::clone(&polls));
            let polled = Arc::clone(&polls);
            let child = spawner.spawn(async move {
                let _token = token;
                polled.fetch_add(1, SeqCst);
                pending().await
            });
            let token = drops.token();
            spawner.spawn_blocking(move || {
                let _token = token;
                polls.fetch_add(1, SeqCst);
                Err("it must not run")
            });
            child
        };
        let failed = runtime.run(task_group(async |group| {
            let spawner = group.spawner();
            let waiting = Gate::new();
            let wait = waiting.clone();
            group.spawn(async move {
                let _late = OnDrop(|| drop(late(spawner.clone())));
                wait.open();
                pending().await
            });
            waiting.wait().await;
            Err::<(), _>("body")
        }));
        assert_eq!(errors(failed.unwrap_err()), ["body"]);
        assert_eq!((polled.load(SeqCst), drops.made()), (0, 2));
        drops.assert_each_dropped_once();
    });
}

#[test]
fn children_spawn_siblings_after_the_body() {
    on_workers(WORKERS, |runtime, _| {
        fn tree(depth: u32, spawner: Spawner<u32, Error>) {
            spawner.clone().spawn(async move {
                for _ in 0..if depth > 0 { 2 } else { 0 } {
                    yield_now().await;
                    tree(depth - 1, spawner.clone());
                }
                Ok(depth)
            });
        }
        let ended = runtime.run(task_group(async |group| {
            tree(7, group.spawner());
            Ok(())
        }));
        let values = ended.unwrap().1;
        assert_eq!((values.len(), values[0]), (255, 7));
    });
}

#[test]
fn a_group_that_has_ended_takes_no_children() {
    on_workers(&[1], |runtime, _| {
        let ended = runtime.run(async {
            let spawner = |group: TaskGroup<(), Error>| Ok(group.spawner());
            let returned = task_group(async |group| spawner(group)).await.unwrap().0;
            let failed = {
                let mut kept = None;
                let failed = task_group::<(), _, (), _, _>(async |group| {
                    kept = Some(group.spawner());
                    Err("failed")
                });
                failed.await.unwrap_err();
                kept.unwrap()
            };
            [returned, failed]
        });
        let _entered = runtime.enter();
        let drops = DropCounter::new();
        for spawner in ended {
            let token = drops.token();
            let line = line!() + 1;
            let caught = catch(|| spawner.spawn(stuck(token)));
            caught.assert_names(line);
            assert!(caught.text.contains("`Spawner::spawn`") && caught.text.contains("has ended"));
            let line = line!() + 1;
            let caught = catch(|| spawner.spawn_blocking(|| Ok(())));
            caught.assert_names(line);
            assert!(
                caught.text.contains("`Spawner::spawn_blocking`"),
                "{caught:?}"
            );
        }
        drops.assert_each_dropped_once();
    });
}

#[test]
fn what_a_group_spawns_whose_owner_was_dropped_is_cancelled() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let spawner = TaskGroup::<(), Error>::new().spawner();
        let _entered = runtime.enter();
        let child = spawner.spawn(stuck(drops.token()));
        let job = spawner.spawn_blocking(|| panic!("it never runs"));
        eventually("both have ended", LIMIT, || {
            child.is_finished() && job.is_finished()
        });
        drops.assert_each_dropped_once();

        // A child that is in a poll when its owner goes can't know of that.
        let (polled, go) = (Gate::new(), Gate::new());
        let (inside, wait) = (polled.clone(), go.clone());
        let token = drops.token();
        runtime.block_on(async {
            let group = task_group::<(), Error, (), _, _>(async move |group| {
                let spawner = group.spawner();
                group.spawn(async move {
                    inside.open();
                    wait.block();
                    spawner.spawn(stuck(token));
                    Ok(())
                });
                pending().await
            });
            let owner = spawn(group);
            polled.wait().await;
            owner.abort();
            assert!(owner.await.unwrap_err().is_cancelled());
        });
        go.open();
        drops.wait_for(2, LIMIT);
        drops.assert_each_dropped_once();
        assert_eq!(runtime.metrics().unhandled_panics, 0);
    });
}

#[test]
fn outside_a_runtime_the_panic_names_the_line() {
    let group = TaskGroup::<(), Error>::new();
    let line = line!() + 1;
    let caught = catch(|| group.spawn(async { Ok(()) }));
    caught.assert_names(line);
    assert!(
        caught.text.contains("`wheelhouse::TaskGroup::spawn`"),
        "{caught:?}"
    );
    let line = line!() + 1;
    let caught = catch(|| group.spawner().spawn_blocking(|| Ok(())));
    caught.assert_names(line);
    assert!(group.is_empty());
}

#[test]
fn next_gives_results_as_they_come() {
    contained(|runtime, drops| {
        runtime.run(async {
            let group = TaskGroup::new();
            let gates: Vec<Gate> = (0..5).map(|_| Gate::new()).collect();
            for (number, gate) in gates.iter().enumerate() {
                let (gate, token) = (gate.clone(), drops.token());
                group.spawn(async move {
                    let _token = token;
                    gate.wait().await;
                    match number {
                        1 => Err("an error"),
                        2 => panic!("{ON_PURPOSE}: a child"),
                        _ => Ok(number),
                    }
                });
            }
            let aborted = group.spawn(stuck(drops.token()));
            let mut ends = Vec::new();
            for number in [4, 2, 0, 1, 3] {
                gates[number].open();
                ends.push(group.next().await.unwrap());
                let gone = 6 - group.len();
                assert!(
                    drops.dropped() >= gone,
                    "its future is gone when its result is there"
                );
            }
            assert!(matches!(ends[0], Ok(4)) && matches!(ends[2], Ok(0)));
            assert!(ends[1].as_ref().unwrap_err().is_panic());
            assert_eq!(ends[3].as_ref().unwrap_err().error(), Some(&"an error"));
            assert_eq!(group.len(), 1);
            aborted.abort();
            let failure = group.next().await.unwrap().unwrap_err();
            assert!(failure.is_cancelled() && failure.task_id() == Some(aborted.id()));
            assert!(group.next().await.is_none() && group.is_empty());
        });
    });
}

#[test]
fn results_wait_in_the_order_in_which_they_came() {
    fn order<T: Send + 'static>(runtime: &Runtime, value: fn() -> T) {
        let ends = "vvfvffvvvf";
        runtime.run(async {
            let group = TaskGroup::new();
            for (number, end) in ends.chars().enumerate() {
                let child =
                    group.spawn(async move { if end == 'v' { Ok(value()) } else { Err("f") } });
                while !child.is_finished() {
                    yield_now().await;
                }
                assert_eq!(group.len(), number + 1);
            }
            let mut seen = String::new();
            while let Some(result) = group.next().await {
                seen.push(if result.is_ok() { 'v' } else { 'f' });
            }
            assert_eq!(seen, ends);
        });
    }
    on_workers(WORKERS, |runtime, _| {
        order(&runtime, || 7_u8);
        order(&runtime, || ()); // values without a size are kept in another way
    });
}

#[test]
fn several_wait_for_the_next_and_each_result_goes_to_one() {
    on_workers(WORKERS, |runtime, _| {
        let group = Arc::new(TaskGroup::<usize, Error>::new());
        let (go, taken) = (Gate::new(), Arc::new(Mutex::new(Vec::new())));
        runtime.run(async {
            for number in 0..100 {
                let go = go.clone();
                group.spawn(async move {
                    go.wait().await;
                    Ok(number)
                });
            }
            let takers = (0..4).map(|_| {
                let (group, taken) = (Arc::clone(&group), Arc::clone(&taken));
                spawn(async move {
                    while let Some(value) = group.next().await {
                        taken.lock().unwrap().push(value.unwrap());
                    }
                })
            });
            let takers: Vec<_> = takers.collect();
            go.open();
            for taker in takers {
                taker.await.unwrap();
            }
        });
        let mut taken = taken.lock().unwrap().clone();
        taken.sort_unstable();
        assert_eq!(taken, (0..100).collect::<Vec<_>>());
    });
}

#[test]
fn a_dropped_next_loses_nothing_and_keeps_no_waker() {
    on_workers(WORKERS, |runtime, _| {
        let _entered = runtime.enter();
        let (group, go) = (TaskGroup::<u8, Error>::new(), Gate::new());
        let wait = go.clone();
        group.spawn(async move {
            wait.wait().await;
            Ok(7)
        });
        let counts = CountWaker::new();
        let others = CountWaker::new();
        let (mut dropped, mut kept) = (group.next(), group.next());
        assert!(poll_once(&mut dropped, &counts.waker()).is_pending());
        assert!(poll_once(&mut dropped, &counts.waker()).is_pending());
        assert!(poll_once(&mut kept, &others.waker()).is_pending());
        drop(dropped);
        counts.wait_until_gone(LIMIT);
        assert!(poll_once(&mut kept, &counts.waker()).is_pending());
        others.wait_until_gone(LIMIT); // the waker of the last poll counts
        go.open();
        counts.wait_for(1, LIMIT);
        assert_eq!(others.count(), 0);
        let value = poll_once(&mut kept, noop());
        assert!(matches!(value, Poll::Ready(Some(Ok(7)))));
    });
}

#[test]
fn who_was_aborted_is_no_failure_in_a_task_group() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let ended = runtime.run(task_group(async |group| {
            let child = group.spawn(stuck(drops.token()));
            group.spawn(async { Ok::<_, Error>(1) });
            yield_now().await;
            child.abort();
            group.spawn(async {
                yield_now().await;
                Ok(2)
            });
            Ok(())
        }));
        assert_eq!(ended.unwrap().1, [1, 2]);
        drops.assert_each_dropped_once();
        let ended = runtime.run(task_group(async |group| {
            for _ in 0..10 {
                group.spawn(stuck::<()>(drops.token()));
            }
            group.abort_all();
            assert!(group.next().await.is_none());
            Ok(())
        }));
        assert_eq!(ended.unwrap().1, []);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn children_that_a_shutdown_has_ended_are_failures() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let started = Gate::new();
        let start = started.clone();
        // On another runtime, so that it outlives the children's.
        let outer = Runtime::builder().worker_threads(1).build().unwrap();
        let handle = runtime.handle().clone();
        let owner = outer.spawn(task_group::<(), Error, (), _, _>(async move |group| {
            {
                let _entered = handle.enter();
                for _ in 0..10 {
                    group.spawn(stuck(drops.token()));
                }
            }
            start.open();
            pending().await
        }));
        started.block();
        drop(runtime);
        let error = owner.join().unwrap().unwrap_err();
        assert!(
            error.failures().iter().all(Failure::is_cancelled),
            "{error}"
        );
        drops.assert_each_dropped_once();
    });
}

/// A runtime that says what nobody has collected.
fn reporting(workers: usize) -> (Runtime, mpsc::Receiver<String>) {
    quiet();
    let (sender, reports) = mpsc::channel();
    let runtime = Runtime::builder()
        .worker_threads(workers)
        .on_unhandled_panic(move |panic| {
            let _ = sender.send(panic.message().unwrap_or_default().to_owned());
        })
        .build();
    (runtime.unwrap(), reports)
}

async fn panicking(text: &'static str) -> Result<(), Error> {
    yield_now().await;
    panic!("{ON_PURPOSE}: {text}")
}

async fn until_finished(child: &AbortHandle) {
    while !child.is_finished() {
        yield_now().await;
    }
}

/// A panic that somebody takes from each kind of group.
async fn taken() {
    let failed = task_group::<(), Error, (), _, _>(async |group| {
        group.spawn(panicking("taken"));
        pending().await
    });
    assert!(failed.await.unwrap_err().first().is_panic());
    let group = TaskGroup::<(), Error>::new();
    group.spawn(panicking("taken"));
    assert!(group.next().await.unwrap().unwrap_err().is_panic());
}

/// One in a group that is dropped, and one among what a shutdown drops.
async fn left() {
    let group = TaskGroup::<(), Error>::new();
    until_finished(&group.spawn(panicking("left in a group"))).await;
    drop(group);
    let group = TaskGroup::<(), Error>::new();
    until_finished(&group.spawn(panicking("shut down"))).await;
    group.shutdown().await;
}

/// The group has failed, and is dropped while it waits for another child, which panics when `block`
/// is opened.
async fn dropped_midway(block: &Gate) {
    let running = Gate::new();
    let midway = Mutex::new(None::<AbortHandle>);
    let (run, wait) = (running.clone(), block.clone());
    let mut failed = Box::pin(task_group::<(), Error, (), _, _>(async |group| {
        group.spawn_blocking(move || {
            run.open();
            wait.block();
            panic!("{ON_PURPOSE}: after the group")
        });
        running.wait().await;
        let child = group.spawn(panicking("midway"));
        *midway.lock().unwrap() = Some(child);
        pending().await
    }));
    let has_failed = || {
        let child = midway.lock().unwrap();
        child.as_ref().is_some_and(AbortHandle::is_finished)
    };
    while !has_failed() {
        assert!(poll_once(&mut failed, noop()).is_pending());
        yield_now().await;
    }
    assert!(poll_once(&mut failed, noop()).is_pending());
}

#[test]
fn a_panic_that_nobody_takes_is_reported_once() {
    watchdog("reports", LIMIT, || {
        for workers in [1, 4] {
            let (runtime, reports) = reporting(workers);
            let block = Gate::new();
            runtime.run(taken());
            runtime.run(left());
            runtime.run(dropped_midway(&block));
            block.open();
            assert!(runtime.shutdown_timeout(LIMIT).is_complete());
            let mut texts: Vec<_> = reports.into_iter().collect();
            texts.sort();
            let expected = ["after the group", "left in a group", "midway", "shut down"];
            assert_eq!(texts, expected.map(|text| format!("{ON_PURPOSE}: {text}")));
        }
    });
}

#[test]
fn blocking_children_are_waited_for() {
    contained(|runtime, drops| {
        let ended = runtime.run(task_group(async |group| {
            let (block, token) = (Gate::new(), drops.token());
            let release = block.clone();
            group.spawn_blocking(move || {
                let _token = token;
                block.block();
                Ok::<_, Error>(1)
            });
            group.spawn(async move {
                release.open();
                Ok(2)
            });
            Ok(())
        }));
        assert_eq!(ended.unwrap().1, [1, 2]);
        drops.assert_each_dropped_once();

        // A sibling fails while it runs; it can't be cancelled.
        let (running, block) = (Gate::new(), Gate::new());
        let (run, wait, token) = (running.clone(), block.clone(), drops.token());
        let mut failed = Box::pin(task_group(async |group| {
            group.spawn_blocking(move || {
                let _token = token;
                run.open();
                wait.block();
                Ok(())
            });
            running.wait().await;
            Err::<(), _>("body")
        }));
        runtime.block_on(poll_fn(|context| {
            let polled = failed.as_mut().poll(context);
            assert!(polled.is_pending());
            if block.waiting() > 0 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref(); // the job opens one gate before it waits at the other
            Poll::Pending
        }));
        block.open();
        assert_eq!(errors(runtime.block_on(failed).unwrap_err()), ["body"]);
        drops.assert_each_dropped_once();

        let error = runtime
            .run(task_group::<(), Error, (), _, _>(async |group| {
                group.spawn_blocking(|| panic!("{ON_PURPOSE}: a job"));
                pending().await
            }))
            .unwrap_err();
        assert!(error.first().is_panic(), "{error}");
    });
}

#[test]
fn a_job_that_has_not_started_is_cancelled() {
    watchdog("jobs", LIMIT, || {
        let runtime = Runtime::builder().max_blocking_threads(1).build().unwrap();
        let drops = DropCounter::new();
        let busy = Gate::new();
        let block = busy.clone();
        let other = runtime.spawn_blocking(move || block.block());
        busy.wait_for(1, LIMIT);
        let group = TaskGroup::<(), Error>::new();
        let (_entered, token) = (runtime.enter(), drops.token());
        let job = group.spawn_blocking(move || {
            let _token = token;
            Ok(())
        });
        job.abort();
        busy.open();
        let failure = runtime.block_on(group.next()).unwrap().unwrap_err();
        assert!(failure.is_cancelled());
        drops.assert_each_dropped_once();
        other.join().unwrap();
    });
}

#[test]
fn a_shut_down_group_is_empty_and_cancels_what_comes() {
    contained(|runtime, drops| {
        runtime.run(async {
            let group = TaskGroup::new();
            for _ in 0..10 {
                group.spawn(stuck(drops.token()));
            }
            let token = drops.token();
            group.spawn(async { Ok(token) });
            let token = drops.token();
            group.spawn(async move {
                let _token = token;
                panic!("{ON_PURPOSE}: a child")
            });
            group.shutdown().await;
            assert!(group.is_empty());
            drops.assert_each_dropped_once();
            let late = group.spawn(stuck(drops.token()));
            assert!(group.next().await.is_none(), "cancelled ones are not kept");
            assert!(drops.dropped() == drops.made(), "{late:?}");
        });
    });
}

#[test]
fn dropping_a_shutdown_leaves_the_children_aborted() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let _entered = runtime.enter();
        let group = TaskGroup::<(), Error>::new();
        group.spawn(stuck(drops.token()));
        drop(group.shutdown());
        drops.wait_for(1, LIMIT);
        drops.assert_each_dropped_once();
        // Inside a `task_group`, the rest of the body goes on.
        let ended = runtime.run(task_group::<(), Error, _, _, _>(async |group| {
            group.spawn(stuck(drops.token()));
            group.shutdown().await;
            drops.assert_each_dropped_once();
            Ok(8)
        }));
        assert_eq!(ended.unwrap(), (8, vec![]));
    });
}

#[test]
fn dropping_a_group_aborts_its_children() {
    on_workers(WORKERS, |runtime, _| {
        let _entered = runtime.enter();
        let drops = DropCounter::new();
        let group = TaskGroup::new();
        let idle = Gate::new();
        for _ in 0..10 {
            let (waits, token) = (idle.clone(), drops.token());
            group.spawn(async move {
                let _token = token;
                waits.wait().await;
                Ok::<_, Error>(())
            });
        }
        idle.wait_for(10, LIMIT);
        drop(group);
        drops.wait_for(10, LIMIT);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn queued_children_are_never_polled_once_their_group_is_gone() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let _entered = runtime.enter();
        let drops = DropCounter::new();
        let held = hold_workers(&runtime, workers);
        let group = TaskGroup::<(), Error>::new();
        for _ in 0..10 {
            let token = drops.token();
            group.spawn(async move {
                let _token = token;
                panic!("it was aborted before it could start")
            });
        }
        drop(group);
        assert_eq!(drops.dropped(), 0, "not on this thread");
        held.open();
        drops.wait_for(10, LIMIT);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_panic_in_a_finished_childs_drop_takes_the_place_of_its_value() {
    contained(|runtime, drops| {
        runtime.run(async {
            let group = TaskGroup::new();
            let value = drops.token();
            let panics = OnDrop(|| panic!("{ON_PURPOSE}: in the drop"));
            let mut value = Some(value);
            // A future that holds `panics` until it is dropped.
            let mut panics = Some(panics);
            group.spawn(poll_fn(move |_| {
                let _held = &mut panics;
                Poll::Ready(Ok::<_, Error>(value.take().unwrap()))
            }));
            let failure = group.next().await.unwrap().unwrap_err();
            assert!(failure.is_panic(), "{failure}");
            drops.assert_each_dropped_once();
        });
    });
}

#[test]
fn a_child_inherits_the_values_of_its_spawner() {
    static USER: TaskLocal<u32> = TaskLocal::new();
    on_workers(WORKERS, |runtime, _| {
        let ended = runtime.run(USER.scope(7, async {
            task_group(async |group| {
                group.spawn(async { Ok::<_, Error>(USER.get()) });
                group.spawn_blocking(|| Ok(USER.get()));
                Ok(())
            })
            .await
        }));
        assert_eq!(ended.unwrap().1, [Some(7), Some(7)]);
    });
}

#[test]
fn next_spends_of_the_budget() {
    on_workers(&[1], |runtime, _| {
        let polls = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&polls);
        runtime.run(async move {
            let group = TaskGroup::<u32, Error>::new();
            for number in 0..1000 {
                group.spawn(async move { Ok(number) });
            }
            while group.len() != 1000
                || group.spawner().spawn(async { Ok(0) }).id() == wheelhouse::task::id()
            {
                yield_now().await;
            }
            for _ in 0..3 {
                yield_now().await; // all have ended: there is one worker
            }
            let mut all = pin!(async {
                let mut count = 0;
                while group.next().await.is_some() {
                    count += 1;
                }
                count
            });
            let count = poll_fn(|context| {
                counted.fetch_add(1, SeqCst);
                all.as_mut().poll(context)
            });
            assert!(count.await >= 1000);
        });
        assert!(
            polls.load(SeqCst) > 5,
            "{polls:?} polls for a thousand results"
        );
    });
}

#[test]
fn a_waker_that_panics_harms_no_child() {
    struct Bad(Gate);
    impl Wake for Bad {
        fn wake(self: Arc<Self>) {
            self.0.open();
            panic!("{ON_PURPOSE}: a waker")
        }
    }
    contained(|runtime, drops| {
        let _entered = runtime.enter();
        let group = TaskGroup::new();
        let (go, woken) = (Gate::new(), Gate::new());
        let (wait, token) = (go.clone(), drops.token());
        group.spawn(async move {
            wait.wait().await;
            Ok::<_, Error>(token)
        });
        let mut next = group.next();
        let bad = Waker::from(Arc::new(Bad(woken.clone())));
        assert!(poll_once(&mut next, &bad).is_pending());
        let (mut other, count) = (group.next(), CountWaker::new());
        assert!(poll_once(&mut other, &count.waker()).is_pending());
        go.open();
        woken.block();
        count.wait_for(1, LIMIT); // nor does it harm others who wait
        drop(other);
        let value = Pin::new(&mut next).poll(&mut Context::from_waker(noop()));
        assert!(matches!(value, Poll::Ready(Some(Ok(_)))));
    });
}

#[test]
fn it_can_be_polled_on_any_thread_and_can_be_a_task() {
    async fn nested(name: &str) -> Result<usize, Error> {
        let ended = task_group(async |outer| {
            outer.spawn(async {
                let inner = task_group(async |inner| {
                    inner.spawn(async { Ok::<_, Error>(1) });
                    yield_now().await;
                    inner.next().await;
                    Ok(1)
                });
                inner.await.map(|_| 2).map_err(|error| errors(error)[0])
            });
            let borrowed = task_group(async |inner| {
                inner.spawn(async { Ok::<_, Error>(()) });
                yield_now().await;
                Ok(name.len())
            });
            Ok(borrowed.await.map_err(|error| errors(error)[0])?.0)
        });
        let (length, values) = ended.await.map_err(|error| errors(error)[0])?;
        Ok(length + values[0])
    }
    on_workers(WORKERS, |runtime, _| {
        let task = runtime.spawn(async { nested("three").await });
        assert_eq!(task.join().unwrap(), Ok(7));
        assert_eq!(runtime.block_on(nested("three")), Ok(7));
        let owned = String::from("owned");
        let task = runtime.spawn(task_group(async move |group| {
            group.spawn(async { Ok::<_, Error>(()) });
            yield_now().await;
            Ok(owned)
        }));
        assert_eq!(task.join().unwrap().unwrap().0, "owned");
    });
}

#[test]
fn texts_name_what_failed() {
    on_workers(&[1], |runtime, _| {
        let group = TaskGroup::<(), Error>::new();
        let (child, line, failure) = runtime.run(async {
            let line = line!() + 1;
            let child = group.spawn(async { Err("no such page") });
            (child, line, group.next().await.unwrap().unwrap_err())
        });
        let task = format!("task {}, spawned at {}:{line}", child.id(), file!());
        assert!(failure.to_string().starts_with(&task), "{failure}");
        assert!(
            failure.to_string().ends_with(", failed: no such page"),
            "{failure}"
        );
        assert!(
            format!("{failure:?}").contains("\"no such page\""),
            "{failure:?}"
        );
        assert_eq!(failure.task_name(), None);
        assert_eq!(failure.into_error().unwrap(), "no such page");
        assert_eq!(format!("{group:?}"), "TaskGroup(0 children, 0 results)");
        // Errors need not implement `Error` for the group's to do so.
        let error: Box<dyn std::error::Error> = Box::new(
            runtime
                .run(task_group::<(), _, (), _, _>(async |_| Err("body")))
                .unwrap_err(),
        );
        assert_eq!(error.to_string(), "the body of a task group failed: body");
    });
}

#[test]
fn a_group_that_was_moved_out_of_its_body_ends_all_the_same() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let waiting = Gate::new();
        let waits = waiting.clone();
        let mut thief = None;
        let ended = runtime.run(task_group(async |group| {
            group.spawn(stuck::<()>(drops.token()));
            thief = Some(spawn(async move {
                let mut next = group.next();
                let pending = poll_fn(|c| Poll::Ready(Pin::new(&mut next).poll(c).is_pending()));
                assert!(pending.await);
                waits.open();
                assert!(next.await.is_none(), "who was cancelled is no result");
                let caught = catch(|| group.spawn(async { Ok(()) }));
                assert!(caught.text.contains("has ended"), "{caught:?}");
            }));
            waiting.wait().await;
            Err::<(), _>("body")
        }));
        assert_eq!(errors(ended.unwrap_err()), ["body"]);
        thief.unwrap().join().unwrap();
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_child_may_panic_with_its_budget_spent() {
    contained(|runtime, _| {
        let error = runtime
            .run(task_group::<(), Error, (), _, _>(async |group| {
                group.spawn(async {
                    for _ in 0..128 {
                        consume_budget().await;
                    }
                    panic!("{ON_PURPOSE}: a tired child")
                });
                pending().await
            }))
            .unwrap_err();
        assert!(error.first().is_panic(), "{error}");
    });
}

/// Looks at its group when it is dropped and, as a waker, when it wakes.
struct Looks {
    spawner: Spawner<Looks, Looks>,
    _token: DropToken,
}

impl Looks {
    fn look(&self) {
        assert!(format!("{:?}", self.spawner).contains("children"));
    }
}

impl Drop for Looks {
    fn drop(&mut self) {
        self.look();
    }
}

impl Wake for Looks {
    fn wake(self: Arc<Self>) {
        self.look();
    }
}

#[test]
fn destructors_and_wakers_may_use_the_group() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let looks = move |spawner: &Spawner<Looks, Looks>| Looks {
            spawner: spawner.clone(),
            _token: drops.token(),
        };
        let spawn_some = move |group: &TaskGroup<Looks, Looks>, go: &Gate| {
            for end in 0..4 {
                let (spawner, go) = (group.spawner(), go.clone());
                let held = looks(&spawner);
                group.spawn(async move {
                    let _held = held;
                    match end {
                        0 => return Ok(looks(&spawner)),
                        1 => return Err(looks(&spawner)),
                        2 => go.wait().await,
                        _ => pending().await,
                    }
                    Ok(looks(&spawner))
                });
            }
        };
        runtime.run(async {
            for way in 0..3 {
                let (group, go) = (TaskGroup::new(), Gate::new());
                spawn_some(&group, &go);
                let mut waiting = [group.next(), group.next()];
                for next in &mut waiting {
                    for _ in 0..2 {
                        let waker = Waker::from(Arc::new(looks(&group.spawner())));
                        drop(poll_once(next, &waker));
                    }
                }
                go.open();
                drop(group.next().await);
                drop(waiting);
                if way == 1 {
                    group.shutdown().await;
                } else if way == 2 {
                    group.abort_all();
                }
            }
            let failed = task_group(async |group| {
                let go = Gate::new();
                spawn_some(&group, &go);
                go.open();
                let _held = looks(&group.spawner());
                pending::<Result<(), _>>().await
            });
            assert!(failed.await.is_err());
        });
        drop(runtime);
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_group_has_ended_when_its_values_are_dropped() {
    on_workers(WORKERS, |runtime, _| {
        let (sender, texts) = mpsc::channel();
        let failed = runtime.run(task_group(async move |group| {
            let (spawner, sender) = (group.spawner(), sender.clone());
            let spawns: Box<dyn FnMut() + Send> = Box::new(move || {
                let caught = catch(|| spawner.spawn(async { Err("too late") }));
                sender.send(caught.text).unwrap();
            });
            let value = OnDrop(spawns);
            group.spawn(async { Ok(value) });
            while !group.is_empty() && format!("{group:?}") != "TaskGroup(0 children, 1 results)" {
                yield_now().await;
            }
            Err::<(), _>("body")
        }));
        assert_eq!(errors(failed.err().unwrap()), ["body"]);
        let text = texts.recv().unwrap();
        assert!(text.contains("has ended"), "{text}");
    });
}
