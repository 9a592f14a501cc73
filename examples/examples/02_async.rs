//! An async function: calling it only *makes* something, and running that is a second step.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 02_async`

/// Adds two numbers, some time later.
///
/// `async fn` changes what a call returns: not the sum but a *future*, an object that holds `x`,
/// `y` and how far the work has come. Python calls it a coroutine object.
async fn sum_numbers(x: i32, y: i32) -> i32 {
    println!("adding");
    x + y
}

/// The asynchronous main function. Inside `async`, `.await` is allowed; it stands behind what it
/// waits for, where Python writes `await` in front.
async fn async_main() {
    let future = sum_numbers(4, 5);
    println!("the future is made, and nothing was added yet");
    println!("{}", future.await);
}

fn main() {
    // Rust's own `main` can't be async. `run` is `asyncio.run`: it starts a runtime, runs this
    // future on it to the end, and shuts the runtime down.
    wheelhouse::run(async_main());
}
