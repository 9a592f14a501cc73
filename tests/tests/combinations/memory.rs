//! Counts the tasks that have not been freed: they are told from all other allocations by their
//! alignment and size.

use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
use wheelhouse_tests::Allocations;

/// The sizes of tasks: one for each test, since tests run at the same time.
pub(crate) const WEIGHTS: [usize; 4] = [8_000, 12_000, 16_000, 20_000];

/// Makes an allocation count, wherever it is inside.
#[repr(align(512))]
pub(crate) struct Weight<const W: usize>([u8; W]);

impl<const W: usize> Weight<W> {
    pub(crate) fn new() -> Self {
        Weight([1; W])
    }
}

/// A task is larger than its weight by less than this.
const REST: usize = 4_000;

static LIVE: [AtomicIsize; 4] = [const { AtomicIsize::new(0) }; 4];

/// How many allocations of this weight there are.
pub(crate) fn live(weight: usize) -> isize {
    let index = WEIGHTS.iter().position(|&other| other == weight);
    LIVE[index.expect("one of the weights")].load(SeqCst)
}

#[global_allocator]
static ALLOCATIONS: Allocations = Allocations(|layout, by| {
    if layout.align() != align_of::<Weight<1>>() {
        return;
    }
    let place = layout.size().checked_sub(WEIGHTS[0]);
    if let Some(live) = place.and_then(|place| LIVE.get(place / REST)) {
        live.fetch_add(by, SeqCst);
    }
});
