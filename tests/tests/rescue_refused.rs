//! A spare thread that the operating system refuses is told of, and asked for again.
#![cfg(target_os = "linux")]

use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{BlockedReport, Runtime, spawn};
use wheelhouse_tests::{LIMIT, printed_by, program_within};

/// What a thread's stack takes of the address space: more than is left under the limit below, but
/// for a few threads.
const STACK: usize = 1 << 30;

/// The program of the test below. Its address space has room for the worker, and for few others.
#[test]
#[ignore = "run by `a_refused_spare_is_told_of`"]
fn refused() {
    let (tell, reports) = mpsc::channel();
    let runtime = Runtime::builder()
        .worker_threads(1)
        .thread_stack_size(STACK)
        .on_blocked(move |report| {
            if let BlockedReport::SpareRefused { .. } = report {
                println!("{report}");
                let _ = tell.send(());
            }
        })
        .build()
        .unwrap();
    // The thread that calls the hook is there before the address space is used up.
    runtime.spawn_blocking(|| ()).join().unwrap();
    let (release, released) = mpsc::channel::<()>();
    let blocker = runtime.spawn(async move { released.recv().is_err() });
    // Each blocks the thread that runs it, until no more threads come.
    let more: Vec<_> = (0..64)
        .map(|_| {
            let (release, released) = mpsc::channel::<()>();
            (
                release,
                runtime.spawn(async move { released.recv().is_err() }),
            )
        })
        .collect();
    reports.recv().unwrap();
    // Meanwhile a thread is asked for again, and refused again.
    thread::sleep(Duration::from_millis(300));
    drop(release);
    // All first: a task that has not started waits for one that has.
    let (releases, tasks): (Vec<_>, Vec<_>) = more.into_iter().unzip();
    drop(releases);
    for task in tasks {
        task.join().unwrap();
    }
    blocker.join().unwrap();
    let after = runtime.run(async { spawn(async { thread::current().id() }).await });
    assert!(after.is_ok());
}

#[test]
fn a_refused_spare_is_told_of() {
    // In KiB: eight stacks.
    let mut program = program_within(STACK / 1024 * 8, "refused");
    let (printed, said) = printed_by(&mut program, LIMIT);
    let told = printed.matches("no spare thread could be started");
    assert_eq!(told.count(), 1, "{printed}{said}");
}
