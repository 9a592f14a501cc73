//! A child: the future or the job that a group has spawned, and beside it the [`Ticket`] by which the
//! group learns of its end.
//!
//! What the child returns goes straight to the group, after its future was dropped; its task then ends
//! without an output, and is freed at once. A child that panics or is cancelled drops its ticket
//! unused. Only its handle can tell why, once the task has ended: so the group awaits the handle
//! then, by a waker that is no task's.

use super::{
    Inner,
    state::{End, Phase, Reserved},
};
use crate::{
    blocking::{Job, OnThread},
    budget, context,
    scheduler::pool::Pooled,
    shared::Shared,
    task::{self, AbortHandle, JoinHandle, Runnable},
    unhandled::{self, Place},
};
use parking_lot::Mutex;
use std::{
    future::Future,
    io,
    panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker, ready},
};

/// Why there is no child.
enum Refusal {
    /// No runtime is around the caller.
    Outside,
    Ended,
    /// There is no thread for a blocking job.
    NoThread(io::Error),
}

/// Spawns a child on the runtime around this thread. `name` is the child's, `what` names the public
/// method.
///
/// # Panics
///
/// Outside a runtime, and if the `task_group` has returned.
#[track_caller]
pub(super) fn spawn<F, T, E>(
    inner: &Arc<Inner<T, E>>,
    future: F,
    name: Option<Arc<str>>,
    what: &str,
) -> AbortHandle
where
    F: Future<Output = Result<T, E>> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let site = Location::caller();
    let spawned = context::with_current(|shared| {
        let shared = shared.ok_or(Refusal::Outside)?;
        let make = |ticket| {
            let future = Watched {
                future: Some(future),
                ticket,
            };
            task::new::<_, Pooled>(future, shared.pool().number(), (site, name))
        };
        start(inner, shared, make, |task| {
            shared.queue(task);
            Ok(())
        })
    });
    match spawned {
        Ok(child) => child,
        Err(refusal) => refuse(refusal, what),
    }
}

/// As [`spawn`], for a job that blocks.
///
/// # Panics
///
/// Also if no thread at all can be started.
#[track_caller]
pub(super) fn spawn_blocking<F, T, E>(
    inner: &Arc<Inner<T, E>>,
    f: F,
    name: Option<Arc<str>>,
    what: &str,
) -> AbortHandle
where
    F: FnOnce() -> Result<T, E> + Send + 'static,
    T: Send + 'static,
    E: Send + 'static,
{
    let site = Location::caller();
    let spawned = context::with_current(|shared| {
        let shared = shared.ok_or(Refusal::Outside)?;
        let make = |ticket| {
            let job = WatchedJob { f, ticket };
            let job = Job::new(move || job.run());
            task::new::<_, OnThread>(job, shared.pool().number(), (site, name))
        };
        start(inner, shared, make, |job| {
            shared.blocking().push(shared, job)
        })
    });
    match spawned {
        Ok(child) => child,
        Err(refusal) => refuse(refusal, what),
    }
}

/// Makes a child, lets the group know of it, and only then queues it: it may end before that
/// returns.
fn start<T, E>(
    inner: &Arc<Inner<T, E>>,
    shared: &Shared,
    make: impl FnOnce(Ticket<T, E>) -> (Runnable, JoinHandle<()>),
    queue: impl FnOnce(Runnable) -> io::Result<()>,
) -> Result<AbortHandle, Refusal>
where
    T: Send + 'static,
    E: Send + 'static,
{
    let reserved = inner.lock().reserve(shared.pool());
    let (group, key) = match reserved {
        Reserved::Slot(key) => (Some(Arc::clone(inner)), key),
        Reserved::Cancelled => (None, 0),
        Reserved::Returned => return Err(Refusal::Ended),
    };
    let is_heard = group.is_some();
    let (task, handle) = make(Ticket { group, key });
    let abort = handle.abort_handle();
    let mut state = inner.lock();
    let unwanted = if is_heard {
        state.keep(key, handle)
    } else {
        Some(handle)
    };
    let open = state.phase == Phase::Open;
    drop(state);
    drop(unwanted);
    if !open {
        // Before anybody could poll it.
        abort.abort();
    }
    queue(task).map_err(Refusal::NoThread)?;
    Ok(abort)
}

