//! Panics that nobody can collect: each is told to the hook and counted, once, wherever it comes
//! from, and those that somebody collects are not.

use std::any::Any;
use std::collections::HashSet;
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, Location, catch_unwind, panic_any};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use wheelhouse::task::{self, Id};
use wheelhouse::{Handle, JoinHandle, Runtime, UnhandledPanic, gather, spawn, spawn_blocking};
use wheelhouse_tests::{
    Bad, Gate, LIMIT, ON_PURPOSE, PanicOnDrop, WORKERS, bad_waker, catch, eventually, hold_workers,
    on_built, on_workers, poll_once, quiet,
};

/// Less than [`LIMIT`], so that what is missing is said before the watchdog ends the test.
const SOON: Duration = Duration::from_secs(20);

/// What a hook was told of one panic.
#[derive(Clone, Debug, PartialEq)]
struct Told {
    id: Option<Id>,
    name: Option<String>,
    site: Option<&'static Location<'static>>,
    message: Option<String>,
    number: Option<u32>,
    line: String,
}

impl Told {
    fn new(panic: &UnhandledPanic<'_>) -> Self {
        let payload: &(dyn Any + Send) = panic.payload();
        Told {
            id: panic.task_id(),
            name: panic.task_name().map(str::to_owned),
            site: panic.spawn_site(),
            message: panic.message().map(str::to_owned),
            number: payload.downcast_ref::<u32>().copied(),
            line: panic.to_string(),
        }
    }
}

/// All that a hook was told.
#[derive(Clone, Default)]
struct Hook(Arc<Mutex<Vec<Told>>>);

impl Hook {
    fn hook(&self) -> impl Fn(&UnhandledPanic<'_>) + Send + Sync + 'static {
        let all = Arc::clone(&self.0);
        move |panic| {
            let told = Told::new(panic);
            all.lock().unwrap().push(told);
        }
    }

    fn all(&self) -> Vec<Told> {
        self.0.lock().unwrap().clone()
    }

    /// Waits for `count` in all, checks that there are no more, and returns the last one.
    #[track_caller]
    fn wait_for(&self, count: usize) -> Told {
        let caller = Location::caller();
        let what = format!("{count} panics are told of ({caller})");
        eventually(&what, SOON, || self.all().len() >= count);
        let all = self.all();
        assert_eq!(all.len(), count, "{all:#?}");
        all[count - 1].clone()
    }

    /// Waits for `count` in all, of which the last is of `task` and says `text`.
    #[track_caller]
    fn wait_for_text(&self, count: usize, task: Id, text: &str) {
        let told = self.wait_for(count);
        assert_eq!(told.id, Some(task), "{told:?}");
        assert_eq!(told.message, Some(format!("{ON_PURPOSE}: {text}")));
    }
}

/// Runs `test` on pools of every size with a hook, and checks that afterwards as many panics were
/// counted as told, that the pool works, and that nothing more is told at its end.
#[track_caller]
fn with_hook(test: impl Fn(&Runtime, &Hook) + Send + Sync + 'static) {
    quiet();
    let test = Arc::new(test);
    for &workers in WORKERS {
        let (hook, test) = (Hook::default(), Arc::clone(&test));
        let told = hook.clone();
        on_built(
            &[workers],
            move |builder| builder.on_unhandled_panic(hook.hook()),
            move |runtime, workers| {
                test(&runtime, &told);
                let count = told.all().len();
                assert_eq!(runtime.metrics().unhandled_panics, count as u64);
                hold_workers(&runtime, workers).open();
                let report = runtime.shutdown_timeout(LIMIT);
                assert!(report.is_complete(), "{report}");
                assert_eq!(told.all().len(), count, "{:?}", told.all());
            },
        );
    }
}

async fn fail(text: &'static str) {
    panic!("{ON_PURPOSE}: {text}");
}

fn until_finished<T>(task: &JoinHandle<T>) {
    while !task.is_finished() {
        std::thread::yield_now();
    }
}

/// Ready at once, or never; panics when it is dropped.
struct BadFuture(
    Poll<()>,
    #[expect(dead_code, reason = "it is held")] PanicOnDrop,
);

impl Future for BadFuture {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        self.0
    }
}

