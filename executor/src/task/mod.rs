//! Spawned tasks: their handles and ids.

// A task is a future, its state, and those who hold it.
//
//  spawn ──▶ Runnable ──▶ a queue ──▶ run ──▶ Pending: in the registry, held by its wakers
//    │          ▲                      │                      │
//    │          └──────── wake ────────┼──────────────────────┘
//    ▼                                 ▼
//  JoinHandle ◀───── output ───── complete
//
// * `state.rs` has the state word, with every transition.
// * `raw.rs` has the cell's memory, and what depends on the future's type.
// * `waker.rs`, `join.rs` and the `Runnable` below are the three kinds of holder.
// * `registry.rs` finds the waiting tasks at shutdown.
// * `origin.rs`, `local.rs`, `current.rs` and `builder.rs` are a task's identity: its line, its name,
//   its values, and how it learns of them.
// * `info.rs` and `label.rs` are what others see of it.
//
// A `Runnable` stands for the SCHEDULED bit while it is in a queue, and for RUNNING from
// `Runnable::run` on. There is at most one at a time, so it alone touches the future.

mod builder;
mod current;
mod id;
mod info;
mod join;
mod label;
mod local;
mod origin;
mod raw;
mod registry;
mod state;
mod waker;

pub use builder::Builder;
pub(crate) use current::try_label;
pub use current::{Task, current, id, try_current, try_id};
pub use id::Id;
pub use info::{TaskInfo, TaskState};
pub use join::{AbortHandle, JoinHandle};
pub(crate) use label::{Label, OneLine};
pub use local::{Scoped, TaskLocal};
pub(crate) use raw::{Schedule, contain, forget_panic};
pub(crate) use registry::Registry;
pub(crate) use state::{Epoch, Stamp};

use crate::{error::JoinError, threads::Running, unhandled::Place};
use local::Values;
use origin::Origin;
use raw::Header;
use state::{Finish, Start, Suspend};
use std::{
    future::Future,
    panic::Location,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll},
};

/// A task that is in a queue, on its way to one, or being run. It must be run or shut down, never
/// just dropped.
#[must_use]
pub(crate) struct Runnable(NonNull<Header>);

// SAFETY: `new` only takes futures and outputs that are Send, and the state word lets one thread
// at a time touch them.
unsafe impl Send for Runnable {}

/// Who runs a task.
pub(crate) struct Runner<'a> {
    pub(crate) registry: &'a Registry,
    /// The list in the registry that a task enters if it has to wait for the first time.
    pub(crate) list: usize,
    /// What time it is, roughly.
    pub(crate) now: Stamp,
    /// Who is told the names of tasks.
    pub(crate) running: Option<&'a Running>,
}

impl<'a> Runner<'a> {
    /// Somebody who runs tasks that end at their first poll.
    pub(crate) fn aside(registry: &'a Registry, running: Option<&'a Running>) -> Self {
        Runner {
            registry,
            list: 0,
            now: Stamp::of(0),
            running,
        }
    }
}

/// The line that spawns a task, and its name if it has one.
pub(crate) type Site = (&'static Location<'static>, Option<Arc<str>>);

/// Makes a task of `future`, for the pool with this number. The caller queues the `Runnable`.
pub(crate) fn new<F, S>(future: F, pool: u16, site: Site) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + Send + 'static,
    F::Output: Send + 'static,
    S: Schedule,
{
    // SAFETY: what is 'static outlives everything.
    unsafe { new_unchecked::<F, S>(future, pool, site) }
}

/// As [`new`], for a future that borrows.
///
/// # Safety
/// What the future and its output borrow must not end before both are gone: the future dropped, and
/// the output dropped or moved out by the handle. The caller sees to that, for example by waiting for
/// the handle's output ([`Runtime::run`](crate::Runtime::run)), or by something behind the future and
/// behind the output that says when each has been dropped ([`scope`](crate::scope())). What is left of
/// the task after that borrows nothing, and may stay as long as wakers and abort handles do.
pub(crate) unsafe fn new_unchecked<F, S>(
    future: F,
    pool: u16,
    site: Site,
) -> (Runnable, JoinHandle<F::Output>)
where
    F: Future + Send,
    F::Output: Send,
    S: Schedule,
{
    let origin = Origin::new(site.0, site.1);
    let task = raw::allocate::<F, S>(future, pool, Id::next(), origin);
    (Runnable(task), JoinHandle::new(task))
}

