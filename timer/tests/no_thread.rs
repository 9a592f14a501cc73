//! What a program sees if the stand-alone driver's thread can't be started: a panic that says so,
//! at each attempt, and no harm done.
//!
//! A process of its own asks for stacks larger than its address space, so that no thread can be
//! started.

use std::panic::catch_unwind;
use std::pin::pin;
use std::process::Command;
use std::task::{Context, Waker};
use std::time::Duration;

use wheelhouse_timer::{sleep, timeout};

const STACK: &str = "RUST_MIN_STACK";

fn main() {
    if std::env::var_os(STACK).is_some() {
        return without_threads();
    }
    if cfg!(not(target_pointer_width = "64")) {
        return; // There such a size can't even be said.
    }
    let program = std::env::current_exe().unwrap();
    let output = Command::new(program)
        .env(STACK, (1u64 << 47).to_string())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn without_threads() {
    assert!(
        std::thread::Builder::new().spawn(|| ()).is_err(),
        "a thread could be started"
    );
    std::panic::set_hook(Box::new(|_| ()));
    for _ in 0..3 {
        let refused = catch_unwind(|| poll(sleep(Duration::from_secs(1)))).unwrap_err();
        let message = refused.downcast_ref::<String>().unwrap();
        for part in [
            "no runtime is entered",
            "`wheelhouse-timer`",
            "can't be started: ",
        ] {
            assert!(message.contains(part), "{message}");
        }
    }
    let _ = std::panic::take_hook();
    // What needs no thread still works.
    assert!(poll(sleep(Duration::ZERO)));
    assert!(poll(timeout(
        Duration::from_secs(1),
        std::future::ready(())
    )));
}

fn poll<F: Future>(future: F) -> bool {
    pin!(future)
        .poll(&mut Context::from_waker(Waker::noop()))
        .is_ready()
}