/// Panics when it is polled and when it is dropped.
struct PanicTwice(#[expect(dead_code, reason = "it is held")] PanicOnDrop);

impl Future for PanicTwice {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic!("{ON_PURPOSE}: the first")
    }
}

#[test]
fn of_a_task_whose_handle_is_gone() {
    with_hook(|runtime, hook| {
        let gate = Gate::new();
        let waits = gate.clone();
        let task = task::Builder::new().name("lost").spawn_on(
            async move {
                waits.wait().await;
                fail("3 apples").await;
            },
            runtime.handle(),
        );
        let (id, site) = (task.id(), task.spawn_site());
        gate.wait_for(1, LIMIT);
        drop(task);
        gate.open();
        let told = hook.wait_for(1);
        assert_eq!(told.id, Some(id));
        assert_eq!(told.name.as_deref(), Some("lost"));
        assert_eq!(told.site, Some(site));
        assert_eq!(told.message.as_deref(), Some("on purpose: 3 apples"));
        let site = site.to_string();
        for word in [id.to_string(), "lost".into(), site, "3 apples".into()] {
            assert!(told.line.contains(&word), "no {word} in {}", told.line);
        }
        assert_eq!(told.line.lines().count(), 1, "{}", told.line);
        drop(runtime.spawn(fail("4 pears")));
        let unnamed = hook.wait_for(2);
        assert_eq!(unnamed.name, None);
        assert_ne!(unnamed.id, Some(id));
        assert_eq!(unnamed.site.unwrap().file(), file!());
    });
}

#[test]
fn of_a_task_whose_handle_goes_after_it() {
    with_hook(|runtime, hook| {
        let task = runtime.spawn(fail("asked by nobody"));
        let (id, abort) = (task.id(), task.abort_handle());
        until_finished(&task);
        assert_eq!(hook.all(), [], "it may still be collected");
        drop(task);
        hook.wait_for_text(1, id, "asked by nobody");
        drop(abort);
        // Polled, but not to the end.
        let gate = Gate::new();
        let waits = gate.clone();
        let mut task = runtime.spawn(async move {
            waits.wait().await;
            fail("polled once").await;
        });
        assert!(poll_once(&mut task, Waker::noop()).is_pending());
        gate.open();
        until_finished(&task);
        let id = task.id();
        drop(task);
        hook.wait_for_text(2, id, "polled once");
    });
}

#[test]
fn of_a_task_whose_handle_outlives_the_runtime() {
    quiet();
    on_workers(WORKERS, |first, workers| {
        drop(first);
        let hook = Hook::default();
        let builder = Runtime::builder().worker_threads(workers);
        let runtime = builder.on_unhandled_panic(hook.hook()).build().unwrap();
        let kept = runtime.spawn(fail("late"));
        let collected = runtime.spawn(fail("collected"));
        let id = kept.id();
        until_finished(&kept);
        drop(runtime);
        assert!(collected.join().is_err());
        assert_eq!(hook.all(), []);
        drop(kept);
        hook.wait_for_text(1, id, "late");
    });
}

#[test]
fn those_that_somebody_collects_are_not_told() {
    with_hook(|runtime, hook| {
        assert!(runtime.spawn(fail("joined")).join().is_err());
        let mut task = runtime.spawn(fail("joined in time"));
        assert!(task.join_timeout(LIMIT).unwrap().is_err());
        drop(task);
        runtime.run(async {
            drop(spawn(fail("awaited")).await);
            let job: JoinHandle<()> = spawn_blocking(|| panic!("{ON_PURPOSE}: a job"));
            assert!(job.await.unwrap_err().is_panic());
            let (failed, _) = gather!(fail("settled"), async {}).settle().await;
            drop(failed.unwrap_err().into_panic());
            let outer = spawn(async { gather!(fail("goes on"), pending::<()>()).await });
            assert!(outer.await.unwrap_err().is_panic());
        });
        catch(|| runtime.run(fail("run")));
        catch(|| runtime.block_on(fail("block_on")));
        for drops_handle in [false, true] {
            let task = runtime.spawn(pending::<()>());
            task.abort();
            match drops_handle {
                true => drop(task),
                false => assert!(task.join().unwrap_err().is_cancelled()),
            }
        }
        drop(runtime.spawn(pending::<()>()));
        assert_eq!(hook.all(), []);
    });
}

