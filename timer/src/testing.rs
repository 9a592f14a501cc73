//! What the unit tests share: wakers that count, keepers that note, a watchdog, random numbers.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;

use crate::driver::Keeper;

/// The longest that any test may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Runs a test that could hang, and fails if it does.
pub(crate) fn watchdog(test: impl FnOnce() + Send + 'static) {
    let name = thread::current().name().unwrap_or("a test").to_owned();
    let (done, wait) = channel();
    thread::spawn(move || done.send(catch_unwind(AssertUnwindSafe(test))));
    match wait.recv_timeout(PATIENCE) {
        Ok(Ok(())) => {}
        Ok(Err(panic)) => resume_unwind(panic),
        Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
            panic!("{name} hangs: it hasn't ended after {PATIENCE:?}")
        }
    }
}

/// Counts its wake-ups.
#[derive(Default)]
pub(crate) struct Count(AtomicUsize);

impl Count {
    pub(crate) fn new() -> (Arc<Count>, Waker) {
        let count = Arc::new(Count::default());
        (count.clone(), count.into())
    }

    pub(crate) fn get(&self) -> usize {
        // SeqCst: only a test counts, and needn't be fast.
        self.0.load(SeqCst)
    }

    /// The count, which begins anew.
    pub(crate) fn take(&self) -> usize {
        // SeqCst: as above.
        self.0.swap(0, SeqCst)
    }
}

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        // SeqCst: as above.
        self.0.fetch_add(1, SeqCst);
    }
}

/// Does something once, when it is woken.
pub(crate) struct Call(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl Call {
    pub(crate) fn waker(call: impl FnOnce() + Send + 'static) -> Waker {
        Arc::new(Call(Mutex::new(Some(Box::new(call))))).into()
    }
}

impl Wake for Call {
    fn wake(self: Arc<Self>) {
        let call = self.0.lock().take();
        call.into_iter().for_each(|call| call());
    }
}

/// Notes what it is told.
#[derive(Default)]
pub(crate) struct Notes(Mutex<Vec<u64>>);

impl Notes {
    pub(crate) fn new() -> &'static Notes {
        Box::leak(Box::default())
    }

    pub(crate) fn take(&self) -> Vec<u64> {
        std::mem::take(&mut *self.0.lock())
    }
}

impl Keeper for Notes {
    fn earlier(&self, deadline: u64) {
        self.0.lock().push(deadline);
    }
}

/// Polls once.
pub(crate) fn poll<F: Future + Unpin>(future: &mut F, waker: &Waker) -> Poll<F::Output> {
    Pin::new(future).poll(&mut Context::from_waker(waker))
}

/// Random numbers, the same for the same seed (splitmix64).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut x = self.0;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        x ^ (x >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    /// A number of a random length, up to so many bits.
    pub(crate) fn of_any_size(&mut self, bits: u64) -> u64 {
        let shift = 64 - (1 + self.below(bits));
        self.next() >> shift
    }
}
