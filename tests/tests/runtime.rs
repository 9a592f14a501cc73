//! `run`, `block_on`, `enter` and handles: where a future runs, and what is around it.

use std::cell::Cell;
use std::rc::Rc;
use std::thread;
use std::time::Duration;
use wheelhouse::{Handle, spawn, yield_now};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, ON_PURPOSE, WORKERS, catch, on_workers, watchdog,
};

fn thread_name() -> String {
    thread::current().name().unwrap_or_default().to_owned()
}

#[test]
fn the_main_future_runs_on_a_worker() {
    watchdog("run", LIMIT, || {
        let (before, after) = wheelhouse::run(async {
            let before = thread_name();
            yield_now().await;
            (before, thread_name())
        });
        for name in [before, after] {
            assert!(name.starts_with("wheelhouse-"), "{name}");
        }
    });
}

#[test]
fn the_main_future_may_borrow() {
    watchdog("borrow", LIMIT, || {
        let (name, mut log) = (String::from("main"), Vec::new());
        let length = wheelhouse::run(async {
            log.push(name.as_str());
            yield_now().await;
            log.push(spawn(async { "task" }).await.unwrap());
            &name
        });
        assert_eq!((length.as_str(), log), ("main", vec!["main", "task"]));
    });
}

#[test]
fn a_waker_of_the_main_future_may_outlive_it() {
    on_workers(WORKERS, |runtime, _| {
        let local = String::from("borrowed");
        let waker = runtime.run(async {
            let waker = std::future::poll_fn(|cx| std::task::Poll::Ready(cx.waker().clone())).await;
            assert_eq!(local, "borrowed");
            waker
        });
        waker.wake_by_ref();
        assert_eq!(runtime.run(async { 1 }), 1);
        drop(runtime);
        waker.wake();
    });
}

#[test]
fn a_panic_of_the_main_future_goes_on_in_the_caller() {
    on_workers(WORKERS, |runtime, _| {
        let caught = catch(|| runtime.run(async { panic!("{ON_PURPOSE}: 3 apples") }));
        assert_eq!(caught.text, "on purpose: 3 apples");
        let caught = catch(|| runtime.block_on(async { panic!("{ON_PURPOSE}: 4 pears") }));
        assert_eq!(caught.text, "on purpose: 4 pears");
        assert_eq!(runtime.run(async { 5 }), 5, "the runtime works afterwards");
        assert_eq!(
            runtime.block_on(async { 6 }),
            6,
            "the thread is not marked as blocked"
        );
    });
    let caught = catch(|| wheelhouse::run(async { panic!("{ON_PURPOSE}: 5 plums") }));
    assert_eq!(caught.text, "on purpose: 5 plums");
}

#[test]
fn run_cancels_what_it_leaves_behind() {
    watchdog("spawns are cancelled", LIMIT, || {
        let drops = DropCounter::new();
        let gate = Gate::new();
        wheelhouse::run(async {
            for _ in 0..100 {
                let (token, gate) = (drops.token(), gate.clone());
                drop(spawn(async move {
                    let _token = token;
                    gate.wait().await;
                }));
            }
            yield_now().await;
        });
        drops.assert_each_dropped_once();
        assert_eq!(gate.waiting(), 0);
    });
}

#[test]
fn tasks_that_outlast_one_run_go_on_in_the_next() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let (mut task, waits) = (None, gate.clone());
        runtime.run(async { task = Some(spawn(async move { waits.wait().await })) });
        runtime.run(async {
            gate.open();
            task.unwrap().await.unwrap();
        });
    });
}

#[test]
fn block_on_stays_on_its_thread_and_need_not_be_send() {
    on_workers(WORKERS, |runtime, _| {
        let here = thread::current().id();
        let (local, spawned) = (Rc::new(Cell::new(0)), Cell::new(None));
        let sum = runtime.block_on(async {
            for _ in 0..10 {
                local.set(local.get() + spawn(async { 1 }).await.unwrap());
                assert_eq!(thread::current().id(), here);
            }
            spawned.set(Some(spawn(async { thread_name() }).await.unwrap()));
            local.get()
        });
        assert_eq!(sum, 10);
        let name = spawned.take().unwrap();
        assert!(name.starts_with("wheelhouse-"), "{name}");
    });
}

#[test]
fn many_threads_block_on_one_runtime() {
    on_workers(WORKERS, |runtime, _| {
        thread::scope(|scope| {
            for i in 0..8 {
                let runtime = &runtime;
                scope.spawn(move || {
                    for _ in 0..100 {
                        let task = || async move { spawn(async move { i }).await.unwrap() };
                        assert_eq!(runtime.block_on(task()), i);
                        assert_eq!(runtime.run(task()), i);
                    }
                });
            }
        });
    });
}

#[test]
fn what_a_shutdown_cancels_in_run_is_told() {
    on_workers(&[1, 4], |runtime, _| {
        let (gate, handle) = (Gate::new(), runtime.handle().clone());
        let waits = gate.clone();
        let closer = thread::spawn(move || {
            waits.wait_for(1, LIMIT);
            handle.shutdown_background();
        });
        let line = line!() + 1;
        let caught = catch(|| runtime.run(gate.wait()));
        assert!(caught.text.contains("shut down"), "{caught:?}");
        caught.assert_names(line);
        closer.join().unwrap();
    });
}

#[test]
fn a_handle_reaches_the_runtime_from_anywhere() {
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.run(async { Handle::current() });
        let thread = thread::spawn(move || {
            let sum: i32 = (0..100)
                .map(|i| handle.spawn(async move { i }).join().unwrap())
                .sum();
            let blocking = handle.spawn_blocking(|| 50).join().unwrap();
            sum + blocking + handle.block_on(async { spawn(async { 1 }).await.unwrap() })
        });
        assert_eq!(thread.join().unwrap(), 4950 + 50 + 1);
        let slept = runtime.block_on(async {
            wheelhouse::sleep(Duration::from_millis(1)).await;
            Handle::try_current().is_some()
        });
        assert!(slept);
    });
}
