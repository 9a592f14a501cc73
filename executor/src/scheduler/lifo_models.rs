//! Loom models of the LIFO slot.

use super::*;
use loom::{sync::Arc, thread};

fn task(number: usize) -> NonNull<()> {
    NonNull::new(ptr::without_provenance_mut(number * 16)).expect("it is not zero")
}

/// A worker that is taken to be stuck is not: it goes on to put tasks in and take them out while the
/// monitor empties the slot. Each task comes out once.
#[test]
fn loom_rescue_against_the_slots_worker() {
    loom::model(|| {
        let slot = Arc::new(LifoSlot::new());
        let theirs = Arc::clone(&slot);
        let monitor = thread::spawn(move || theirs.take());
        let mut out = vec![slot.put(task(1)), slot.take(), slot.put(task(2))];
        out.push(slot.put(task(3)));
        out.push(monitor.join().unwrap());
        out.push(slot.take());
        let mut out: Vec<_> = out.into_iter().flatten().collect();
        out.sort_unstable();
        assert_eq!(out, [task(1), task(2), task(3)]);
    });
}
