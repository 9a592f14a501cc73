//! Timers outside every runtime: shards of their own, and a thread that fires them.
//!
//! The thread starts when the first timer is armed, and sleeps until the next deadline; with
//! nothing armed it sleeps until something is. The protocol between it and those who arm is the one
//! that [`driver`](crate::driver) describes.

use std::io;
use std::sync::atomic::Ordering;
use std::sync::{LazyLock, OnceLock};
use std::thread::{self, Builder, Thread};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, NEVER};
use crate::context::Place;
use crate::driver::{Keeper, ShardSet};
use crate::sync::{AtomicU64, fence};

/// The name of the thread.
const NAME: &str = "wheelhouse-timer";

/// The most shards that threads outside every runtime are spread over.
const MAX_SHARDS: usize = 8;

/// How many timers of one shard are fired before the others get their turn.
const BUDGET: usize = 1024;

/// The wake time that is published while the thread is awake: nothing is earlier.
const AWAKE: u64 = 0;

struct Driver {
    /// Until when the thread sleeps, in nanoseconds; [`AWAKE`] if it doesn't, and looks at every
    /// shard before it does.
    wake_at: AtomicU64,
    thread: OnceLock<Thread>,
}

static DRIVER: LazyLock<Driver> = LazyLock::new(Driver::new);

/// Where this thread's timers go that are polled outside every runtime. Starts the thread if it
/// isn't running.
///
/// # Panics
///
/// If the thread can't be started.
pub(crate) fn place() -> Place {
    let set = match SET.get() {
        Some(set) => set,
        None => start(Builder::new()).unwrap_or_else(|error| {
            panic!(
                "no runtime is entered on this thread, and the thread `{NAME}`, which drives \
                 timers outside a runtime, can't be started: {error}"
            )
        }),
    };
    set.external_place()
}

/// Set once the thread runs.
static SET: OnceLock<ShardSet> = OnceLock::new();

fn start(builder: Builder) -> io::Result<&'static ShardSet> {
    static STARTING: Mutex<()> = Mutex::new(());
    let _one_at_a_time = STARTING.lock();
    if let Some(set) = SET.get() {
        return Ok(set);
    }
    let shards = thread::available_parallelism().map_or(1, |n| n.get().min(MAX_SHARDS));
    let set = ShardSet::new(Clock::monotonic(), 0, shards, &*DRIVER);
    // It waits for the set to be there. If it can't be started, the set's shards are given back.
    let handle = builder
        .name(NAME.to_owned())
        .spawn(|| DRIVER.run(SET.wait()))?;
    DRIVER.thread.get_or_init(|| handle.thread().clone());
    Ok(SET.get_or_init(|| set))
}

impl Driver {
    fn new() -> Self {
        Driver {
            wake_at: AtomicU64::new(AWAKE),
            thread: OnceLock::new(),
        }
    }

    fn run(&self, set: &ShardSet) -> ! {
        loop {
            let wake_at = fire_all(set);
            let next_deadline = || set.next_deadline();
            self.sleep(wake_at, next_deadline, || sleep_until(set, wake_at));
        }
    }

    /// Has the thread parked until `wake_at`, unless something earlier has been armed.
    fn sleep(&self, wake_at: u64, next_deadline: impl Fn() -> u64, park: impl FnOnce()) {
        if self.may_sleep_until(wake_at, next_deadline) {
            park();
        }
        // Relaxed: this only spares others a needless unpark; every shard is read again before
        // the next sleep.
        self.wake_at.store(AWAKE, Ordering::Relaxed);
    }

    /// Publishes when the thread will wake; whether nothing earlier was armed in the meantime.
    /// `next_deadline` reads every shard.
    fn may_sleep_until(&self, wake_at: u64, next_deadline: impl Fn() -> u64) -> bool {
        // Relaxed: the fence orders it before the loads that follow.
        self.wake_at.store(wake_at, Ordering::Relaxed);
        // Pairs with the fence in `must_wake`.
        fence(Ordering::SeqCst);
        next_deadline() >= wake_at
    }

