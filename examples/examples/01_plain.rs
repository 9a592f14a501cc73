//! An ordinary function: calling it runs it, there and then, to its end.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 01_plain`

/// Adds two numbers.
fn sum_numbers(x: i32, y: i32) -> i32 {
    x + y
}

fn main() {
    let (x, y) = (4, 5);
    // `main` waits here while `sum_numbers` works: that is what synchronous means. One thing
    // after the other, on one thread.
    println!("{}", sum_numbers(x, y));
}
