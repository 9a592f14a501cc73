//! Values of a task that its children inherit: what is seen where, and when it goes.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, Weak, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::task::{self, Task, TaskLocal};
use wheelhouse::{
    Handle, JoinHandle, block_in_place, gather, join, sleep, spawn, spawn_blocking, timeout,
    try_gather, yield_now,
};
use wheelhouse_tests::{
    DropCounter, DropToken, Gate, LIMIT, ON_PURPOSE, WORKERS, catch, contained, eventually,
    hold_workers, on_unwatched_workers, on_workers, poll_once, quiet,
};

/// Less than [`LIMIT`], so that what is missing is said before the watchdog ends the test.
const SOON: Duration = Duration::from_secs(10);

static USER: TaskLocal<String> = TaskLocal::new();
static NUMBER: TaskLocal<u32> = TaskLocal::new();
static TOKEN: TaskLocal<Arc<DropToken>> = TaskLocal::new();

fn user() -> Option<String> {
    USER.get()
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

#[test]
fn a_value_is_seen_inside_its_scope_alone() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async {
            assert_eq!(user(), None);
            let inside = USER.scope("ada".into(), async {
                assert_eq!(USER.with(|name| name.len()), 3);
                assert_eq!(USER.try_with(String::clone), some("ada"));
                yield_now().await;
                sleep(Duration::from_millis(1)).await;
                (user(), NUMBER.get())
            });
            assert_eq!(user(), None, "not before it is polled");
            assert_eq!(inside.await, (some("ada"), None));
            assert_eq!(user(), None);
            let sum = USER.sync_scope("eve".into(), || {
                assert_eq!(user(), some("eve"));
                NUMBER.sync_scope(4, || NUMBER.with(|four| four + 5))
            });
            assert_eq!((sum, user(), NUMBER.get()), (9, None, None));
        });
    });
}

#[test]
fn scopes_nest() {
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(USER.scope("outer".into(), async {
            let inner = USER.scope("inner".into(), async {
                NUMBER.sync_scope(1, || {
                    assert_eq!((user(), NUMBER.get()), (some("inner"), Some(1)))
                });
                yield_now().await;
                USER.sync_scope("innermost".into(), || assert_eq!(user(), some("innermost")));
                assert_eq!(user(), some("inner"));
                NUMBER.scope(2, async { (user(), NUMBER.get()) }).await
            });
            assert_eq!(inner.await, (some("inner"), Some(2)));
            assert_eq!((user(), NUMBER.get()), (some("outer"), None));
            // Inside a look at the value it has, another one is set.
            USER.with(|outer| {
                USER.sync_scope("again".into(), || assert_eq!(user(), some("again")));
                assert_eq!(outer, "outer");
            });
        }));
    });
}

/// Every other poll is inside another scope: what is not polled is not seen.
#[test]
fn scopes_side_by_side_in_one_task() {
    on_workers(&[1, 4], |runtime, _| {
        let alone = |name: &'static str| {
            USER.scope(name.into(), async move {
                for _ in 0..100 {
                    assert_eq!(user(), some(name));
                    yield_now().await;
                }
            })
        };
        let nobody = async {
            for _ in 0..100 {
                assert_eq!(user(), None);
                yield_now().await;
            }
        };
        runtime.run(async { join!(alone("ada"), nobody, alone("eve")) });
    });
}

