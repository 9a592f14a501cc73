//! A gather without thread handles starts no thread, and one with them says that it could not.
#![cfg(target_os = "linux")]

use std::thread;
use wheelhouse::{Runtime, gather, spawn};
use wheelhouse_tests::{LIMIT, catch, printed_by};

/// The program of the test below, in which no thread can be started without saying how large its stack
/// is to be.
#[test]
#[ignore = "run by `where_no_thread_can_be_started`"]
fn program() {
    let runtime = Runtime::builder()
        .worker_threads(1)
        .thread_stack_size(1 << 20)
        .watch(false)
        .build()
        .unwrap();
    assert!(thread::Builder::new().spawn(|| ()).is_err());
    let small = thread::Builder::new().stack_size(1 << 20);
    let thread = small.spawn(|| 3).unwrap();
    runtime.run(async {
        assert_eq!(gather!(async { 1 }, spawn(async { 2 })).await, (1, 2));
        assert_eq!(gather!(..[async { 1 }]).await, [1]);
        let refused = catch(|| gather!(async { 1 }, thread));
        let wanted = "gather! has 1 thread handle(s), and the thread that waits for them could not";
        assert!(refused.text.starts_with(wanted), "{refused:?}");
    });
}

#[test]
fn where_no_thread_can_be_started() {
    let mut command = wheelhouse_tests::program("program");
    command.arg("--test-threads=1");
    // More than there are addresses.
    command.env("RUST_MIN_STACK", (1_u64 << 48).to_string());
    let (printed, said) = printed_by(&mut command, LIMIT);
    assert!(printed.contains("1 passed"), "{printed}{said}");
}
