//! Who a task is: its id, its name and the line that spawned it, asked from inside and outside.

use std::collections::HashSet;
use std::future::{Future, pending};
use std::pin::Pin;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread;
use wheelhouse::task::{self, Id, Task};
use wheelhouse::{
    AbortHandle, BlockedReport, JoinHandle, Runtime, ScopedJoinHandle, Spawner, StuckThread,
    TaskGroup, UnhandledPanic, block_in_place, gather, join, spawn, spawn_blocking, task_group,
    yield_now,
};
use wheelhouse_tests::{
    Caught, Gate, LIMIT, ON_PURPOSE, Reports, WORKERS, catch, eventually, hold_workers, on_built,
    on_unwatched_workers, on_workers, poll_once, quiet, watchdog,
};

/// What the code inside learns of its task.
fn who() -> (Id, Option<String>) {
    let task = task::current();
    assert_eq!(task::try_current().unwrap().id(), task.id());
    assert_eq!((task::id(), task::try_id()), (task.id(), Some(task.id())));
    (task.id(), task.name().map(str::to_owned))
}

#[test]
fn a_name_is_known_everywhere() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let waits = gate.clone();
        let future = async move {
            waits.wait().await;
            panic!("{ON_PURPOSE}: {:?}", who());
        };
        let named = task::Builder::new().name("acceptor");
        let task = named.spawn_on(future, runtime.handle());
        let line = line!() - 1;
        gate.wait_for(1, LIMIT);
        let (id, abort) = (task.id(), task.abort_handle());
        assert_eq!(
            (task.name(), abort.name()),
            (Some("acceptor"), Some("acceptor"))
        );
        for site in [task.spawn_site(), abort.spawn_site()] {
            assert_eq!((site.file(), site.line()), (file!(), line));
        }
        let all = runtime.handle().tasks();
        let listed = all.iter().find(|task| task.id() == id).unwrap();
        assert_eq!(listed.name(), Some("acceptor"));
        gate.open();
        let error = task.join().unwrap_err();
        assert_eq!((error.id(), error.task_name()), (id, Some("acceptor")));
        let text = error.to_string();
        assert!(
            text.contains(&format!("{:?}", (id, Some("acceptor")))),
            "{text}"
        );
        assert!(text.contains("acceptor"), "{text}");
        assert_eq!((abort.name(), abort.id()), (Some("acceptor"), id));
        // Of one that was cancelled, too.
        let named = task::Builder::new().name("cancelled");
        let task = named.spawn_on(pending::<()>(), runtime.handle());
        task.abort();
        let error = task.join().unwrap_err();
        assert_eq!(error.task_name(), Some("cancelled"));
        assert!(error.to_string().contains("cancelled"));
    });
}

#[test]
fn a_name_is_any_text() {
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(async {
            let whose = |builder: task::Builder| builder.spawn(async { who().1.unwrap() });
            let shared: Arc<str> = "an Arc".into();
            let long = "ä".repeat(10_000);
            let names: Vec<Arc<str>> = vec![
                "a text".into(),
                String::from("a String").into(),
                Arc::clone(&shared),
                "".into(),
                "two\nlines\0and a NUL".into(),
                long.as_str().into(),
            ];
            for name in names {
                let task = whose(task::Builder::new().name(Arc::clone(&name)));
                assert_eq!(task.name(), Some(&*name));
                assert_eq!(*task.await.unwrap(), *name);
            }
            let task = whose(task::Builder::new().name(String::from("owned")));
            assert_eq!(task.await.unwrap(), "owned");
            let task = whose(task::Builder::new().name("first").name("last"));
            assert_eq!(task.await.unwrap(), "last");
            assert_eq!(Arc::strong_count(&shared), 1, "a name goes with its task");
        });
    });
}

