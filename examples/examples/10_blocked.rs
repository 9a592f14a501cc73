//! A task that blocks its thread: what goes on meanwhile, and which task is to blame.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 10_blocked`
//!
//! ```text
//! a nap that nobody was told of:
//!   report: task 2, spawned at examples/examples/10_blocked.rs:58:24, has blocked thread `wheelhouse-0` for 2 ms
//!   report: task 2, spawned at examples/examples/10_blocked.rs:58:24, blocked thread `wheelhouse-0` for 200 ms: that poll is over
//!   19 heartbeats meanwhile
//! the same nap, announced:
//!   19 heartbeats meanwhile
//! ```
//!
//! In asyncio a `time.sleep` in one coroutine stops them all, and only its debug mode says which one
//! it was, when it is over.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use wheelhouse::{BlockedReport, Runtime, block_in_place, sleep};

const NAP: Duration = Duration::from_millis(200);

static BEATS: AtomicU32 = AtomicU32::new(0);

/// Some other task, which wants its thread every 10 ms.
async fn heartbeat() {
    loop {
        sleep(Duration::from_millis(10)).await;
        BEATS.fetch_add(1, Relaxed); // Relaxed: only counted.
    }
}

/// Stands for a slow query, a large file, a library that knows nothing of async: no `.await`.
/// Gives the number of heartbeats meanwhile.
fn nap() -> u32 {
    let before = BEATS.load(Relaxed); // Relaxed: as above.
    thread::sleep(NAP);
    BEATS.load(Relaxed) - before
}

fn main() -> io::Result<()> {
    let (sender, over) = mpsc::channel();
    let runtime = Runtime::builder()
        .worker_threads(1) // the one that both tasks below want
        .on_blocked(move |report| {
            println!("  report: {report}");
            if let BlockedReport::Ended(_) = report {
                let _ = sender.send(());
            }
        })
        .build()?;
    drop(runtime.spawn(heartbeat()));

    println!("a nap that nobody was told of:");
    let task = runtime.spawn(async { nap() });
    let beats = task.join().expect("a nap");
    let _ = over.recv_timeout(NAP); // the report of its end is a moment behind
    println!("  {beats} heartbeats meanwhile");

    // The task hands the worker's other work on before it blocks. So nobody has to notice first, and
    // nothing is reported.
    println!("the same nap, announced:");
    let beats = runtime.run(async { block_in_place(nap) });
    println!("  {beats} heartbeats meanwhile");
    Ok(())
}
