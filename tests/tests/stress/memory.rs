//! Counts all the memory in use, and the tasks of this test, which are told by their alignment.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};

/// Inside a future, makes its task count.
#[derive(Clone, Copy)]
#[repr(align(512))]
pub(crate) struct Marker;

static TASKS: AtomicIsize = AtomicIsize::new(0);
static BYTES: AtomicIsize = AtomicIsize::new(0);

/// How many tasks with a [`Marker`] have not been freed.
pub(crate) fn tasks() -> isize {
    TASKS.load(SeqCst)
}

/// How many bytes are in use.
pub(crate) fn bytes() -> isize {
    BYTES.load(SeqCst)
}

struct Counting;

impl Counting {
    fn count(layout: Layout, by: isize) {
        BYTES.fetch_add(by * layout.size() as isize, SeqCst);
        if layout.align() == align_of::<Marker>() {
            TASKS.fetch_add(by, SeqCst);
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
