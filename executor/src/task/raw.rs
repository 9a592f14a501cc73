//! The task cell: its layout, its table of functions, and the few operations on it that depend on
//! the type of the future.
//!
//! One allocation holds a header of 64 bytes, which every part of the runtime knows, and a stage,
//! which only the functions in the header's [`VTable`] know: the future until it ends, then its
//! output. The state word says which of the two it is, so no tag is stored.

use super::{
    Id, Label, Runnable, Stamp, TaskInfo, current, origin::Origin, registry::Links, state::State,
};
use crate::{
    debug,
    error::JoinError,
    scheduler::pool::Pool,
    unhandled::{self, Place},
};
use std::{
    any::Any,
    cell::UnsafeCell,
    future::Future,
    marker::PhantomData,
    mem::ManuallyDrop,
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::Pin,
    ptr::NonNull,
    sync::Arc,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// Who is told that a task is to be queued. The one thing that a cell knows of its scheduler, so
/// that other schedulers can use the same cells.
pub(crate) trait Schedule: 'static {
    /// Whether its tasks block their thread from their start to their end, so that an abort can't
    /// end one that runs.
    const BLOCKING: bool = false;

    /// Queues a task whose SCHEDULED bit the caller has just set.
    fn schedule(task: Runnable);
}

/// What every task has, whatever its future.
#[repr(C, align(16))]
pub(crate) struct Header {
    pub(crate) state: State,
    vtable: &'static VTable,
    home: Home,
    /// Guarded by the lock of the registry's shard.
    pub(super) links: Links,
    /// Guarded by JOIN_WAKER: the handle's while it is clear, the finisher's once it is complete.
    pub(super) join_waker: UnsafeCell<Option<Waker>>,
    origin: Origin,
}

const _: () = assert!(size_of::<Header>() == 64 || size_of::<usize>() != 8);

/// The pool that a task belongs to, and its id, in one word.
#[derive(Clone, Copy)]
struct Home(u64);

const ID_BITS: u32 = 48;
const ID_MASK: u64 = (1 << ID_BITS) - 1;

struct VTable {
    poll: unsafe fn(NonNull<Header>, &mut Context<'_>) -> Poll<()>,
    cancel: unsafe fn(NonNull<Header>, JoinError),
    take_output: unsafe fn(NonNull<Header>, *mut ()),
    drop_output: unsafe fn(NonNull<Header>),
    free: unsafe fn(NonNull<Header>),
    schedule: fn(Runnable),
    blocking: bool,
}

#[repr(C)]
struct Cell<F: Future, S> {
    header: Header,
    stage: UnsafeCell<Stage<F>>,
    scheduler: PhantomData<S>,
}

#[repr(C)]
union Stage<F: Future> {
    future: ManuallyDrop<F>,
    output: ManuallyDrop<Result<F::Output, JoinError>>,
}

impl Header {
    pub(crate) fn id(&self) -> Id {
        Id(self.home.0 & ID_MASK)
    }

    /// The number of the pool that the task belongs to.
    pub(crate) fn pool(&self) -> u16 {
        (self.home.0 >> ID_BITS) as u16
    }

    pub(crate) fn site(&self) -> &'static Location<'static> {
        self.origin.site()
    }

    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    pub(crate) fn name(&self) -> Option<&Arc<str>> {
        self.origin.name()
    }

    /// What it is doing.
    pub(super) fn look(&self, now: Stamp) -> TaskInfo {
        let (state, rested) = self.state.look(now);
        TaskInfo {
            label: self.label(),
            state,
            duration: rested.map(Duration::from_nanos),
        }
    }