#[test]
fn of_a_blocking_job() {
    with_hook(|runtime, hook| {
        let gate = Gate::new();
        let block = gate.clone();
        let job: JoinHandle<()> = task::Builder::new().name("a job").spawn_blocking_on(
            move || {
                block.block();
                panic!("{ON_PURPOSE}: detached")
            },
            runtime.handle(),
        );
        let (id, site) = (job.id(), job.spawn_site());
        gate.wait_for(1, LIMIT);
        drop(job);
        gate.open();
        let told = hook.wait_for(1);
        assert_eq!((told.id, told.site), (Some(id), Some(site)));
        assert_eq!(told.name.as_deref(), Some("a job"));
        let job: JoinHandle<()> = runtime.spawn_blocking(|| panic!("{ON_PURPOSE}: not asked"));
        let id = job.id();
        until_finished(&job);
        drop(job);
        hook.wait_for_text(2, id, "not asked");
        let bad = PanicOnDrop("its output");
        let job = runtime.spawn_blocking(move || bad);
        let id = job.id();
        drop(job);
        hook.wait_for_text(3, id, "its output");
    });
}

#[test]
fn of_a_futures_drop() {
    with_hook(|runtime, hook| {
        let task = runtime.spawn(BadFuture(Poll::Ready(()), PanicOnDrop("at its end")));
        let id = task.id();
        drop(task);
        hook.wait_for_text(1, id, "at its end");
        let task = runtime.spawn(BadFuture(Poll::Pending, PanicOnDrop("aborted")));
        let (id, abort) = (task.id(), task.abort_handle());
        drop(task);
        abort.abort();
        hook.wait_for_text(2, id, "aborted");
        // Somebody asks: it has the panic.
        let task = runtime.spawn(BadFuture(Poll::Pending, PanicOnDrop("collected")));
        task.abort();
        assert!(task.join().unwrap_err().is_panic());
        assert_eq!(hook.all().len(), 2);
    });
}

#[test]
fn of_drops_at_shutdown() {
    quiet();
    on_workers(WORKERS, |first, workers| {
        drop(first);
        let hook = Hook::default();
        let builder = Runtime::builder().worker_threads(workers).watch(false);
        let runtime = builder.on_unhandled_panic(hook.hook()).build().unwrap();
        let bad = || BadFuture(Poll::Pending, PanicOnDrop("at shutdown"));
        let waiting: HashSet<Id> = (0..20).map(|_| runtime.spawn(bad()).id()).collect();
        let held = hold_workers(&runtime, workers);
        let queued: HashSet<Id> = (0..20).map(|_| runtime.spawn(bad()).id()).collect();
        let opener = std::thread::spawn(move || held.open());
        drop(runtime);
        opener.join().unwrap();
        let told: HashSet<Id> = hook.all().iter().filter_map(|told| told.id).collect();
        assert_eq!(hook.all().len(), 40, "each once");
        assert_eq!(told, &waiting | &queued);
    });
}

#[test]
fn of_a_task_that_panics_twice() {
    with_hook(|runtime, hook| {
        let task = runtime.spawn(PanicTwice(PanicOnDrop("the second")));
        let id = task.id();
        let error = task.join().unwrap_err();
        assert!(error.to_string().contains("the first"), "{error}");
        hook.wait_for_text(1, id, "the second");
        let task = runtime.spawn(PanicTwice(PanicOnDrop("the second")));
        let id = task.id();
        drop(task);
        hook.wait_for(3);
        let mut texts: Vec<_> = hook.all()[1..]
            .iter()
            .map(|told| (told.id, told.message.clone().unwrap()))
            .collect();
        texts.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(texts[0], (Some(id), "on purpose: the first".to_owned()));
        assert_eq!(texts[1], (Some(id), "on purpose: the second".to_owned()));
    });
}