#[test]
fn without_a_name() {
    on_workers(&[1, 4], |runtime, _| {
        let task = runtime.spawn(async { who() });
        assert_eq!((task.name(), task.abort_handle().name()), (None, None));
        let id = task.id();
        assert_eq!(task.join().unwrap(), (id, None));
        let line = line!() + 1;
        let task = task::Builder::new().spawn_on(async { task::current() }, runtime.handle());
        assert_eq!((task.name(), task.spawn_site().line()), (None, line));
        assert_eq!(task.join().unwrap().spawn_site().line(), line);
        let error = {
            let task = runtime.spawn(pending::<()>());
            task.abort();
            task.join().unwrap_err()
        };
        assert_eq!(error.task_name(), None);
    });
}

#[test]
fn a_builder_spawns_where_it_is_told() {
    on_workers(&[1, 4], |runtime, _| {
        let builder = || Runtime::builder().worker_threads(1);
        let other = builder().thread_name("other").build().unwrap();
        let thread = || thread::current().name().unwrap().to_owned();
        let named = || task::Builder::new().name("somewhere");
        let other = &other;
        runtime.run(async move {
            let here = named().spawn(async move { thread() }).await.unwrap();
            assert!(here.starts_with("wheelhouse-"), "{here}");
            let there = named().spawn_on(async move { thread() }, other.handle());
            assert_eq!(there.await.unwrap(), "other-0");
            let here = named().spawn_blocking(thread).await.unwrap();
            assert!(here.starts_with("wheelhouse-b"), "{here}");
            let there = named().spawn_blocking_on(thread, other.handle());
            assert_eq!(there.await.unwrap(), "other-b0");
        });
        let line = line!() + 1;
        let caught = catch(|| named().spawn(async {}));
        caught.assert_names(line);
        assert!(caught.text.contains("outside a runtime"), "{caught:?}");
        let line = line!() + 1;
        let caught = catch(|| named().spawn_blocking(|| ()));
        caught.assert_names(line);
    });
}

type Group = TaskGroup<(), &'static str>;

/// A child of `group` that fails, one that is aborted, and a job that panics, each with a name.
fn named_children(
    group: &impl AsRef<Spawner<(), &'static str>>,
    gate: &Gate,
) -> [(AbortHandle, u32); 3] {
    let named = || task::Builder::new().name("child");
    let [fails, is_aborted, panics] = [0; 3].map(|_| gate.clone());
    let fails = async move {
        fails.wait().await;
        Err("3 apples")
    };
    let is_aborted = async move {
        is_aborted.wait().await;
        pending().await
    };
    let panics = move || {
        panics.block();
        panic!("{ON_PURPOSE}: {:?}", who().1)
    };
    let fails = (named().spawn_in(fails, group), line!());
    let is_aborted = (named().spawn_in(is_aborted, group), line!());
    let panics = (named().spawn_blocking_in(panics, group), line!());
    [fails, is_aborted, panics]
}

#[test]
fn children_of_a_group_have_names() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let _entered = runtime.enter();
        for by_spawner in [false, true] {
            let (group, gate) = (Group::new(), Gate::new());
            let children = match by_spawner {
                true => named_children(&group.spawner(), &gate),
                false => named_children(&group, &gate),
            };
            gate.wait_for(3, LIMIT);
            let all = runtime.handle().tasks();
            children[1].0.abort();
            gate.open();
            for (child, line) in &children {
                let site = child.spawn_site();
                assert_eq!((child.name(), site.line()), (Some("child"), *line));
                assert_eq!(site.file(), file!());
                let listed = all.iter().find(|task| task.id() == child.id()).unwrap();
                assert_eq!(listed.name(), Some("child"));
            }
            let mut failures: Vec<_> = (0..3)
                .map(|_| runtime.block_on(group.next()).unwrap().unwrap_err())
                .collect();
            failures.sort_by_key(|failure| failure.task_id());
            for (failure, (child, _)) in failures.iter().zip(&children) {
                let task = format!("task {} `child`, spawned at ", child.id());
                assert!(failure.to_string().starts_with(&task), "{failure}");
                assert_eq!(failure.task_name(), Some("child"));
            }
            assert_eq!(failures[0].error(), Some(&"3 apples"));
            let error = failures[1].join_error().unwrap();
            assert!(error.is_cancelled() && error.task_name() == Some("child"));
            assert!(
                failures[2].to_string().contains("Some(\"child\")"),
                "it knows its name"
            );
        }
    });
}

