//! What the runtime says on standard error waits for whoever holds that lock; the rescue does not.
//!
//! Each test runs a program in a process of its own, one of the ignored tests of this file.

use std::io::{self, Write};
use std::sync::mpsc;
use std::time::Duration;
use wheelhouse::{JoinHandle, Runtime, spawn};
use wheelhouse_tests::{Gate, LIMIT, eventually, printed_by, program};

/// What the ignored test `name` says on standard error, and on standard output.
#[track_caller]
fn said_by(name: &str) -> (Vec<String>, String) {
    let mut command = program(name);
    command.env_remove("WHEELHOUSE_DEBUG");
    let (printed, said) = printed_by(&mut command, LIMIT / 2);
    assert!(printed.contains("1 passed"), "{printed}");
    (said.lines().map(str::to_owned).collect(), printed)
}

/// A task that locks standard error, and blocks until it is fed; then it says so. It has the lock when
/// this returns.
fn hold_standard_error(runtime: &Runtime) -> (JoinHandle<()>, mpsc::Sender<()>) {
    let (feed, fed) = mpsc::channel();
    let (locked, is_locked) = mpsc::channel();
    let task = runtime.spawn(async move {
        let mut standard_error = io::stderr().lock();
        locked.send(()).unwrap();
        fed.recv().expect("the feeder runs");
        writeln!(standard_error, "fed").unwrap();
    });
    is_locked.recv().unwrap();
    (task, feed)
}

/// Another one that blocks, and what feeds them both lies in its slot: only a rescue can run that.
fn feed_by_a_rescue(runtime: &Runtime, feed: mpsc::Sender<()>) {
    let task = runtime.spawn(async move {
        let (done, is_done) = mpsc::channel();
        drop(spawn(async move {
            feed.send(()).unwrap();
            done.send(()).unwrap();
        }));
        is_done.recv().expect("the feeder runs");
    });
    task.join().unwrap();
}

#[test]
#[ignore = "run by the tests below"]
fn holds_the_lock_in_debug_mode() {
    // Whatever is stuck is worth a line at once.
    let builder = Runtime::builder().worker_threads(1).debug(true);
    let runtime = builder.slow_poll(Duration::ZERO).build().unwrap();
    let (task, feed) = hold_standard_error(&runtime);
    println!("id: {}", task.id());
    // It runs on the spare that was called when the line came up.
    feed_by_a_rescue(&runtime, feed);
    task.join().unwrap();
    // The lines are handed over by a job, which the runtime waits for.
    drop(runtime);
}

#[test]
#[ignore = "run by the tests below"]
fn holds_the_lock_at_the_limit() {
    let builder = Runtime::builder().worker_threads(2);
    let runtime = builder.max_spare_threads(1).build().unwrap();
    let (task, feed) = hold_standard_error(&runtime);
    let gate = Gate::new();
    let others = [gate.clone(), gate.clone()];
    let others = others.map(|gate| runtime.spawn(async move { gate.block() }));
    eventually("the limit is noticed", LIMIT, || {
        runtime.metrics().spare_limit_hits > 0
    });
    gate.open();
    others.into_iter().for_each(|other| other.join().unwrap());
    feed_by_a_rescue(&runtime, feed);
    task.join().unwrap();
    drop(runtime);
}

/// Of the lines only the first is of interest: what else is stuck meanwhile is not certain.
#[track_caller]
fn assert_said_after_the_holder(said: &[String], first: &str) {
    assert!(said.len() > 1 && said[0] == "fed", "{said:#?}");
    assert!(said[1].starts_with(first), "{said:#?}");
    let whole = |line: &String| line.starts_with("wheelhouse: ");
    assert!(said[1..].iter().all(whole), "{said:#?}");
}

#[test]
fn lines_of_debug_mode_wait_and_the_rescue_does_not() {
    let (said, printed) = said_by("holds_the_lock_in_debug_mode");
    let id = printed.lines().find_map(|line| line.strip_prefix("id: "));
    assert_said_after_the_holder(&said, &format!("wheelhouse: task {}, ", id.unwrap()));
}

#[test]
fn the_line_of_the_limit_waits_and_the_rescue_does_not() {
    let (said, _) = said_by("holds_the_lock_at_the_limit");
    assert_said_after_the_holder(&said, "wheelhouse: the limit of 1 spare threads ");
}
