//! Who searches for work, who sleeps, and who is woken.
//!
//! A worker with tasks is **running**. One that ran out is **searching**, and one that searched in
//! vain is **parked**. The packed word counts the searching and the parked; a bitmap says which
//! seats are parked. Whoever clears a seat's bit owns its wake-up: a notifier clears it to *grant*
//! the worker a search, and the worker itself clears it to *withdraw*. The counts are hints that
//! lag behind the bits for a few instructions; the bits are the truth.
//!
//! A notifier does nothing while somebody searches: the searcher will find the work, or look once
//! more when it stops. Otherwise it makes itself the one searcher (so that of many notifiers only
//! one wakes a worker), takes a bit, and passes the search on to that seat's worker.
//!
//! # No wake-up is lost
//!
//! Work is pushed and then [`notify`](Idle::notify) called; a worker calls [`park`](Idle::park) and
//! then looks at every place where work can be. Each has a SeqCst fence in between, so of any such
//! pair one sees the other: the worker finds the work, or the notifier sees the worker's count.
//! Assume that it sees the count, that the worker has not found the work, and that no other worker
//! found it either. Then the notifier
//!
//! 1. sees a searcher. That searcher stops in one of three ways. It parks: then it has fenced and
//!    looked after it dropped its count, and that look comes after the push; if it finds work, it
//!    is counted as searching again. It finds other work: then, as the last to stop, it fences and
//!    looks ([`stop_searching`](Idle::stop_searching) tells it to), and notifies again. It was a
//!    notifier that found no bit to clear: case 2.
//! 2. wins the exchange. Either it takes a bit, so that a worker wakes as a searcher, having the
//!    push behind it; or there is none, since all who were parked have been granted a search or
//!    have withdrawn. It drops its count, fences, and looks at the bits again: if there is none,
//!    whoever parks next fences later, and finds what other notifiers left to this one.
//!
//! *Granted but not yet unparked*: from the exchange on, the search is counted, and other notifiers
//! rely on it. Between the exchange and the unpark the notifier runs no code of others and takes no
//! lock but the parker's, so the grant arrives. The granted worker may be awake by itself meanwhile
//! (a timer, a stray token): it finds its bit cleared and is the searcher; the token that comes
//! later ends a later sleep early, which costs a look and nothing else.

use crate::sync::{AtomicU64, AtomicUsize, fence};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, SeqCst};

const PARKED: usize = 1;
const SEARCHING: usize = 1 << 15;
const CLOSED: usize = 1 << 30;
const COUNT: usize = SEARCHING - 1;

/// The most seats that the counts have room for.
pub(crate) const MAX_SEATS: usize = 1 << 13;

/// The idle workers of one pool.
pub(crate) struct Idle {
    word: AtomicUsize,
    /// A bit for each parked seat.
    parked: Box<[AtomicU64]>,
}

fn searching(word: usize) -> usize {
    (word / SEARCHING) & COUNT
}

fn parked(word: usize) -> usize {
    word & COUNT
}

/// The place of a seat's bit.
fn place(seat: usize) -> (usize, u64) {
    (seat / 64, 1 << (seat % 64))
}

impl Idle {
    /// For a pool that is closed until it is [opened](Self::open).
    pub(crate) fn new(seats: usize) -> Self {
        assert!(seats <= MAX_SEATS);
        let words = (0..seats.div_ceil(64)).map(|_| AtomicU64::new(0));
        Idle {
            word: AtomicUsize::new(CLOSED),
            parked: words.collect(),
        }
    }

    /// For something that was just pushed: the seat to unpark, if one is needed. The timekeeper's
    /// is the last resort.
    #[inline]
    pub(crate) fn notify(&self, timekeeper: impl Fn() -> Option<usize>) -> Option<usize> {
        // Pairs with the fence in `park`, and with those of searchers that stop.
        fence(SeqCst);
        // Relaxed: the fence orders it after the push.
        let word = self.word.load(Relaxed);
        if searching(word) > 0 || parked(word) == 0 {
            return None;
        }
        self.grant(timekeeper())
    }

    /// Passes a search on to a parked worker: any other than the timekeeper, if there is one.
    #[cold]
    fn grant(&self, timekeeper: Option<usize>) -> Option<usize> {
        while self.become_the_searcher() {
            let bit = self.take_bit(timekeeper).or_else(|| self.take_bit(None));
            if let Some(seat) = bit {
                // Relaxed: a hint; the bit was the truth.
                self.word.fetch_sub(PARKED, Relaxed);
                return Some(seat);
            }
            // AcqRel with the fence: case 2 of the proof, the bits are looked at once more.
            self.word.fetch_sub(SEARCHING, AcqRel);
            fence(SeqCst);
            self.a_parked_seat()?;
        }
        None
    }

    fn become_the_searcher(&self) -> bool {
        let free = |word| searching(word) == 0 && parked(word) > 0;
        let step = |word| free(word).then_some(word + SEARCHING);
        // AcqRel: the search takes over what its grantor saw. Relaxed: a failure reads again.
        self.word.fetch_update(AcqRel, Relaxed, step).is_ok()
    }

