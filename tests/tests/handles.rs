//! What the handle of a task tells, to whom, and how often.

use std::collections::HashSet;
use std::future::pending;
use std::ptr;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::task::{RawWaker, RawWakerVTable, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::{AbortHandle, Handle, JoinError, JoinHandle, spawn};
use wheelhouse_tests::{CountWaker, Gate, LIMIT, WORKERS, catch, on_workers, poll_once, watchdog};

#[test]
fn a_handle_knows_whether_the_task_has_ended() {
    on_workers(WORKERS, |runtime, _| {
        let (gate, counter) = (Gate::new(), CountWaker::new());
        let waits = gate.clone();
        let mut task = runtime.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        let abort = task.abort_handle();
        assert!(!task.is_finished() && !abort.is_finished());
        assert!(poll_once(&mut task, &counter.waker()).is_pending());
        assert!(task.join_timeout(Duration::from_millis(1)).is_none());
        assert!(task.join_timeout(Duration::ZERO).is_none());
        gate.open();
        task.join_timeout(Duration::MAX).unwrap().unwrap();
        assert!(task.is_finished() && abort.is_finished());
        assert_eq!(counter.live(), 0, "a replaced waker is dropped");
    });
}

#[test]
fn only_the_last_waker_of_a_handle_is_woken() {
    on_workers(WORKERS, |runtime, _| {
        let (gate, first, last) = (Gate::new(), CountWaker::new(), CountWaker::new());
        let waits = gate.clone();
        let mut task = runtime.spawn(async move { waits.wait().await });
        assert!(poll_once(&mut task, &first.waker()).is_pending());
        assert!(poll_once(&mut task, &last.waker()).is_pending());
        assert_eq!(first.live(), 0);
        gate.open();
        last.wait_for(1, LIMIT);
        assert_eq!((first.count(), last.count()), (0, 1));
        assert!(poll_once(&mut task, &first.waker()).is_ready());
        assert_eq!(first.live(), 0);
        last.wait_until_gone(LIMIT);
    });
}

#[test]
fn a_dropped_handle_takes_its_waker_along() {
    on_workers(WORKERS, |runtime, _| {
        let counter = CountWaker::new();
        let mut task = runtime.spawn(pending::<()>());
        assert!(poll_once(&mut task, &counter.waker()).is_pending());
        assert_eq!(counter.live(), 1);
        drop(task);
        assert_eq!((counter.live(), counter.count()), (0, 0));
    });
}

/// How often a [`counted`] waker was cloned.
static CLONES: AtomicUsize = AtomicUsize::new(0);

/// A waker that counts its clones.
fn counted() -> Waker {
    static VTABLE: RawWakerVTable = RawWakerVTable::new(
        |data| {
            CLONES.fetch_add(1, Relaxed);
            RawWaker::new(data, &VTABLE)
        },
        |_| (),
        |_| (),
        |_| (),
    );
    // SAFETY: the functions do nothing with the pointer, and may be called from any thread.
    unsafe { Waker::from_raw(RawWaker::new(ptr::null(), &VTABLE)) }
}

#[test]
fn a_waker_that_is_left_already_is_not_cloned_again() {
    on_workers(&[1], |runtime, _| {
        let mut task = runtime.spawn(pending::<()>());
        let waker = counted();
        for _ in 0..100 {
            assert!(poll_once(&mut task, &waker).is_pending());
        }
        assert_eq!(CLONES.load(Relaxed), 1);
    });
}

#[test]
fn polling_after_the_output_panics() {
    on_workers(&[1, 4], |runtime, _| {
        let mut task = runtime.spawn(async { 1 });
        assert_eq!(runtime.block_on(&mut task).unwrap(), 1);
        assert!(task.is_finished());
        let caught = catch(|| runtime.block_on(&mut task));
        assert!(caught.text.contains("JoinHandle"), "{caught:?}");
        let caught = catch(|| task.join_timeout(Duration::ZERO));
        assert!(caught.text.contains("JoinHandle"), "{caught:?}");
    });
}

#[test]
fn an_output_is_taken_in_another_runtime() {
    on_workers(&[1, 2], |here, _| {
        let there = wheelhouse::Runtime::builder()
            .worker_threads(1)
            .build()
            .unwrap();
        let gate = Gate::new();
        let waits = gate.clone();
        let task = there.spawn(async move {
            waits.wait().await;
            "there"
        });
        let joined = here.spawn(task);
        gate.wait_for(1, LIMIT);
        gate.open();
        assert_eq!(joined.join().unwrap().unwrap(), "there");
    });
}

#[test]
fn ids_are_unique() {
    on_workers(&[4], |runtime, _| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let handle: Handle = runtime.handle().clone();
                thread::spawn(move || {
                    let tasks: Vec<_> = (0..2500).map(|_| handle.spawn(async {})).collect();
                    tasks.iter().map(JoinHandle::id).collect::<Vec<_>>()
                })
            })
            .collect();
        let ids = threads
            .into_iter()
            .flat_map(|thread| thread.join().unwrap());
        assert_eq!(ids.collect::<HashSet<_>>().len(), 4 * 2500);
        let task = runtime.spawn(async {});
        assert_eq!(task.id(), task.abort_handle().id());
    });
}

#[test]
fn a_task_knows_the_line_that_spawned_it() {
    on_workers(&[1], |runtime, _| {
        let sites = runtime.run(async {
            let (current, line) = (Handle::current(), line!());
            let task = spawn(async {});
            let job = wheelhouse::spawn_blocking(|| ());
            let by_handle = current.spawn(async {});
            let sites = [task, job, by_handle].map(|task| task.spawn_site());
            sites.map(|site| (site.file(), site.line() - line))
        });
        assert_eq!(sites, [(file!(), 1), (file!(), 2), (file!(), 3)]);
        let stuck = runtime.spawn(std::future::pending::<()>());
        let line = line!() - 1;
        stuck.abort();
        let (id, site) = (stuck.id(), stuck.spawn_site());
        let error = stuck.join().unwrap_err();
        assert_eq!((error.id(), error.spawn_site()), (id, site));
        let text = error.to_string();
        assert!(text.contains(&format!("{}:{line}", file!())), "{text}");
        assert!(
            text.contains(&id.to_string()) && text.contains("cancelled"),
            "{text}"
        );
    });
}

#[test]
fn handles_are_small_and_go_everywhere() {
    fn check<T: Send + Sync + Unpin + 'static>() {}
    check::<JoinHandle<std::cell::Cell<u8>>>();
    check::<AbortHandle>();
    check::<JoinError>();
    check::<Handle>();
    check::<wheelhouse::Runtime>();
    assert_eq!(size_of::<JoinHandle<[u64; 9]>>(), size_of::<usize>());
    assert_eq!(size_of::<Option<JoinHandle<()>>>(), size_of::<usize>());
    watchdog("a handle of what is not Sync", LIMIT, || {
        let value = wheelhouse::run(async { spawn(async { std::cell::Cell::new(3) }).await });
        assert_eq!(value.unwrap().get(), 3);
    });
}