    /// What it is called in reports.
    #[cold]
    pub(super) fn label(&self) -> Label {
        Label {
            id: self.id(),
            name: self.name().cloned(),
            site: self.site(),
        }
    }
}

/// Allocates a task, SCHEDULED and with JOIN_INTEREST: the caller makes a [`Runnable`] and a
/// `JoinHandle` of it.
pub(super) fn allocate<F, S>(future: F, pool: u16, id: Id, origin: Origin) -> NonNull<Header>
where
    F: Future,
    S: Schedule,
{
    let cell = Box::new(Cell::<F, S> {
        header: Header {
            state: State::new(),
            vtable: const { &VTable::of::<F, S>() },
            home: Home((u64::from(pool) << ID_BITS) | (id.0 & ID_MASK)),
            links: Links::default(),
            join_waker: UnsafeCell::new(None),
            origin,
        },
        stage: UnsafeCell::new(Stage {
            future: ManuallyDrop::new(future),
        }),
        scheduler: PhantomData,
    });
    NonNull::from(Box::leak(cell)).cast()
}

/// Polls the future; `Ready` once its output, or the panic that took its place, is stored.
///
/// # Safety
/// The caller set RUNNING, and the task is neither cancelled nor complete.
pub(super) unsafe fn poll(task: NonNull<Header>, cx: &mut Context<'_>) -> Poll<()> {
    // SAFETY: RUNNING keeps the cell alive, and the table belongs to its future's type.
    unsafe { (vtable(task).poll)(task, cx) }
}

/// Drops the future and stores that the task was cancelled, for the reason that `error` makes of its
/// label.
///
/// # Safety
/// As [`poll`].
pub(super) unsafe fn cancel(task: NonNull<Header>, error: impl FnOnce(Label) -> JoinError) {
    // SAFETY: RUNNING keeps the cell alive.
    let error = error(unsafe { task.as_ref() }.label());
    // SAFETY: as in `poll`.
    unsafe { (vtable(task).cancel)(task, error) }
}

/// Moves the output out of the cell.
///
/// # Safety
/// The task is complete, `T` is its future's output, and the caller owns the output: it is
/// neither taken nor dropped a second time.
pub(super) unsafe fn take_output<T>(task: NonNull<Header>) -> Result<T, JoinError> {
    let mut output = std::mem::MaybeUninit::<Result<T, JoinError>>::uninit();
    // SAFETY: by the caller's promise, `output` has the type that the function writes.
    unsafe { (vtable(task).take_output)(task, output.as_mut_ptr().cast()) };
    // SAFETY: the call has written it.
    unsafe { output.assume_init() }
}

/// Drops the output, which nobody has asked for; a panic in its destructor is contained.
///
/// # Safety
/// The task is complete, and the caller owns the output, as for [`take_output`].
pub(super) unsafe fn drop_output(task: NonNull<Header>) {
    // SAFETY: by the caller's promise.
    unsafe { (vtable(task).drop_output)(task) }
}

/// Frees the cell.
///
/// # Safety
/// A transition of the state word has just said that nobody holds the cell any more.
pub(super) unsafe fn free(task: NonNull<Header>) {
    // SAFETY: by the caller's promise.
    unsafe { (vtable(task).free)(task) }
}

/// Hands the task to its scheduler.
pub(super) fn schedule(task: Runnable) {
    (vtable(task.0).schedule)(task);
}

/// See [`Schedule::BLOCKING`]. The caller holds the task.
pub(super) fn is_blocking(task: NonNull<Header>) -> bool {
    vtable(task).blocking
}

fn vtable(task: NonNull<Header>) -> &'static VTable {
    // SAFETY: every caller holds a reference to the cell, and the field never changes.
    unsafe { (*task.as_ptr()).vtable }
}

impl Header {
    /// Drops what only some tasks have, when nobody holds the cell any more.
    #[cold]
    fn clear(&mut self) {
        // What is dropped here may ask for the current task, and must not be given this one.
        let outer = current::set(None);
        let waker = self.join_waker.get_mut().take();
        self.contain(Place::Waker, || drop(waker));
        // SAFETY: the caller is about to free the header.
        contain(|| unsafe { self.origin.release() });
        current::set(outer.filter(|task| *task != NonNull::from_ref(self)));
    }

    /// Calls `f`; a panic in it is nobody's to collect.
    pub(super) fn contain(&self, place: Place, f: impl FnOnce()) {
        unhandled::contain_as(place, f, || {
            let unhandled = Pool::unhandled(self.pool(), |epoch| self.state.is_of(epoch));
            (unhandled, Some(self.label()))
        });
    }
}

/// Runs `f`, and keeps a panic in it to itself.
pub(crate) fn contain(f: impl FnOnce()) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        forget_panic(payload);
    }
}

/// Drops a panic's payload, whose destructor may panic too.
pub(crate) fn forget_panic(payload: Box<dyn Any + Send>) {
    if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
        std::mem::forget(second);
    }
}

impl VTable {
    const fn of<F: Future, S: Schedule>() -> VTable {
        VTable {
            poll: Cell::<F, S>::poll,
            cancel: Cell::<F, S>::cancel,
            take_output: Cell::<F, S>::take_output,
            drop_output: Cell::<F, S>::drop_output,
            free: Cell::<F, S>::free,
            schedule: S::schedule,
            blocking: S::BLOCKING,
        }
    }
}

/// The functions of the table. They all need a live `Cell<F, S>` behind `task`.
impl<F: Future, S: Schedule> Cell<F, S> {
    /// The stage as the future that it holds until the task ends. All of the union begins at its
    /// start.
    fn future(task: NonNull<Header>) -> *mut F {
        let cell = task.cast::<Cell<F, S>>().as_ptr();
        // SAFETY: the cell is alive, and `UnsafeCell` only needs a shared reference to it.
        let stage = unsafe { &(*cell).stage };
        stage.get().cast()
    }

    /// The stage as the output that it holds afterwards.
    fn output(task: NonNull<Header>) -> *mut Result<F::Output, JoinError> {
        Self::future(task).cast()
    }

