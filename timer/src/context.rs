//! What a thread knows about time: where its timers go, and when it last looked at the clock.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use crate::clock::{self, NEVER};
use crate::slack::Slack;
use crate::timers::Shard;

thread_local! {
    // None of these has a destructor, so they can be used until the very end of a thread.
    static PLACE: Cell<Option<Place>> = const { Cell::new(None) };
    static LAST_READ: Cell<u64> = const { Cell::new(0) };
    static NUMBER: Cell<usize> = const { Cell::new(usize::MAX) };
}

/// A shard as one claim of it: when the claim has ended, every use of it says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) shard: &'static Shard,
    pub(crate) generation: u32,
    /// Whether its clock is one set by hand, which the shard alone knows.
    pub(crate) manual: bool,
    /// The most slack that a timer has here by default: none if the clock is set by hand.
    pub(crate) max_slack: Slack,
}

impl Place {
    pub(crate) fn is_open(&self) -> bool {
        self.shard.is_open(self.generation)
    }

    pub(crate) fn nanos(&self) -> u64 {
        claim_nanos(self.shard, self.generation, self.manual)
    }
}

/// What time it is by the clock of a claim, which is set by hand or not; by the system's if the
/// claim has ended.
pub(crate) fn claim_nanos(shard: &Shard, generation: u32, manual: bool) -> u64 {
    let manual = if manual {
        shard.manual_nanos(generation)
    } else {
        None
    };
    manual.unwrap_or_else(monotonic_nanos)
}

/// The shard that timers first polled on this thread go to, if an executor has entered one.
pub(crate) fn place() -> Option<Place> {
    PLACE.get().filter(Place::is_open)
}

pub(crate) fn replace_place(place: Option<Place>) -> Option<Place> {
    PLACE.replace(place)
}

/// What time it is, in nanoseconds, by the clock of this thread's timers.
pub(crate) fn nanos() -> u64 {
    match PLACE.get() {
        None => monotonic_nanos(),
        Some(place) => place.nanos(),
    }
}

/// What time it is by the system's clock, in nanoseconds since a base that the whole process
/// shares.
pub fn monotonic_nanos() -> u64 {
    let now = clock::nanos(Instant::now());
    LAST_READ.set(now);
    now
}

/// What time it was when this thread last looked at the system's clock, if ever: no later than now,
/// and for free.
pub(crate) fn last_monotonic_nanos() -> Option<u64> {
    Some(LAST_READ.get()).filter(|nanos| *nanos != 0)
}

#[cfg(test)]
pub(crate) fn set_last_monotonic_nanos(nanos: u64) {
    LAST_READ.set(nanos);
}

/// A number for this thread, small and its own, to spread threads over shards.
pub(crate) fn thread_number() -> usize {
    // Relaxed: only distinct numbers are wanted; nothing is published with them.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    if NUMBER.get() == usize::MAX {
        // Relaxed: as above.
        NUMBER.set(NEXT.fetch_add(1, Ordering::Relaxed));
    }
    NUMBER.get()
}

/// What time it is, by the clock that [`sleep`](crate::sleep) and the other timers go by: that of
/// [`Instant::now`], unless the runtime around this thread has a [paused
/// clock](crate#paused-time).
///
/// # Examples
///
/// ```
/// let before = std::time::Instant::now();
/// assert!(wheelhouse_timer::now() >= before);
/// ```
pub fn now() -> Instant {
    match nanos() {
        NEVER => Instant::now(),
        nanos => clock::instant(nanos).unwrap_or_else(Instant::now),
    }
}