/// Calls `f`, which runs `task`, as that task.
fn as_task(task: NonNull<Header>, f: impl FnOnce()) {
    let outer = current::set(Some(task));
    f();
    current::set(outer);
}

impl Runnable {
    fn header(&self) -> &Header {
        // SAFETY: SCHEDULED or RUNNING counts as a reference, and `self` stands for it.
        unsafe { self.0.as_ref() }
    }

    /// The task as a pointer, for [`from_raw`](Self::from_raw).
    pub(crate) fn into_raw(self) -> NonNull<()> {
        self.0.cast()
    }

    /// # Safety
    /// The pointer came from [`into_raw`](Self::into_raw), and is used once.
    pub(crate) unsafe fn from_raw(task: NonNull<()>) -> Self {
        Runnable(task.cast())
    }

    /// The number of the pool that it belongs to.
    pub(crate) fn pool(&self) -> u16 {
        self.header().pool()
    }

    /// Its id.
    pub(crate) fn id(&self) -> Id {
        self.header().id()
    }

    /// Where it was spawned.
    pub(crate) fn site(&self) -> &'static Location<'static> {
        self.header().site()
    }

    /// What it is doing.
    pub(crate) fn look(&self, now: Stamp) -> TaskInfo {
        self.header().look(now)
    }

    /// Runs it once: polls the future, or drops it if the task was aborted. It comes back if it
    /// was woken meanwhile, to be queued again. For a thread that runs no other task at present.
    #[inline(always)]
    pub(crate) fn run(self, runner: &Runner<'_>) -> Option<Runnable> {
        if self.header().origin().is_extended() {
            return self.run_extended(runner);
        }
        current::set(Some(self.0));
        let again = self.run_here::<false>(runner);
        current::set(None);
        again
    }

    /// As [`run`](Self::run), for a task that may have a name, or values.
    #[cold]
    fn run_extended(self, runner: &Runner<'_>) -> Option<Runnable> {
        current::set(Some(self.0));
        let again = self.run_here::<true>(runner);
        current::set(None);
        again
    }

    #[inline(always)]
    fn run_here<const EXTENDED: bool>(self, runner: &Runner<'_>) -> Option<Runnable> {
        match self.header().state.start() {
            Start::Poll { list } => self.poll::<EXTENDED>(runner, list),
            Start::Cancel { list } => {
                self.cancel(runner.registry, list);
                None
            }
            Start::Stale => None,
            Start::Free => {
                self.free();
                None
            }
        }
    }

    /// Drops the future of a queued task of a runtime that has shut down, and completes it.
    pub(crate) fn shut_down(self, registry: &Registry) {
        as_task(self.0, || match self.header().state.start() {
            Start::Poll { list } | Start::Cancel { list } => self.cancel(registry, list),
            Start::Stale => {}
            Start::Free => self.free(),
        });
    }

    /// As [`shut_down`](Self::shut_down), for a blocking job when `limit` others wait.
    #[cold]
    pub(crate) fn refuse(self, registry: &Registry, limit: usize) {
        as_task(self.0, || match self.header().state.start() {
            Start::Poll { list } => {
                self.end(registry, list, |label| JoinError::refused(label, limit));
            }
            Start::Cancel { list } => self.cancel(registry, list),
            Start::Stale => {}
            Start::Free => self.free(),
        });
    }