#[cold]
#[track_caller]
fn refuse(refusal: Refusal, what: &str) -> ! {
    match refusal {
        Refusal::Outside => crate::spawn::outside(what),
        Refusal::NoThread(error) => crate::spawn::no_thread(&error),
        Refusal::Ended => panic!(
            "`{what}` was called at {}, on a group that has ended: its `task_group` has returned",
            Location::caller()
        ),
    }
}

/// A child's claim to be heard when it ends.
struct Ticket<T: Send + 'static, E: Send + 'static> {
    /// `None` once used, and for a child of which nobody will hear.
    group: Option<Arc<Inner<T, E>>>,
    key: usize,
}

impl<T: Send + 'static, E: Send + 'static> Ticket<T, E> {
    fn deliver(&mut self, result: Result<T, E>) {
        if let Some(group) = self.group.take() {
            group.end_child(self.key, End::Gave(result));
        }
    }
}

impl<T: Send + 'static, E: Send + 'static> Drop for Ticket<T, E> {
    fn drop(&mut self) {
        let Some(group) = self.group.take() else {
            return;
        };
        let handle = group.lock().take_handle(self.key);
        if handle.is_some() {
            let lost = Lost {
                group,
                key: self.key,
                handle: Mutex::new(handle),
            };
            Arc::new(lost).wake();
        }
    }
}

/// A child that ends without a result; awaits its handle.
struct Lost<T, E> {
    group: Arc<Inner<T, E>>,
    key: usize,
    /// Locked while it is polled, which runs nobody's code.
    handle: Mutex<Option<JoinHandle<()>>>,
}

impl<T: Send + 'static, E: Send + 'static> Wake for Lost<T, E> {
    fn wake(self: Arc<Self>) {
        // A handle that finds no budget left would call this waker, while it is polled.
        budget::refill();
        let waker = Waker::from(Arc::clone(&self));
        let mut handle = self.handle.lock();
        let Some(polled) = handle
            .as_mut()
            .map(|handle| Pin::new(handle).poll(&mut Context::from_waker(&waker)))
        else {
            return;
        };
        let Poll::Ready(Err(error)) = polled else {
            return;
        };
        let ended = handle.take();
        // The handle's cell may be freed with it, and with that this waker's last clone.
        drop(handle);
        drop(ended);
        self.group.end_child(self.key, End::Lost(error));
    }
}

pin_project_lite::pin_project! {
    /// The future of a child.
    struct Watched<F, T, E>
    where
        T: Send,
        T: 'static,
        E: Send,
        E: 'static,
    {
        #[pin]
        future: Option<F>,
        // After the future: the group hears of the end when nothing of the child's is left.
        ticket: Ticket<T, E>,
    }
}

impl<F, T, E> Future for Watched<F, T, E>
where
    F: Future<Output = Result<T, E>>,
    T: Send + 'static,
    E: Send + 'static,
{
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut this = self.project();
        let Some(future) = this.future.as_mut().as_pin_mut() else {
            unreachable!("a task is not polled after its end")
        };
        let result = ready!(future.poll(context));
        if let Err(payload) = catch_unwind(AssertUnwindSafe(|| this.future.set(None))) {
            // As with any task, the panic takes the output's place.
            unhandled::contain(Place::Output, || drop(result));
            resume_unwind(payload);
        }
        this.ticket.deliver(result);
        Poll::Ready(())
    }
}

/// The closure of a child.
struct WatchedJob<F, T: Send + 'static, E: Send + 'static> {
    f: F,
    // After the closure, as in `Watched`.
    ticket: Ticket<T, E>,
}

impl<F, T, E> WatchedJob<F, T, E>
where
    F: FnOnce() -> Result<T, E>,
    T: Send + 'static,
    E: Send + 'static,
{
    fn run(self) {
        let WatchedJob { f, mut ticket } = self;
        ticket.deliver(f());
    }
}
