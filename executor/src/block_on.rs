//! One future on the calling thread.

use crate::{
    context, os::fork::Process, scheduler::waits::Waiting, shared::Shared, signal::Signal,
    threads::Running,
};
use std::{
    future::{Future, poll_fn},
    panic::Location,
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Waker},
    thread,
    time::{Duration, Instant},
};

/// Polls `future`, which is for the runtime that has the pool with this number, to its end on this thread. `what` names the public
/// function.
#[track_caller]
pub(crate) fn wait<F: Future>(what: &str, pool: u16, future: F) -> F::Output {
    match poll_until(what, pool, future, None) {
        Some(output) => output,
        None => unreachable!("there is no deadline"),
    }
}

/// As [`wait`], for a `block_on` at `site`: it fails if a panic shuts the runtime down, and if the
/// runtime reports polls that are stuck, it reports those of the future too.
#[track_caller]
pub(crate) fn watched<F: Future>(
    shared: &Shared,
    site: &'static Location<'static>,
    future: F,
) -> F::Output {
    let unhandled = shared.unhandled();
    if unhandled.shuts_down() {
        reported(shared, site, unhandled.or_fail(future))
    } else {
        reported(shared, site, future)
    }
}

#[track_caller]
fn reported<F: Future>(shared: &Shared, site: &'static Location<'static>, future: F) -> F::Output {
    if !shared.rescue().reports() {
        return wait("block_on", shared.pool().number(), future);
    }
    let thread = thread::current();
    let running = Arc::new(Running::new(thread.name().unwrap_or("unnamed")));
    let _watched = shared.monitor().watch(&running, None);
    let mut future = pin!(future);
    let published = poll_fn(|context| {
        running.polling().block_on(site);
        shared.monitor().stir();
        let polled = future.as_mut().poll(context);
        running.polling().end();
        // It may have been found stuck, and the monitor sleep.
        shared.monitor().stir();
        polled
    });
    wait("block_on", shared.pool().number(), published)
}

/// As [`wait`], for at most `limit`.
#[track_caller]
pub(crate) fn wait_timeout<F: Future>(
    what: &str,
    pool: u16,
    future: F,
    limit: Duration,
) -> Option<F::Output> {
    // A limit that can't be represented is none.
    poll_until(what, pool, future, Instant::now().checked_add(limit))
}

#[track_caller]
fn poll_until<F: Future>(
    what: &str,
    pool: u16,
    future: F,
    deadline: Option<Instant>,
) -> Option<F::Output> {
    let _blocked = may_block(what);
    let process = Process::current();
    let signal = Signal::borrow();
    let waker = Waker::from(Arc::clone(&signal));
    let waiting = Waiting::enter(pool, &signal);
    // Dropped before it counts as no longer waiting.
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        // Whoever would wake it is elsewhere if the future has forked.
        process.check(what, Location::caller());
        let woken = match &waiting {
            None => signal.wait(deadline),
            Some(waiting) => waiting.sleep(|| signal.wait(deadline)),
        };
        if !woken {
            return None;
        }
        // After the wait, in which others may look whether the thread has been woken.
        signal.reset();
    }
}

/// Marks the thread as blocked.
///
/// # Panics
///
/// On a thread that runs tasks, or that is blocked on a future already.
#[track_caller]
pub(crate) fn may_block(what: &str) -> context::Blocked {
    match context::block() {
        Some(blocked) => blocked,
        None => panic!(
            "`{what}` was called inside a task or another `block_on`, where it would hold up a \
             thread that others need: use `.await` there, or call it inside `block_in_place` or \
             `spawn_blocking`"
        ),
    }
}
