//! What a thread polls, published for whoever watches it.
//!
//! Two plain stores a poll: a word that differs from that of the poll before, and the line that
//! spawned the task. The word comes first. A reader takes the line first and then the word: if the word is
//! that of an earlier look, the line belongs to it.

use crate::{os::fork::Process, stuck::Polled, task::Id};
use std::{
    panic::Location,
    ptr,
    sync::atomic::{
        AtomicPtr, AtomicU64,
        Ordering::{Acquire, Relaxed, Release},
    },
};

/// Published by one thread.
pub(crate) struct Polling {
    word: AtomicU64,
    site: AtomicPtr<Location<'static>>,
    /// Where that thread is.
    process: Process,
}

/// A poll, as it was published: in its word the task's id, some bits that count polls, and a
/// lowest bit that is free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Poll {
    pub(crate) word: u64,
    pub(crate) site: &'static Location<'static>,
}

const COUNT: u64 = 0xfffe;
const ID: u32 = 16;

/// Ids in place of a task's, which are neither zero nor so high.
const BLOCK_ON: u64 = (1 << 48) - 1;
const WAKERS: u64 = (1 << 48) - 2;

impl Polling {
    pub(crate) fn new() -> Self {
        Polling {
            word: AtomicU64::new(0),
            site: AtomicPtr::default(),
            process: Process::current(),
        }
    }

    /// A task is about to be polled.
    #[inline]
    pub(crate) fn task(&self, id: Id, site: &'static Location<'static>) {
        self.begin(id.as_u64(), site);
    }

    /// The future of a `block_on` is about to be polled.
    pub(crate) fn block_on(&self, site: &'static Location<'static>) {
        self.begin(BLOCK_ON, site);
    }

    /// A timer is about to call wakers, which may be anybody's.
    pub(crate) fn wakers(&self) {
        self.begin(WAKERS, Location::caller());
    }

    #[inline]
    fn begin(&self, id: u64, site: &'static Location<'static>) {
        // Relaxed: only this thread stores.
        let count = self.word.load(Relaxed).wrapping_add(2) & COUNT;
        // Relaxed: the line's Release publishes it.
        self.word.store((id << ID) | count, Relaxed);
        // Release pairs with `now`: whoever reads this line reads the word above, or a later one.
        self.site.store(ptr::from_ref(site).cast_mut(), Release);
    }

    /// The thread goes back to what its runtime has for it, and polls nothing. Ends the process if what
    /// it was in has forked it.
    pub(crate) fn rest(&self) {
        self.process.end_if_forked();
        self.end();
    }

    /// The thread polls nothing, and goes on with something of its own.
    pub(crate) fn end(&self) {
        // Release: as in `begin`.
        self.site.store(ptr::null_mut(), Release);
    }

    /// What the thread polls at present.
    pub(crate) fn now(&self) -> Option<Poll> {
        let site = self.site();
        // Relaxed: the Acquire in `site` orders it.
        let word = self.word.load(Relaxed);
        site.map(|site| Poll { word, site })
    }

    /// The word of the present poll, or the last.
    pub(crate) fn word(&self) -> u64 {
        // Relaxed: the thread itself stored it; to others it says whether something has changed.
        self.word.load(Relaxed)
    }

    /// The line that spawned what the thread polls at present.
    pub(crate) fn site(&self) -> Option<&'static Location<'static>> {
        // Acquire pairs with `begin`.
        let site = self.site.load(Acquire);
        // SAFETY: only `begin` stores here, or null, and what it stores lives for ever.
        unsafe { site.as_ref() }
    }
}

impl Poll {
    pub(crate) fn what(self) -> Polled {
        match self.word >> ID {
            BLOCK_ON => Polled::BlockOn,
            WAKERS => Polled::Wakers,
            id => Polled::Task(Id::from_u64(id)),
        }
    }
}
