//! `thread::sleep` against `sleep`: `time.sleep` against `asyncio.sleep`.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 04_two_sleeps`
//!
//! `thread::sleep` puts the *thread* to sleep, with everything that was to run on it.
//! `sleep(..).await` puts the *task* to sleep: it leaves a note in the timer wheel, "wake me then",
//! and gives its thread to whoever is ready.

use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{join, run, sleep};

const NAP: Duration = Duration::from_millis(100);

async fn hold_the_thread(name: &str) {
    println!("  {name} starts");
    thread::sleep(NAP); // no `.await`: nobody else gets a turn
    println!("  {name} ends");
}

async fn give_way(name: &str) {
    println!("  {name} starts");
    sleep(NAP).await;
    println!("  {name} ends");
}

async fn async_main() {
    // `join!` runs its futures in turns inside *this one* task, as all of asyncio runs on one
    // thread. (`gather!` would make each a task of its own, free to run on another core; there a
    // `thread::sleep` takes one worker away, until another thread stands in: see `10_blocked`.)
    println!("thread::sleep, one after the other:");
    let start = Instant::now();
    join!(hold_the_thread("first"), hold_the_thread("second"));
    println!("  {} ms in all", start.elapsed().as_millis());

    println!("sleep, both at once:");
    let start = Instant::now();
    join!(give_way("first"), give_way("second"));
    println!("  {} ms in all", start.elapsed().as_millis());
}

fn main() {
    run(async_main());
}
