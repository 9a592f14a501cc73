//! Timers for async Rust: [`sleep`], [`timeout`], [`interval`] and [`DelayQueue`] on a hierarchical
//! hashed timer wheel, for any executor.
//!
//! ```
//! # use futures::executor::block_on;
//! use std::time::Duration;
//! use wheelhouse_timer::{sleep, timeout};
//!
//! block_on(async {
//!     sleep(Duration::from_millis(2)).await;
//!     let answer = timeout(Duration::from_secs(60), async { 42 }).await;
//!     assert_eq!(answer, Ok(42));
//! });
//! ```
//!
//! A duration or an instant too far away to represent is never, and an instant in the past is now.
//! Time is that of [`Instant`](std::time::Instant), which on most systems stands still while the
//! machine is suspended.
//!
//! # How it works
//!
//! A timer is an entry in a [`Wheel`]: a waker, and the tick at which it is to be called. A tick is
//! 2^14 ns, about 16 µs. A deadline rounds up to its tick and the clock rounds down, so that
//! **nothing fires early**.
//!
//! The wheel has 10 levels of slots. Level 0 has one slot a tick, and each slot of a higher level
//! spans all of the level below it. An entry lies in the level of the highest digit in which its
//! tick differs from now:
//!
//! ```text
//!              now
//!               ▼
//! level 0   │··▒│ │•│ │ │•│ │ ... │ │     256 slots of 16 µs:   this turn of 4.2 ms
//! level 1   │·····▒│ │•│ │••│ │ ... │      64 slots of 4.2 ms:  this turn of 268 ms
//! level 2   │···▒│••│ │ │ │•│ ... │ │      64 slots of 268 ms:  this turn of 17 s
//! level 3   │▒│ │••••│ │ │ ... │ │ │       64 slots of 17 s:    this turn of 18 min
//!   ...                                    and so on: 19 hours, 51 days, 9 years, 584 years, ...
//!
//!   ▒ the slot that now is in: always empty      • an entry      · the past
//! ```
//!
//! When now reaches a slot of level 0, its entries fire. When it reaches a slot of a higher level,
//! those of its entries that are due just then fire, and the others *cascade* into a level below.
//! One bit a slot says where there is anything, and whatever lies in a lower level comes first, so
//! the next deadline is the first bit that is set: nobody counts ticks off, and with nothing to do
//! nothing runs.
//!
//! 14 bits within a tick, 8 of level 0 and 7 × 6 above are 64: with 8 levels every deadline that
//! can be said in nanoseconds has a slot of its own, so that there is no list of what is too far
//! off, and no turn of the wheel that comes twice. The 2 levels beyond are for time that is set by
//! hand: there a tick is 1 ns, so that timers fire at the very time that they were set for. Then
//! the 62 bits of all levels reach 110 years ahead; what lies beyond is never.
//!
//! Timers that have more than a moment to go are put off a little, to a time with zeros at the end:
//! see [`sleep`] and [`timeout`] for how much, and [`Sleep::with_slack`] for other limits. So they
//! share slots and wake-ups, and some fire straight from a slot of a higher level. Whoever polls
//! one again at its time finds it ready even so; and time that is set by hand is exact.
//!
//! Each thread of a runtime has a wheel of its own, behind a lock that nobody else wants as a rule.
//! Beside it stands the next deadline, to be read by whoever looks for something to do: a worker
//! that is stuck keeps none of its timers from firing. Threads outside every runtime share a few
//! wheels, which one thread serves.
//!
//! # What it costs
//!
//! | | time | remarks |
//! |---|---|---|
//! | make a [`Sleep`] | O(1) | one look at the clock; touches nothing shared |
//! | first poll | O(1) | one lock; allocates at most once in 1,024, if there is no room |
//! | poll again, same waker | O(1) | one look at the clock; no lock |
//! | poll again, other waker | O(1) | one lock |
//! | drop, having been polled | O(1) | one lock; none if it has fired |
//! | [`reset`](Sleep::reset) to later | O(1) | no lock |
//! | [`reset`](Sleep::reset) to earlier | O(1) | one lock; at most one look at the clock |
//! | fire | O(1) each | a lock for 64; each has cascaded 7 times at most, mostly once or twice |
//! | next deadline | O(1) | one load a wheel |
//! | [`Timeout::reset`], [`Interval::reset`] | O(1) | as [`reset`](Sleep::reset) |
//! | [`DelayQueue`] | O(1) each | a wheel of its own, no lock; one [`Sleep`] for all its values |
//!
//! A [`Sleep`] has 40 bytes, and 40 more in the wheel while it is armed. Memory that timers have
//! used is used again for others, and given back in chunks of 1,024 timers. A value in a
//! [`DelayQueue`] takes about 24 bytes beside its own.
//!
//! # Paused time
//!
//! A `wheelhouse` runtime that is built with `Builder::start_paused(true)` has a clock of its own,
//! for tests. It stands still while anything of that runtime can run, and jumps to the next
//! deadline when nothing can. [`now`] shows it, and [`sleep`] and all the others go by it.
//! [`advance`] moves it by hand, and while a [`hold`] lives, it moves in no other way.
//!
//! # Other executors
//!
//! Nothing needs to be set up: outside a `wheelhouse` runtime timers are driven by a thread named
//! `wheelhouse-timer`, which starts with the first timer and sleeps while none is due.
//! A timer may move between threads, executors and runtimes, and outlive the one it was polled in.
//! The README has examples with smol's executor and with tokio's.
#![forbid(unsafe_code)]

mod budget;
mod clock;
mod context;
mod delay_queue;
#[doc(hidden)]
pub mod driver;
mod interval;
mod paused;
mod slab;
mod slack;
mod sleep;
mod standalone;
mod sync;
mod table;
#[cfg(test)]
mod testing;
mod timeout;
mod timers;
mod wheel;

/// README's program is run.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
mod readme {}

pub use clock::{Clock, ManualClock};
pub use context::now;
pub use delay_queue::{DelayQueue, Expired, Next};
pub use interval::{Interval, MissedTickBehavior, Tick, interval, interval_at};
pub use paused::{Advancing, Hold, advance, hold};
pub use slab::Key;
pub use sleep::{Sleep, sleep, sleep_until};
pub use timeout::{Elapsed, Timeout, timeout, timeout_at};
pub use wheel::{Advance, Drain, MAX_TICK, Wheel};