/// Everything that starts a task or a job.
#[test]
fn children_inherit_what_is_set_where_they_are_spawned() {
    on_workers(WORKERS, |runtime, _| {
        let seen = || async { user() };
        runtime.run(USER.scope("ada".into(), async move {
            assert_eq!(spawn(seen()).await.unwrap(), some("ada"));
            assert_eq!(spawn_blocking(user).await.unwrap(), some("ada"));
            let here = Handle::current();
            assert_eq!(here.spawn(seen()).await.unwrap(), some("ada"));
            assert_eq!(here.spawn_blocking(user).await.unwrap(), some("ada"));
            let named = || wheelhouse::task::Builder::new().name("named");
            assert_eq!(named().spawn(seen()).await.unwrap(), some("ada"));
            assert_eq!(named().spawn_on(seen(), &here).await.unwrap(), some("ada"));
            assert_eq!(named().spawn_blocking(user).await.unwrap(), some("ada"));
            assert_eq!(
                named().spawn_blocking_on(user, &here).await.unwrap(),
                some("ada")
            );
            assert_eq!(gather!(seen(), seen()).await, (some("ada"), some("ada")));
            assert_eq!(
                gather!(..[seen(), seen()]).await,
                [some("ada"), some("ada")]
            );
            assert_eq!(gather!(seen()).settle().await.0.unwrap(), some("ada"));
            let all = try_gather!(async { Ok::<_, ()>(user()) }).await;
            assert_eq!(all, Ok((some("ada"),)));
            assert_eq!(block_in_place(user), some("ada"));
            // Grandchildren, too, and what they set is theirs.
            let child = spawn(async move {
                let job = spawn_blocking(|| Handle::current().block_on(spawn(async { user() })));
                assert_eq!(job.await.unwrap().unwrap(), some("ada"));
                USER.scope("eve".into(), spawn(seen())).await.unwrap()
            });
            assert_eq!(
                child.await.unwrap(),
                some("ada"),
                "it was spawned before the scope"
            );
            let child = USER.scope("eve".into(), async move { spawn(seen()).await.unwrap() });
            assert_eq!(child.await, some("eve"));
            let child = USER.sync_scope("max".into(), || spawn(seen()));
            assert_eq!(child.await.unwrap(), some("max"), "long after the scope");
            // A thread of the program's own is no child.
            assert_eq!(thread::spawn(user).join().unwrap(), None);
        }));
    });
}

/// What a child sees does not change when its parent goes on.
#[test]
fn what_is_inherited_stays() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let waits = gate.clone();
        let child = async move {
            let before = user();
            waits.wait().await;
            (before, user())
        };
        let mut spawned = None;
        let parent = async { spawned = Some(spawn(child)) };
        runtime.block_on(USER.scope("ada".into(), parent));
        let child = spawned.unwrap();
        gate.wait_for(1, LIMIT);
        USER.sync_scope("eve".into(), || gate.open());
        assert_eq!(child.join().unwrap(), (some("ada"), some("ada")));
        // Neither who polls a future nor who spawned the waker's task matters: the scope does.
        let (sender, wakers) = mpsc::channel::<Waker>();
        let mut polls = 0;
        let woken = USER.sync_scope("ada".into(), || {
            runtime.spawn(poll_fn(move |cx| {
                polls += 1;
                sender.send(cx.waker().clone()).unwrap();
                if polls == 1 {
                    Poll::Pending
                } else {
                    Poll::Ready(user())
                }
            }))
        });
        let waker = wakers.recv().unwrap();
        USER.sync_scope("eve".into(), || waker.wake());
        assert_eq!(woken.join().unwrap(), some("ada"));
    });
}

/// They need no task: a thread of the program's own has them too, and gives them on.
#[test]
fn outside_a_task() {
    on_workers(&[1, 4], |runtime, _| {
        assert_eq!(user(), None);
        let child = USER.sync_scope("main".into(), || runtime.spawn(async { user() }));
        assert_eq!(child.join().unwrap(), some("main"));
        let job = USER.sync_scope("main".into(), || runtime.spawn_blocking(user));
        assert_eq!(job.join().unwrap(), some("main"));
        USER.sync_scope("main".into(), || {
            assert_eq!(runtime.block_on(async { user() }), some("main"));
            assert_eq!(runtime.run(async { user() }), some("main"));
        });
        let mut scoped = pin!(USER.scope("by hand".into(), async { user() }));
        assert_eq!(
            poll_once(&mut scoped, Waker::noop()),
            Poll::Ready(some("by hand"))
        );
        assert_eq!(user(), None);
    });
}

#[test]
fn without_a_value_the_panic_names_the_line() {
    let line = line!() + 1;
    let caught = catch(|| USER.with(|name| name.len()));
    caught.assert_names(line);
    assert!(
        caught.text.contains("scope"),
        "it says what to do: {caught:?}"
    );
    assert_eq!(USER.try_with(|name| name.len()), None);
    assert_eq!(USER.get(), None);
    on_workers(&[1], |runtime, _| {
        let task = runtime.spawn(async { catch(|| NUMBER.with(|number| *number)) });
        task.join().unwrap().assert_names(line!() - 1);
    });
}