#[test]
fn failures_of_a_task_group_have_names() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let failed = runtime.run(task_group(async |group| {
            let named = |name: &'static str| task::Builder::new().name(name);
            named("waits").spawn_in(pending::<Result<(), &str>>(), &group);
            group.spawn(async { Ok(()) });
            named("fails").spawn_in(async { Err("3 apples") }, &group.spawner());
            pending::<Result<(), _>>().await
        }));
        let error = failed.unwrap_err();
        assert_eq!(
            (error.failures().len(), error.first().task_name()),
            (1, Some("fails"))
        );
        assert!(
            error.to_string().contains(" `fails`, spawned at "),
            "{error}"
        );
    });
}

/// Calls `test` with a runtime, and expects as many reports, each of a task that is called `napper`.
fn reported_as_napper(expected: usize, test: impl Fn(&Runtime) + Send + Sync + 'static) {
    quiet();
    let names: &Mutex<Vec<_>> = Box::leak(Box::default());
    let hook = |panic: &UnhandledPanic<'_>| {
        let name = panic.task_name().map(str::to_owned);
        names.lock().unwrap().push((name, panic.to_string()));
    };
    on_built(
        WORKERS,
        move |builder| builder.on_unhandled_panic(hook),
        move |runtime, _| {
            test(&runtime);
            // It may be told a moment after the end of the task.
            drop(runtime);
            let told = std::mem::take(&mut *names.lock().unwrap());
            assert_eq!(told.len(), expected, "{told:?}");
            for (name, text) in told {
                assert_eq!(name.as_deref(), Some("napper"));
                assert!(text.contains("`napper`"), "{text}");
            }
        },
    );
}

#[test]
fn panics_of_children_are_reported_by_name() {
    reported_as_napper(2, |runtime| {
        let _entered = runtime.enter();
        let group = Group::new();
        let named = || task::Builder::new().name("napper");
        let children = [
            named().spawn_in(async { panic!("{ON_PURPOSE}: a task") }, &group),
            named().spawn_blocking_in(|| panic!("{ON_PURPOSE}: a job"), &group),
        ];
        let ended = || children.iter().all(AbortHandle::is_finished);
        eventually("both have panicked", LIMIT, ended);
    });
}

#[test]
fn tasks_of_a_scope_have_names() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let (name, gate) = (String::from("scoped"), Gate::new());
        runtime.scope(|s| {
            let named = || task::Builder::new().name(name.as_str());
            let panics = async {
                gate.wait().await;
                panic!("{ON_PURPOSE}: {name}")
            };
            let line = line!() + 2;
            let tasks: [(ScopedJoinHandle<'_, ()>, u32); 2] = [
                (named().spawn_scoped(panics, s), line),
                (named().spawn_blocking_scoped(|| gate.block(), s), line + 1),
            ];
            gate.wait_for(2, LIMIT);
            let all = runtime.handle().tasks();
            gate.open();
            for (task, line) in &tasks {
                assert_eq!(
                    (task.name(), task.spawn_site().line()),
                    (Some("scoped"), *line)
                );
                let listed = all.iter().find(|listed| listed.id() == task.id()).unwrap();
                assert_eq!(listed.name(), Some("scoped"));
            }
            let [(panics, _), (job, _)] = tasks;
            let error = panics.join().unwrap_err();
            assert_eq!(error.task_name(), Some("scoped"));
            assert!(
                error.to_string().contains(" `scoped`, spawned at "),
                "{error}"
            );
            job.join().unwrap();
        });
    });
}

