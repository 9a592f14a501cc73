//! A gate that holds tasks and threads until the test opens it.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// Closed at first; once opened it stays open. Clones are the same gate.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::{Gate, LIMIT};
///
/// let gate = Gate::new();
/// let task = {
///     let gate = gate.clone();
///     std::thread::spawn(move || gate.block())
/// };
/// gate.wait_for(1, LIMIT); // it is inside `block` now
/// gate.open();
/// task.join().unwrap();
/// ```
#[derive(Clone, Debug, Default)]
pub struct Gate {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    open: bool,
    /// Who waits now: futures that were polled and not yet dropped or let through, and threads.
    waiting: usize,
    /// One place for each future that was ever polled while the gate was closed.
    wakers: Vec<Option<Waker>>,
}

impl Gate {
    /// A closed gate.
    pub fn new() -> Self {
        Gate::default()
    }

    /// A future that is ready once the gate is open.
    pub fn wait(&self) -> GateWait {
        GateWait {
            gate: self.clone(),
            place: None,
        }
    }

    /// Blocks the calling thread until the gate is open.
    pub fn block(&self) {
        let mut state = self.lock();
        state.waiting += 1;
        self.shared.changed.notify_all();
        while !state.open {
            state = self
                .shared
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        state.waiting -= 1;
    }

    /// Lets everybody through, now and from now on. Wakers are called outside the lock.
    pub fn open(&self) {
        let mut state = self.lock();
        state.open = true;
        let wakers = std::mem::take(&mut state.wakers);
        drop(state);
        self.shared.changed.notify_all();
        wakers.into_iter().flatten().for_each(Waker::wake);
    }

    /// Whether [`open`](Self::open) was called.
    pub fn is_open(&self) -> bool {
        self.lock().open
    }

    /// How many futures and threads wait at the gate now.
    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Blocks the calling thread until at least `count` futures and threads wait at the gate.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    #[track_caller]
    pub fn wait_for(&self, count: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut state = self.lock();
        while state.waiting < count {
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(
                !left.is_zero(),
                "{} of {count} wait after {limit:?}",
                state.waiting
            );
            let waited = self.shared.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.shared
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for a [`Gate`] to open: what [`Gate::wait`] returns.
#[derive(Debug)]
#[must_use = "futures do nothing unless awaited"]
pub struct GateWait {
    gate: Gate,
    /// Where its waker is kept; `None` until it has waited.
    place: Option<usize>,
}

impl Future for GateWait {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        // Cloned and dropped outside the lock: a waker is user code.
        let waker = cx.waker().clone();
        let gate = self.gate.clone();
        let mut state = gate.lock();
        if state.open {
            state.waiting -= usize::from(self.place.take().is_some());
            return Poll::Ready(());
        }
        let old = match self.place {
            Some(place) => state.wakers[place].replace(waker),
            None => {
                self.place = Some(state.wakers.len());
                state.wakers.push(Some(waker));
                state.waiting += 1;
                gate.shared.changed.notify_all();
                None
            }
        };
        drop(state);
        drop(old);
        Poll::Pending
    }
}

impl Drop for GateWait {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let mut state = self.gate.lock();
        state.waiting -= 1;
        // No place is left once the gate is open.
        let waker = state.wakers.get_mut(place).and_then(Option::take);
        drop(state);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{CountWaker, LIMIT, poll_once};

    #[test]
    fn opening_wakes_each_waiter_once() {
        let (gate, waker) = (Gate::new(), CountWaker::new());
        let (mut first, mut second) = (gate.wait(), gate.wait());
        assert!(poll_once(&mut first, &waker.waker()).is_pending());
        assert!(poll_once(&mut first, &waker.waker()).is_pending());
        assert!(poll_once(&mut second, &waker.waker()).is_pending());
        assert_eq!(gate.waiting(), 2);
        drop(second);
        assert_eq!(gate.waiting(), 1);
        gate.open();
        assert_eq!(waker.count(), 1, "the dropped future's waker went with it");
        assert!(poll_once(&mut first, &waker.waker()).is_ready());
        assert_eq!(gate.waiting(), 0);
        assert_eq!(waker.live(), 0);
    }

    #[test]
    #[should_panic(expected = "0 of 1 wait")]
    fn waiting_for_nobody_ends() {
        Gate::new().wait_for(1, Duration::from_millis(10));
    }

    #[test]
    fn a_thread_waits_too() {
        let gate = Gate::new();
        let other = gate.clone();
        let thread = std::thread::spawn(move || other.block());
        gate.wait_for(1, LIMIT);
        gate.open();
        thread.join().unwrap();
        assert_eq!(gate.waiting(), 0);
    }
}