/// Threads of the pool serve one task after another, and remember nothing.
#[test]
fn nothing_stays_on_a_thread() {
    quiet();
    on_workers(&[1, 2], |runtime, _| {
        for _ in 0..50 {
            let failed: JoinHandle<()> = USER.sync_scope("ada".into(), || {
                runtime.spawn(async { panic!("{ON_PURPOSE}: {:?}", user()) })
            });
            let error = failed.join().unwrap_err();
            assert!(error.to_string().contains("ada"), "{error}");
            assert_eq!(runtime.spawn(async { user() }).join().unwrap(), None);
            let failed: JoinHandle<()> = USER.sync_scope("ada".into(), || {
                runtime.spawn_blocking(|| panic!("{ON_PURPOSE}: {:?}", user()))
            });
            assert!(failed.join().unwrap_err().to_string().contains("ada"));
            assert_eq!(runtime.spawn_blocking(user).join().unwrap(), None);
        }
    });
}

#[test]
fn a_panic_inside_a_scope_restores_the_one_outside() {
    quiet();
    on_workers(&[1, 4], |runtime, _| {
        runtime.run(USER.scope("outer".into(), async {
            catch(|| USER.sync_scope("inner".into(), || panic!("{ON_PURPOSE}: sync")));
            assert_eq!(user(), some("outer"));
            let failing = USER.scope("inner".into(), async {
                yield_now().await;
                panic!("{ON_PURPOSE}: async");
            });
            let mut failing = Box::pin(failing);
            assert!(poll_once(&mut failing, Waker::noop()).is_pending());
            assert_eq!(user(), some("outer"));
            let caught = catch(|| poll_once(&mut failing, Waker::noop()).is_ready());
            assert_eq!(caught.text, "on purpose: async");
            assert_eq!(user(), some("outer"));
        }));
        assert_eq!(user(), None);
    });
}

/// Tells in its destructor what it sees.
struct SeesOnDrop(mpsc::Sender<Option<String>>);

impl Drop for SeesOnDrop {
    fn drop(&mut self) {
        let _ = self.0.send(user());
    }
}

#[test]
fn destructors_see_the_values() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let (sender, seen) = mpsc::channel();
        let spawn_as = |name: &str, future: Pin<Box<dyn Future<Output = ()> + Send>>| {
            USER.sync_scope(name.into(), || runtime.spawn(future))
        };
        let held = |rest: bool| -> Pin<Box<dyn Future<Output = ()> + Send>> {
            let held = SeesOnDrop(sender.clone());
            Box::pin(async move {
                let _held = held;
                if rest {
                    pending::<()>().await;
                }
            })
        };
        spawn_as("at its end", held(false)).join().unwrap();
        assert_eq!(seen.recv().unwrap(), some("at its end"));
        let task = spawn_as("aborted", held(true));
        task.abort();
        assert_eq!(seen.recv().unwrap(), some("aborted"));
        // Of a scope inside the task: it is dropped by hand, by a timeout, by the task's abort.
        let scoped = || USER.scope("scoped".into(), held(true));
        let mut by_hand = Box::pin(scoped());
        assert!(poll_once(&mut by_hand, Waker::noop()).is_pending());
        drop(by_hand);
        assert_eq!(seen.recv().unwrap(), some("scoped"));
        let soon = Duration::from_millis(1);
        assert!(
            runtime
                .block_on(async { timeout(soon, scoped()).await })
                .is_err()
        );
        assert_eq!(seen.recv().unwrap(), some("scoped"));
        // An output that a worker drops, and a future that the shutdown ends.
        let output = SeesOnDrop(sender.clone());
        let job = USER.sync_scope("output".into(), || runtime.spawn_blocking(|| output));
        drop(job);
        let last = seen.recv().unwrap();
        assert!(
            last.is_none() || last == some("output"),
            "whose handle went first is open"
        );
        let left = spawn_as("left", held(true));
        drop(runtime);
        assert_eq!(seen.recv().unwrap(), some("left"));
        assert!(left.join().unwrap_err().is_cancelled());
    });
}

