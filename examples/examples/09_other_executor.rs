//! The timers alone: `wheelhouse-timer` on another project's executor, without `wheelhouse`.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 09_other_executor`
//!
//! A sleep needs somebody who watches the clock. On a Wheelhouse worker that is the pool itself;
//! anywhere else, the timer crate starts one small thread of its own when the first timer waits.

use futures::executor::block_on;
use futures::join;
use std::future::pending;
use std::time::{Duration, Instant};
use wheelhouse_timer::{interval, sleep, timeout};

async fn async_main() {
    let start = Instant::now();

    // A thousand sleeps, one thread to poll them, one to watch the clock.
    let many = (0..1_000).map(|_| sleep(Duration::from_millis(50)));
    futures::future::join_all(many).await;
    let elapsed = start.elapsed();
    assert!(elapsed.as_millis() >= 50, "a timer never fires early");
    println!("1000 sleeps of 50 ms ended together, after {elapsed:?}");

    // Python's `asyncio.wait_for`: the future is dropped when its time is up.
    let never = timeout(Duration::from_millis(10), pending::<()>()).await;
    println!("a future that never ends: {}", never.unwrap_err());
    let at_once = timeout(Duration::from_millis(10), async { 9 }).await;
    println!("a future that is ready: {}", at_once.unwrap());

    // Two tickers side by side in this one task. The first tick comes at once.
    join!(tick("fast", 10), tick("slow", 25));
}

async fn tick(name: &str, millis: u64) {
    let mut ticks = interval(Duration::from_millis(millis));
    for n in 1..=3 {
        ticks.tick().await;
        println!("{name}: tick {n}");
    }
}

fn main() {
    block_on(async_main());
}
