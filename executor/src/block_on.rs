//! One future on the calling thread.

use crate::{context, linger::Linger, os::fork::Process, shared::Shared, threads::Running};
use std::{
    cell::Cell,
    future::{Future, poll_fn},
    panic::Location,
    pin::pin,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
    time::{Duration, Instant},
};

/// Wakes a thread that waits for a future.
struct Signal {
    woken: AtomicBool,
    thread: Thread,
}

impl Wake for Signal {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Release pairs with `Signal::wait`. A thread that has a wake-up coming needs no second.
        if !self.woken.swap(true, Release) {
            self.thread.unpark();
        }
    }
}

impl Signal {
    /// This thread's signal; made once, since threads that block once block again.
    fn current() -> (Arc<Signal>, Waker) {
        thread_local!(static KEPT: Cell<Option<Arc<Signal>>> = const { Cell::new(None) });
        let fresh = || {
            Arc::new(Signal {
                woken: AtomicBool::new(false),
                thread: thread::current(),
            })
        };
        let kept = KEPT.try_with(|kept| {
            let signal = kept.take().unwrap_or_else(fresh);
            kept.set(Some(Arc::clone(&signal)));
            signal
        });
        let signal = kept.unwrap_or_else(|_| fresh());
        (Arc::clone(&signal), Waker::from(signal))
    }

    /// Waits for a wake-up. False: the deadline came first.
    fn wait(&self, deadline: Option<Instant>) -> bool {
        // Relaxed: a hint; the loop below acquires.
        thread_local!(static LINGER: Linger = const { Linger::new() });
        LINGER.with(|linger| linger.until(|_| self.woken.load(Relaxed)));
        // Acquire pairs with `wake_by_ref`. Others may use the thread's token too, so only the
        // flag counts.
        while !self.woken.swap(false, Acquire) {
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                None => thread::park(),
                Some(Duration::ZERO) => return false,
                Some(left) => thread::park_timeout(left),
            }
        }
        true
    }
}

/// Polls `future` to its end on this thread. `what` names the public function.
#[track_caller]
pub(crate) fn wait<F: Future>(what: &str, future: F) -> F::Output {
    match poll_until(what, future, None) {
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
        return wait("block_on", future);
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
    wait("block_on", published)
}

/// As [`wait`], for at most `limit`.
#[track_caller]
pub(crate) fn wait_timeout<F: Future>(what: &str, future: F, limit: Duration) -> Option<F::Output> {
    // A limit that can't be represented is none.
    poll_until(what, future, Instant::now().checked_add(limit))
}

#[track_caller]
fn poll_until<F: Future>(what: &str, future: F, deadline: Option<Instant>) -> Option<F::Output> {
    let _blocked = may_block(what);
    let process = Process::current();
    let mut future = pin!(future);
    let (signal, waker) = Signal::current();
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return Some(output);
        }
        // Whoever would wake it is elsewhere if the future has forked.
        process.check(what, Location::caller());
        if !signal.wait(deadline) {
            return None;
        }
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