#[test]
fn panics_of_tasks_of_a_scope_are_reported_by_name() {
    reported_as_napper(1, |runtime| {
        let caught = catch(|| {
            runtime.scope(|s| {
                let panics = async { panic!("{ON_PURPOSE}: 3 apples") };
                let named = task::Builder::new().name("napper");
                let task: ScopedJoinHandle<'_, ()> = named.spawn_scoped(panics, s);
                drop(task);
            })
        });
        assert!(caught.text.contains(" `napper`, spawned at "), "{caught:?}");
    });
}

#[test]
fn named_children_need_a_runtime() {
    watchdog("outside", LIMIT, || {
        let group = Group::new();
        let named = || task::Builder::new().name("nowhere");
        let line = line!() + 1;
        let caught = catch(|| named().spawn_in(pending(), &group));
        caught.assert_names(line);
        assert!(
            caught.text.contains("task::Builder::spawn_in"),
            "{caught:?}"
        );
        let line = line!() + 1;
        let caught = catch(|| named().spawn_blocking_in(|| Ok(()), &group));
        caught.assert_names(line);
        assert!(
            caught.text.contains("task::Builder::spawn_blocking_in"),
            "{caught:?}"
        );
    });
}

#[test]
fn ids_inside_are_those_of_the_handles() {
    on_workers(WORKERS, |runtime, _| {
        let tasks: Vec<_> = (0..1000)
            .map(|number| match number % 2 {
                0 => runtime.spawn(async {
                    let before = who();
                    yield_now().await;
                    assert_eq!(who(), before);
                    before
                }),
                _ => runtime.spawn_blocking(who),
            })
            .collect();
        let ids: HashSet<Id> = tasks.iter().map(JoinHandle::id).collect();
        assert_eq!(ids.len(), 1000);
        for task in tasks {
            let id = task.id();
            assert_eq!(task.join().unwrap(), (id, None));
        }
    });
}

#[test]
fn each_child_is_itself() {
    on_workers(WORKERS, |runtime, _| {
        let builder = task::Builder::new().name("parent");
        let parent = builder.spawn_on(
            async {
                let parent = who().0;
                let inside = join!(async { who().0 }, async { who().0 });
                assert_eq!(inside, (parent, parent), "they are no tasks of their own");
                let child = spawn(async { who() }).await.unwrap();
                let job = spawn_blocking(who).await.unwrap();
                let (first, second) = gather!(async { who() }, async { who() }).await;
                let all = [child, job, first, second];
                assert!(
                    all.iter().all(|(_, name)| name.is_none()),
                    "no name is inherited"
                );
                let ids: HashSet<Id> = all.into_iter().map(|(id, _)| id).collect();
                assert!(ids.len() == 4 && !ids.contains(&parent));
                assert_eq!(who(), (parent, Some("parent".to_owned())));
            },
            runtime.handle(),
        );
        parent.join().unwrap();
    });
}

/// Tells who it is in its destructor.
struct WhoOnDrop(mpsc::Sender<Option<Id>>);

impl Drop for WhoOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(task::try_id());
    }
}

/// Ready at once or never; its destructor tells who it is.
struct Held(
    Poll<()>,
    #[expect(dead_code, reason = "it is held")] WhoOnDrop,
);

impl Future for Held {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0
    }
}

#[test]
fn destructors_of_futures_know_their_task() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let (sender, dropped) = mpsc::channel();
        let held = |poll| Held(poll, WhoOnDrop(sender.clone()));
        let ended = runtime.spawn(held(Poll::Ready(())));
        assert_eq!(dropped.recv().unwrap(), Some(ended.id()));
        let waiting = runtime.spawn(held(Poll::Pending));
        waiting.abort();
        assert_eq!(dropped.recv().unwrap(), Some(waiting.id()));
        let busy = hold_workers(&runtime, workers);
        let queued = runtime.spawn(held(Poll::Pending));
        queued.abort();
        busy.open();
        assert_eq!(dropped.recv().unwrap(), Some(queued.id()));
        // Of those that a shutdown ends: one that waits, and a blocking job that never began.
        let left = runtime.spawn(held(Poll::Pending));
        drop(runtime);
        assert_eq!(dropped.recv().unwrap(), Some(left.id()));
        assert!(dropped.try_recv().is_err());
    });
}