    unsafe fn poll(task: NonNull<Header>, cx: &mut Context<'_>) -> Poll<()> {
        // SAFETY: RUNNING makes this thread the only one to touch the stage, and no output has
        // been stored yet.
        let future: &mut F = unsafe { &mut *Self::future(task) };
        // SAFETY: the future never leaves the cell; `store` drops it in place.
        let future = unsafe { Pin::new_unchecked(future) };
        let result = match catch_unwind(AssertUnwindSafe(|| future.poll(cx))) {
            Ok(Poll::Pending) => return Poll::Pending,
            Ok(Poll::Ready(output)) => Ok(output),
            Err(payload) => Err(Self::panicked(task, payload)),
        };
        // SAFETY: as above; the future is not used any more.
        unsafe { Self::store(task, result) };
        Poll::Ready(())
    }

    unsafe fn cancel(task: NonNull<Header>, error: JoinError) {
        debug::while_cancelling(|| {
            // SAFETY: RUNNING makes this thread the only one to touch the stage, and no output has
            // been stored yet.
            unsafe { Self::store(task, Err(error)) }
        });
    }

    fn panicked(task: NonNull<Header>, payload: Box<dyn Any + Send>) -> JoinError {
        // SAFETY: the caller holds the cell.
        let header = unsafe { task.as_ref() };
        let unhandled = Pool::unhandled(header.pool(), |epoch| header.state.is_of(epoch));
        JoinError::panic(header.label(), payload, unhandled)
    }

    /// Drops the future and puts `result` in its place. If the future's destructor panics, that
    /// panic becomes the result, unless the poll had panicked already.
    unsafe fn store(task: NonNull<Header>, mut result: Result<F::Output, JoinError>) {
        let future = Self::future(task);
        let dropped = catch_unwind(AssertUnwindSafe(|| {
            // SAFETY: the caller runs the task; the future is dropped here and nowhere else.
            unsafe { future.drop_in_place() }
        }));
        if let Err(payload) = dropped {
            result = Self::drop_panicked(task, payload, result);
        }
        // SAFETY: the stage is this thread's, and what it held has been dropped.
        unsafe { Self::output(task).write(result) };
    }

    /// The result of a task whose future's destructor has panicked; what has no place in it is lost.
    #[cold]
    #[inline(never)]
    fn drop_panicked(
        task: NonNull<Header>,
        payload: Box<dyn Any + Send>,
        result: Result<F::Output, JoinError>,
    ) -> Result<F::Output, JoinError> {
        let panicked = Err(Self::panicked(task, payload));
        if matches!(&result, Err(error) if error.is_panic()) {
            Self::lose(task, panicked);
            return result;
        }
        Self::lose(task, result);
        panicked
    }

    /// Drops a result that nobody collects; the caller holds the cell.
    fn lose(task: NonNull<Header>, result: Result<F::Output, JoinError>) {
        // SAFETY: by the caller's promise.
        let header = unsafe { task.as_ref() };
        match result {
            Ok(value) => header.contain(Place::Output, || drop(value)),
            Err(error) => error.nobody_collects(),
        }
    }

    unsafe fn take_output(task: NonNull<Header>, to: *mut ()) {
        // SAFETY: the output is stored, and the caller takes it only once.
        let output = unsafe { Self::output(task).read() };
        // SAFETY: the caller passes a place for exactly this type.
        unsafe { to.cast::<Result<F::Output, JoinError>>().write(output) };
    }

    unsafe fn drop_output(task: NonNull<Header>) {
        // SAFETY: the output is stored, it is the caller's, and it is not touched again.
        let output = unsafe { Self::output(task).read() };
        Self::lose(task, output);
    }

    unsafe fn free(task: NonNull<Header>) {
        let cell = task.cast::<Cell<F, S>>().as_ptr();
        // SAFETY: `allocate` leaked this very box, and nobody holds the cell any more.
        let mut cell = unsafe { Box::from_raw(cell) };
        let header = &mut cell.header;
        if header.join_waker.get_mut().is_some() || header.origin.is_extended() {
            header.clear();
        }
        drop(cell);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Nowhere;

    impl Schedule for Nowhere {
        fn schedule(_: Runnable) {
            unreachable!("nobody wakes it")
        }
    }

    #[test]
    fn a_header_knows_what_it_was_given() {
        let site = Location::caller();
        for (pool, id) in [(0, 1), (7, 1 << 47), (u16::MAX, ID_MASK)] {
            let origin = Origin::new(site, None);
            let task = allocate::<_, Nowhere>(std::future::ready(()), pool, Id(id), origin);
            // SAFETY: it was just allocated.
            let header = unsafe { task.as_ref() };
            assert_eq!((header.pool(), header.id()), (pool, Id(id)));
            assert!(std::ptr::eq(header.site(), site) && header.name().is_none());
            // SAFETY: nobody else has it, and its future needs no drop.
            unsafe { free(task) };
        }
    }
}
