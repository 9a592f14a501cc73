//! The mark of a worker that is stuck: what the monitor, or the worker itself, says of its poll.

use crate::sync::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

/// Says of a worker that its poll is stuck, and which one.
///
/// Zero, or the word that the worker published of its poll, with [`REPLACED`](Mark::REPLACED) if it is
/// left out of the surplus. Whoever makes it zero gives back what was marked: the worker when the poll
/// returns, or the monitor when it sees another poll.
pub(crate) struct Mark(AtomicU64);

impl Mark {
    /// The lowest bit of a poll's word is free for this.
    const REPLACED: u64 = 1;

    /// Stands for the poll in which the worker's process was forked, as the new process sees it: that
    /// poll is the worker's last. No poll's word is like this.
    const LAST: u64 = u64::MAX;

    pub(super) fn new() -> Self {
        Mark(AtomicU64::new(0))
    }

    /// Whether the worker is stuck. On its own thread, it tells whether others have taken over.
    #[inline]
    pub(super) fn is_set(&self) -> bool {
        // Relaxed: a worker that sees the mark late has put one more task into a slot that the
        // monitor looks into again.
        self.0.load(Relaxed) != 0
    }

    /// Whether this poll is marked.
    pub(super) fn is(&self, word: u64) -> bool {
        // Relaxed: a hint.
        self.0.load(Relaxed) & !Mark::REPLACED == word
    }

    /// Whether its thread is left out of the surplus.
    pub(super) fn is_replaced(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Relaxed) & Mark::REPLACED != 0
    }

    /// Marks this poll as one that others take work from.
    pub(super) fn notice(&self, word: u64) {
        // AcqRel pairs with whoever clears it; Relaxed: a mark that is there stays.
        let _ = self.0.compare_exchange(0, word, AcqRel, Relaxed);
    }

    /// As [`notice`](Self::notice), and has the poll's thread left out of the surplus.
    pub(super) fn replace(&self, word: u64) -> bool {
        // AcqRel pairs with whoever clears it.
        self.0.swap(word | Mark::REPLACED, AcqRel) & Mark::REPLACED == 0
    }

    /// Clears it. True: its thread was left out of the surplus.
    ///
    /// The mark of a last poll stays.
    pub(super) fn clear(&self) -> bool {
        // AcqRel pairs with `replace`.
        let mark = self.0.swap(0, AcqRel);
        if mark == Mark::LAST {
            self.stay();
        }
        mark & Mark::REPLACED != 0
    }

    /// Marks the present poll as the worker's last, for good. In a process that was just forked.
    #[cold]
    pub(super) fn stay(&self) {
        // Relaxed: the worker itself will look, and nobody else is there.
        self.0.store(Mark::LAST, Relaxed);
    }

    /// As [`clear`](Self::clear), if it still is of this poll.
    pub(super) fn clear_if(&self, word: u64) -> bool {
        let of_this = |mark| (mark & !Mark::REPLACED == word).then_some(0);
        // AcqRel pairs with `replace`; Relaxed: a failure reads again.
        let cleared = self.0.fetch_update(AcqRel, Relaxed, of_this);
        cleared.is_ok_and(|mark| mark & Mark::REPLACED != 0)
    }
}
