//! Waiting for something to happen in a group.

use super::{Failure, Inner, TaskGroup, state::State};
use crate::{
    budget,
    unhandled::{self, Place},
};
use std::{
    fmt,
    future::Future,
    pin::Pin,
    task::{Context, Poll, Waker, ready},
};

/// What somebody waits for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Until {
    /// A result, or that no child is left.
    Result,
    /// A failure that cancels the group.
    Failure,
    /// That no child is left.
    Idle,
}

/// What is the case after a child has ended.
#[derive(Clone, Copy)]
pub(super) struct Event {
    pub(super) failed: bool,
    pub(super) idle: bool,
}

impl Until {
    fn is_met(self, event: Event) -> bool {
        match self {
            Until::Result => true,
            Until::Failure => event.failed,
            Until::Idle => event.idle,
        }
    }
}

/// Those who wait: the owner, and every pending `next`.
#[derive(Default)]
pub(super) struct Waiters {
    list: Vec<Waiter>,
    /// Numbers that were given to waiters; they begin with 1.
    numbers: u64,
}

struct Waiter {
    number: u64,
    until: Until,
    waker: Waker,
}

/// Wakers that are to be called, outside the lock. There is hardly ever more than one.
pub(super) struct Due {
    first: Option<Waker>,
    others: Vec<Waker>,
}

impl Due {
    pub(super) fn wake(self) {
        for waker in self.first.into_iter().chain(self.others) {
            // A child must not suffer from a waker of its owner's.
            unhandled::contain(Place::Waker, || waker.wake());
        }
    }
}

impl Waiters {
    /// Takes out those who are to be woken. All who wait for the same are, since each of them may be
    /// dropped before it looks.
    pub(super) fn due(&mut self, event: Event) -> Due {
        let due = |waiter: &mut Waiter| waiter.until.is_met(event);
        let mut due = self.list.extract_if(.., due).map(|waiter| waiter.waker);
        Due {
            first: due.next(),
            others: due.collect(),
        }
    }

    fn remove(&mut self, number: u64) -> Option<Waker> {
        let mut numbers = self.list.iter().map(|waiter| waiter.number);
        let place = numbers.position(|other| other == number)?;
        Some(self.list.swap_remove(place).waker)
    }

    /// Whether the waiter with this number has left this very waker; if so, it waits for `until` now.
    fn is_left(&mut self, number: u64, until: Until, waker: &Waker) -> bool {
        let mut list = self.list.iter_mut();
        let waiter = list.find(|waiter| waiter.number == number);
        waiter.is_some_and(|waiter| {
            waiter.until = until;
            waiter.waker.will_wake(waker)
        })
    }

    /// Puts a waker into the place of the one that the waiter has left before.
    fn leave(&mut self, number: &mut u64, until: Until, waker: Waker) -> Option<Waker> {
        let old = self.remove(*number);
        if *number == 0 {
            self.numbers += 1;
            *number = self.numbers;
        }
        self.list.push(Waiter {
            number: *number,
            until,
            waker,
        });
        old
    }
}

/// One who waits, until it is dropped.
pub(super) struct Wait<'a, T, E> {
    inner: &'a Inner<T, E>,
    /// Its number among the waiters; 0 if it was never one.
    number: u64,
}

impl<'a, T, E> Wait<'a, T, E> {
    pub(super) fn new(inner: &'a Inner<T, E>) -> Self {
        Wait { inner, number: 0 }
    }

    /// Ready with what `look` finds; else the task is woken when `until` is met. `look` runs under the
    /// lock.
    pub(super) fn poll<R>(
        &mut self,
        context: &mut Context<'_>,
        until: Until,
        look: impl Fn(&mut State<T, E>) -> Option<R>,
    ) -> Poll<R> {
        // Declared first, so that it is never dropped under the lock.
        let mut clone = None;
        loop {
            let mut state = self.inner.lock();
            let found = look(&mut state);
            let waiters = &mut state.waiters;
            let old = if found.is_some() {
                waiters.remove(self.number)
            } else if waiters.is_left(self.number, until, context.waker()) {
                None
            } else if let Some(clone) = clone.take() {
                waiters.leave(&mut self.number, until, clone)
            } else {
                drop(state);
                // Cloning is not for under the lock; so look again afterwards.
                clone = Some(context.waker().clone());
                continue;
            };
            drop(state);
            unhandled::contain(Place::Waker, || drop((old, clone)));
            return found.map_or(Poll::Pending, Poll::Ready);
        }
    }
}

