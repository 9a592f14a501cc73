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
        // If the joiner has yet to begin with the thread when the gather is dropped, it never does.
        loop {
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
            gate.open();
            if let Ok(name) = told.recv_timeout(Duration::from_millis(100)) {
                break assert_eq!(name, "third");
            }
        }
    });
}
