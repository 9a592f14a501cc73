//! Allocations, told to whoever counts them.

use std::alloc::{GlobalAlloc, Layout, System};

/// The system's allocator for `#[global_allocator]`, which calls a function with the layout of each
/// allocation: with 1 when it is made, with -1 when it is freed. The function must not allocate.
///
/// # Examples
///
/// ```
/// use std::alloc::Layout;
/// use std::sync::atomic::{AtomicIsize, Ordering::SeqCst};
/// use wheelhouse_tests::Allocations;
///
/// static BYTES: AtomicIsize = AtomicIsize::new(0);
///
/// #[global_allocator]
/// static ALLOCATIONS: Allocations = Allocations(|layout: Layout, by: isize| {
///     BYTES.fetch_add(by * layout.size() as isize, SeqCst);
/// });
///
/// let before = BYTES.load(SeqCst);
/// let bytes = vec![0_u8; 1000];
/// assert_eq!(BYTES.load(SeqCst) - before, 1000);
/// drop(bytes);
/// assert_eq!(BYTES.load(SeqCst), before);
/// ```
#[derive(Debug)]
pub struct Allocations(pub fn(Layout, isize));

// SAFETY: it only passes calls on to the system's allocator.
unsafe impl GlobalAlloc for Allocations {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        (self.0)(layout, 1);
        // SAFETY: by the caller's promise.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        // SAFETY: by the caller's promise; `alloc` passed on what the system gave.
        unsafe { System.dealloc(place, layout) };
        (self.0)(layout, -1);
    }
}
