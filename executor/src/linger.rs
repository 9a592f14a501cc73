//! A short wait on the processor before a thread falls asleep.
//!
//! Falling asleep and being woken takes two system calls and a switch, some 5 to 50 µs. What a
//! thread waits for is often there sooner: the answer of a task that another thread is running, or
//! the next task of whoever sent the last. So it looks a few times before it sleeps, for a few
//! microseconds (it depends on the processor's pause instruction). Half of that did not help: the
//! two sides of a round trip have to stay awake for as long as the first wake-up takes. Where
//! there is one processor, nobody else could run meanwhile, and it does not.

use std::{hint::spin_loop, sync::OnceLock};

const LOOKS: usize = 32;
const SPINS_BETWEEN_LOOKS: usize = 8;

/// Looks a few times whether `there`, which gets the number of the look. True: it is.
pub(crate) fn until(there: impl Fn(usize) -> bool) -> bool {
    static HELPS: OnceLock<bool> = OnceLock::new();
    *HELPS.get_or_init(|| num_cpus::get() > 1)
        && (0..LOOKS).any(|look| {
            (0..SPINS_BETWEEN_LOOKS).for_each(|_| spin_loop());
            there(look)
        })
}
