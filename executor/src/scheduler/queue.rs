//! A worker's queues: the LIFO slot, and the deque behind it.
//!
//! The slot holds the task that was woken last: the receiver of a message runs while the message
//! is still in the cache. What it displaces goes to the back of the deque, from which others
//! steal. A spawned task takes the slot only if it is empty; that saves an exchange for each spawn
//! of many, and keeps their order.
//!
//! Others do not look into the slot while its worker goes on from poll to poll: it will be back
//! sooner than they could take the task. If a poll is stuck, the worker is [marked](Mark); the
//! slot is emptied by whoever marked it, and as long as the mark is there everything goes to the deque.
//! (Whoever wants a [list of all tasks](Pool::look) takes it out too, seldom.)

use super::{lifo::LifoSlot, mark::Mark, pool::Pool};
use crate::task::Runnable;
use crossbeam_deque::{Steal, Stealer, Worker as Deque};
use parking_lot::Mutex;
use std::cell::Cell;

/// A running worker's end of its queues, on its thread.
pub(crate) struct LocalQueue {
    pool: &'static Pool,
    seat: usize,
    shared: &'static SharedQueue,
    deque: Deque<Runnable>,
    /// Whether nobody is told of tasks that are woken.
    quiet: Cell<bool>,
}

/// The end that everybody sees.
pub(super) struct SharedQueue {
    lifo: LifoSlot,
    /// Beside the slot, so that whoever looks at one has the other.
    mark: Mark,
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
            lifo: LifoSlot::new(),
            mark: Mark::new(),
            stealer: deque.stealer(),
            deque: Mutex::new(Some(deque)),
        }
    }

    /// Whether there is anything to steal. The LIFO slot does not count: its worker comes back to it,
    /// or is marked.
    pub(super) fn is_empty(&self) -> bool {
        self.stealer.is_empty()
    }

    /// How many tasks there are to steal, roughly.
    pub(super) fn len(&self) -> usize {
        self.stealer.len()
    }

    /// Takes one task from the deque. For anyone.
    pub(super) fn steal_one(&self) -> Option<Runnable> {
        retry(|| self.stealer.steal())
    }

    pub(super) fn mark(&self) -> &Mark {
        &self.mark
    }

    /// Empties the LIFO slot. For the slot's worker; for others only if that one is stuck, or
    /// leaves.
    #[inline]
    pub(super) fn take_lifo(&self) -> Option<Runnable> {
        let task = self.lifo.take()?;
        // SAFETY: only `LocalQueue` puts tasks in, from `into_raw`, and each is taken out once.
        Some(unsafe { Runnable::from_raw(task) })
    }
}

impl LocalQueue {
    /// Takes the seat's deque.
    pub(super) fn open(pool: &'static Pool, seat: usize) -> Self {
        let shared = pool.queue(seat);
        let deque = shared.deque.lock().take();
        let deque = deque.expect("one worker to a seat");
        LocalQueue {
            pool,
            seat,
            shared,
            deque,
            quiet: Cell::new(false),
        }
    }

    /// Leaves the deque, which is empty, for the seat's next worker.
    pub(super) fn close(self) {
        *self.shared.deque.lock() = Some(self.deque);
    }

    /// Whether others have taken over, since this worker's poll is stuck or has announced that it
    /// will be.
    #[inline]
    pub(crate) fn is_marked(&self) -> bool {
        self.shared.mark.is_set()
    }

    pub(crate) fn mark(&self) -> &Mark {
        &self.shared.mark
    }

    pub(crate) fn seat(&self) -> usize {
        self.seat
    }

    /// In a process that was just forked: the present poll is this worker's last.
    pub(crate) fn leave(&self) {
        self.shared.mark.stay();
    }

    /// Queues a task that was woken on this thread: it runs next.
    #[inline]
    pub(crate) fn push_woken(&self, task: Runnable) {
        if self.is_marked() {
            return self.push_back(task);
        }
        if let Some(displaced) = self.shared.lifo.put(task.into_raw()) {
            // SAFETY: as in `take_lifo`.
            self.deque.push(unsafe { Runnable::from_raw(displaced) });
            if !self.quiet.get() {
                self.pool.notify();
            }
        }
    }

    /// Calls `wake`, which wakes tasks that this worker will soon be through with, without telling anybody
    /// of them. Should it not be, it [tells](Self::tell) then, or the monitor does.
    pub(super) fn quietly(&self, wake: impl FnOnce()) {
        self.quiet.set(true);
        wake();
        self.quiet.set(false);
    }

    /// Tells another worker of what is queued here, if one sleeps and none searches.
    pub(crate) fn tell(&self) {
        if !self.is_empty() {
            self.pool.notify();
        }
    }

    /// Queues a task that was spawned on this thread: it runs next if nothing else is to, so that
    /// one that is awaited at once stays here; else after all others, in the order of the spawns.
    #[inline]
    pub(crate) fn push_new(&self, task: Runnable) {
        if self.is_marked() {
            return self.push_new_aside(task);
        }
        let task = task.into_raw();
        if !self.shared.lifo.put_if_empty(task) {
            // SAFETY: it is the task of above, which the slot has not taken.
            self.push_back(unsafe { Runnable::from_raw(task) });
        }
    }

    /// As [`push_new`](Self::push_new), by a marked worker. On a closed pool all others may have left,
    /// and this one may not come back before the task has ended: so it is ended here, as
    /// [by other threads](Pool::inject_new).
    #[cold]
    fn push_new_aside(&self, task: Runnable) {
        self.push_back(task);
        if self.pool.is_closed() {
            self.hand_over();
            self.pool.drain();
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
        if self.shared.lifo.is_empty() {
            self.deque.push(task);
        } else {
            self.push_back(task);
        }
    }

    /// Puts a task back that will not be polled, since the pool is closed.
    #[cold]
    pub(super) fn give_back(&self, task: Runnable) {
        self.push_back(task);
    }

    pub(super) fn pop_lifo(&self) -> Option<Runnable> {
        self.shared.take_lifo()
    }

    #[inline]
    pub(super) fn pop(&self) -> Option<Runnable> {
        self.deque.pop()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.deque.is_empty()
    }

    /// Moves the LIFO slot's task behind the others, where another worker can take it.
    pub(crate) fn share_lifo(&self) {
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
        let seats = self.pool.crew().seats_in_use();
        (0..seats)
            .map(|i| (start + i) % seats)
            .filter(|&victim| victim != self.seat)
            .find_map(|victim| {
                let stealer = &self.pool.queue(victim).stealer;
                retry(|| stealer.steal_batch_with_limit_and_pop(&self.deque, BATCH))
            })
    }
}

impl LocalQueue {
    /// Gives all that is queued here to whoever comes first.
    pub(super) fn hand_over(&self) {
        while let Some(task) = self.pop_lifo().or_else(|| self.pop()) {
            self.pool.inject(task);
        }
    }
}

/// Bounded: a failed race means that somebody else got on, and the callers look again.
pub(super) fn retry(mut steal: impl FnMut() -> Steal<Runnable>) -> Option<Runnable> {
    for _ in 0..STEAL_TRIES {
        match steal() {
            Steal::Success(task) => return Some(task),
            Steal::Empty => return None,
            Steal::Retry => {}
        }
    }
    None
}
