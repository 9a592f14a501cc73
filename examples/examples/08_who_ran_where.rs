//! Tasks and OS threads side by side in one `gather!`, and which thread each of them ran on.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 08_who_ran_where`
//!
//! It is often said that async code "has many threads". In asyncio that is not so: all coroutines
//! share one thread. Here the tasks share one *worker* thread per core, and a task may go on
//! after an `.await` on another worker than before. An OS thread is always its own.

use std::thread;
use std::time::Duration;
use wheelhouse::{gather, run, sleep, spawn};

/// The name of the thread that runs this very line.
fn here() -> String {
    thread::current().name().unwrap_or("unnamed").to_owned()
}

struct Report {
    who: &'static str,
    before: String,
    after: String,
}

/// Notes its thread, sleeps, and notes its thread again.
async fn task(who: &'static str) -> Report {
    let before = here();
    sleep(Duration::from_millis(20)).await;
    let after = here();
    Report { who, before, after }
}

/// The same on a thread of its own: the operating system's, with a stack of its own.
fn os_thread(who: &'static str) -> thread::JoinHandle<Report> {
    let body = move || {
        let before = here();
        thread::sleep(Duration::from_millis(20));
        let after = here();
        Report { who, before, after }
    };
    let spawned = thread::Builder::new().name(who.to_owned()).spawn(body);
    spawned.expect("the system has a thread left")
}

async fn async_main() {
    println!("main            runs on {}", here());
    // Futures, the handle of a task that runs already, and handles of threads: `gather!` takes
    // each for what it is, and gives back what it returns.
    let running = spawn(task("spawned task"));
    let (a, b, c, d, e) = gather!(
        task("first future"),
        os_thread("os-thread-1"),
        running,
        os_thread("os-thread-2"),
        task("second future"),
    )
    .await;
    for Report { who, before, after } in [a, b, c, d, e] {
        println!("{who:<15} ran on {before}, then on {after}");
    }
}

fn main() {
    run(async_main());
    println!("the program's main thread was {} all the time", here());
}
