//! The state word of a task: all its bits, and every transition between them.
//!
//! ```text
//!              start                    finish
//!   SCHEDULED ───────▶ RUNNING ───────────────────────▶ COMPLETE
//!       ▲                │ suspend
//!       │ wake, abort    ▼
//!       └────────────── idle ──claim──▶ RUNNING + CANCELLED
//! ```
//!
//! | bit | set by | cleared by | while it is set |
//! |---|---|---|---|
//! | RUNNING | [`start`](State::start), [`claim`](State::claim) | suspend, finish, [`release_run`](State::release_run) | its setter alone touches the future |
//! | SCHEDULED | spawn, a wake, an abort | start, finish | the task is in a queue, or its runner will put it into one |
//! | COMPLETE | finish | never | the future is gone; the output is stored |
//! | CANCELLED | abort, claim | never | the future will not be polled again; wakes do nothing |
//! | REGISTERED | the first suspend | never | the task has been entered in its registry |
//! | JOIN_INTEREST | spawn | the `JoinHandle`'s drop | the handle exists; once COMPLETE is set, the output is the handle's |
//! | JOIN_WAKER | the handle's poll | the handle | the join waker is readable by whoever completes the task |
//!
//! Six bits beside REGISTERED say in which list of the registry the task is. On 64-bit machines, the
//! uppermost bits are a [stamp](Stamp) that says when the last poll ended; after the task's end, of
//! which [epoch](Epoch) its pool was. The rest of the word
//! counts the wakers and abort handles. SCHEDULED, RUNNING and JOIN_INTEREST
//! each count as one more reference, and so does the absence of COMPLETE: a task that has not ended
//! is never freed. So no transition below has to count anything, a task that is woken a billion
//! times behind a stuck worker overflows nothing, and whoever makes the word
//! [dead](Snapshot::is_dead) frees the cell.
//!
//! Every transition is one read-modify-write with acquire and release, even where nothing changes:
//! a waker that finds SCHEDULED set must still pass what it wrote before on to the coming poll,
//! and a plain load would not.

use super::TaskState;
use crate::sync::AtomicUsize;
use std::{
    cell::Cell,
    sync::atomic::Ordering::{AcqRel, Acquire, Relaxed},
};

const RUNNING: usize = 1 << 0;
const SCHEDULED: usize = 1 << 1;
const COMPLETE: usize = 1 << 2;
const CANCELLED: usize = 1 << 3;
const REGISTERED: usize = 1 << 4;
const JOIN_INTEREST: usize = 1 << 5;
const JOIN_WAKER: usize = 1 << 6;
const LIST: usize = 1 << 7;
const REFERENCE: usize = LIST * LISTS;

/// How many bits the stamp has: none where the word is small.
const STAMP_BITS: u32 = if usize::BITS == 64 { 23 } else { 0 };
const STAMP_SHIFT: u32 = usize::BITS - STAMP_BITS;

/// The count of wakers and abort handles.
const REFERENCES: usize = (usize::MAX >> STAMP_BITS) & !(REFERENCE - 1);

/// More clones than this, 134 million on 64-bit machines, are a leak: the process ends before the
/// count can overflow.
const MOST_REFERENCES: usize = REFERENCES / 2;

/// How many lists a registry can have.
pub(crate) const LISTS: usize = 1 << 6;

/// A moment, roughly: 23 bits out of the nanoseconds of the runtime's clock, where the state word has
/// them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(usize);

/// Half a second to a unit.
const STAMP_UNIT: u32 = 29;

impl Stamp {
    const BITS: usize = !(usize::MAX >> STAMP_BITS);

    #[inline]
    pub(crate) fn of(nanos: u64) -> Self {
        Stamp(((nanos >> STAMP_UNIT) as usize).unbounded_shl(STAMP_SHIFT))
    }

    /// Nanoseconds since `earlier`, modulo 52 days.
    fn since(self, earlier: Stamp) -> u64 {
        let units = self.0.wrapping_sub(earlier.0).unbounded_shr(STAMP_SHIFT);
        (units as u64) << STAMP_UNIT
    }
}

/// Which of the runtimes that use a pool one after the other: after the task's end, the state word has
/// the lower 23 bits of it where the stamp was.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Epoch(pub(super) u32);

