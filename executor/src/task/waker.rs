//! The task's waker: a pointer to the header, and one table of functions for all tasks.
//!
//! Since neither depends on the future's type, [`Waker::will_wake`] holds for any two wakers of
//! one task, and whoever is polled again with the same task need not store its waker again.

use super::{
    Runnable,
    raw::{self, Header},
    state::Wake,
};
use std::{
    mem::ManuallyDrop,
    ptr::NonNull,
    task::{RawWaker, RawWakerVTable, Waker},
};

static VTABLE: RawWakerVTable = RawWakerVTable::new(clone, wake, wake_by_ref, drop_waker);

/// A waker for the length of a poll: RUNNING stands for its reference, so it is never dropped.
///
/// # Safety
/// The caller runs the task for as long as it uses the waker.
pub(super) unsafe fn borrowed(task: NonNull<Header>) -> ManuallyDrop<Waker> {
    // SAFETY: the functions of the table keep the contract of `RawWaker`, and the caller keeps
    // the header alive.
    ManuallyDrop::new(unsafe { Waker::new(task.as_ptr().cast(), &VTABLE) })
}

/// # Safety
/// `data` is the header of a task to which the caller's waker holds a reference.
unsafe fn header<'a>(data: *const ()) -> (NonNull<Header>, &'a Header) {
    // SAFETY: `borrowed` made the pointer from a `NonNull`.
    let task = unsafe { NonNull::new_unchecked(data.cast_mut().cast::<Header>()) };
    // SAFETY: by the caller's promise.
    (task, unsafe { task.as_ref() })
}

unsafe fn clone(data: *const ()) -> RawWaker {
    // SAFETY: the waker that is being cloned holds a reference.
    let (_, header) = unsafe { header(data) };
    header.state.add_reference();
    RawWaker::new(data, &VTABLE)
}

unsafe fn wake(data: *const ()) {
    // SAFETY: the waker that is being used up holds a reference until the transition.
    let (task, header) = unsafe { header(data) };
    match header.state.wake_by_val() {
        Wake::Queue => raw::schedule(Runnable(task)),
        Wake::Nothing => {}
        // SAFETY: the transition has said that this was the last reference.
        Wake::Free => unsafe { raw::free(task) },
    }
}

unsafe fn wake_by_ref(data: *const ()) {
    // SAFETY: the waker holds a reference.
    let (task, header) = unsafe { header(data) };
    if header.state.wake_by_ref() == Wake::Queue {
        raw::schedule(Runnable(task));
    }
}

unsafe fn drop_waker(data: *const ()) {
    // SAFETY: the waker that is being dropped holds a reference until the transition.
    let (task, header) = unsafe { header(data) };
    if header.state.drop_reference() {
        // SAFETY: the transition has said that this was the last reference.
        unsafe { raw::free(task) };
    }
}
