//! A task that borrows: its future, then its output, each with a ticket behind it.
//!
//! The drop of either may run on any thread, and the caller's frame may end at the very moment in which
//! the ticket falls. So nothing that borrows may be passed *by value* to a function in which a ticket
//! falls: to the compiler, a reference among a function's arguments is valid until that function
//! returns. A future lies in its task and is dropped in place. An output is moved before it is
//! dropped; so it travels as a [`MaybeUninit`], of whose content the compiler assumes nothing.

use super::data::Data;
use crate::task::{self, JoinHandle, Runnable, Schedule, Site};
use pin_project_lite::pin_project;
use std::{
    future::Future,
    mem::{ManuallyDrop, MaybeUninit},
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// While it lives, the scope does not return. It holds the scope's data alone, so it may be dropped
/// by whoever is last, whatever has become of the caller meanwhile.
pub(super) struct Ticket {
    data: Arc<Data>,
    /// Where its task was spawned.
    site: &'static Location<'static>,
}

impl Ticket {
    /// The caller is the scope's closure, or has a ticket.
    pub(super) fn new(data: &Arc<Data>, site: &'static Location<'static>) -> Self {
        data.count.raise();
        let data = Arc::clone(data);
        Ticket { data, site }
    }

    fn another(&self) -> Self {
        Ticket::new(&self.data, self.site)
    }

    /// Calls `f`; a panic in it is noted, and goes on. `of_task`: it is one of the task that runs here,
    /// whose handle gives it to somebody.
    fn witness<R>(&self, of_task: bool, f: impl FnOnce() -> R) -> R {
        catch_unwind(AssertUnwindSafe(f)).unwrap_or_else(|payload| {
            let task = if of_task { task::try_label() } else { None };
            self.data.note(task, self.site, &*payload);
            resume_unwind(payload)
        })
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.data.count.fall();
    }
}

pin_project! {
    /// The future of a task that borrows.
    pub(super) struct Lent<F> {
        #[pin]
        future: Option<F>,
        // Behind the future: it falls when that has been dropped, even if it is dropped by unwinding.
        ticket: Ticket,
    }

    impl<F> PinnedDrop for Lent<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.ticket.witness(true, || this.future.set(None));
        }
    }
}

impl<F: Future> Lent<F> {
    pub(super) fn new(future: F, ticket: Ticket) -> Self {
        Lent {
            future: Some(future),
            ticket,
        }
    }

    /// Makes a task of it, for the pool with this number. The caller queues it.
    pub(super) fn into_task<S: Schedule>(
        self,
        pool: u16,
        site: Site,
    ) -> (Runnable, JoinHandle<LentOutput<F::Output>>)
    where
        F: Send,
        F::Output: Send,
    {
        // SAFETY: what the future and the output borrow outlives the scope, by the bounds of
        // `Scope::spawn`, and the scope waits for the tickets behind both. The scope's module says why
        // nobody touches either after that.
        unsafe { task::new_unchecked::<Self, S>(self, pool, site) }
    }
}

impl<F: Future> Future for Lent<F> {
    type Output = LentOutput<F::Output>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let Some(future) = this.future.as_pin_mut() else {
            unreachable!("only the drop takes the future");
        };
        let ticket = this.ticket;
        let value = ready!(ticket.witness(true, || future.poll(context)));
        // The future's own ticket stands for the value until it has this one.
        Poll::Ready(LentOutput::new(value, ticket.another()))
    }
}

/// What the future of a task that borrows has given.
pub(super) struct LentOutput<T> {
    /// Initialised until the drop, or until it is taken.
    value: MaybeUninit<T>,
    /// Falls when the value has been dropped or taken.
    ticket: Ticket,
}

impl<T> LentOutput<T> {
    fn new(value: T, ticket: Ticket) -> Self {
        let value = MaybeUninit::new(value);
        LentOutput { value, ticket }
    }

    /// Gives the value to the owner of the task's handle, for whom the scope waits.
    pub(super) fn into_value(self) -> T {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the value is initialised, and since `this` is not dropped, it is read only here.
        let value = unsafe { this.value.assume_init_read() };
        // SAFETY: since `this` is not dropped, the ticket is dropped only here.
        unsafe { std::ptr::drop_in_place(&mut this.ticket) };
        value
    }
}

impl<T> Drop for LentOutput<T> {
    fn drop(&mut self) {
        let LentOutput { value, ticket } = self;
        ticket.witness(false, || {
            // SAFETY: the value is initialised, for `into_value` leaves nothing to be dropped, and it
            // is not used again.
            unsafe { value.assume_init_drop() }
        });
    }
}
