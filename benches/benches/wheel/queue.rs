//! What a structure for timers does; one body for all of them.

use std::task::Waker;

/// A set of wakers, each with the time at which it is due, in nanoseconds.
pub(crate) trait Queue: Default {
    /// Its name in results.
    const NAME: &'static str;
    /// What names an entry.
    type Key;

    /// Adds a waker.
    fn insert(&mut self, nanos: u64, waker: Waker) -> Self::Key;

    /// Takes an entry out; whether it was there.
    fn cancel(&mut self, key: Self::Key) -> bool;

    /// A time before which nothing is due.
    fn next_deadline(&mut self) -> Option<u64>;

    /// Hands what is due to `fire`, with a budget; whether there may be more.
    fn advance(&mut self, now: u64, budget: usize, fire: &mut impl FnMut(Waker)) -> bool;
}