/// Whether a worker drops it or the handle does.
#[test]
fn of_an_outputs_drop() {
    with_hook(|runtime, hook| {
        for (count, first) in [(1, "the handle"), (2, "the task")] {
            let (gate, bad) = (Gate::new(), PanicOnDrop("an output"));
            let waits = gate.clone();
            let task = runtime.spawn(async move {
                waits.wait().await;
                bad
            });
            gate.wait_for(1, LIMIT);
            let id = task.id();
            if first == "the task" {
                gate.open();
                until_finished(&task);
            }
            drop(task);
            gate.open();
            hook.wait_for_text(count, id, "an output");
        }
        // Whoever takes it has it, with all that comes of it.
        let bad = PanicOnDrop("taken");
        let taken = runtime.spawn(async move { bad }).join().unwrap();
        catch(|| drop(taken));
        assert_eq!(hook.all().len(), 2);
    });
}

/// The payload of a panic goes when it was told of, and its drop panics too.
#[test]
fn of_a_payloads_drop() {
    with_hook(|runtime, hook| {
        let task: JoinHandle<()> = runtime.spawn(async { panic_any(PanicOnDrop("a payload")) });
        let id = task.id();
        drop(task);
        hook.wait_for_text(2, id, "a payload");
        let first = &hook.all()[0];
        assert_eq!((first.id, first.message.as_deref()), (Some(id), None));
    });
}

/// A task that waits, whose handle has nothing but a bad waker left of its poll.
fn waited_for(runtime: &Runtime, gate: &Gate, bad: Bad) -> JoinHandle<()> {
    let waits = gate.clone();
    let mut task = runtime.spawn(async move { waits.wait().await });
    gate.wait_for(1, LIMIT);
    let waker = bad_waker(bad, ());
    assert!(poll_once(&mut task, &waker).is_pending());
    let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
    task
}

#[test]
fn of_a_joiners_waker() {
    with_hook(|runtime, hook| {
        // The task ends and wakes it.
        for (count, bad, text) in [
            (1, Bad::Wake, "a waker's wake"),
            (2, Bad::Drop, "a waker's drop"),
        ] {
            let gate = Gate::new();
            let task = waited_for(runtime, &gate, bad);
            gate.open();
            hook.wait_for_text(count, task.id(), text);
            task.join().unwrap();
        }
        // Another takes its place.
        let mut task = waited_for(runtime, &Gate::new(), Bad::Drop);
        assert!(poll_once(&mut task, Waker::noop()).is_pending());
        hook.wait_for_text(3, task.id(), "a waker's drop");
        // The handle goes and takes it along.
        let task = waited_for(runtime, &Gate::new(), Bad::Drop);
        let id = task.id();
        drop(task);
        hook.wait_for_text(4, id, "a waker's drop");
    });
}

#[test]
fn of_the_threads_hooks() {
    quiet();
    on_workers(WORKERS, |first, workers| {
        drop(first);
        let hook = Hook::default();
        let builder = Runtime::builder().worker_threads(workers);
        let builder = builder.on_thread_start(|| panic!("{ON_PURPOSE}: a start"));
        let builder = builder.on_thread_stop(|| panic!("{ON_PURPOSE}: a stop"));
        let runtime = builder.on_unhandled_panic(hook.hook()).build().unwrap();
        runtime.spawn_blocking(|| ()).join().unwrap();
        drop(runtime);
        let texts: Vec<String> = hook
            .all()
            .into_iter()
            .map(|told| {
                assert_eq!((told.id, told.name, told.site), (None, None, None));
                assert_eq!(told.line.lines().count(), 1, "{}", told.line);
                told.message.unwrap()
            })
            .collect();
        let count = |text| texts.iter().filter(|&told| told == text).count();
        assert_eq!(count("on purpose: a start"), workers + 1);
        assert_eq!(count("on purpose: a stop"), workers + 1);
    });
}