    /// Clears the lowest bit but the one to avoid; the lowest, so that few threads stay warm.
    fn take_bit(&self, avoid: Option<usize>) -> Option<usize> {
        for (index, bits) in self.parked.iter().enumerate() {
            let mask = match avoid.map(place) {
                Some((word, bit)) if word == index => !bit,
                _ => !0,
            };
            // Relaxed: only a guess, which the next line checks.
            let mut seen = bits.load(Relaxed) & mask;
            while seen != 0 {
                let lowest = seen & seen.wrapping_neg();
                // AcqRel pairs with the setting of the bit in `park`, and with rival takers.
                if bits.fetch_and(!lowest, AcqRel) & lowest != 0 {
                    return Some(index * 64 + lowest.trailing_zeros() as usize);
                }
                seen &= !lowest;
            }
        }
        None
    }

    /// Some parked seat, left as it is.
    pub(crate) fn a_parked_seat(&self) -> Option<usize> {
        // Relaxed: the callers have fenced.
        let words = self
            .parked
            .iter()
            .map(|bits| bits.load(Relaxed))
            .enumerate();
        let mut parked = words.filter(|&(_, bits)| bits != 0);
        parked
            .next()
            .map(|(index, bits)| index * 64 + bits.trailing_zeros() as usize)
    }

    /// Whether any worker sleeps and could be woken.
    pub(crate) fn any_parked(&self) -> bool {
        // Relaxed: the monitor looks again, and whoever is about to block is seen by it.
        parked(self.word.load(Relaxed)) > 0
    }

    /// Whether some of the workers run tasks and the caller, which searches, is the only one to do
    /// so.
    pub(crate) fn is_only_searcher(&self, seats: usize) -> bool {
        // Relaxed: only a guess at what is worth while.
        let word = self.word.load(Relaxed);
        searching(word) == 1 && parked(word) + 1 < seats
    }

    /// Counts the caller as searching.
    pub(crate) fn start_searching(&self) {
        // Relaxed: a notifier that misses it wakes one worker too many.
        self.word.fetch_add(SEARCHING, Relaxed);
    }

    /// Ends a search that found something. True: it was the last, so the caller looks at every
    /// place where work can be, and notifies if there is any.
    pub(crate) fn stop_searching(&self) -> bool {
        // AcqRel with the fence: the look comes after the count has fallen (case 1 of the proof).
        let before = self.word.fetch_sub(SEARCHING, AcqRel);
        fence(SeqCst);
        searching(before) == 1
    }

    /// Counts the caller as parked; it must then look at every place where work can be.
    pub(crate) fn park(&self, seat: usize, was_searching: bool) {
        let (index, bit) = place(seat);
        // AcqRel pairs with whoever clears the bit.
        self.parked[index].fetch_or(bit, AcqRel);
        let drop_search = if was_searching { SEARCHING } else { 0 };
        // AcqRel: the bit is there before the count says so.
        self.word
            .fetch_add(PARKED.wrapping_sub(drop_search), AcqRel);
        // Pairs with the fence in `notify`.
        fence(SeqCst);
    }

    /// Whether nobody has granted the parked caller a search yet.
    pub(crate) fn is_parked(&self, seat: usize) -> bool {
        let (index, bit) = place(seat);
        // Acquire pairs with the grantor's clearing of the bit.
        self.parked[index].load(Acquire) & bit != 0
    }

    /// The parked caller wakes by itself. True: it had been granted a search meanwhile, and is
    /// counted as searching.
    pub(crate) fn withdraw(&self, seat: usize) -> bool {
        let (index, bit) = place(seat);
        // AcqRel: as in `take_bit`, whose rival this is.
        let granted = self.parked[index].fetch_and(!bit, AcqRel) & bit == 0;
        if !granted {
            // Relaxed: a hint; the bit was the truth.
            self.word.fetch_sub(PARKED, Relaxed);
        }
        granted
    }

    /// Opens a closed pool, all of whose workers are gone.
    pub(crate) fn open(&self) {
        // AcqRel: whoever sees the pool open sees all that was made ready for it. The counts stay:
        // a waker of an ended task may be about to correct them.
        self.word.fetch_and(!CLOSED, AcqRel);
    }

    /// Closes the pool. True: this call did it.
    pub(crate) fn close(&self) -> bool {
        // AcqRel with the fence: whoever pushes and then finds the pool open has pushed before.
        let before = self.word.fetch_or(CLOSED, AcqRel);
        fence(SeqCst);
        before & CLOSED == 0
    }

    /// Whether the pool is closed.
    #[inline]
    pub(crate) fn is_closed(&self) -> bool {
        // Acquire pairs with `close` and `open`.
        self.word.load(Acquire) & CLOSED != 0
    }

    /// Whether the pool is closed, before a look at what was pushed into it.
    ///
    /// Whoever pushes fences and then asks whether the pool is closed. A worker that leaves asks,
    /// fences, and then looks: if the pusher found the pool open, its push is seen.
    pub(crate) fn is_closed_then_fence(&self) -> bool {
        let closed = self.is_closed();
        // Pairs with the fence in `notify`.
        fence(SeqCst);
        closed
    }
}

#[cfg(all(test, not(wheelhouse_loom)))]
#[path = "idle_tests.rs"]
mod tests;