    /// Whether the thread sleeps past `deadline`, which a shard has published, and the caller is
    /// the one to wake it.
    fn must_wake(&self, deadline: u64) -> bool {
        // Pairs with the fence in `may_sleep_until`: either the thread reads the new deadline, or
        // this reads its wake time.
        fence(Ordering::SeqCst);
        // Relaxed: the fence orders it.
        let wake_at = self.wake_at.load(Ordering::Relaxed);
        // One of those who find the thread asleep wakes it. Relaxed: unparking synchronises.
        let claim = || {
            self.wake_at
                .compare_exchange(wake_at, AWAKE, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        deadline < wake_at && claim()
    }
}

/// Fires until nothing is due, and says when something will be.
fn fire_all(set: &ShardSet) -> u64 {
    loop {
        let now = set.now();
        let next = (0..set.shards()).map(|shard| {
            set.fire(shard, now, BUDGET);
            set.next(shard)
        });
        let next = next.min().unwrap_or(NEVER);
        if next > now {
            return next;
        }
    }
}

fn sleep_until(set: &ShardSet, wake_at: u64) {
    if wake_at == NEVER {
        thread::park();
    } else {
        let left = wake_at.saturating_sub(set.now());
        thread::park_timeout(Duration::from_nanos(left));
    }
}

impl Keeper for Driver {
    fn earlier(&self, deadline: u64) {
        if self.must_wake(deadline)
            && let Some(thread) = self.thread.get()
        {
            thread.unpark();
        }
    }
}

#[cfg(all(test, wheelhouse_loom))]
mod models;

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::clock::ManualClock;
    use crate::sleep;
    use crate::testing::poll;

    const SECOND: Duration = Duration::from_secs(1);

    fn driver() -> &'static Driver {
        Box::leak(Box::new(Driver::new()))
    }

    fn wake_at(driver: &Driver) -> u64 {
        // Relaxed: this thread alone uses it.
        driver.wake_at.load(Ordering::Relaxed)
    }

    #[test]
    fn what_is_armed_while_it_is_about_to_sleep_is_seen() {
        let (driver, hand) = (driver(), ManualClock::new());
        let set = ShardSet::new(hand.clone().into(), 0, 1, driver);
        let _entered = set.enter_external();
        assert_eq!(fire_all(&set), NEVER);
        // After it looked, before it has published: it has to see it itself.
        let mut sleep = sleep(SECOND);
        assert!(poll(&mut sleep, Waker::noop()).is_pending());
        assert_eq!(wake_at(driver), AWAKE);
        assert!(!driver.may_sleep_until(NEVER, || set.next_deadline()));
        let next = fire_all(&set);
        assert!(next < NEVER && driver.may_sleep_until(next, || set.next_deadline()));
    }

    #[test]
    fn what_is_armed_after_it_has_published_wakes_it_if_it_is_earlier() {
        let (driver, hand) = (driver(), ManualClock::new());
        let set = ShardSet::new(hand.clone().into(), 0, 1, driver);
        let _entered = set.enter_external();
        let mut sleeps = [10, 20, 5].map(|n| sleep(SECOND * n));
        assert!(driver.may_sleep_until(NEVER, || set.next_deadline()));
        assert!(poll(&mut sleeps[0], Waker::noop()).is_pending());
        assert_eq!(wake_at(driver), AWAKE, "claimed by who wakes it");
        let next = fire_all(&set);
        assert!(driver.may_sleep_until(next, || set.next_deadline()));
        assert!(poll(&mut sleeps[1], Waker::noop()).is_pending());
        assert_eq!(wake_at(driver), next, "not for a later one");
        assert!(poll(&mut sleeps[2], Waker::noop()).is_pending());
        assert_eq!(wake_at(driver), AWAKE);
    }

    #[test]
    fn it_fires_until_nothing_is_due() {
        let (driver, hand) = (driver(), ManualClock::new());
        let set = ShardSet::new(hand.clone().into(), 0, 2, driver);
        let mut sleeps: Vec<_> = (0..3 * BUDGET).map(|_| sleep(SECOND)).collect();
        for (number, sleep) in sleeps.iter_mut().enumerate() {
            let _entered = set.enter(number % 2);
            assert!(poll(sleep, Waker::noop()).is_pending());
        }
        hand.advance(SECOND * 2);
        assert_eq!((fire_all(&set), set.len()), (NEVER, 0));
    }
}
