//! Ends that are rare: what is left of a task, a runtime or a thread when nobody expects anything of it.

use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::task::{self, TaskLocal};
use wheelhouse::{Builder, Runtime, block_in_place, spawn};
use wheelhouse_tests::{
    Gate, LIMIT, ON_PURPOSE, eventually, poll_once, quiet, wait_until_closed, watchdog,
};

fn one() -> Builder {
    quiet();
    Runtime::builder().worker_threads(1).max_spare_threads(3)
}

/// Panics when it is dropped.
struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: a bomb's drop");
    }
}

/// A panic of what an ended runtime has left behind is not that of the runtime that got its pool.
#[test]
fn a_later_runtime_is_not_blamed() {
    watchdog("blame", LIMIT, || {
        let first = one().build().unwrap();
        let left = first.spawn(async { Bomb });
        eventually("a state that comes", LIMIT, || left.is_finished());
        drop(first);
        let later = one().shutdown_on_unhandled_panic(true).build().unwrap();
        drop(left);
        assert_eq!(later.metrics().unhandled_panics, 0);
        assert_eq!(later.run(async { 1 }), 1);
    });
}

/// A guard of `enter` that a task has forgotten may be the last to hold another runtime, with its hooks.
#[test]
fn a_hook_whose_destructor_panics_does_not_end_the_process() {
    watchdog("hook's drop", LIMIT, || {
        let runtime = one().build().unwrap();
        let bomb = Bomb;
        let other = one()
            .on_unhandled_panic(move |_| _ = &bomb)
            .build()
            .unwrap();
        let handle = other.handle().clone();
        let (entered, go) = (Gate::new(), Gate::new());
        let task = {
            let (entered, go) = (entered.clone(), go.clone());
            runtime.spawn(async move {
                std::mem::forget(handle.enter());
                drop(handle);
                entered.open();
                go.block();
            })
        };
        eventually("a state that comes", LIMIT, || entered.is_open());
        drop(other);
        go.open();
        task.join().unwrap();
        assert_eq!(runtime.spawn(async { 2 }).join().unwrap(), 2);
    });
}

static LOCAL: TaskLocal<Mutex<Option<Bomb>>> = TaskLocal::new();

/// An inherited value that the task's cell is the last to hold.
#[test]
fn a_panic_of_a_values_destructor_is_told_of() {
    watchdog("value", LIMIT, || {
        let runtime = one().build().unwrap();
        let task = LOCAL.sync_scope(Mutex::new(Some(Bomb)), || runtime.spawn(async {}));
        eventually("a state that comes", LIMIT, || task.is_finished());
        // The worker has let go of its copy when it runs another task.
        runtime.spawn(async {}).join().unwrap();
        let abort = task.abort_handle();
        drop(task);
        drop(abort);
        assert_eq!(runtime.metrics().unhandled_panics, 1);
    });
}

/// A payload that nobody has collected, and whose destructor panics, is two panics.
#[test]
fn a_panic_of_a_payloads_destructor_is_told_of() {
    watchdog("payload", LIMIT, || {
        let runtime = one().build().unwrap();
        let task = runtime.spawn(async { panic_any(Bomb) });
        eventually("a state that comes", LIMIT, || task.is_finished());
        drop(task);
        assert_eq!(runtime.metrics().unhandled_panics, 2);
    });
}

static KEY: TaskLocal<u32> = TaskLocal::new();

/// The future is dropped with its value around it, polled or not.
#[test]
fn a_scoped_future_that_was_never_polled_has_its_value_when_it_is_dropped() {
    struct Look(Arc<Mutex<Vec<Option<u32>>>>);
    impl Drop for Look {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(KEY.get());
        }
    }
    let seen = Arc::new(Mutex::new(Vec::new()));
    let look = Look(Arc::clone(&seen));
    let mut polled = Box::pin(KEY.scope(1, async move {
        let _look = look;
        std::future::pending::<()>().await
    }));
    assert!(poll_once(&mut polled, Waker::noop()).is_pending());
    drop(polled);
    let look = Look(Arc::clone(&seen));
    drop(KEY.scope(2, async move {
        let _look = look;
    }));
    assert_eq!(*seen.lock().unwrap(), [Some(1), Some(2)]);
}

/// A waker whose clone panics when told to, and which asks for the current task when it is dropped.
mod nosy {
    use super::*;

    pub(super) static PANICS: AtomicBool = AtomicBool::new(false);
    pub(super) static DROPS: AtomicUsize = AtomicUsize::new(0);
    pub(super) static TASK: Mutex<Option<task::Task>> = Mutex::new(None);

    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            assert!(!PANICS.load(SeqCst), "{ON_PURPOSE}: a waker's clone");
            RawWaker::new(data, &VTABLE)
        },
        |_| {},
        |_| {},
        |_| {
            if let Some(task) = task::try_current() {
                *TASK.lock().unwrap() = Some(task);
            }
            DROPS.fetch_add(1, SeqCst);
        },
    );

    pub(super) fn waker(which: &'static u8) -> Waker {
        // SAFETY: the functions do nothing with the pointer.
        unsafe { Waker::from_raw(RawWaker::new(std::ptr::from_ref(which).cast(), &VTABLE)) }
    }
}

