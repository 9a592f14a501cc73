//! Tokens that tell whether they were dropped, and how often.

use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Hands out [`DropToken`]s and counts the drops of each one.
///
/// A `DropCounter` is one pointer and is copied freely. What it points to is leaked on purpose:
/// a token that is dropped twice must be counted, not crash the test.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::DropCounter;
///
/// let drops = DropCounter::new();
/// let token = drops.token();
/// let future = async move {
///     let _held = token;
///     std::future::pending::<()>().await
/// };
/// assert_eq!(drops.dropped(), 0);
/// drop(future);
/// drops.assert_each_dropped_once();
/// ```
#[derive(Clone, Copy, Debug)]
pub struct DropCounter {
    ledger: &'static Ledger,
}

/// Put it into a future, an output, a waker or a closure: its [`DropCounter`] learns when it goes.
#[derive(Debug)]
#[must_use = "it is dropped, and counted, at once"]
pub struct DropToken {
    ledger: &'static Ledger,
    index: usize,
}

#[derive(Debug, Default)]
struct Ledger {
    /// How often each token was dropped, by its index.
    drops: Mutex<Vec<u32>>,
    changed: Condvar,
}

impl DropCounter {
    /// A counter of no tokens yet.
    #[expect(
        clippy::new_without_default,
        reason = "each call leaks a ledger: say so with `new`"
    )]
    pub fn new() -> Self {
        DropCounter {
            ledger: Box::leak(Box::default()),
        }
    }

    /// A new token.
    pub fn token(&self) -> DropToken {
        let mut drops = self.lock();
        drops.push(0);
        DropToken {
            ledger: self.ledger,
            index: drops.len() - 1,
        }
    }

    /// How many tokens were made.
    pub fn made(&self) -> usize {
        self.lock().len()
    }

    /// How many drops there were; more than [`made`](Self::made) if one was dropped twice.
    pub fn dropped(&self) -> usize {
        self.lock().iter().map(|&times| times as usize).sum()
    }

    /// Blocks until `count` drops were seen.
    ///
    /// # Panics
    ///
    /// When that takes longer than `limit`.
    #[track_caller]
    pub fn wait_for(&self, count: usize, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut drops = self.lock();
        loop {
            let seen: usize = drops.iter().map(|&times| times as usize).sum();
            if seen >= count {
                return;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            assert!(!left.is_zero(), "{seen} of {count} drops after {limit:?}");
            let waited = self.ledger.changed.wait_timeout(drops, left);
            drops = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Checks that no token is alive and none was dropped twice.
    ///
    /// # Panics
    ///
    /// When one is or was, naming the tokens by the order in which they were made (from 0).
    #[track_caller]
    pub fn assert_each_dropped_once(&self) {
        let drops = self.lock().clone();
        let numbered = || drops.iter().copied().enumerate();
        let alive: Vec<usize> = numbered()
            .filter(|&(_, times)| times == 0)
            .map(|(index, _)| index)
            .collect();
        let twice: Vec<(usize, u32)> = numbered().filter(|&(_, times)| times > 1).collect();
        assert!(
            alive.is_empty() && twice.is_empty(),
            "of {} tokens, never dropped: {alive:?}; dropped more than once (token, times): \
             {twice:?}",
            drops.len(),
        );
    }

    fn lock(&self) -> std::sync::MutexGuard<'static, Vec<u32>> {
        self.ledger
            .drops
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for DropToken {
    fn drop(&mut self) {
        let mut drops = self
            .ledger
            .drops
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        drops[self.index] += 1;
        drop(drops);
        self.ledger.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "of 2 tokens, never dropped: [1]")]
    fn a_leak_is_told() {
        let drops = DropCounter::new();
        drop(drops.token());
        std::mem::forget(drops.token());
        drops.assert_each_dropped_once();
    }

    #[test]
    #[should_panic(expected = "dropped more than once (token, times): [(0, 2)]")]
    fn a_double_drop_is_told() {
        let drops = DropCounter::new();
        let token = drops.token();
        drop(DropToken {
            ledger: token.ledger,
            index: token.index,
        });
        drop(token);
        drops.assert_each_dropped_once();
    }

    #[test]
    fn waiting_ends_with_the_last_drop() {
        let drops = DropCounter::new();
        let (first, second) = (drops.token(), drops.token());
        let other = std::thread::spawn(move || drop((first, second)));
        drops.wait_for(2, Duration::from_secs(60));
        other.join().unwrap();
        drops.assert_each_dropped_once();
    }
}
