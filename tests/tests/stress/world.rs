//! What all the tasks and threads of a round share, and what is counted.

use std::any::Any;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::task::Waker;
use wheelhouse::{AbortHandle, JoinError, JoinHandle};
use wheelhouse_tests::{ON_PURPOSE, panic_text};

/// Numbers that look random and depend on the seed alone (splitmix64).
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Dice(seed)
    }

    pub(crate) fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    pub(crate) fn roll(&mut self, sides: u64) -> u64 {
        self.number() % sides
    }

    /// Dice for somebody else.
    pub(crate) fn split(&mut self) -> Dice {
        Dice(self.number())
    }
}

fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    number ^ (number >> 31)
}

/// Grows with everything that happens, for the watchdog.
pub(crate) static PROGRESS: AtomicU64 = AtomicU64::new(0);

/// Tokens made and dropped: how many, and the sum of their mixed numbers, which is the same only if
/// each was dropped once.
static MADE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];
static GONE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// In futures, outputs and closures.
pub(crate) struct Token(u64);

impl Token {
    pub(crate) fn new() -> Self {
        let number = MADE[0].fetch_add(1, SeqCst);
        MADE[1].fetch_add(mix(number), SeqCst);
        Token(number)
    }

    /// Those made and those dropped, each as their number and their sum.
    pub(crate) fn balance() -> ([u64; 2], [u64; 2]) {
        let read = |counts: &[AtomicU64; 2]| [counts[0].load(SeqCst), counts[1].load(SeqCst)];
        (read(&MADE), read(&GONE))
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        PROGRESS.fetch_add(1, SeqCst);
        GONE[1].fetch_add(mix(self.0), SeqCst);
        GONE[0].fetch_add(1, SeqCst);
    }
}

/// A round's.
#[derive(Default)]
pub(crate) struct World {
    pub(crate) over: AtomicBool,
    pub(crate) population: AtomicUsize,
    /// Panics on purpose, those that somebody collected, and those that were told of as nobody's.
    pub(crate) panicked: AtomicU64,
    pub(crate) collected: AtomicU64,
    pub(crate) told: AtomicU64,
    /// Where tasks and threads leave what others are to use.
    pub(crate) wakers: Mutex<Vec<Waker>>,
    pub(crate) handles: Mutex<Vec<JoinHandle<Token>>>,
    pub(crate) aborts: Mutex<Vec<AbortHandle>>,
}

/// Whether a panic only tells that another was not collected, or that there is no value since its task was
/// cancelled.
pub(crate) fn is_expected(text: &str) -> bool {
    text.ends_with("needs its value") || text.starts_with("in a `scope`, ")
}

impl World {
    /// Panics, and counts it.
    pub(crate) fn panic(&self) -> ! {
        self.panicked.fetch_add(1, SeqCst);
        panic!("{ON_PURPOSE}: stress");
    }

    /// Counts what an awaited handle gave.
    pub(crate) fn take(&self, result: Result<Token, JoinError>) {
        if let Err(error) = result
            && error.is_panic()
        {
            self.collected.fetch_add(1, SeqCst);
        }
    }

    /// Counts a panic that went on in a thread, or in a task that awaited a gather.
    pub(crate) fn caught(&self, payload: Box<dyn Any + Send>) {
        let text = panic_text(&*payload);
        if text.starts_with(ON_PURPOSE) {
            self.collected.fetch_add(1, SeqCst);
        } else {
            assert!(is_expected(&text), "unexpected: {text}");
        }
    }

    /// Leaves something; what is too much is dropped, outside the lock.
    pub(crate) fn leave<T>(&self, bag: &Mutex<Vec<T>>, thing: T, dice: &mut Dice) {
        let mut bag = bag.lock().unwrap();
        bag.push(thing);
        let place = dice.roll(bag.len() as u64) as usize;
        let one_too_many = (bag.len() > 64).then(|| bag.swap_remove(place));
        drop(bag);
        drop(one_too_many);
    }

    pub(crate) fn find<T>(&self, bag: &Mutex<Vec<T>>, dice: &mut Dice) -> Option<T> {
        let mut bag = bag.lock().unwrap();
        let place = dice.roll(bag.len().max(1) as u64) as usize;
        (!bag.is_empty()).then(|| bag.swap_remove(place))
    }

    /// At the end: outside the locks, too.
    pub(crate) fn clear(&self) {
        let handles = std::mem::take(&mut *self.handles.lock().unwrap());
        let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
        let aborts = std::mem::take(&mut *self.aborts.lock().unwrap());
        drop((handles, wakers, aborts));
    }
}
