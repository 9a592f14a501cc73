//! What a group knows of its children, behind one lock.
//!
//! A child is in a slot from before its spawn until its end is delivered; then all that is left of it
//! is its number and its value, or its failure. No user code runs here: what there is to drop, to
//! abort or to wake is handed out to the caller, who has let go of the lock by then.

use super::{
    Failure,
    results::Results,
    slots::{Child, Slots},
    wait::{Due, Event, Waiters},
};
use crate::{
    error::JoinError,
    scheduler::pool::Pool,
    task::{AbortHandle, JoinHandle},
    unhandled::{self, Place},
};

/// Who owns the group, which decides what a failure does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// `task_group`: the first failure cancels the rest; who was aborted has not failed.
    Bound,
    /// `TaskGroup::new`: `next` gives every end.
    Free,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Open,
    /// Something failed, or `shutdown` was called: every child is cancelled, new ones at once.
    Closing,
    /// The owner is gone, and nobody wants what the children give that are left; new ones are
    /// cancelled at once.
    Abandoned,
    /// `task_group` has returned: there can't be any new children.
    Returned,
}

impl Phase {
    fn is_over(self) -> bool {
        matches!(self, Phase::Abandoned | Phase::Returned)
    }
}

/// What becomes of a child that is about to be spawned.
pub(super) enum Reserved {
    /// It has this slot.
    Slot(usize),
    /// Nobody will hear of it, and it is cancelled at once.
    Cancelled,
    /// It can't be spawned.
    Returned,
}

pub(super) struct State<T, E> {
    pub(super) kind: Kind,
    pub(super) phase: Phase,
    /// How many children there ever were: the number of the next one.
    spawned: u64,
    children: Slots,
    results: Results<T, E>,
    pub(super) waiters: Waiters,
}

/// How a child ended.
pub(super) enum End<T, E> {
    Gave(Result<T, E>),
    Lost(JoinError),
}

/// What is to be done outside the lock when a child has ended.
#[must_use]
pub(super) struct Effects {
    /// The child, whose handle is to be dropped.
    _child: Option<Child>,
    /// Siblings that are to be aborted.
    siblings: Vec<AbortHandle>,
    due: Due,
}

impl Effects {
    /// Outside the lock.
    pub(super) fn carry_out(self) {
        self.siblings.iter().for_each(AbortHandle::abort);
        self.due.wake();
    }
}

impl<T, E> State<T, E> {
    pub(super) fn new(kind: Kind) -> Self {
        State {
            kind,
            phase: Phase::Open,
            spawned: 0,
            children: Slots::default(),
            results: Results::default(),
            waiters: Waiters::default(),
        }
    }

    /// A slot for a child that is about to be spawned, unless the group has ended.
    pub(super) fn reserve(&mut self, pool: &'static Pool) -> Reserved {
        match self.phase {
            Phase::Open | Phase::Closing => {}
            Phase::Abandoned => return Reserved::Cancelled,
            Phase::Returned => return Reserved::Returned,
        }
        let number = self.spawned;
        self.spawned += 1;
        Reserved::Slot(self.children.insert(Child {
            number,
            pool,
            handle: None,
        }))
    }

    /// Keeps the handle of a child that is about to be queued. It comes back if the group has ended
    /// meanwhile.
    pub(super) fn keep(&mut self, key: usize, handle: JoinHandle<()>) -> Option<JoinHandle<()>> {
        if self.phase.is_over() {
            return Some(handle);
        }
        self.children.get(key).handle.replace(handle)
    }

    /// The handle of a child that ends without having given anything; `None` if the group has ended.
    pub(super) fn take_handle(&mut self, key: usize) -> Option<JoinHandle<()>> {
        if self.phase.is_over() {
            return None;
        }
        self.children.get(key).handle.take()
    }

