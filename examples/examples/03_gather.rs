//! `run`, `gather!` and `sleep` together, with the time at the start and at the finish.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 03_gather`
//!
//! ```text
//! Time started at:  15:34:02 UTC
//! ["Hello"]
//! World
//! Time finished at:  15:34:02 UTC
//! ```

use std::time::Duration;
use wheelhouse::{gather, run, sleep};
use wheelhouse_examples::wall_clock;

async fn test(word: &'static str) -> &'static str {
    word
}

async fn async_main() {
    println!("Time started at:  {}", wall_clock());

    // `gather!` starts all its arguments at once and waits for them together. Here there is one;
    // with many they run side by side, on every core.
    //
    // Arguments that are written out come back as a tuple, since each may have a type of its own:
    // `gather!(test("Hello"), sum(4, 5)).await` is `("Hello", 9)`. A list is spread with `..`, as
    // with Python's `*`, and comes back as a list.
    println!("{:?}", gather!(..[test("Hello")]).await);

    // Half a second passes for this task alone: its thread is free for other tasks meanwhile.
    // A Rust duration says its unit; Python's `asyncio.sleep(0.5)` leaves it to the manual.
    sleep(Duration::from_millis(500)).await;

    println!("World");
    println!("Time finished at:  {}", wall_clock());
}

// No `if __name__ == "__main__"`: a Rust program starts at `main`, and a library has none.
fn main() {
    run(async_main());
}
