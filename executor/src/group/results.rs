//! What children have left behind.

use super::Failure;
use crate::unhandled::{self, Place};
use std::collections::VecDeque;

/// What the children have left behind, in the order in which they ended.
pub(super) struct Results<T, E> {
    values: VecDeque<T>,
    /// The numbers of the children that gave the values; empty if values have no size, since their
    /// order can't be told then. So a group of services that give `()` never grows.
    numbers: VecDeque<u64>,
    /// How many values have been taken.
    taken: u64,
    /// Each with the number of values that came before it.
    failures: VecDeque<(u64, Failure<E>)>,
}

impl<T, E> Default for Results<T, E> {
    fn default() -> Self {
        Results {
            values: VecDeque::new(),
            numbers: VecDeque::new(),
            taken: 0,
            failures: VecDeque::new(),
        }
    }
}

impl<T, E> Results<T, E> {
    pub(super) fn push_value(&mut self, number: u64, value: T) {
        if size_of::<T>() > 0 {
            self.numbers.push_back(number);
        }
        self.values.push_back(value);
    }

    pub(super) fn push_failure(&mut self, failure: Failure<E>) {
        let before = self.taken + self.values.len() as u64;
        self.failures.push_back((before, failure));
    }

    /// The earliest.
    pub(super) fn pop(&mut self) -> Option<Result<T, Failure<E>>> {
        let is_next = |(before, _): &mut (u64, _)| *before <= self.taken;
        if let Some((_, failure)) = self.failures.pop_front_if(is_next) {
            return Some(Err(failure));
        }
        self.taken += 1;
        self.numbers.pop_front();
        self.values.pop_front().map(Ok)
    }

    pub(super) fn has_failures(&self) -> bool {
        !self.failures.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.values.len() + self.failures.len()
    }

    /// The values in the order in which their children were spawned, and the failures, the earliest
    /// first.
    pub(super) fn into_parts(self) -> (Vec<T>, Vec<Failure<E>>) {
        let failures = self.failures.into_iter().map(|(_, failure)| failure);
        let failures = failures.collect();
        if self.numbers.iter().is_sorted() {
            return (self.values.into(), failures);
        }
        let mut numbered: Vec<_> = self.numbers.into_iter().zip(self.values).collect();
        numbered.sort_unstable_by_key(|(number, _)| *number);
        let values = numbered.into_iter().map(|(_, value)| value).collect();
        (values, failures)
    }

    /// Drops what nobody has asked for: each by itself, so that a panic in one doesn't keep the others.
    /// Outside the lock.
    pub(super) fn discard(self) {
        for value in self.values {
            unhandled::contain(Place::Output, || drop(value));
        }
        for (_, failure) in self.failures {
            failure.discard();
        }
    }
}
