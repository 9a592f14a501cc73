//! Waiting for the children of a gather: the part that every form of it shares.
//!
//! A gather waits for its children from the last to the first, and leaves its waker only at the one
//! whose turn it is; those before it may end meanwhile without waking anybody. Tasks run roughly in
//! the order in which they were spawned, so a gather of a thousand is woken a few times, and it
//! looks at each child once, and once more per wake-up. A failure can't wait for its turn: it rings
//! the [`Alarm`]. Handles that the caller gave ring whenever they end, since nothing else tells that
//! they failed.

use super::{
    alarm::Alarm,
    call::Call,
    child::{AnyChild, Failure},
    threads::Joiner,
};
use std::{
    collections::VecDeque,
    fmt,
    marker::PhantomData,
    task::{Context, Poll, ready},
};

/// The children of a gather: a tuple or a `Vec` of them.
///
/// `E` is what an argument of `try_gather!` fails with.
pub trait Children<E> {
    /// How many there are.
    fn count(&self) -> usize;
    /// The child at `position`.
    fn at(&mut self, position: usize) -> &mut dyn AnyChild<E>;
}

/// A gather between its call and its end.
pub(super) struct Engine<C, E> {
    /// `None` once failures aren't urgent any more. Dropped first, so that the children that the
    /// drop cancels ring in vain.
    alarm: Option<Alarm>,
    joiner: Option<Joiner>,
    /// `None` once the gather has ended.
    children: Option<C>,
    /// The children from here on have ended.
    unfinished: usize,
    phase: Phase,
    /// Who rang and hasn't been looked at, earliest first.
    rung: VecDeque<u32>,
    call: Call,
    error: PhantomData<fn() -> E>,
}

#[derive(Clone, Copy, PartialEq)]
enum Phase {
    /// Not polled yet.
    Started,
    /// Waits for all to succeed or one to fail.
    Running,
    /// This child failed first; the rest have been cancelled and are waited for.
    Failing(usize),
}

impl<C: Children<E>, E> Engine<C, E> {
    pub(super) fn new(children: C, alarm: Alarm, joiner: Option<Joiner>, call: Call) -> Self {
        Self {
            alarm: Some(alarm),
            joiner,
            unfinished: children.count(),
            children: Some(children),
            phase: Phase::Started,
            rung: VecDeque::new(),
            call,
            error: PhantomData,
        }
    }

    /// The call that made the gather.
    pub(super) fn call(&self) -> Call {
        self.call
    }

    /// From now on failures are values, so nobody need ring.
    pub(super) fn settle(&mut self) {
        self.alarm = None;
    }

    /// Waits until all have succeeded, or one has failed and the rest have ended.
    pub(super) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Result<C, Failure<E>>> {
        if self.phase == Phase::Started {
            self.phase = Phase::Running;
            self.subscribe();
        }
        if self.phase == Phase::Running {
            match ready!(self.poll_running(context)) {
                Some(failed) => self.fail(failed),
                None => return Poll::Ready(Ok(self.take_children())),
            }
        }
        ready!(self.wait(context));
        Poll::Ready(Err(self.take_failure()))
    }

    /// Waits until all have ended, however.
    pub(super) fn poll_settled(&mut self, context: &mut Context<'_>) -> Poll<C> {
        if self.phase == Phase::Started {
            self.phase = Phase::Running;
        }
        ready!(self.wait(context));
        Poll::Ready(self.take_children())
    }

    /// Has the handles among the children ring when they end. Those that have ended are found when
    /// their turn comes, or at once if they failed.
    fn subscribe(&mut self) {
        let Some(alarm) = &self.alarm else { return };
        let children = self.children.as_mut().unwrap_or_else(|| ended(self.call));
        for position in 0..children.count() {
            let child = children.at(position);
            if child.subscribe(alarm.bell(position)).is_ready() && child.failed() {
                alarm.bell(position).ring();
            }
        }
    }

    /// `Some` is the child that failed first; `None` says that all have succeeded.
    fn poll_running(&mut self, context: &mut Context<'_>) -> Poll<Option<usize>> {
        if let Some(failed) = ready!(self.first_failure(context)) {
            return Poll::Ready(Some(failed));
        }
        let Some(failed) = ready!(self.wait(context)) else {
            return Poll::Ready(None);
        };
        // It rang before it ended, but another may have rung before it did.
        let first = ready!(self.first_failure(context));
        Poll::Ready(Some(first.unwrap_or(failed)))
    }

    /// Looks at those who rang, in the order in which they did.
    fn first_failure(&mut self, context: &mut Context<'_>) -> Poll<Option<usize>> {
        let Some(alarm) = &self.alarm else {
            return Poll::Ready(None);
        };
        alarm.listen(context.waker(), &mut self.rung);
        let children = self.children.as_mut().unwrap_or_else(|| ended(self.call));
        while let Some(&rang) = self.rung.front() {
            let position = rang as usize;
            let child = children.at(position);
            if child.poll(context).is_pending() {
                if !child.will_ring() {
                    // A spawned future rings as it ends: its task is about to finish.
                    return Poll::Pending;
                }
                let _ = child.subscribe(alarm.bell(position));
            }
            if child.failed() {
                return Poll::Ready(Some(position));
            }
            self.rung.pop_front();
        }
        Poll::Ready(None)
    }

    /// Waits for the children from the last to the first; while the gather runs, only until it comes
    /// to one that failed.
    fn wait(&mut self, context: &mut Context<'_>) -> Poll<Option<usize>> {
        let children = self.children.as_mut().unwrap_or_else(|| ended(self.call));
        let running = self.phase == Phase::Running && self.alarm.is_some();
        while let Some(position) = self.unfinished.checked_sub(1) {
            let child = children.at(position);
            if running && child.will_ring() {
                return Poll::Pending;
            }
            ready!(child.poll(context));
            if running && child.failed() {
                return Poll::Ready(Some(position));
            }
            self.unfinished = position;
        }
        Poll::Ready(None)
    }

    /// Cancels all who have not ended, and lets go of those that can't be cancelled.
    fn fail(&mut self, failed: usize) {
        self.phase = Phase::Failing(failed);
        self.alarm = None;
        self.joiner = None;
        let children = self.children.as_mut().unwrap_or_else(|| ended(self.call));
        self.unfinished = children.count();
        for position in 0..self.unfinished {
            children.at(position).cancel();
        }
    }

    fn take_children(&mut self) -> C {
        self.alarm = None;
        self.children.take().unwrap_or_else(|| ended(self.call))
    }

    /// What the child that failed first failed with; the others' results are dropped.
    fn take_failure(&mut self) -> Failure<E> {
        let Phase::Failing(failed) = self.phase else {
            unreachable!("no child failed")
        };
        let mut children = self.take_children();
        let failure = children.at(failed).take_failure();
        for position in 0..children.count() {
            children.at(position).discard();
        }
        failure.expect("the child that failed keeps its failure")
    }
}

impl<C, E> Drop for Engine<C, E> {
    fn drop(&mut self) {
        if self.phase == Phase::Started {
            self.call.never_awaited();
        }
    }
}

impl<C: Children<E>, E> fmt::Debug for Engine<C, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.children {
            Some(children) => write!(
                f,
                "{} arguments, called at {}",
                children.count(),
                self.call.site()
            ),
            None => write!(f, "ended, called at {}", self.call.site()),
        }
    }
}

fn ended(call: Call) -> ! {
    panic!("{call} was polled after it had ended")
}
