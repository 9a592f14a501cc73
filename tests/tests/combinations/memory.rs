//! Counts the tasks that have not been freed: they are told from all other allocations by their
//! alignment and size.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};

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

struct Counting;

impl Counting {
    fn count(layout: Layout, by: isize) {
        if layout.align() != align_of::<Weight<1>>() {
            return;
        }
        let place = layout.size().checked_sub(WEIGHTS[0]);
        if let Some(live) = place.and_then(|place| LIVE.get(place / REST)) {
            live.fetch_add(by, SeqCst);
        }
    }
}

// SAFETY: it only passes calls on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Counting::count(layout, 1);
        // SAFETY: by the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: by the caller's promise; `alloc` passed on what the system gave.
        unsafe { System.dealloc(place, layout) };
        Counting::count(layout, -1);
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;
