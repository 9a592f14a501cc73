//! What a shutdown says about the threads that do not end.

use std::future::pending;
use std::process::Command;
use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, ShutdownReport};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, WORKERS, on_workers, output_within};

#[track_caller]
fn assert_tells(report: &ShutdownReport, thread: &str, line: u32) {
    let [stuck] = report.stuck() else {
        panic!("one thread is stuck: {report}");
    };
    assert!(!report.is_complete());
    assert_eq!(stuck.name(), thread);
    let site = stuck.spawn_site().expect("it runs something");
    assert_eq!((site.file(), site.line()), (file!(), line));
    let text = report.to_string();
    assert!(
        text.contains(thread) && text.contains(&format!("{}:{line}", file!())),
        "{text}"
    );
}

#[test]
fn the_report_names_a_stuck_job() {
    on_workers(WORKERS, |runtime, _| {
        let inside = Gate::new();
        let block = inside.clone();
        let job = runtime.spawn_blocking(move || block.block());
        let line = line!() - 1;
        inside.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(Duration::from_millis(10));
        assert_tells(&report, "wheelhouse-b0", line);
        inside.open();
        job.join().unwrap();
    });
}

#[test]
fn the_report_names_a_stuck_poll() {
    on_workers(&[1], |runtime, _| {
        let (inside, drops) = (Gate::new(), DropCounter::new());
        let (block, token) = (inside.clone(), drops.token());
        let future = async move {
            let _token = token;
            block.block();
            pending::<()>().await
        };
        let task = runtime.spawn(future);
        let line = line!() - 1;
        inside.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(Duration::ZERO);
        assert_tells(&report, "wheelhouse-0", line);
        assert_eq!(drops.dropped(), 0, "its own thread will drop it");
        inside.open();
        assert!(task.join().unwrap_err().is_cancelled());
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_complete_shutdown_says_so() {
    on_workers(WORKERS, |runtime, _| {
        drop(runtime.spawn(pending::<()>()));
        runtime.spawn_blocking(|| ()).join().unwrap();
        let report = runtime.shutdown_timeout(Duration::MAX);
        assert!(
            report.is_complete() && report.stuck().is_empty(),
            "{report}"
        );
    });
}

/// The program of the test below: a runtime whose drop takes over five seconds.
#[test]
#[ignore = "run by `a_slow_drop_says_what_it_waits_for`"]
fn slow_drop() {
    let runtime = Runtime::builder()
        .thread_name("slow")
        .worker_threads(1)
        .build()
        .unwrap();
    let inside = Gate::new();
    let block = inside.clone();
    drop(runtime.spawn_blocking(move || block.block()));
    inside.wait_for(1, LIMIT);
    let opener = thread::spawn(move || {
        thread::sleep(Duration::from_millis(5500));
        inside.open();
    });
    drop(runtime);
    opener.join().unwrap();
}

#[test]
fn a_slow_drop_says_what_it_waits_for() {
    let mut program = Command::new(std::env::current_exe().unwrap());
    program.args(["--exact", "slow_drop", "--ignored", "--nocapture"]);
    let output = output_within(&mut program, LIMIT);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    for word in ["wheelhouse", "slow-b0", file!()] {
        assert!(said.contains(word), "no {word} in: {said}");
    }
}
