//! A thread for blocking jobs that the operating system refuses.
#![cfg(target_os = "linux")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;
use wheelhouse::{Builder, Runtime};
use wheelhouse_tests::{Gate, LIMIT, eventually, panic_text, printed_by, program_within};

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
    // In KiB: eight stacks.
    let mut program = program_within(STACK / 1024 * 8, "refused");
    let (printed, said) = printed_by(&mut program, LIMIT);
    assert!(printed.contains("1 passed"), "{printed}{said}");
}