impl<T, E> Drop for Wait<'_, T, E> {
    fn drop(&mut self) {
        if self.number != 0 {
            let old = self.inner.lock().waiters.remove(self.number);
            unhandled::contain(Place::Waker, || drop(old));
        }
    }
}

/// The future of [`TaskGroup::next`].
///
/// # Cancel safety
///
/// Dropping it loses no result.
#[must_use = "futures do nothing unless they are awaited"]
pub struct Next<'a, T, E>(Wait<'a, T, E>);

impl<'a, T, E> Next<'a, T, E> {
    pub(super) fn new(group: &'a TaskGroup<T, E>) -> Self {
        Next(Wait::new(group.inner()))
    }
}

impl<T, E> Future for Next<'_, T, E> {
    type Output = Option<Result<T, Failure<E>>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !budget::spend(context) {
            return Poll::Pending;
        }
        self.0.poll(context, Until::Result, State::next)
    }
}

/// The future of [`TaskGroup::shutdown`].
///
/// # Cancel safety
///
/// The children stay cancelled when it is dropped; only the waiting ends.
#[must_use = "the children have been aborted; only awaiting this waits for their end"]
pub struct Shutdown<'a, T, E>(Wait<'a, T, E>);

impl<'a, T, E> Shutdown<'a, T, E> {
    pub(super) fn new(group: &'a TaskGroup<T, E>) -> Self {
        Shutdown(Wait::new(group.inner()))
    }
}

impl<T, E> Future for Shutdown<'_, T, E> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let results = |state: &mut State<T, E>| {
            // A `task_group` that has failed needs its failures, and drops its body, which waits here.
            (state.is_idle() && !state.has_failed()).then(|| state.take_results())
        };
        ready!(self.0.poll(context, Until::Idle, results)).discard();
        Poll::Ready(())
    }
}

impl<T, E> Unpin for Next<'_, T, E> {}
impl<T, E> Unpin for Shutdown<'_, T, E> {}

impl<T, E> fmt::Debug for Next<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Next(..)")
    }
}

impl<T, E> fmt::Debug for Shutdown<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shutdown(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    };

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl std::task::Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Relaxed);
        }
    }

    #[test]
    fn each_waits_for_its_own_and_with_its_own_waker() {
        let mut waiters = Waiters::default();
        let counts: [Arc<Count>; 3] = Default::default();
        let wakers = counts.clone().map(Waker::from);
        let untils = [Until::Idle, Until::Failure, Until::Result];
        let mut numbers = [0; 3];
        for place in 0..3 {
            assert!(!waiters.is_left(numbers[place], untils[place], &wakers[place]));
            let waker = wakers[place].clone();
            let old = waiters.leave(&mut numbers[place], untils[place], waker);
            assert!(old.is_none(), "it is the first");
        }
        assert_eq!(numbers, [1, 2, 3]);
        for (place, number) in numbers.into_iter().enumerate() {
            for (other, waker) in wakers.iter().enumerate() {
                let left = waiters.is_left(number, untils[place], waker);
                assert_eq!(left, place == other);
            }
        }
        let mut wake = |failed, idle| {
            waiters.due(Event { failed, idle }).wake();
            counts.each_ref().map(|count| count.0.load(Relaxed))
        };
        assert_eq!(wake(false, false), [0, 0, 1]);
        assert_eq!(wake(false, true), [1, 0, 1]);
        assert_eq!(wake(true, false), [1, 1, 1]);
        assert_eq!(wake(true, true), [1, 1, 1], "nobody is left");
    }

    #[test]
    fn a_waiter_has_one_waker_at_a_time() {
        let mut waiters = Waiters::default();
        let counts: [Arc<Count>; 2] = Default::default();
        let wakers = counts.clone().map(Waker::from);
        let mut number = 0;
        let first = waiters.leave(&mut number, Until::Idle, wakers[0].clone());
        let old = waiters.leave(&mut number, Until::Result, wakers[1].clone());
        assert!(first.is_none() && old.unwrap().will_wake(&wakers[0]));
        assert_eq!((number, waiters.list.len()), (1, 1));
        assert!(waiters.remove(number).unwrap().will_wake(&wakers[1]));
        assert!(waiters.remove(number).is_none());
    }
}