/// The value is the future's from the start, not from its first poll: else it would be chance what
/// the destructor of a task sees that was aborted early.
#[test]
fn a_destructor_sees_the_value_of_a_scope_that_was_never_polled() {
    let (sender, seen) = mpsc::channel();
    let held = SeesOnDrop(sender);
    drop(USER.scope("unpolled".into(), async move { drop(held) }));
    assert_eq!(seen.recv().unwrap(), some("unpolled"));
}

#[test]
fn a_destructor_sees_the_value_of_a_task_that_was_never_polled() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let (sender, seen) = mpsc::channel();
        let busy = hold_workers(&runtime, workers);
        let held = SeesOnDrop(sender);
        let future = async move { drop(held) };
        let task = USER.sync_scope("queued".into(), || runtime.spawn(future));
        task.abort();
        busy.open();
        assert_eq!(seen.recv().unwrap(), some("queued"));
    });
}

/// Values go with the last task that sees them, exactly once.
#[test]
fn values_are_dropped() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let value = || Arc::new(drops.token());
        TOKEN.sync_scope(value(), || assert_eq!(drops.dropped(), 0));
        assert_eq!(drops.dropped(), 1);
        drop(TOKEN.scope(value(), pending::<()>()));
        assert_eq!(drops.dropped(), 2);
        let gate = Gate::new();
        let (waits, mut spawned) = (gate.wait(), None);
        let parent = async { spawned = Some(spawn(waits)) };
        runtime.run(TOKEN.scope(value(), parent));
        let child = spawned.unwrap();
        gate.wait_for(1, SOON);
        assert_eq!(drops.dropped(), 2, "a child has it still");
        gate.open();
        child.join().unwrap();
        drops.wait_for(3, SOON);
        let aborted = TOKEN.sync_scope(value(), || runtime.spawn(pending::<()>()));
        aborted.abort();
        assert!(aborted.join().unwrap_err().is_cancelled());
        drops.wait_for(4, SOON);
        drop(TOKEN.sync_scope(value(), || runtime.spawn_blocking(|| ())));
        drops.wait_for(5, SOON);
        let left = TOKEN.sync_scope(value(), || runtime.spawn(pending::<()>()));
        drop(runtime);
        drop(left);
        drops.wait_for(6, SOON);
        drops.assert_each_dropped_once();
    });
}

/// Whoever keeps a handle, or a waker, of a task that has ended, keeps none of its values.
#[test]
fn what_is_kept_of_a_task_keeps_no_value() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let value = || Arc::new(drops.token());
        let ended = TOKEN.sync_scope(value(), || runtime.spawn(async { 7 }));
        drops.wait_for(1, SOON);
        let aborted = TOKEN.sync_scope(value(), || runtime.spawn(pending::<()>()));
        let abort = aborted.abort_handle();
        drop(aborted);
        abort.abort();
        drops.wait_for(2, SOON);
        let (sender, wakers) = mpsc::channel::<Waker>();
        drop(TOKEN.sync_scope(value(), || {
            runtime.spawn(poll_fn(move |cx| {
                sender.send(cx.waker().clone()).unwrap();
                Poll::Ready(())
            }))
        }));
        let waker = wakers.recv().unwrap();
        drops.wait_for(3, SOON);
        let job = TOKEN.sync_scope(value(), || runtime.spawn_blocking(|| ()));
        drops.wait_for(4, SOON);
        drop((ended, abort, waker, job));
        drops.assert_each_dropped_once();
    });
}

/// A task that spawns its successor hands on what it has, and does not add to it.
#[test]
fn a_chain_of_a_hundred_thousand_does_not_grow() {
    on_workers(&[1, 4], |runtime, _| {
        let first = Arc::new(Mutex::new(Vec::new()));
        let (done, told) = mpsc::channel();
        let weak = Arc::downgrade(&first);
        drop(NUMBER.sync_scope(7, || runtime.spawn(link(100_000, first, done))));
        let most = told.recv().unwrap();
        assert!(most < 16, "as many links held the value at a time: {most}");
        eventually("the last goes", SOON, || weak.strong_count() == 0);
    });

    static HELD: TaskLocal<Arc<Mutex<Vec<u8>>>> = TaskLocal::new();

    /// One link: it sets again what it inherited, and spawns the next.
    fn link(
        left: u32,
        value: Arc<Mutex<Vec<u8>>>,
        done: mpsc::Sender<usize>,
    ) -> impl Future<Output = ()> + Send {
        let own = Arc::clone(&value);
        let next: Box<dyn FnOnce() + Send> = Box::new(move || {
            assert_eq!(NUMBER.get(), Some(7));
            let held: Weak<_> = Arc::downgrade(&value);
            match left {
                0 => done.send(held.strong_count()).unwrap(),
                _ => drop(spawn(link(left - 1, value, done))),
            }
        });
        HELD.scope(own, async move {
            NUMBER.scope(7, async { next() }).await;
        })
    }
}

