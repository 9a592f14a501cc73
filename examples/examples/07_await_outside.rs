//! `.await` outside `async`: what the compiler says, and the ways out.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 07_await_outside`
//!
//! Python stops with `SyntaxError: 'await' outside function`. Rust doesn't get that far: the
//! program isn't built. `.await` means "suspend *this* function here"; one that isn't `async` has
//! no object to keep its variables in meanwhile, so it can't be suspended.

use wheelhouse::{Runtime, run};

async fn answer() -> u32 {
    42
}

/// What the compiler really says: a test keeps this text true.
const COMPILER: &str = include_str!("../../tests/tutorial/await_outside_async.stderr");

/// Way out 1: make the function async too, and leave the question to its caller.
async fn ask() -> u32 {
    answer().await
}

fn main() -> std::io::Result<()> {
    // let number = answer().await; // take the slashes away to see this:
    println!("{COMPILER}");

    // Way out 2: start a runtime for this one future. Good in `main`, once in a program.
    println!("run: {}", run(ask()));

    // Way out 3: with a runtime at hand, wait on this thread. Never do that inside a task: it
    // would hold the task's worker, and Wheelhouse refuses.
    let runtime = Runtime::new()?;
    println!("block_on: {}", runtime.block_on(ask()));
    Ok(())
}