thread_local! {
    /// The epoch of a task that runs on a thread of nobody's, which may outlast its runtime.
    static PRESENT: Cell<Option<Epoch>> = const { Cell::new(None) };
}

impl Epoch {
    /// Calls `f`, which runs a task of this epoch on a thread that belongs to no runtime, and does not
    /// unwind.
    pub(crate) fn during<R>(self, f: impl FnOnce() -> R) -> R {
        let outer = PRESENT.replace(Some(self));
        let result = f();
        PRESENT.set(outer);
        result
    }

    #[inline]
    fn stamp(self) -> Stamp {
        Stamp((self.0 as usize).unbounded_shl(STAMP_SHIFT))
    }
}

/// A task's state word.
pub(crate) struct State(AtomicUsize);

/// What to do with a task that came out of a queue. `list` is the list of the registry that it has
/// been entered in.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Start {
    /// The caller runs it: poll.
    Poll { list: Option<usize> },
    /// The caller runs it: drop the future.
    Cancel { list: Option<usize> },
    /// It ended while it was queued; the reference is given back.
    Stale,
    /// As `Stale`, and it was the last reference.
    Free,
}

/// What to do after a poll that returned `Pending`.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Suspend {
    /// Somebody will wake it; the caller must not touch it any more.
    Idle,
    /// It was woken during the poll: put it into a queue.
    Again,
    /// It was aborted during the poll; the caller still runs it and drops the future.
    Cancel,
}

/// What is left to do once the output is stored.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Finish {
    /// Nothing: the handle takes the output. The caller must not touch the task any more.
    Done,
    /// Take the join waker, wake it, and [`State::release_run`].
    WakeJoiner,
    /// Nobody will ask: drop the output, and [`State::release_run`].
    DropOutput,
}

/// What to do after a wake or an abort.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Wake {
    /// Put it into a queue.
    Queue,
    /// Nothing.
    Nothing,
    /// Nothing, and the waker that was used up was the last reference.
    Free,
}

/// Who drops the future of a task when its runtime shuts down.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The caller: it runs the task now.
    Claimed,
    /// The thread that is polling it, when the poll returns.
    Running,
    /// Nobody: it has ended.
    Ended,
}

#[derive(Clone, Copy)]
struct Snapshot(usize);

impl Snapshot {
    fn has(self, bits: usize) -> bool {
        self.0 & bits != 0
    }

    fn with(self, bits: usize) -> Self {
        Snapshot(self.0 | bits)
    }

    fn without(self, bits: usize) -> Self {
        Snapshot(self.0 & !bits)
    }

    fn less_one_reference(self) -> Self {
        debug_assert!(self.0 & REFERENCES != 0, "a reference is given back twice");
        Snapshot(self.0 - REFERENCE)
    }

    fn list(self) -> Option<usize> {
        self.has(REGISTERED).then_some(self.0 / LIST % LISTS)
    }

    fn in_list(self, list: usize) -> Self {
        debug_assert!(list < LISTS && self.list().is_none_or(|old| old == list));
        self.with(REGISTERED | (list * LIST))
    }

    /// With the stamp of this moment.
    fn at(self, now: Stamp) -> Self {
        Snapshot((self.0 & !Stamp::BITS) | now.0)
    }

    fn stamp(self) -> Stamp {
        Stamp(self.0 & Stamp::BITS)
    }

    /// Whether nobody holds the cell any more.
    fn is_dead(self) -> bool {
        self.has(COMPLETE) && !self.has(RUNNING | SCHEDULED | JOIN_INTEREST | REFERENCES)
    }
}

impl State {
    /// A task that is on its way into a queue and has a `JoinHandle`.
    pub(crate) fn new() -> Self {
        State(AtomicUsize::new(SCHEDULED | JOIN_INTEREST))
    }