    #[inline(always)]
    fn poll<const EXTENDED: bool>(
        self,
        runner: &Runner<'_>,
        mut list: Option<usize>,
    ) -> Option<Runnable> {
        let registry = runner.registry;
        if EXTENDED && let Some(name) = self.header().name() {
            if let Some(running) = runner.running {
                running.names_task(name);
            }
            // A task with a name is listed from its first poll on.
            if list.is_none() {
                if !registry.insert(&self, runner.list) {
                    self.cancel(registry, None);
                    return None;
                }
                list = Some(runner.list);
            }
        }
        // SAFETY: this thread runs the task until the end of this function.
        let waker = unsafe { waker::borrowed(self.0) };
        let mut context = Context::from_waker(&waker);
        let mut poll = || {
            // SAFETY: `start` set RUNNING and said to poll.
            unsafe { raw::poll(self.0, &mut context) }
        };
        let polled = if EXTENDED {
            self.with_values(poll)
        } else {
            poll()
        };
        if polled.is_ready() {
            self.complete(registry, list);
            return None;
        }
        if list.is_none() && !registry.insert(&self, runner.list) {
            self.cancel(registry, None);
            return None;
        }
        let list = list.unwrap_or(runner.list);
        match self.header().state.suspend(list, runner.now) {
            Suspend::Idle => None,
            Suspend::Again => Some(self),
            Suspend::Cancel => {
                self.cancel(registry, Some(list));
                None
            }
        }
    }

    fn cancel(self, registry: &Registry, list: Option<usize>) {
        self.end(registry, list, JoinError::cancelled);
    }

    /// Drops the future, and completes the task with this error.
    #[cold]
    fn end(self, registry: &Registry, list: Option<usize>, error: impl FnOnce(Label) -> JoinError) {
        // SAFETY: this thread set RUNNING, and the future has not ended.
        unsafe { self.drop_future(error) };
        self.complete(registry, list);
    }

    /// # Safety
    /// This thread set RUNNING, and the future has not ended.
    unsafe fn drop_future(&self, error: impl FnOnce(Label) -> JoinError) {
        let _ready = self.with_values(|| {
            // SAFETY: by the caller's promise.
            unsafe { raw::cancel(self.0, error) };
            Poll::Ready(())
        });
    }

    /// Calls `f`, which polls the future or drops it, with the values that the task has inherited; they
    /// end with it, whoever holds the task afterwards.
    fn with_values(&self, f: impl FnOnce() -> Poll<()>) -> Poll<()> {
        let origin = self.header().origin();
        let values = origin.take_values();
        let polled = Values::enter(values.clone(), f);
        if polled.is_pending() {
            origin.keep_values(values);
        } else {
            self.header().contain(Place::Output, || drop(values));
        }
        polled
    }

    fn complete(self, registry: &Registry, list: Option<usize>) {
        if let Some(list) = list {
            registry.remove(&self, list);
        }
        let finish = self.header().state.finish(false, registry.epoch());
        self.settle(finish);
    }

    /// Ends a task that a shutdown has taken out of its registry and claimed.
    fn cancel_claimed(self, registry: &Registry) {
        as_task(self.0, || {
            // SAFETY: `claim` set RUNNING, and the future has not ended.
            unsafe { self.drop_future(JoinError::cancelled) };
            let finish = self.header().state.finish(true, registry.epoch());
            self.settle(finish);
        });
    }

    /// Does what is left to do once the output is stored.
    fn settle(self, finish: Finish) {
        match finish {
            Finish::Done => return,
            Finish::WakeJoiner => {
                // SAFETY: COMPLETE and JOIN_WAKER together give the waker to the finisher.
                let waker = unsafe { (*self.header().join_waker.get()).take() };
                let wake = || waker.into_iter().for_each(std::task::Waker::wake);
                self.header().contain(Place::Waker, wake);
            }
            // SAFETY: the task is complete, and its handle was gone before.
            Finish::DropOutput => unsafe { raw::drop_output(self.0) },
        }
        if self.header().state.release_run() {
            self.free();
        }
    }

    fn free(self) {
        // SAFETY: a transition has just said that nobody holds the cell any more.
        unsafe { raw::free(self.0) };
    }
}
