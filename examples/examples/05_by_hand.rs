//! A future polled by hand: what the object is, and what an event loop does with such objects.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 05_by_hand`
//!
//! This is the only example without a runtime. It is the whole idea in 30 lines; what a real one
//! adds is to poll only those that were woken, on every core, and to sleep when nobody was.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

/// Lets the others have a turn once: "not ready" the first time, "ready" the second.
async fn give_way() {
    let mut gave_way = false;
    poll_fn(|_| match std::mem::replace(&mut gave_way, true) {
        false => Poll::Pending,
        true => Poll::Ready(()),
    })
    .await
}

async fn count(name: &'static str, to: u32) -> u32 {
    for step in 1..=to {
        println!("  {name}: {step} of {to}");
        give_way().await; // here it stops, and here the next poll goes on
    }
    to
}

fn one_by_hand() {
    // An object like any other, with a size that the compiler worked out: room for `name`, `to`,
    // `step` and a note of which `.await` it stands at. No thread and no stack belong to it.
    let future = count("alone", 1);
    let bytes = size_of_val(&future);
    // It may hold references into itself once it runs, so it must not move from now on: `pin!`.
    let mut future = pin!(future);
    println!("a future of {bytes} bytes at {:p}", &*future);

    // The waker is how a future says "poll me again". Nobody listens to this one.
    let mut context = Context::from_waker(Waker::noop());
    println!("first poll: {:?}", future.as_mut().poll(&mut context));
    println!("second poll: {:?}", future.as_mut().poll(&mut context));
}

/// A future of whatever type, in a box: the box stays where it is, only the pointer moves.
type Task = Pin<Box<dyn Future<Output = u32>>>;

/// An event loop: poll the first; if it isn't ready, put it at the end of the line.
fn event_loop(mut line: VecDeque<Task>) -> u32 {
    let mut context = Context::from_waker(Waker::noop());
    let mut sum = 0;
    while let Some(mut future) = line.pop_front() {
        match future.as_mut().poll(&mut context) {
            Poll::Ready(value) => sum += value,
            Poll::Pending => line.push_back(future),
        }
    }
    sum
}

fn main() {
    one_by_hand();
    println!("a loop over two of them, on one thread:");
    let tasks: [Task; 2] = [Box::pin(count("a", 2)), Box::pin(count("b", 3))];
    let sum = event_loop(tasks.into());
    println!("both are done; their results add up to {sum}");
}
