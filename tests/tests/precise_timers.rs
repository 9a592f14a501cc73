//! While a worker waits for a deadline, its thread's timer slack is next to none; what tasks start never
//! inherits that.
#![cfg(target_os = "linux")]

use std::fs;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{Builder, Runtime, sleep, spawn};
use wheelhouse_tests::{LIMIT, eventually, watchdog};

/// The calling thread's slack, in nanoseconds.
fn slack() -> i32 {
    // SAFETY: this request takes no further argument, and returns a number.
    unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) }
}

/// The calling thread's number.
fn thread_number() -> String {
    let link = fs::read_link("/proc/thread-self").unwrap();
    link.file_name().unwrap().to_str().unwrap().to_owned()
}

/// The slack of another thread.
fn slack_of(thread: &str) -> String {
    let file = format!("/proc/{thread}/timerslack_ns");
    fs::read_to_string(file).unwrap().trim().to_owned()
}

/// A runtime with one worker, and the number of that one's thread, which waits for a deadline.
fn waiting(builder: Builder) -> (Runtime, String) {
    let runtime = builder.worker_threads(1).build().unwrap();
    let (sender, worker) = mpsc::channel();
    drop(runtime.spawn(async move {
        sender.send(thread_number()).unwrap();
        sleep(Duration::from_secs(3600)).await;
    }));
    let worker = worker.recv().unwrap();
    (runtime, worker)
}

#[test]
fn a_worker_that_waits_for_a_deadline_has_next_to_none() {
    watchdog(
        "a worker that waits for a deadline has next to none",
        LIMIT,
        || {
            let (_runtime, worker) = waiting(Runtime::builder());
            eventually("the worker waits precisely", LIMIT, || {
                slack_of(&worker) == "1"
            });
        },
    );
}

#[test]
fn unless_that_is_not_wanted() {
    watchdog("unless that is not wanted", LIMIT, || {
        let (_precise, other) = waiting(Runtime::builder());
        let (_runtime, worker) = waiting(Runtime::builder().precise_timers(false));
        eventually("the other worker waits", LIMIT, || slack_of(&other) == "1");
        assert_eq!(slack_of(&worker), slack().to_string());
    });
}

#[test]
fn tasks_and_what_they_start_have_the_usual_slack() {
    watchdog(
        "tasks and what they start have the usual slack",
        LIMIT,
        || {
            let usual = slack();
            assert!(usual > 1, "{usual}");
            let runtime = Runtime::builder().worker_threads(2).build().unwrap();
            let seen = runtime.run(async {
                let woken = (0..20).map(|_| {
                    spawn(async {
                        sleep(Duration::from_millis(1)).await;
                        let read = ["/proc/self/timerslack_ns"];
                        let process = Command::new("cat").args(read).output().unwrap();
                        let process = String::from_utf8(process.stdout).unwrap();
                        let thread = thread::spawn(slack).join().unwrap();
                        [slack(), thread, process.trim().parse().unwrap()]
                    })
                });
                wheelhouse::gather!(..woken).await
            });
            assert_eq!(seen, vec![[usual; 3]; 20]);
        },
    );
}
