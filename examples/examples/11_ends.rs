//! The ways in which a task ends: with its group, with nobody to hear of it, and with a scope.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 11_ends`
//!
//! ```text
//! a group in which one task fails:
//!   index.html is closed
//!   the first page has 10 letters
//!   missing.html is closed
//!   huge.html is closed
//!   the group failed: task 259, spawned at examples/examples/11_ends.rs:49:15, failed: no missing.html
//! a task whose handle was dropped:
//!   task 2 `backup`, spawned at examples/examples/11_ends.rs:68:17, panicked, and nobody collected it: the disk is full
//! a scope that lends a list to two tasks:
//!   its sum is 31
//! ```
//!
//! In asyncio: `async with TaskGroup()`; "Task exception was never retrieved"; a scope has no match.

use std::panic;
use std::sync::mpsc;
use std::time::Duration;
use wheelhouse::{Runtime, sleep, task, task_group};

/// A destructor does what `finally:` does in Python, also in a task that is cancelled.
struct Page(&'static str);

impl Drop for Page {
    fn drop(&mut self) {
        println!("  {} is closed", self.0);
    }
}

async fn fetch(page: Page, seconds: u64) -> Result<usize, String> {
    sleep(Duration::from_secs(seconds)).await;
    match page.0 {
        "missing.html" => Err(format!("no {}", page.0)),
        name => Ok(name.len()),
    }
}

async fn one_fails() {
    let pages = task_group(async |group| {
        group.spawn(fetch(Page("index.html"), 0));
        if let Some(Ok(letters)) = group.next().await {
            println!("  the first page has {letters} letters");
        }
        group.spawn(fetch(Page("huge.html"), 3600)); // takes an hour
        group.spawn(fetch(Page("missing.html"), 0)); // fails, so that the other is cancelled
        Ok(())
    });
    // The error comes when every task of the group has ended: nothing goes on unseen.
    println!("  the group failed: {}", pages.await.expect_err("no page"));
}

fn main() {
    let (sender, told) = mpsc::channel();
    let runtime = Runtime::builder()
        .on_unhandled_panic(move |panic| sender.send(panic.to_string()).expect("main waits"))
        .build()
        .expect("threads");
    println!("a group in which one task fails:");
    runtime.run(one_fails());

    println!("a task whose handle was dropped:");
    panic::set_hook(Box::new(|_| {})); // else Rust itself prints each panic too, to standard error
    let backup = task::Builder::new().name("backup");
    drop(backup.spawn_on(async { panic!("the disk is full") }, runtime.handle()));
    println!("  {}", told.recv().expect("the panic"));

    println!("a scope that lends a list to two tasks:");
    let numbers = [3, 1, 4, 1, 5, 9, 2, 6];
    let sum: u32 = runtime.scope(|s| {
        let halves = [&numbers[..4], &numbers[4..]]; // borrowed: nothing is copied, or moved
        let parts = halves.map(|half| s.spawn(async { half.iter().sum::<u32>() }));
        parts.map(|part| part.join().expect("a sum")).iter().sum()
    });
    println!("  its sum is {sum}");
}