    /// One transition: `step` maps the word to the next one and to the caller's answer.
    ///
    /// AcqRel: each transition sees all that was written before the earlier ones, and passes it on.
    #[inline]
    fn update<T>(&self, step: impl Fn(Snapshot) -> (Snapshot, T)) -> T {
        // Relaxed: a stale word only makes the exchange fail.
        let mut now = self.0.load(Relaxed);
        loop {
            let (next, answer) = step(Snapshot(now));
            // AcqRel pairs with every other transition; on failure the step is taken again.
            match self.0.compare_exchange_weak(now, next.0, AcqRel, Relaxed) {
                Ok(_) => return answer,
                Err(seen) => now = seen,
            }
        }
    }

    /// Takes a task that came out of a queue: SCHEDULED becomes RUNNING.
    #[inline]
    pub(crate) fn start(&self) -> Start {
        self.update(|s| {
            debug_assert!(s.has(SCHEDULED), "a task in a queue is scheduled");
            let next = s.without(SCHEDULED);
            let list = s.list();
            if s.has(RUNNING | COMPLETE) {
                // Only a shutdown runs a task that is in a queue.
                (
                    next,
                    if next.is_dead() {
                        Start::Free
                    } else {
                        Start::Stale
                    },
                )
            } else if s.has(CANCELLED) {
                (next.with(RUNNING), Start::Cancel { list })
            } else {
                (next.with(RUNNING), Start::Poll { list })
            }
        })
    }

    /// Ends a poll that returned `Pending`. The task must be in this list of its registry by now.
    #[inline]
    pub(crate) fn suspend(&self, list: usize, now: Stamp) -> Suspend {
        self.update(|s| {
            if s.has(CANCELLED) {
                return (s.in_list(list), Suspend::Cancel);
            }
            let next = s.without(RUNNING).in_list(list).at(now);
            (
                next,
                if s.has(SCHEDULED) {
                    Suspend::Again
                } else {
                    Suspend::Idle
                },
            )
        })
    }

    /// Ends a task whose output has been stored. `queued` says that a SCHEDULED bit stands for an
    /// entry in a queue (the task was [claimed](Self::claim)) and not for a wake during the poll.
    #[inline]
    pub(crate) fn finish(&self, queued: bool, epoch: Epoch) -> Finish {
        self.update(|s| {
            let s = if queued { s } else { s.without(SCHEDULED) };
            let next = s.with(COMPLETE).at(epoch.stamp());
            if !s.has(JOIN_INTEREST) {
                (next, Finish::DropOutput)
            } else if s.has(JOIN_WAKER) {
                (next, Finish::WakeJoiner)
            } else {
                (next.without(RUNNING), Finish::Done)
            }
        })
    }

    /// Gives RUNNING back after the work that [`Finish`] asked for. True: free the cell.
    pub(crate) fn release_run(&self) -> bool {
        self.update(|s| (s.without(RUNNING), s.without(RUNNING).is_dead()))
    }

    /// A wake that keeps its waker.
    #[inline]
    pub(crate) fn wake_by_ref(&self) -> Wake {
        self.update(|s| {
            if s.has(COMPLETE | CANCELLED | SCHEDULED) {
                (s, Wake::Nothing)
            } else if s.has(RUNNING) {
                (s.with(SCHEDULED), Wake::Nothing)
            } else {
                (s.with(SCHEDULED), Wake::Queue)
            }
        })
    }

    /// A wake that uses its waker up.
    #[inline]
    pub(crate) fn wake_by_val(&self) -> Wake {
        self.update(|s| {
            let s = s.less_one_reference();
            if s.has(COMPLETE | CANCELLED | SCHEDULED) {
                (
                    s,
                    if s.is_dead() {
                        Wake::Free
                    } else {
                        Wake::Nothing
                    },
                )
            } else if s.has(RUNNING) {
                (s.with(SCHEDULED), Wake::Nothing)
            } else {
                (s.with(SCHEDULED), Wake::Queue)
            }
        })
    }

    /// Asks for the task to be cancelled: by its runner, or by whoever takes it from the queue.
    pub(crate) fn abort(&self) -> Wake {
        self.update(|s| {
            if s.has(COMPLETE | CANCELLED) {
                (s, Wake::Nothing)
            } else if s.has(RUNNING | SCHEDULED) {
                (s.with(CANCELLED), Wake::Nothing)
            } else {
                (s.with(CANCELLED | SCHEDULED), Wake::Queue)
            }
        })
    }