#[test]
fn of_the_hook_for_stuck_polls() {
    quiet();
    let hook = Hook::default();
    let told = hook.clone();
    on_built(
        &[1],
        |builder| {
            let builder = builder.on_blocked(|_| panic!("{ON_PURPOSE}: on_blocked"));
            builder.on_unhandled_panic(hook.hook())
        },
        move |runtime, _| {
            let gate = Gate::new();
            let block = gate.clone();
            let task = runtime.spawn(async move { block.block() });
            let told = told.wait_for(1);
            assert_eq!(told.message.as_deref(), Some("on purpose: on_blocked"));
            assert_eq!((told.id, told.name), (None, None), "no task has panicked");
            gate.open();
            task.join().unwrap();
        },
    );
}

/// It is counted as well, and told to nobody.
#[test]
fn of_the_hook_itself() {
    quiet();
    let hook = Hook::default();
    let told = hook.clone();
    on_built(
        &[1, 4],
        |builder| {
            let keep = hook.hook();
            builder.on_unhandled_panic(move |panic| {
                keep(panic);
                panic!("{ON_PURPOSE}: the hook");
            })
        },
        move |runtime, workers| {
            let before = told.all().len();
            for count in 1..=3 {
                let task = runtime.spawn(fail("3 plums"));
                let id = task.id();
                drop(task);
                told.wait_for_text(before + count, id, "3 plums");
                let counted = || runtime.metrics().unhandled_panics == 2 * count as u64;
                eventually("both are counted", SOON, counted);
            }
            hold_workers(&runtime, workers).open();
            assert_eq!(runtime.run(async { 1 }), 1);
        },
    );
}

#[test]
fn each_is_counted_without_a_hook() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        assert_eq!(runtime.metrics().unhandled_panics, 0);
        for count in 1..=5 {
            drop(runtime.spawn(fail("in silence")));
            let counted = || runtime.metrics().unhandled_panics == count;
            eventually("it is counted", SOON, counted);
        }
        assert!(runtime.spawn(fail("collected")).join().is_err());
        assert_eq!(runtime.metrics().unhandled_panics, 5);
        assert_eq!(runtime.handle().metrics().unhandled_panics, 5);
    });
}

/// `gather!` gives one panic to who awaits it. Those of the siblings are nobody's.
#[test]
fn of_a_gathers_siblings() {
    with_hook(|runtime, hook| {
        let gate = Gate::new();
        let (waits, bad) = (gate.clone(), PanicOnDrop("a sibling"));
        let sibling = async move {
            let _bad = bad;
            waits.wait().await;
        };
        let first = async move {
            gate.wait_for(1, LIMIT);
            fail("collected").await;
        };
        let error = runtime
            .spawn(async { gather!(sibling, first).await })
            .join()
            .unwrap_err();
        assert!(error.to_string().contains("collected"), "{error}");
        let told = hook.wait_for(1);
        assert_eq!(told.message.as_deref(), Some("on purpose: a sibling"));
        assert_ne!(told.id, Some(error.id()));
        // A gather that is dropped has not asked for any.
        let failed = runtime.spawn(fail("dropped"));
        until_finished(&failed);
        let id = failed.id();
        drop(gather!(failed, std::thread::spawn(|| ())));
        hook.wait_for_text(2, id, "dropped");
    });
}

/// The main future's first panic goes on in the caller; what is left is told.
#[test]
fn of_a_main_future() {
    with_hook(|runtime, hook| {
        let bad = BadFuture(Poll::Ready(()), PanicOnDrop("at its end"));
        let caught = catch(|| runtime.run(bad));
        assert_eq!(caught.text, "on purpose: at its end");
        assert_eq!(hook.all(), []);
        let caught = catch(|| runtime.run(PanicTwice(PanicOnDrop("the second"))));
        assert_eq!(caught.text, "on purpose: the first");
        let told = hook.wait_for(1);
        assert_eq!(told.message.as_deref(), Some("on purpose: the second"));
    });
}

