//! A worker's queues: the LIFO slot, and the deque behind it.
//!
//! The slot holds the task that was woken last: the receiver of a message runs while the message
//! is still in the cache. What it displaces goes to the back of the deque, from which others
//! steal. A spawned task takes the slot only if it is empty; that saves an exchange for each spawn
//! of many, and keeps their order.
//!
//! Others do not look into the slot, though they could: a task in it waits until its worker's poll
//! has ended, however long that takes.

use super::pool::Pool;
use crate::task::Runnable;
use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use parking_lot::Mutex;
use std::sync::atomic::{
    AtomicPtr,
    Ordering::{Acquire, Relaxed, Release},
};

/// A running worker's end of its queues, on its thread.
pub(crate) struct LocalQueue {
    pool: &'static Pool,
    seat: usize,
    deque: Deque<Runnable>,
}

/// The end that everybody sees.
pub(super) struct SharedQueue {
    lifo: LifoSlot,
    stealer: Stealer<Runnable>,
    /// The worker's end of the deque while no thread works here.
    deque: Mutex<Option<Deque<Runnable>>>,
}

/// The most tasks that are stolen, or taken from the injector, at once.
const BATCH: usize = 32;

/// How often a steal is tried again when it lost a race.
const STEAL_TRIES: usize = 4;

impl SharedQueue {
    pub(super) fn new() -> Self {
        let deque = Deque::new_fifo();
        SharedQueue {
            lifo: LifoSlot::default(),
            stealer: deque.stealer(),
            deque: Mutex::new(Some(deque)),
        }
    }

    /// Whether there is anything to steal. The LIFO slot does not count while its worker runs.
    pub(super) fn is_empty(&self) -> bool {
        self.stealer.is_empty()
    }
}

impl LocalQueue {
    /// Takes the seat's deque.
    pub(super) fn open(pool: &'static Pool, seat: usize) -> Self {
        let deque = pool.queue(seat).deque.lock().take();
        let deque = deque.expect("one worker to a seat");
        LocalQueue { pool, seat, deque }
    }

    /// Leaves the deque, which is empty, for the seat's next worker.
    pub(super) fn close(self) {
        let shared = self.shared();
        *shared.deque.lock() = Some(self.deque);
    }

    fn shared(&self) -> &'static SharedQueue {
        self.pool.queue(self.seat)
    }

    /// Queues a task that was woken on this thread: it runs next.
    #[inline]
    pub(crate) fn push_woken(&self, task: Runnable) {
        if let Some(displaced) = self.shared().lifo.put(task) {
            self.push_back(displaced);
        }
    }

    /// Queues a task that was spawned on this thread: it runs next if nothing else is to, so that
    /// one that is awaited at once stays here; else after all others, in the order of the spawns.
    #[inline]
    pub(crate) fn push_new(&self, task: Runnable) {
        if let Some(task) = self.shared().lifo.put_if_empty(task) {
            self.push_back(task);
        }
    }

    /// Queues a task behind all others of this worker, and tells another worker, if one sleeps and
    /// none searches.
    #[inline]
    fn push_back(&self, task: Runnable) {
        self.deque.push(task);
        self.pool.notify();
    }

    /// Queues a task that was woken while it was polled: it yields to all others. Nobody is told
    /// unless the LIFO slot goes first: what is in the deque has been told of, and if it has been
    /// taken meanwhile, this worker goes on with the task itself.
    #[inline]
    pub(super) fn yield_back(&self, task: Runnable) {
        if self.shared().lifo.is_empty() {
            self.deque.push(task);
        } else {
            self.push_back(task);
        }
    }

    pub(super) fn pop_lifo(&self) -> Option<Runnable> {
        self.shared().lifo.take()
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.deque.pop()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deque.is_empty()
    }

    /// Moves the LIFO slot's task behind the others, where another worker can take it.
    pub(super) fn share_lifo(&self) {
        if let Some(task) = self.pop_lifo() {
            self.push_back(task);
        }
    }

    /// Takes tasks from the injector: returns one, and leaves the others in the deque. Whoever looked
    /// while they were on their way saw none of them, and is told.
    pub(super) fn pop_injector(&self) -> Option<Runnable> {
        let injector = self.pool.injector();
        let task = retry(|| injector.steal_batch_with_limit_and_pop(&self.deque, BATCH))?;
        if !self.deque.is_empty() {
            self.pool.notify();
        }
        Some(task)
    }

    /// Steals up to half of what another worker has, beginning with the neighbour at `start`.
    pub(super) fn steal(&self, start: usize) -> Option<Runnable> {
        let seats = self.pool.seats();
        (0..seats)
            .map(|i| (start + i) % seats)
            .filter(|&victim| victim != self.seat)
            .find_map(|victim| {
                let stealer = &self.pool.queue(victim).stealer;
                retry(|| stealer.steal_batch_with_limit_and_pop(&self.deque, BATCH))
            })
    }
}

/// Bounded: a failed race means that somebody else got on, and the callers look again.
fn retry(mut steal: impl FnMut() -> Steal<Runnable>) -> Option<Runnable> {
    for _ in 0..STEAL_TRIES {
        match steal() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
    None
}

/// A place for one task, filled by one worker and emptied by anyone.
#[derive(Default)]
struct LifoSlot(AtomicPtr<()>);

impl LifoSlot {
    fn is_empty(&self) -> bool {
        // Relaxed: a hint.
        self.0.load(Relaxed).is_null()
    }

    /// Puts `task` in, or gives it back if there is one already. For the slot's worker only.
    #[inline]
    fn put_if_empty(&self, task: Runnable) -> Option<Runnable> {
        // Relaxed: nobody else fills the slot, so if it looks empty, it stays empty.
        if !self.0.load(Relaxed).is_null() {
            return Some(task);
        }
        // Release pairs with `take`.
        self.0.store(task.into_raw(), Release);
        None
    }

    /// Puts `task` in and returns the one that was there. For the slot's worker only.
    #[inline]
    fn put(&self, task: Runnable) -> Option<Runnable> {
        let task = self.put_if_empty(task)?;
        // Release pairs with `take`; what comes back, this thread put in.
        Self::runnable(self.0.swap(task.into_raw(), Release))
    }

    #[inline]
    fn take(&self) -> Option<Runnable> {
        // Relaxed: a hint. The slot's worker knows what it put in; others look again.
        if self.0.load(Relaxed).is_null() {
            return None;
        }
        // Acquire pairs with `put`.
        Self::runnable(self.0.swap(std::ptr::null_mut(), Acquire))
    }

    fn runnable(task: *mut ()) -> Option<Runnable> {
        let task = std::ptr::NonNull::new(task)?;
        // SAFETY: only `put` stores pointers here, from `into_raw`, and each swap takes one out.
        Some(unsafe { Runnable::from_raw(task) })
    }
}
