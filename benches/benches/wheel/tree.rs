//! A tree ordered by deadline, and by a number where deadlines are equal.

use std::collections::BTreeMap;
use std::task::Waker;

use crate::queue::Queue;

#[derive(Default)]
pub(crate) struct Tree {
    entries: BTreeMap<(u64, u64), Waker>,
    inserted: u64,
}

impl Queue for Tree {
    const NAME: &'static str = "BTreeMap";
    type Key = (u64, u64);

    fn insert(&mut self, nanos: u64, waker: Waker) -> (u64, u64) {
        let key = (nanos, self.inserted);
        self.inserted += 1;
        self.entries.insert(key, waker);
        key
    }

    fn cancel(&mut self, key: (u64, u64)) -> bool {
        self.entries.remove(&key).is_some()
    }

    fn next_deadline(&mut self) -> Option<u64> {
        self.entries.first_key_value().map(|((nanos, _), _)| *nanos)
    }

    fn advance(&mut self, now: u64, budget: usize, fire: &mut impl FnMut(Waker)) -> bool {
        for _ in 0..budget {
            match self.entries.first_entry() {
                Some(first) if first.key().0 <= now => fire(first.remove()),
                _ => return false,
            }
        }
        true
    }
}