#[test]
fn destructors_of_outputs_know_their_task() {
    on_workers(WORKERS, |runtime, _| {
        let (sender, dropped) = mpsc::channel();
        let (gate, output) = (Gate::new(), WhoOnDrop(sender.clone()));
        let waits = gate.clone();
        let task = runtime.spawn(async move {
            waits.wait().await;
            output
        });
        let id = task.id();
        drop(task);
        gate.open();
        assert_eq!(dropped.recv().unwrap(), Some(id), "a worker drops it");
        let output = WhoOnDrop(sender.clone());
        let taken = runtime.spawn(async move { output }).join().unwrap();
        drop(taken);
        assert_eq!(
            dropped.recv().unwrap(),
            None,
            "it belongs to whoever took it"
        );
        let (block, output) = (Gate::new(), WhoOnDrop(sender));
        let inside = block.clone();
        let job = runtime.spawn_blocking(move || {
            inside.block();
            output
        });
        let id = job.id();
        drop(job);
        block.open();
        assert_eq!(
            dropped.recv().unwrap(),
            Some(id),
            "a blocking thread drops it"
        );
    });
}

#[test]
fn outside_a_task_there_is_none() {
    fn assert_nobody() {
        assert!(task::try_id().is_none() && task::try_current().is_none());
        let told = |caught: Caught, line| {
            caught.assert_names(line);
            assert!(caught.text.contains("outside a task"), "{caught:?}");
        };
        let line = line!() + 1;
        told(catch(|| task::id()), line);
        let line = line!() + 1;
        told(catch(|| drop(task::current())), line);
    }
    watchdog("outside", LIMIT, assert_nobody);
    on_workers(WORKERS, |runtime, _| {
        assert_nobody();
        let guard = runtime.enter();
        assert_nobody();
        drop(guard);
        runtime.block_on(async {
            assert_nobody();
            spawn(async { who() }).await.unwrap();
            assert_nobody();
        });
    });
}

#[test]
fn the_threads_hooks_are_no_tasks() {
    watchdog("hooks", LIMIT, || {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let hook = || {
            let seen = Arc::clone(&seen);
            move || seen.lock().unwrap().push(task::try_id())
        };
        let builder = Runtime::builder().worker_threads(2);
        let builder = builder.on_thread_start(hook()).on_thread_stop(hook());
        let runtime = builder.build().unwrap();
        runtime.spawn_blocking(who).join().unwrap();
        runtime.spawn(async { who() }).join().unwrap();
        quiet();
        let failed: JoinHandle<()> = runtime.spawn(async { panic!("{ON_PURPOSE}: 3 apples") });
        assert!(failed.join().is_err());
        drop(runtime);
        assert_eq!(*seen.lock().unwrap(), [None; 6]);
    });
}

/// What a task blocks on is part of it; what runs elsewhere meanwhile is not, and afterwards the
/// task is itself again.
#[test]
fn a_block_on_within_block_in_place() {
    on_workers(WORKERS, |runtime, _| {
        let other = Runtime::builder().worker_threads(1).build().unwrap();
        runtime.run(async {
            let task = async {
                let before = who();
                block_in_place(|| {
                    assert_eq!(who(), before);
                    let inside = other.block_on(async {
                        assert_eq!(who(), before);
                        spawn(async { who() }).await.unwrap()
                    });
                    assert_ne!(inside.0, before.0);
                    assert_eq!(who(), before);
                    let inside = other.run(async { spawn(async { who() }).await.unwrap() });
                    assert_ne!(inside.0, before.0);
                });
                assert_eq!(who(), before);
                yield_now().await;
                assert_eq!(who(), before);
            };
            task.await;
        });
    });
}

