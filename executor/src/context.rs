//! What a thread knows of the runtime around it.
//!
//! A worker's thread points to its [`Local`]; any thread may have [entered](enter) a runtime, and
//! what was entered last counts. A thread that blocks on a future is marked, so that it does not
//! block on another inside it.

use crate::{
    block_in_place::HandedOff,
    scheduler::queue::LocalQueue,
    shared::Shared,
    task::Runnable,
    threads::Running,
    unhandled::{self, Place},
};
use std::{
    cell::{Cell, RefCell},
    marker::PhantomData,
    ptr,
    rc::Rc,
    sync::Arc,
};

/// What a worker's thread has for itself.
pub(crate) struct Local {
    pub(crate) queue: LocalQueue,
    pub(crate) shared: Arc<Shared>,
    pub(crate) running: Arc<Running>,
}

/// A runtime that was entered, and which time.
struct Entry {
    number: u64,
    /// In an `Rc`, so that a spawn that looks at it pays no atomics.
    #[expect(clippy::redundant_allocation, reason = "the outer count is not atomic")]
    shared: Rc<Arc<Shared>>,
}

thread_local! {
    static WORKER: Cell<*const Local> = const { Cell::new(ptr::null()) };
    /// How many runtimes are entered.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The runtimes that are entered, the last one on top.
    static ENTERED: RefCell<Vec<Entry>> = const { RefCell::new(Vec::new()) };
    /// How often a runtime was entered.
    static ENTRIES: Cell<u64> = const { Cell::new(0) };
    static BLOCKED: Cell<bool> = const { Cell::new(false) };
    /// Whether the thread is a worker that has handed its work on, so that it may block.
    static IN_PLACE: Cell<bool> = const { Cell::new(false) };
}

/// Runs a worker's body with `local` as the thread's own.
pub(crate) fn as_worker(local: &Local, body: impl FnOnce()) {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            WORKER.set(ptr::null());
        }
    }
    WORKER.set(local);
    let _reset = Reset;
    body();
}

#[inline]
fn worker<'a>() -> Option<&'a Local> {
    let local = WORKER.get();
    // SAFETY: `as_worker` resets the pointer before `local` ends, and no caller in this file lets
    // the reference out of a call that the worker's body made.
    unsafe { local.as_ref() }
}

/// In a process that was just forked: this thread is no worker any more, and does not go on as one
/// after what it is running. It may stand in the middle of anything, so this only stores.
pub(crate) fn leave_worker() {
    if let Some(local) = worker() {
        local.queue.leave();
        WORKER.set(ptr::null());
    }
}

/// Whether this thread is a worker, of whatever runtime.
pub(crate) fn is_worker() -> bool {
    worker().is_some()
}

/// The seat at which this thread works in that pool, if it does.
pub(crate) fn seat_of(pool: u16) -> Option<usize> {
    let local = worker().filter(|local| local.shared.pool().number() == pool)?;
    Some(local.queue.seat())
}

/// Hands a task to `push` with this thread's queue, if it is a worker of that pool.
#[inline]
pub(crate) fn push_local(
    pool: u16,
    task: Runnable,
    push: impl FnOnce(&LocalQueue, Runnable),
) -> Result<(), Runnable> {
    match worker() {
        Some(local) if local.shared.pool().number() == pool => {
            push(&local.queue, task);
            Ok(())
        }
        _ => Err(task),
    }
}

/// Calls `f` with the runtime around this thread: the one entered last, else the worker's own.
#[inline]
pub(crate) fn with_current<R>(f: impl FnOnce(Option<&Arc<Shared>>) -> R) -> R {
    // One call of `f`, so that it is inlined: it may be a spawn.
    let entered = if DEPTH.get() == 0 {
        None
    } else {
        last_entered()
    };
    f(match &entered {
        Some(shared) => Some(shared),
        None => worker().map(|local| &local.shared),
    })
}

#[cold]
#[inline(never)]
#[expect(clippy::redundant_allocation, reason = "as in `Entry`")]
fn last_entered() -> Option<Rc<Arc<Shared>>> {
    let top = |entered: &RefCell<Vec<Entry>>| {
        let entered = entered.borrow();
        entered.last().map(|entry| Rc::clone(&entry.shared))
    };
    ENTERED.try_with(top).ok().flatten()
}

/// Makes a runtime the current one of this thread until the guard is dropped.
pub(crate) fn enter(shared: Arc<Shared>) -> Entered {
    let number = ENTRIES.get() + 1;
    ENTRIES.set(number);
    DEPTH.set(DEPTH.get() + 1);
    let shared = Rc::new(shared);
    ENTERED.with(|entered| entered.borrow_mut().push(Entry { number, shared }));
    Entered {
        number,
        not_send: PhantomData,
    }
}

/// The guard of [`enter`].
pub(crate) struct Entered {
    number: u64,
    not_send: PhantomData<*const ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let remove = |entered: &RefCell<Vec<Entry>>| {
            let mut entered = entered.borrow_mut();
            let place = entered
                .iter()
                .position(|entry| entry.number == self.number)?;
            DEPTH.set(entered.len() - 1);
            Some((entered.remove(place), place == entered.len()))
        };
        // The entry is dropped outside the borrow: it may be the runtime's last reference.
        let removed = ENTERED.try_with(remove).ok().flatten();
        if removed.is_some_and(|(_, was_last)| !was_last) && !std::thread::panicking() {
            panic!("guards of `enter` were dropped out of order: the last made must go first");
        }
    }
}

/// After a poll: undoes the entries whose guards the task has forgotten, all but those that the
/// thread had before. True: there were some.
#[inline]
pub(crate) fn undo_forgotten_entries(before: usize) -> bool {
    let forgotten = DEPTH.get() > before;
    if forgotten {
        undo_entries(before);
    }
    forgotten
}

#[cold]
fn undo_entries(before: usize) {
    DEPTH.set(before);
    let entries = ENTERED.try_with(|entered| entered.borrow_mut().split_off(before));
    // One may be the last to hold its runtime, with hooks whose destructors panic.
    unhandled::contain(Place::Hook, || drop(entries));
}

/// Marks the thread as blocked on a future. None: it is already, or it is a worker that others need.
pub(crate) fn block() -> Option<Blocked> {
    if (is_worker() && !IN_PLACE.get()) || BLOCKED.replace(true) {
        return None;
    }
    Some(Blocked(()))
}

/// While it lives, the thread may block on a future inside another.
struct Unblocked(bool);

impl Drop for Unblocked {
    fn drop(&mut self) {
        BLOCKED.set(self.0);
    }
}

/// Calls `f` after handing the work of this thread on, if it is a worker and has not done so.
pub(crate) fn in_place<R>(f: impl FnOnce() -> R) -> R {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            IN_PLACE.set(false);
        }
    }
    let Some(local) = worker().filter(|_| !IN_PLACE.replace(true)) else {
        let _unblocked = Unblocked(BLOCKED.replace(false));
        return f();
    };
    let _reset = Reset;
    let _handed_off = HandedOff::new(local);
    f()
}

/// The guard of [`block`].
pub(crate) struct Blocked(());

impl Drop for Blocked {
    fn drop(&mut self) {
        BLOCKED.set(false);
    }
}
