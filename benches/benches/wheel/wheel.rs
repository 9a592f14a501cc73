//! Ours.

use std::task::Waker;

use wheelhouse::time::{Key, Wheel};

use crate::queue::Queue;

/// A tick of the runtime's timers is 2^14 ns.
const TICK_SHIFT: u32 = 14;

#[derive(Default)]
pub(crate) struct TickWheel(Wheel<Waker>);

impl Queue for TickWheel {
    const NAME: &'static str = "wheel";
    type Key = Key;

    fn insert(&mut self, nanos: u64, waker: Waker) -> Key {
        // Rounds up: nothing may fire early.
        self.0.insert(nanos.div_ceil(1 << TICK_SHIFT), waker)
    }

    fn cancel(&mut self, key: Key) -> bool {
        self.0.remove(key).is_some()
    }

    fn next_deadline(&mut self) -> Option<u64> {
        self.0.next_deadline().map(|tick| tick << TICK_SHIFT)
    }

    fn advance(&mut self, now: u64, budget: usize, fire: &mut impl FnMut(Waker)) -> bool {
        self.0.advance(now >> TICK_SHIFT, budget, fire).more
    }
}