/// The hook that is told is the task's runtime's, whoever lets go of the handle.
#[test]
fn of_a_handle_that_goes_in_another_runtime() {
    with_hook(|runtime, hook| {
        let elsewhere = Hook::default();
        let builder = Runtime::builder().worker_threads(1);
        let other = builder
            .on_unhandled_panic(elsewhere.hook())
            .build()
            .unwrap();
        let task = runtime.spawn(fail("here"));
        let id = task.id();
        until_finished(&task);
        other.run(async move { drop(task) });
        hook.wait_for_text(1, id, "here");
        let task = runtime.spawn(fail("here"));
        let id = task.id();
        until_finished(&task);
        drop(other.spawn(async move { (task, pending::<()>().await) }));
        drop(other); // takes the handle along
        hook.wait_for_text(2, id, "here");
        assert_eq!(elsewhere.all(), []);
    });
}

/// The hook itself lets go of a handle with a panic in it: it is called for that as well.
#[test]
fn a_hook_that_makes_another_one() {
    quiet();
    for &workers in WORKERS {
        let hook = Hook::default();
        let left: Arc<Mutex<Vec<JoinHandle<()>>>> = Arc::default();
        let (told, handles) = (hook.clone(), Arc::clone(&left));
        on_built(
            &[workers],
            move |builder| {
                let (keep, left) = (hook.hook(), Arc::clone(&left));
                builder.on_unhandled_panic(move |panic| {
                    keep(panic);
                    let next = left.lock().unwrap().pop();
                    drop(next);
                })
            },
            move |runtime, _| {
                let failed: Vec<_> = (0..5).map(|_| runtime.spawn(fail("a chain"))).collect();
                failed.iter().for_each(until_finished);
                handles.lock().unwrap().extend(failed);
                drop(runtime.spawn(fail("the first")));
                told.wait_for(6);
                let counted = || runtime.metrics().unhandled_panics == 6;
                eventually("all are counted", SOON, counted);
            },
        );
    }
}

#[test]
fn the_payload_may_be_anything() {
    with_hook(|runtime, hook| {
        drop::<JoinHandle<()>>(runtime.spawn(async { panic_any(42_u32) }));
        let told = hook.wait_for(1);
        assert_eq!((told.number, told.message), (Some(42), None));
        assert!(
            told.line.contains(&told.id.unwrap().to_string()),
            "{}",
            told.line
        );
    });
}

/// No lock is held while it is called.
#[test]
fn a_hook_may_use_the_runtime() {
    quiet();
    for &workers in WORKERS {
        let here = Arc::new(OnceLock::<Handle>::new());
        let (known, ran) = (Arc::clone(&here), Gate::new());
        let opens = ran.clone();
        on_built(
            &[workers],
            move |builder| {
                let (here, opens) = (Arc::clone(&here), opens.clone());
                builder.on_unhandled_panic(move |panic| {
                    let handle = here.get().expect("it is set");
                    assert!(panic.task_id().is_some());
                    assert!(handle.tasks().len() < 10);
                    assert_eq!(handle.metrics().unhandled_panics, 1);
                    let opens = opens.clone();
                    drop(handle.spawn(async move { opens.open() }));
                    handle.spawn_blocking(|| ()).abort();
                })
            },
            move |runtime, _| {
                known.set(runtime.handle().clone()).unwrap();
                drop(runtime.spawn(fail("told")));
                eventually("it was spawned", SOON, || ran.is_open());
                assert_eq!(runtime.metrics().unhandled_panics, 1, "the hook is well");
            },
        );
    }
}

/// Whatever the message is: that of a failed `assert_eq!` has three lines.
#[test]
fn the_text_is_one_line() {
    with_hook(|runtime, hook| {
        let named = task::Builder::new().name("two\nlines");
        drop(named.spawn_on(fail("one\ntwo\r\nthree"), runtime.handle()));
        let told = hook.wait_for(1);
        assert_eq!(told.line.lines().count(), 1, "{}", told.line);
        assert_eq!(
            told.message.as_deref(),
            Some("on purpose: one\ntwo\r\nthree")
        );
    });
}

