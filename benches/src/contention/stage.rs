//! What the lanes and the one who measures them know of each other.

use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A counter that shares its cache line, and the line fetched with it, with nothing else.
#[derive(Debug, Default)]
#[repr(align(128))]
struct Counter(AtomicU64);

/// Shared by all lanes of a run.
#[derive(Debug)]
pub(super) struct Stage {
    /// Until every lane has a thread of its own.
    start: Barrier,
    over: AtomicBool,
    armed: Box<[Counter]>,
}

impl Stage {
    /// For so many lanes, and one who measures.
    pub(super) fn new(lanes: usize) -> Stage {
        Stage {
            start: Barrier::new(lanes + 1),
            over: AtomicBool::new(false),
            armed: (0..lanes).map(|_| Counter::default()).collect(),
        }
    }

    /// Blocks until all the others are here as well.
    pub(super) fn wait_for_start(&self) {
        self.start.wait();
    }

    /// Tells all lanes to stop.
    pub(super) fn end(&self) {
        // Relaxed: the lanes need to see it some time, and read nothing else.
        self.over.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_over(&self) -> bool {
        // Relaxed: see the store.
        self.over.load(Ordering::Relaxed)
    }

    /// What a lane has armed so far.
    pub(super) fn tell(&self, lane: usize, armed: u64) {
        // Relaxed: a number that nothing else hangs on.
        self.armed[lane].0.store(armed, Ordering::Relaxed);
    }

    /// What all lanes together have armed so far.
    pub(super) fn armed(&self) -> u64 {
        // Relaxed: see the store.
        let told = |counter: &Counter| counter.0.load(Ordering::Relaxed);
        self.armed.iter().map(told).sum()
    }
}