#[test]
fn many_values_many_tasks() {
    static OTHERS: [TaskLocal<usize>; 20] = [const { TaskLocal::new() }; 20];
    fn all(depth: usize) -> Pin<Box<dyn Future<Output = usize> + Send>> {
        Box::pin(async move {
            let set = OTHERS.iter().filter_map(TaskLocal::get).count();
            assert_eq!(set, depth);
            assert!((0..depth).all(|number| OTHERS[number].get() == Some(number)));
            match OTHERS.get(depth) {
                None => 1,
                Some(next) => {
                    next.scope(depth, async move { spawn(all(depth + 1)).await.unwrap() })
                        .await
                }
            }
        })
    }
    on_workers(WORKERS, |runtime, _| {
        let roots: Vec<_> = (0..100).map(|_| runtime.spawn(all(0))).collect();
        let leaves: usize = roots.into_iter().map(|root| root.join().unwrap()).sum();
        assert_eq!(leaves, 100);
    });
}

/// A value that holds the task of its setter: of a long chain, only the last few are alive.
#[test]
fn a_chain_of_parents_does_not_grow() {
    static PARENT: TaskLocal<Arc<(Task, DropToken)>> = TaskLocal::new();
    fn link(left: u32, drops: DropCounter) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        Box::pin(async move {
            let alive = drops.made() - drops.dropped();
            assert!(
                alive < 50,
                "{alive} parents are alive, with {left} links to go"
            );
            if left > 0 {
                let me = Arc::new((task::current(), drops.token()));
                drop(PARENT.sync_scope(me, || spawn(link(left - 1, drops))));
            } else {
                drop(drops.token());
            }
        })
    }
    quiet();
    on_workers(&[1, 4], |runtime, _| {
        let drops = DropCounter::new();
        drop(runtime.spawn(link(1000, drops)));
        let done = || drops.made() == 1001 && drops.dropped() == 1001;
        eventually("the chain ends, and all its values go", SOON, done);
    });
}

/// Whose drop panics: wherever it goes, that is contained.
#[test]
fn a_value_whose_drop_panics() {
    struct Bad(#[expect(dead_code, reason = "it is held")] DropToken);
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("{ON_PURPOSE}: a value's drop");
        }
    }
    static BAD: TaskLocal<Arc<Bad>> = TaskLocal::new();
    contained(|runtime, drops| {
        // The scope lets go of it before the task does.
        let spawn_with = |future: Pin<Box<dyn Future<Output = ()> + Send>>| {
            let value = Arc::new(Bad(drops.token()));
            let gate = Gate::new();
            let left = gate.clone();
            let future = async move {
                left.wait().await;
                future.await
            };
            let task = BAD.sync_scope(value, || runtime.spawn(future));
            gate.open();
            task
        };
        drop(spawn_with(Box::pin(async {})));
        spawn_with(Box::pin(async {})).join().unwrap();
        let aborted = spawn_with(Box::pin(pending()));
        aborted.abort();
        assert!(aborted.join().is_err());
        let ended = spawn_with(Box::pin(async {}));
        let abort = ended.abort_handle();
        eventually("it ends", SOON, || ended.is_finished());
        drop(ended);
        drop(abort);
        let value = Arc::new(Bad(drops.token()));
        let gate = Gate::new();
        let left = gate.clone();
        drop(BAD.sync_scope(value, || runtime.spawn_blocking(move || left.block())));
        gate.open();
        drop(spawn_with(Box::pin(pending()))); // until the shutdown
    });
}