    /// Takes a task at shutdown, wherever it is, so that its future is dropped.
    pub(crate) fn claim(&self) -> Claim {
        self.update(|s| {
            if s.has(COMPLETE) {
                (s, Claim::Ended)
            } else if s.has(RUNNING) {
                (s.with(CANCELLED), Claim::Running)
            } else {
                (s.with(RUNNING | CANCELLED), Claim::Claimed)
            }
        })
    }

    /// Adds a reference; the caller holds one already.
    #[inline]
    pub(crate) fn add_reference(&self) {
        // Relaxed: a new reference comes from an old one, which keeps the cell alive.
        if self.0.fetch_add(REFERENCE, Relaxed) & REFERENCES > MOST_REFERENCES {
            std::process::abort();
        }
    }

    /// Gives a reference back. True: free the cell.
    #[inline]
    pub(crate) fn drop_reference(&self) -> bool {
        // AcqRel: all that the other holders did happens before the cell is freed.
        let before = Snapshot(self.0.fetch_sub(REFERENCE, AcqRel));
        before.less_one_reference().is_dead()
    }

    /// Whether the task may belong to a runtime of this epoch. One that has not ended belongs to the one
    /// that has its pool, unless [its thread knows better](Epoch::during).
    pub(crate) fn is_of(&self, epoch: Epoch) -> bool {
        // Relaxed: the caller has seen the task's end, or keeps it from ending.
        let s = Snapshot(self.0.load(Relaxed));
        if s.has(COMPLETE) {
            s.stamp() == epoch.stamp()
        } else {
            PRESENT.get().is_none_or(|present| present == epoch)
        }
    }

    /// Whether the output is there.
    #[inline]
    pub(crate) fn is_complete(&self) -> bool {
        // Acquire pairs with `finish`: the output can be read.
        Snapshot(self.0.load(Acquire)).has(COMPLETE)
    }

    /// Whether the handle has left a waker. Only the handle asks, and only the handle changes it.
    pub(crate) fn has_join_waker(&self) -> bool {
        // Relaxed: this thread wrote it.
        Snapshot(self.0.load(Relaxed)).has(JOIN_WAKER)
    }

    /// Publishes the join waker. False: too late, the task is complete.
    pub(crate) fn set_join_waker(&self) -> bool {
        self.update(|s| {
            if s.has(COMPLETE) {
                (s, false)
            } else {
                (s.with(JOIN_WAKER), true)
            }
        })
    }

    /// Takes the join waker back. False: too late, it belongs to whoever completed the task.
    pub(crate) fn unset_join_waker(&self) -> bool {
        self.update(|s| {
            if s.has(COMPLETE) {
                (s, false)
            } else {
                (s.without(JOIN_WAKER), true)
            }
        })
    }

    /// Gives the handle up before the end. False: too late, the output is the handle's.
    pub(crate) fn detach(&self) -> bool {
        self.update(|s| {
            if s.has(COMPLETE) {
                (s, false)
            } else {
                (s.without(JOIN_INTEREST), true)
            }
        })
    }

    /// Gives the handle up after the end, its output taken or dropped. True: free the cell.
    #[inline]
    pub(crate) fn release_join(&self) -> bool {
        // Acquire pairs with the release of the last other reference. Whoever holds the only
        // reference needs no read-modify-write to give it up.
        let now = Snapshot(self.0.load(Acquire));
        now.without(JOIN_INTEREST).is_dead()
            || self.update(|s| (s.without(JOIN_INTEREST), s.without(JOIN_INTEREST).is_dead()))
    }

    /// What the task is doing, and for how many nanoseconds it has not been polled; `None` if it has
    /// never been, or is being polled. For whoever looks from outside.
    pub(crate) fn look(&self, now: Stamp) -> (TaskState, Option<u64>) {
        // Relaxed: the answer is old anyway.
        let s = Snapshot(self.0.load(Relaxed));
        let rested = s.has(REGISTERED) && STAMP_BITS > 0;
        let rested = rested.then(|| now.since(s.stamp()));
        if s.has(RUNNING) {
            (TaskState::Running, None)
        } else if s.has(SCHEDULED) {
            (TaskState::Queued, rested)
        } else {
            (TaskState::Waiting, rested)
        }
    }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
