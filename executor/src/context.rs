//! What a thread knows of the runtime around it.
//!
//! A worker's thread points to its [`Local`]; any thread may have [entered](enter) a runtime, and
//! what was entered last counts. A thread that blocks on a future is marked, so that it does not
//! block on another inside it.

use crate::{runtime::Shared, scheduler::queue::LocalQueue, task::Runnable};
use std::{
    cell::{Cell, RefCell},
    ptr,
    rc::Rc,
    sync::Arc,
};

/// What a worker's thread has for itself.
pub(crate) struct Local {
    pub(crate) queue: LocalQueue,
    pub(crate) shared: Arc<Shared>,
}

/// A runtime that was entered. In an `Rc`, so that a spawn that looks at it pays no atomics.
struct Current {
    shared: Arc<Shared>,
}

thread_local! {
    static WORKER: Cell<*const Local> = const { Cell::new(ptr::null()) };
    /// How many runtimes are entered.
    static DEPTH: Cell<usize> = const { Cell::new(0) };
    /// The runtime that was entered last.
    static ENTERED: RefCell<Option<Rc<Current>>> = const { RefCell::new(None) };
    static BLOCKED: Cell<bool> = const { Cell::new(false) };
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

/// Whether this thread is a worker, of whatever runtime.
pub(crate) fn is_worker() -> bool {
    worker().is_some()
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
    if DEPTH.get() == 0 {
        return f(worker().map(|local| &local.shared));
    }
    let entered = ENTERED
        .try_with(|entered| entered.borrow().clone())
        .ok()
        .flatten();
    f(entered.as_deref().map(|current| &current.shared))
}

/// Makes a runtime the current one of this thread until the guard is dropped.
pub(crate) fn enter(shared: Arc<Shared>) -> Entered {
    let previous =
        ENTERED.with(|entered| entered.borrow_mut().replace(Rc::new(Current { shared })));
    let depth = DEPTH.get() + 1;
    DEPTH.set(depth);
    Entered { previous, depth }
}

/// The guard of [`enter`].
pub(crate) struct Entered {
    previous: Option<Rc<Current>>,
    depth: usize,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let depth = DEPTH.get();
        if depth < self.depth {
            return; // An outer guard went first, told so, and left for this one too.
        }
        DEPTH.set(self.depth - 1);
        let left = ENTERED.try_with(|entered| {
            std::mem::replace(&mut *entered.borrow_mut(), self.previous.take())
        });
        // Outside the borrow: it may be the runtime's last reference.
        drop(left);
        if depth > self.depth && !std::thread::panicking() {
            panic!("guards of `enter` were dropped out of order: the last made must go first");
        }
    }
}

/// Marks the thread as blocked on a future. None: it is already, or it is a worker.
pub(crate) fn block() -> Option<Blocked> {
    if is_worker() || BLOCKED.replace(true) {
        return None;
    }
    Some(Blocked(()))
}

/// The guard of [`block`].
pub(crate) struct Blocked(());

impl Drop for Blocked {
    fn drop(&mut self) {
        BLOCKED.set(false);
    }
}
