//! A short wait on the processor before a thread falls asleep.
//!
//! Falling asleep and being woken takes two system calls and a switch, some 5 to 50 µs. What a
//! thread waits for is often there sooner: the answer of a task that another thread is running, or
//! the next task of whoever sent the last. So it looks a few times before it sleeps, for a few
//! microseconds (it depends on the processor's pause instruction). Half of that did not help: the
//! two sides of a round trip have to stay awake for as long as the first wake-up takes.
//!
//! It does not help either where the other side can't run meanwhile, since processors are few or
//! busy. So a thread that lingered in vain several times in a row stops to, and only tries again
//! now and then.

use std::{cell::Cell, hint::spin_loop};

const LOOKS: usize = 32;
const SPINS_BETWEEN_LOOKS: usize = 8;

/// After this many vain tries in a row, a thread lingers only each so manieth time.
const VAIN_TRIES: u8 = 64;
const THEN_EACH: u8 = 8;

/// One thread's habit of lingering.
pub(crate) struct Linger {
    vain_tries: Cell<u8>,
    left_out: Cell<u8>,
}

impl Linger {
    pub(crate) const fn new() -> Self {
        Linger {
            vain_tries: Cell::new(0),
            left_out: Cell::new(0),
        }
    }

    /// Looks a few times whether `there`, which gets the number of the look. True: it is.
    pub(crate) fn until(&self, there: impl Fn(usize) -> bool) -> bool {
        if self.vain_tries.get() >= VAIN_TRIES && !self.is_due() {
            return false;
        }
        let found = (0..LOOKS).any(|look| {
            (0..SPINS_BETWEEN_LOOKS).for_each(|_| spin_loop());
            there(look)
        });
        let vain_tries = if found { 0 } else { self.vain_tries.get() + 1 };
        self.vain_tries.set(vain_tries.min(VAIN_TRIES));
        found
    }

    fn is_due(&self) -> bool {
        let left_out = (self.left_out.get() + 1) % THEN_EACH;
        self.left_out.set(left_out);
        left_out == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the next calls look at all.
    fn looks(linger: &Linger, there: bool, calls: usize) -> Vec<bool> {
        let call = |_| {
            let looked = Cell::new(false);
            let found = linger.until(|_| {
                looked.set(true);
                there
            });
            assert_eq!(found, there && looked.get());
            looked.get()
        };
        (0..calls).map(call).collect()
    }

    #[test]
    fn vain_tries_become_rare() {
        let linger = Linger::new();
        let vain = usize::from(VAIN_TRIES);
        assert_eq!(looks(&linger, false, vain), vec![true; vain]);
        let later = looks(&linger, false, 10 * usize::from(THEN_EACH));
        assert_eq!(later.iter().filter(|looked| **looked).count(), 10);
    }

    #[test]
    fn one_success_brings_the_habit_back() {
        let linger = Linger::new();
        looks(&linger, false, 100);
        while !looks(&linger, true, 1)[0] {}
        assert_eq!(looks(&linger, false, 3), [true; 3]);
    }
}