/// An output whose drop panics when its runtime is gone, and another one is in its place: nobody is
/// told, and least of all that other one.
#[test]
fn of_an_output_that_outlives_its_runtime() {
    quiet();
    on_workers(WORKERS, |first, workers| {
        drop(first);
        let (here, there) = (Hook::default(), Hook::default());
        let builder = || Runtime::builder().worker_threads(workers);
        let runtime = builder().on_unhandled_panic(here.hook()).build().unwrap();
        let bad = PanicOnDrop("a late output");
        let task = runtime.spawn(async move { bad });
        until_finished(&task);
        drop(runtime);
        // As many as it takes to use again what the first one left.
        let others: Vec<Runtime> = (0..20)
            .map(|_| {
                builder()
                    .worker_threads(1)
                    .on_unhandled_panic(there.hook())
                    .build()
                    .unwrap()
            })
            .collect();
        drop(task);
        drop(others);
        assert_eq!(there.all(), [], "it is none of theirs");
        assert_eq!(here.all(), [], "the hook has gone with its runtime");
    });
}

/// A blocking job that never began is dropped with what it holds.
#[test]
fn of_a_jobs_closure() {
    quiet();
    let hook = Hook::default();
    let told = hook.clone();
    on_built(
        &[1],
        |builder| {
            builder
                .max_blocking_threads(1)
                .on_unhandled_panic(hook.hook())
        },
        move |runtime, _| {
            let gate = Gate::new();
            let block = gate.clone();
            let first = runtime.spawn_blocking(move || block.block());
            gate.wait_for(1, LIMIT);
            let queue = |text| {
                let bad = PanicOnDrop(text);
                runtime.spawn_blocking(move || drop(bad))
            };
            let (aborted, left) = (queue("aborted"), queue("at the end"));
            let ids = [aborted.id(), left.id()];
            aborted.abort();
            drop((aborted, left));
            runtime.handle().shutdown_background();
            gate.open();
            first.join().unwrap();
            drop(runtime);
            let all: Vec<_> = told
                .all()
                .into_iter()
                .map(|told| (told.id, told.message))
                .collect();
            assert_eq!(all.len(), 2, "{all:?}");
            for (id, text) in ids.into_iter().zip(["aborted", "at the end"]) {
                let wanted = (Some(id), Some(format!("{ON_PURPOSE}: {text}")));
                assert!(all.contains(&wanted), "no {wanted:?} in {all:?}");
            }
        },
    );
}

#[test]
fn thousands_are_each_told_once() {
    with_hook(|runtime, hook| {
        let gate = Gate::new();
        let spawn = |detach: bool| {
            let waits = gate.clone();
            let task = runtime.spawn(async move {
                waits.wait().await;
                fail("a crowd").await;
            });
            let id = task.id();
            (id, (!detach).then_some(task))
        };
        let tasks: Vec<_> = (0..2000).map(|number| spawn(number % 2 == 0)).collect();
        gate.wait_for(2000, LIMIT);
        gate.open();
        let ids: HashSet<Id> = tasks.iter().map(|(id, _)| *id).collect();
        drop(tasks); // while they panic
        eventually("all are told of", SOON, || hook.all().len() >= 2000);
        let told: HashSet<Id> = hook.all().iter().filter_map(|told| told.id).collect();
        assert_eq!(hook.all().len(), 2000);
        assert_eq!(told, ids);
    });
}

/// To be collected or told of is decided once, however closely the handle's end and the task's meet.
#[test]
fn a_handle_that_goes_while_the_task_panics() {
    with_hook(|runtime, hook| {
        let mut left = 0;
        for round in 0..300 {
            let mut task = runtime.spawn(fail("a race"));
            let id = task.id();
            let collected = task.join_timeout(Duration::from_micros(round % 40));
            drop(task);
            if collected.is_none() {
                left += 1;
                hook.wait_for_text(left, id, "a race");
            }
        }
        assert_eq!(
            hook.all().len(),
            left,
            "those that were collected are not told"
        );
    });
}