#[test]
fn the_main_future_of_run_is_a_task() {
    on_workers(WORKERS, |runtime, _| {
        let (main, child) = runtime.run(async { (who(), spawn(async { who() }).await.unwrap()) });
        assert_ne!(main.0, child.0);
        assert_eq!(main.1, None);
        assert_ne!(runtime.run(async { who() }).0, main.0, "each one anew");
    });
}

#[test]
fn a_main_future_that_is_aborted_says_so() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let caught = catch(|| {
            runtime.run(async {
                task::current().abort();
                yield_now().await;
            })
        });
        assert!(
            caught.text.contains("abort") || caught.text.contains("cancel"),
            "{caught:?}"
        );
        assert_eq!(runtime.run(async { 1 }), 1);
    });
}

#[test]
fn a_panic_leaves_nobody_behind() {
    quiet();
    on_workers(&[1], |runtime, _| {
        for _ in 0..10 {
            let failed: JoinHandle<()> =
                runtime.spawn(async { panic!("{ON_PURPOSE}: {:?}", who()) });
            assert!(failed.join().unwrap_err().is_panic());
            let next = runtime.spawn(async { who().0 });
            let id = next.id();
            assert_eq!(next.join().unwrap(), id);
        }
    });
}

#[test]
fn a_task_aborts_itself() {
    on_workers(WORKERS, |runtime, _| {
        for by_handle in [false, true] {
            let task = runtime.spawn(async move {
                match by_handle {
                    true => task::current().abort_handle().abort(),
                    false => task::current().abort(),
                }
                yield_now().await;
                unreachable!("it was aborted");
            });
            assert!(task.join().unwrap_err().is_cancelled());
        }
        // A job that runs can't be aborted.
        let job = runtime.spawn_blocking(|| task::current().abort());
        job.join().unwrap();
    });
}

#[test]
fn a_task_may_be_kept_beyond_its_end() {
    fn assert_goes_everywhere<T: Clone + Send + Sync + 'static>(_: &T) {}
    on_workers(WORKERS, |runtime, _| {
        let (sender, tasks) = mpsc::channel::<Task>();
        let gate = Gate::new();
        let (waits, other) = (gate.clone(), sender.clone());
        let aborted = runtime.spawn(async move {
            other.send(task::current()).unwrap();
            waits.wait().await;
        });
        let waiting = tasks.recv().unwrap();
        assert_goes_everywhere(&waiting);
        assert_eq!(waiting.id(), aborted.id());
        assert_eq!(waiting.spawn_site(), aborted.spawn_site());
        thread::spawn(move || waiting.clone().abort())
            .join()
            .unwrap();
        assert!(aborted.join().unwrap_err().is_cancelled());
        let named = task::Builder::new().name("ended");
        let ended = named.spawn_blocking_on(
            move || sender.send(task::current()).unwrap(),
            runtime.handle(),
        );
        let (id, kept) = (ended.id(), tasks.recv().unwrap());
        ended.join().unwrap();
        drop(runtime);
        kept.abort();
        assert_eq!((kept.id(), kept.name()), (id, Some("ended")));
        assert!(kept.abort_handle().is_finished());
    });
}