/// While a cell is freed, its task is nobody's current one: a handle made of it would be left dangling.
#[test]
fn a_task_that_is_freed_is_not_current() {
    static WHICH: [u8; 2] = [0, 1];
    watchdog("freed", LIMIT, || {
        let runtime = one().build().unwrap();
        let gate = Gate::new();
        let waits = gate.clone();
        let mut task = runtime.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        assert!(poll_once(&mut task, &nosy::waker(&WHICH[0])).is_pending());
        nosy::PANICS.store(true, SeqCst);
        let other = nosy::waker(&WHICH[1]);
        let poll = AssertUnwindSafe(|| poll_once(&mut task, &other));
        catch_unwind(poll).expect_err("the clone panics");
        let before = nosy::DROPS.load(SeqCst);
        drop(task);
        gate.open();
        eventually("a state that comes", LIMIT, || {
            nosy::DROPS.load(SeqCst) > before
        });
        runtime.spawn(async {}).join().unwrap();
        let kept = nosy::TASK.lock().unwrap().take();
        if let Some(kept) = kept {
            println!("{kept:?}"); // of freed memory
            panic!("it was handed out while it was freed");
        }
    });
}

/// What is spawned on a closed runtime is cancelled, also by a worker that does not come back before.
#[test]
fn a_worker_in_place_joins_what_it_spawns_after_the_end() {
    watchdog("in place", LIMIT, || {
        let runtime = one().watch(false).build().unwrap();
        let (inside, spare_has_left) = (Gate::new(), Gate::new());
        let (sent, joined) = mpsc::channel();
        let task = {
            let (inside, go) = (inside.clone(), spare_has_left.clone());
            runtime.spawn(async move {
                block_in_place(|| {
                    inside.open();
                    go.block();
                    sent.send(spawn(async {}).join().map_err(|e| e.is_cancelled()))
                        .unwrap();
                });
            })
        };
        eventually("a state that comes", LIMIT, || inside.is_open());
        let handle = runtime.handle().clone();
        handle.shutdown_background();
        wait_until_closed(&handle);
        eventually("a state that comes", LIMIT, || {
            handle.metrics().spare_threads == 0
        });
        spare_has_left.open();
        assert_eq!(joined.recv_timeout(Duration::from_secs(10)), Ok(Err(true)));
        task.join().unwrap();
        drop(runtime);
    });
}

/// To look at the tasks of a runtime that shuts down ends none of them on the looking thread.
#[test]
fn a_look_drops_nobodys_future() {
    struct Note(Arc<Mutex<Vec<thread::ThreadId>>>);
    impl Drop for Note {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(thread::current().id());
        }
    }
    watchdog("look", LIMIT, || {
        let runtime = one().watch(false).build().unwrap();
        let (gate, drops) = (Gate::new(), Arc::new(Mutex::new(Vec::new())));
        let held = {
            let gate = gate.clone();
            runtime.spawn(async move { gate.block() })
        };
        gate.wait_for(1, LIMIT);
        let note = Note(Arc::clone(&drops));
        let queued = runtime.spawn(async move { drop(note) });
        runtime.handle().shutdown_background();
        let _infos = runtime.handle().tasks();
        gate.open();
        let _ = queued.join(); // it may have run, on the worker
        held.join().unwrap();
        assert_ne!(*drops.lock().unwrap(), [thread::current().id()]);
    });
}

/// A drop waits for the thread-locals of every thread, those that have left long before included.
#[test]
fn a_drop_waits_for_the_thread_locals_of_a_thread_that_left() {
    struct Slow(Gate, Arc<AtomicBool>);
    impl Drop for Slow {
        fn drop(&mut self) {
            self.0.block();
            self.1.store(true, SeqCst);
        }
    }
    thread_local!(static SLOW: std::cell::RefCell<Option<Slow>> = const { std::cell::RefCell::new(None) });
    watchdog("thread-locals", LIMIT, || {
        let runtime = one().thread_keep_alive(Duration::ZERO).build().unwrap();
        let (gate, done) = (Gate::new(), Arc::new(AtomicBool::new(false)));
        let slow = Slow(gate.clone(), Arc::clone(&done));
        let job = runtime.spawn_blocking(|| SLOW.set(Some(slow)));
        job.join().unwrap();
        gate.wait_for(1, LIMIT);
        // Another thread is started, for which the first one's handle is looked at.
        runtime.spawn_blocking(|| ()).join().unwrap();
        let opener = thread::spawn({
            let gate = gate.clone();
            move || {
                thread::sleep(Duration::from_millis(200)); // the drop below waits, or has returned
                gate.open();
            }
        });
        drop(runtime);
        assert!(done.load(SeqCst), "the drop has returned before");
        opener.join().unwrap();
    });
}

/// `run` names the panic that has shut the runtime down, rather than what the main future made of it.
#[test]
fn run_fails_with_the_cause() {
    watchdog("cause", LIMIT, || {
        quiet();
        let runtime = Runtime::builder()
            .worker_threads(2)
            .shutdown_on_unhandled_panic(true)
            .build()
            .unwrap();
        let caught = wheelhouse_tests::catch(|| {
            runtime.run(async {
                let child = spawn(std::future::pending::<()>());
                drop(spawn(async { panic!("{ON_PURPOSE}: the cause") }));
                while !child.is_finished() {
                    thread::yield_now();
                }
                assert!(child.await.is_ok(), "{ON_PURPOSE}: what came of it");
            })
        });
        assert!(caught.text.contains("the cause"), "{caught:?}");
    });
}
