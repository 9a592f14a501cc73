//! The stand-alone driver's thread makes no wake-ups while nothing is due.

#![cfg(target_os = "linux")]

use std::pin::pin;
use std::task::{Context, Waker};
use std::time::{Duration, Instant};
use std::{fs, thread};

use futures::executor::block_on;
use wheelhouse_timer::sleep;

/// How long the thread is watched.
const WATCHED: Duration = Duration::from_millis(300);

/// How often the driver's thread has been switched in, and whether it sleeps.
fn switches() -> (u64, bool) {
    let tasks = fs::read_dir("/proc/self/task")
        .unwrap()
        .map(|task| task.unwrap().path());
    let driver = tasks
        .filter(|task| {
            fs::read_to_string(task.join("comm")).is_ok_and(|c| c.starts_with("wheelhouse-time"))
        })
        .collect::<Vec<_>>();
    assert_eq!(driver.len(), 1, "one thread drives all timers");
    let status = fs::read_to_string(driver[0].join("status")).unwrap();
    let line = |name| status.lines().find(|line| line.starts_with(name)).unwrap();
    let number = |name| {
        line(name)
            .split_whitespace()
            .nth(1)
            .unwrap()
            .parse::<u64>()
            .unwrap()
    };
    let sum = number("voluntary_ctxt_switches") + number("nonvoluntary_ctxt_switches");
    (sum, line("State:").contains("(sleeping)"))
}

#[test]
fn nothing_wakes_the_driver_while_nothing_is_due() {
    block_on(sleep(Duration::from_millis(2)));
    let mut waits = pin!(sleep(Duration::from_secs(3600)));
    assert!(
        waits
            .as_mut()
            .poll(&mut Context::from_waker(Waker::noop()))
            .is_pending()
    );
    for _ in 0..1000 {
        // Armed and cancelled: none is earlier than the one that waits.
        let mut cancelled = pin!(sleep(Duration::from_secs(3601)));
        assert!(
            cancelled
                .as_mut()
                .poll(&mut Context::from_waker(Waker::noop()))
                .is_pending()
        );
    }
    let deadline = Instant::now() + Duration::from_secs(20);
    let before = loop {
        let (count, sleeping) = switches();
        thread::sleep(Duration::from_millis(20));
        if sleeping && switches() == (count, true) {
            break count;
        }
        assert!(Instant::now() < deadline, "the driver never comes to rest");
    };
    // This is what is measured, not a wait for something to happen.
    thread::sleep(WATCHED);
    assert_eq!(switches().0 - before, 0);
}
