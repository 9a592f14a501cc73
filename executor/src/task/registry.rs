//! The registry: every task that waits, so that a shutdown can find and drop it.
//!
//! A task enters at its first `Pending` and leaves when it ends; one that never waits is never
//! entered, for until then it is in a queue or in a worker's hands. The lists are intrusive, and
//! there are several of them, each under a lock of its own. Ids come in batches, and a batch
//! shares a list, so that the tasks that one thread spawns seldom meet another thread's lock.

use super::{Id, Runnable, raw::Header, state::Claim};
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use std::{cell::Cell, ptr::NonNull};

/// How many lists there are. Each worker keeps to one for [`Id::BATCH`] tasks.
const LISTS: usize = 16;

pub(crate) struct Registry {
    lists: [CachePadded<Mutex<List>>; LISTS],
}

struct List {
    head: Option<NonNull<Header>>,
    /// After this, nothing enters: the shutdown has passed.
    closed: bool,
}

/// A task's neighbours in its list; both `None` when it is in no list, or alone in it.
#[derive(Default)]
pub(super) struct Links {
    previous: Cell<Option<NonNull<Header>>>,
    next: Cell<Option<NonNull<Header>>>,
}

// SAFETY: a list's pointers are followed only under its lock, and a task in a list is alive: it
// leaves the list before it is complete, and one that is not complete is not freed.
unsafe impl Send for List {}

impl Registry {
    /// A registry that admits nothing until it is [opened](Self::open).
    pub(crate) fn new() -> Self {
        let list = || {
            CachePadded::new(Mutex::new(List {
                head: None,
                closed: true,
            }))
        };
        Registry {
            lists: std::array::from_fn(|_| list()),
        }
    }

    pub(crate) fn open(&self) {
        for list in &self.lists {
            list.lock().closed = false;
        }
    }

    /// Enters a task that the caller is running. False: the registry is closed.
    pub(super) fn insert(&self, task: &Runnable) -> bool {
        let mut list = self.list(task.header().id()).lock();
        if list.closed {
            return false;
        }
        list.push(task.0);
        true
    }

    /// Takes a task out that the caller is running, unless a shutdown has done so already.
    pub(super) fn remove(&self, task: &Runnable) {
        self.list(task.header().id()).lock().unlink(task.0);
    }

    /// Closes the registry and cancels every task in it that nobody is running; those that are
    /// being run will be cancelled by their runners. Futures are dropped outside the locks.
    pub(crate) fn shut_down(&self) {
        for list in &self.lists {
            list.lock().closed = true;
            while let Some(task) = Self::claim_next(list) {
                task.cancel_claimed();
            }
        }
    }

    fn claim_next(list: &Mutex<List>) -> Option<Runnable> {
        let mut list = list.lock();
        while let Some(task) = list.head {
            list.unlink(task);
            // SAFETY: it was in the list, and while the lock is held it can't leave it to be freed.
            let header = unsafe { task.as_ref() };
            if header.state.claim() == Claim::Claimed {
                return Some(Runnable(task));
            }
        }
        None
    }

    fn list(&self, id: Id) -> &Mutex<List> {
        &self.lists[(id.0 / Id::BATCH) as usize % LISTS]
    }
}

impl List {
    fn push(&mut self, task: NonNull<Header>) {
        let links = links(&task);
        links.previous.set(None);
        links.next.set(self.head);
        if let Some(head) = &self.head {
            self::links(head).previous.set(Some(task));
        }
        self.head = Some(task);
    }

    fn unlink(&mut self, task: NonNull<Header>) {
        let links = links(&task);
        let (previous, next) = (links.previous.take(), links.next.take());
        match &previous {
            Some(previous) => self::links(previous).next.set(next),
            None if self.head == Some(task) => self.head = next,
            None => return,
        }
        if let Some(next) = &next {
            self::links(next).previous.set(previous);
        }
    }
}

fn links(task: &NonNull<Header>) -> &Links {
    // SAFETY: the task is in the list whose lock the caller holds, or the caller runs it.
    unsafe { &task.as_ref().links }
}
