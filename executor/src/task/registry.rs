//! The registry: every task that waits, so that a shutdown can find and drop it.
//!
//! A task enters at its first `Pending` and leaves when it ends; one that never waits is never
//! entered, for until then it is in a queue or in a worker's hands. The lists are intrusive. There
//! is one for each worker (beyond 64 workers they share), under a lock of its own, and a task
//! enters the list of the worker that polled it first; so two workers seldom meet at a lock.

use super::{
    Epoch, Runnable, Stamp, TaskInfo,
    raw::Header,
    state::{Claim, LISTS},
};
use crossbeam_utils::CachePadded;
use parking_lot::Mutex;
use std::{
    cell::Cell,
    ptr::NonNull,
    sync::atomic::{AtomicU32, Ordering::Relaxed},
};

pub(crate) struct Registry {
    /// Which of the runtimes it is that have used it, one after the other.
    epoch: AtomicU32,
    lists: Box<[CachePadded<Mutex<List>>]>,
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

impl Links {
    fn next(&self) -> Option<NonNull<Header>> {
        let next = self.next.take();
        self.next.set(next);
        next
    }
}

// SAFETY: a list's pointers are followed only under its lock, and a task in a list is alive: it
// leaves the list before it is complete, and one that is not complete is not freed.
unsafe impl Send for List {}

impl Registry {
    /// A registry for this many workers, that admits nothing until it is [opened](Self::open).
    pub(crate) fn new(workers: usize) -> Self {
        let list = || List {
            head: None,
            closed: true,
        };
        let list = |_| CachePadded::new(Mutex::new(list()));
        Registry {
            epoch: AtomicU32::new(0),
            lists: (0..workers.min(LISTS)).map(list).collect(),
        }
    }

    /// The list of a worker.
    pub(crate) fn list_of(&self, worker: usize) -> usize {
        worker % self.lists.len()
    }

    /// A registry that nothing enters, for tasks that end at their first poll and belong to a runtime of
    /// this epoch.
    pub(crate) fn aside(epoch: Epoch) -> Self {
        let mut registry = Registry::new(1);
        registry.epoch = AtomicU32::new(epoch.0);
        registry
    }

    #[inline]
    pub(crate) fn epoch(&self) -> Epoch {
        // Relaxed: whoever has a task of this runtime came to know of it after `open`.
        Epoch(self.epoch.load(Relaxed))
    }

    pub(crate) fn open(&self) {
        self.epoch.fetch_add(1, Relaxed); // Relaxed: as in `epoch`.
        for list in &self.lists {
            list.lock().closed = false;
        }
    }

    /// Enters a task that the caller is running. False: the registry is closed.
    pub(super) fn insert(&self, task: &Runnable, list: usize) -> bool {
        let mut list = self.lists[list].lock();
        if list.closed {
            return false;
        }
        list.push(task.0);
        true
    }

    /// Takes a task out that the caller is running, unless a shutdown has done so already.
    pub(super) fn remove(&self, task: &Runnable, list: usize) {
        self.lists[list].lock().unlink(task.0);
    }

    /// Closes the registry and cancels every task in it that nobody is running; those that are
    /// being run will be cancelled by their runners. Futures are dropped outside the locks; before each,
    /// its task is handed to `publish`.
    pub(crate) fn shut_down(&self, publish: impl Fn(&Runnable)) {
        for list in &self.lists {
            list.lock().closed = true;
            while let Some(task) = Self::claim_next(list) {
                publish(&task);
                task.cancel_claimed(self);
            }
        }
    }

    /// What the tasks in it are doing.
    pub(crate) fn look(&self, now: Stamp) -> Vec<TaskInfo> {
        let mut infos = Vec::new();
        for list in &self.lists {
            let list = list.lock();
            let mut next = list.head;
            while let Some(task) = &next {
                // SAFETY: it is in the list, and while the lock is held it can't leave it to be freed.
                infos.push(unsafe { task.as_ref() }.look(now));
                next = links(task).next();
            }
        }
        infos
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::task::{self, JoinHandle, Schedule};
    use std::{future::ready, panic::Location};

    struct Nowhere;

    impl Schedule for Nowhere {
        fn schedule(_: Runnable) {
            unreachable!("nobody wakes it")
        }
    }

    fn task() -> (Runnable, JoinHandle<()>) {
        task::new::<_, Nowhere>(ready(()), 0, (Location::caller(), None))
    }

    #[test]
    fn who_leaves_a_list_takes_nobody_along() {
        let registry = Registry::new(1);
        registry.open();
        let listed = || registry.look(Stamp::of(0)).len();
        // The first to leave is the last in the list, in its midst, or the first.
        for first in 0..3 {
            let tasks: Vec<_> = (0..3).map(|_| task()).collect();
            assert!(tasks.iter().all(|(task, _)| registry.insert(task, 0)));
            assert_eq!(listed(), 3);
            registry.remove(&tasks[first].0, 0);
            assert_eq!(listed(), 2);
            // A shutdown may have taken it out already.
            registry.remove(&tasks[first].0, 0);
            assert_eq!(listed(), 2);
            for (task, handle) in tasks {
                registry.remove(&task, 0);
                task.shut_down(&registry);
                assert!(handle.is_finished());
            }
            assert_eq!(listed(), 0);
        }
    }

    #[test]
    fn workers_share_lists_only_if_there_are_more_than_lists() {
        let few = Registry::new(3);
        assert_eq!([0, 1, 2].map(|worker| few.list_of(worker)), [0, 1, 2]);
        let many = Registry::new(LISTS + 10);
        assert_eq!(many.lists.len(), LISTS);
        let last = LISTS + 9;
        assert_eq!(
            [LISTS - 1, LISTS, last].map(|worker| many.list_of(worker)),
            [LISTS - 1, 0, 9]
        );
    }
}