    /// The child in this slot has ended.
    ///
    /// # Errors
    ///
    /// `end` itself, if the group had ended before and nobody wants it.
    pub(super) fn end_child(&mut self, key: usize, end: End<T, E>) -> Result<Effects, End<T, E>> {
        if self.phase.is_over() {
            return Err(end);
        }
        let child = self.children.remove(key);
        let failure = match end {
            End::Gave(Ok(value)) => {
                self.results.push_value(child.number, value);
                None
            }
            End::Gave(Err(error)) => {
                let handle = child.handle.as_ref();
                let label = handle
                    .expect("it stays until the child ends or is lost")
                    .label();
                Some(Failure::child(label, error))
            }
            End::Lost(error) => self
                .is_failure(&error, child.pool)
                .then(|| Failure::join(error)),
        };
        Ok(match failure {
            Some(failure) => self.fail(failure, Some(child)),
            None => self.effects(Vec::new(), Some(child)),
        })
    }

    /// Whether a child without a value is a failure. In a `task_group`, one that was aborted is none;
    /// nor is it anywhere while everything is being cancelled.
    fn is_failure(&self, error: &JoinError, pool: &Pool) -> bool {
        if !error.is_cancelled() {
            return true;
        }
        let nobodys_wish = error.is_refused() || pool.is_closed();
        self.phase == Phase::Open && (self.kind == Kind::Free || nobodys_wish)
    }

    /// Keeps a failure, and cancels the siblings if it is the first in a `task_group`.
    pub(super) fn fail(&mut self, failure: Failure<E>, child: Option<Child>) -> Effects {
        self.results.push_failure(failure);
        let siblings = match self.kind {
            Kind::Bound => self.close(),
            Kind::Free => Vec::new(),
        };
        self.effects(siblings, child)
    }

    fn effects(&mut self, siblings: Vec<AbortHandle>, child: Option<Child>) -> Effects {
        let event = Event {
            failed: self.has_failed(),
            idle: self.is_idle(),
        };
        Effects {
            _child: child,
            siblings,
            due: self.waiters.due(event),
        }
    }

    /// From now on everything is cancelled: gives those who are to be aborted.
    pub(super) fn close(&mut self) -> Vec<AbortHandle> {
        if self.phase != Phase::Open {
            return Vec::new();
        }
        self.phase = Phase::Closing;
        self.abort_handles()
    }

    /// Of all children that have been spawned and have not ended.
    pub(super) fn abort_handles(&self) -> Vec<AbortHandle> {
        let handles = self
            .children
            .iter()
            .filter_map(|child| child.handle.as_ref());
        handles.map(JoinHandle::abort_handle).collect()
    }

    /// The group ends: its children, the results that nobody has taken, and who waits for them in vain.
    pub(super) fn end(&mut self) -> (Vec<JoinHandle<()>>, Results<T, E>, Due) {
        if self.phase != Phase::Returned {
            self.phase = Phase::Abandoned;
        }
        let children = std::mem::take(&mut self.children).into_iter();
        (
            children.filter_map(|child| child.handle).collect(),
            self.take_results(),
            self.waiters.due(Event {
                failed: true,
                idle: true,
            }),
        )
    }

    /// Whether no child is left.
    pub(super) fn is_idle(&self) -> bool {
        self.children.used() == 0
    }

    /// Whether it is a `task_group` that is going to fail.
    pub(super) fn has_failed(&self) -> bool {
        self.kind == Kind::Bound && self.results.has_failures()
    }

    /// The earliest result that nobody has taken; `Some(None)` if there is none and no child is left.
    pub(super) fn next(&mut self) -> Option<Option<Result<T, Failure<E>>>> {
        if self.has_failed() {
            return None; // The body, which asks, is about to be dropped.
        }
        match self.results.pop() {
            None if !self.is_idle() => None,
            result => Some(result),
        }
    }

    pub(super) fn take_results(&mut self) -> Results<T, E> {
        std::mem::take(&mut self.results)
    }

    /// Children that have not ended, and results that nobody has taken.
    pub(super) fn counts(&self) -> (usize, usize) {
        (self.children.used(), self.results.len())
    }
}

impl<T, E> End<T, E> {
    /// Drops what nobody wants.
    pub(super) fn discard(self) {
        match self {
            End::Gave(Ok(value)) => unhandled::contain(Place::Output, || drop(value)),
            End::Gave(Err(error)) => unhandled::contain(Place::Output, || drop(error)),
            End::Lost(error) => error.nobody_collects(),
        }
    }
}
