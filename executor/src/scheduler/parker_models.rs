//! Loom models of the parker.

use super::*;
use loom::sync::{
    Arc,
    atomic::{AtomicBool, Ordering::Relaxed},
};

fn model(f: impl Fn(&Parker) + Send + Sync + 'static) {
    loom::model(move || {
        let parker = Arc::new(Parker::new());
        let sent = Arc::new(AtomicBool::new(false));
        let (theirs, flag) = (Arc::clone(&parker), Arc::clone(&sent));
        parker.adopt();
        let waker = thread::spawn(move || {
            flag.store(true, Relaxed);
            theirs.unpark();
        });
        f(&parker);
        assert!(
            sent.load(Relaxed),
            "what was written before the unpark is seen after the park"
        );
        waker.join().unwrap();
    });
}

/// The token wakes the thread, whenever it comes.
#[test]
fn loom_unpark_against_park() {
    model(Parker::park);
}

/// A token that a timed sleep did not wait for ends the next sleep.
#[test]
fn loom_unpark_against_timed_park() {
    model(|parker| {
        if !parker.park_on_driver(Duration::from_secs(1)) {
            parker.park();
        }
    });
}
