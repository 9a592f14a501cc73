//! A thread for blocking jobs that the operating system refuses.
#![cfg(target_os = "linux")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::time::Duration;
use wheelhouse::{Builder, Runtime};
use wheelhouse_tests::{Gate, LIMIT, eventually, output_within, panic_text};

/// What a thread's stack takes of the address space: more than is left under the limit below, but
/// for a few threads.
const STACK: usize = 1 << 30;

fn builder() -> Builder {
    let builder = Runtime::builder().worker_threads(1).watch(false);
    builder.thread_stack_size(STACK)
}

/// The program of the test below. Its address space has room for few threads.
#[test]
#[ignore = "run by `jobs_without_a_thread_of_their_own`"]
fn refused() {
    let keep_alive = Duration::ZERO;
    let runtime = builder().max_blocking_queue(2).build().unwrap();
    // Started while there is room, so that it goes without blocking threads afterwards.
    let other = builder().thread_keep_alive(keep_alive).build().unwrap();
    let gate = Gate::new();
    let mut jobs = Vec::new();
    // Until no more threads come: two wait then, and the others are refused.
    let refused = loop {
        let block = gate.clone();
        let job = runtime.spawn_blocking(move || block.block());
        if job.is_finished() {
            break job;
        }
        jobs.push(job);
    };
    let error = refused.join().unwrap_err();
    assert!(error.is_refused(), "{error}");
    // The last threads may be on their way to their jobs.
    eventually("all threads have a job", LIMIT, || {
        runtime.metrics().queued_blocking_jobs == 2
    });
    let metrics = runtime.metrics();
    assert_eq!(metrics.refused_blocking_jobs, 1);
    assert_eq!(metrics.blocking_threads, jobs.len() - 2);
    assert!(jobs.len() > 2, "there was room for one");

    // The other runtime has no thread at all for jobs.
    let spawn = AssertUnwindSafe(|| other.spawn_blocking(|| ()));
    let text = panic_text(&*catch_unwind(spawn).unwrap_err());
    assert!(text.contains("there is no thread for it"), "{text}");
    assert!(text.contains(file!()), "{text}");
    assert_eq!(other.metrics().blocking_threads, 0);
    assert_eq!(other.metrics().queued_blocking_jobs, 0);

    gate.open();
    for job in jobs {
        job.join().unwrap();
    }
    drop(runtime);
    eventually("there is room again", LIMIT, || {
        let spawn = AssertUnwindSafe(|| other.spawn_blocking(|| 3).join().unwrap());
        catch_unwind(spawn).is_ok_and(|three| three == 3)
    });
}

#[test]
fn jobs_without_a_thread_of_their_own() {
    let program = std::env::current_exe().unwrap();
    // In KiB: eight stacks.
    let limit = STACK / 1024 * 8;
    let script = format!("ulimit -v {limit} && exec \"$0\" --exact refused --ignored --nocapture");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).arg(program);
    let output = output_within(&mut command, LIMIT);
    let said = String::from_utf8_lossy(&output.stdout);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}{errors}");
    assert!(said.contains("1 passed"), "{said}{errors}");
}
