//! The panic of a thread that a gather has let go is told to the gather's own runtime.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, gather};
use wheelhouse_tests::{Gate, LIMIT, ON_PURPOSE, quiet, watchdog};

fn runtime(name: &'static str, tell: &mpsc::Sender<&'static str>) -> Runtime {
    let tell = tell.clone();
    Runtime::builder()
        .worker_threads(1)
        .on_unhandled_panic(move |_| tell.send(name).unwrap())
        .build()
        .unwrap()
}

#[test]
fn of_several_runtimes() {
    quiet();
    watchdog("of several runtimes", LIMIT, || {
        let (tell, told) = mpsc::channel();
        let _others = ["first", "second"].map(|name| runtime(name, &tell));
        let runtime = runtime("third", &tell);
        assert_eq!(told_of_a_thread(&runtime, &told), "third");
    });
}

/// Not the next runtime in the same place in memory.
#[test]
fn of_one_that_has_ended() {
    quiet();
    watchdog("of one that has ended", LIMIT, || {
        let (tell, told) = mpsc::channel();
        for _ in 0..10 {
            let first = runtime("first", &tell);
            let gate = drop_a_gather(&first);
            drop(first);
            let _second = runtime("second", &tell);
            gate.open();
            let name = told.recv_timeout(Duration::from_millis(30));
            assert_ne!(name, Ok("second"));
        }
    });
}

/// Who is told of the panic of a thread whose gather, a runtime's, was dropped.
fn told_of_a_thread(runtime: &Runtime, told: &mpsc::Receiver<&'static str>) -> &'static str {
    // If the joiner has yet to begin with the thread when the gather is dropped, it never does.
    loop {
        drop_a_gather(runtime).open();
        if let Ok(name) = told.recv_timeout(Duration::from_millis(100)) {
            return name;
        }
    }
}

/// Drops a runtime's gather of a thread, which panics when the gate is opened.
fn drop_a_gather(runtime: &Runtime) -> Gate {
    let gate = Gate::new();
    let waits = gate.clone();
    let thread = thread::spawn(move || {
        waits.block();
        panic!("{ON_PURPOSE}: in a thread");
    });
    let entered = runtime.enter();
    let gather = gather!(thread);
    drop(entered);
    gate.wait_for(1, LIMIT);
    (0..100).for_each(|_| thread::yield_now());
    drop(gather);
    gate
}
