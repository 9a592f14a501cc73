//! Loom models of the monitor's sleep.

use super::*;
use loom::{
    sync::{Arc, atomic::AtomicUsize},
    thread,
};

/// A worker comes back from its sleep and polls, for ever, while the monitor falls asleep: the
/// monitor sees the poll.
#[test]
fn loom_poll_against_the_monitors_sleep() {
    loom::model(|| {
        let doze = Arc::new((Doze::new(), AtomicUsize::new(0)));
        let theirs = Arc::clone(&doze);
        let monitor = thread::spawn(move || {
            let (doze, polled) = &*theirs;
            doze.adopt();
            let polls = || polled.load(Relaxed) == 1;
            while !polls() {
                doze.sleep_unless(polls);
            }
        });
        let (doze, polled) = &*doze;
        polled.store(1, Relaxed);
        doze.stir(|| true);
        monitor.join().unwrap();
    });
}