/// A poll that blocks, a job that does not end, and a thread that a shutdown leaves behind.
#[test]
fn reports_have_the_name() {
    on_workers(WORKERS, move |runtime, _| {
        let release = Gate::new();
        let (task_waits, job_waits) = (release.clone(), release.clone());
        let task = task::Builder::new().name("napper");
        let task = task.spawn_on(async move { task_waits.block() }, runtime.handle());
        let job = task::Builder::new().name("query");
        let job = job.spawn_blocking_on(move || job_waits.block(), runtime.handle());
        release.wait_for(2, LIMIT);
        let report = runtime.shutdown_timeout(std::time::Duration::from_millis(1));
        for (name, site) in [("napper", task.spawn_site()), ("query", job.spawn_site())] {
            let named = |thread: &&StuckThread| thread.task_name() == Some(name);
            let thread = report.stuck().iter().find(named).expect("it is named");
            assert_eq!(thread.spawn_site(), Some(site));
            assert!(
                thread.to_string().contains(&format!("`{name}`")),
                "{thread}"
            );
        }
        release.open();
    });
}

#[test]
fn a_poll_that_blocks_is_reported_by_name() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        &[1],
        move |builder| builder.on_blocked(reports.hook()),
        move |runtime, _| {
            let release = Gate::new();
            let waits = release.clone();
            let task = task::Builder::new().name("nap\nper");
            let task = task.spawn_on(async move { waits.block() }, runtime.handle());
            let nameless =
                runtime.spawn(async { thread::sleep(std::time::Duration::from_millis(1)) });
            let began = |reports: &[BlockedReport]| {
                reports.iter().find_map(|report| match report {
                    BlockedReport::Began(poll) if poll.task_id() == Some(task.id()) => {
                        Some(poll.clone())
                    }
                    _ => None,
                })
            };
            let poll = told.wait_for(LIMIT, began);
            assert_eq!(poll.task_name(), Some("nap\nper"));
            assert_eq!(poll.to_string().lines().count(), 1, "{poll}");
            release.open();
            nameless.join().unwrap();
            let ended = |reports: &[BlockedReport]| {
                reports.iter().find_map(|report| match report {
                    BlockedReport::Ended(poll) if poll.task_id() == Some(task.id()) => {
                        Some(poll.clone())
                    }
                    _ => None,
                })
            };
            assert_eq!(told.wait_for(LIMIT, ended).task_name(), Some("nap\nper"));
        },
    );
}

/// The worker itself goes on to the next poll, before anybody looks.
#[test]
fn the_end_of_a_stuck_poll_is_reported_by_name() {
    let reports = Reports::new();
    let told = reports.clone();
    on_built(
        &[1],
        move |builder| builder.max_spare_threads(0).on_blocked(reports.hook()),
        move |runtime, _| {
            let (first, next) = (Gate::new(), Gate::new());
            let (waits, waits_next) = (first.clone(), next.clone());
            let named = task::Builder::new().name("first");
            let task = named.spawn_on(async move { waits.block() }, runtime.handle());
            first.wait_for(1, LIMIT);
            let nameless = runtime.spawn(async move { waits_next.block() });
            told.wait_for(LIMIT, |reports| (!reports.is_empty()).then_some(()));
            first.open();
            let ended = told.wait_for(LIMIT, |reports| {
                reports.iter().find_map(|report| match report {
                    BlockedReport::Ended(poll) => Some(poll.clone()),
                    _ => None,
                })
            });
            next.open();
            assert_eq!(ended.task_id(), Some(task.id()));
            assert_eq!(ended.task_name(), Some("first"));
            nameless.join().unwrap();
        },
    );
}

/// Whoever polls a handle, or wakes a task, stays who it is.
#[test]
fn polling_a_handle_changes_nothing() {
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(async {
            spawn(async {
                let before = who();
                let mut child = spawn(async { who() });
                drop(poll_once(&mut child, Waker::noop()));
                assert_eq!(who(), before);
                child.abort();
                assert_eq!(who(), before);
                drop(child);
                let gate = Gate::new();
                let waits = gate.clone();
                let child = spawn(async move { waits.wait().await });
                while gate.waiting() == 0 {
                    yield_now().await;
                }
                gate.open();
                assert_eq!(who(), before);
                child.await.unwrap();
                assert_eq!(who(), before);
            })
            .await
            .unwrap();
        });
    });
}
