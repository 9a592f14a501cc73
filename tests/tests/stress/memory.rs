//! Counts all the memory in use, and the tasks of this test, which are told by their alignment.

use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
use wheelhouse_tests::Allocations;

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

#[global_allocator]
static ALLOCATIONS: Allocations = Allocations(|layout, by| {
    BYTES.fetch_add(by * layout.size() as isize, SeqCst);
    if layout.align() == align_of::<Marker>() {
        TASKS.fetch_add(by, SeqCst);
    }
});
