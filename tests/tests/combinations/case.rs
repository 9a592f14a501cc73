//! The axes, and which of their combinations are possible.

/// What panics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Panics {
    Nowhere,
    FirstPoll,
    /// The poll that follows a wake.
    LaterPoll,
    FutureDrop,
    /// The first poll, and then the future's drop.
    PollAndFutureDrop,
    OutputDrop,
    /// The drop of a future that has given its output, and then the output's.
    FutureAndOutputDrop,
    JoinWake,
    JoinClone,
    JoinDrop,
}

/// When the `JoinHandle` goes, in the order of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(crate) enum Goes {
    BeforeFirstPoll,
    DuringPoll,
    Waiting,
    AfterEnd,
    /// It is kept past the runtime.
    Last,
}

/// When the task is aborted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aborts {
    Never,
    BeforeFirstPoll,
    DuringPoll,
    Waiting,
    AfterEnd,
    /// By an `AbortHandle`, as soon as the `JoinHandle` is gone.
    OnceGone,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum From {
    Outside,
    InTask,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Task,
    BlockingJob,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Runtime {
    Lives,
    /// It is shut down while the task waits.
    Dies,
}

/// What holds the task when all else has let go of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keeps {
    Nothing,
    Waker,
    AbortHandle,
}

/// One combination.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Case {
    pub(crate) panics: Panics,
    /// The handle is polled before the task's first poll, and leaves a waker.
    pub(crate) polled: bool,
    /// The output is taken, at the end.
    pub(crate) awaited: bool,
    pub(crate) goes: Goes,
    pub(crate) aborts: Aborts,
    pub(crate) from: From,
    pub(crate) kind: Kind,
    pub(crate) runtime: Runtime,
    pub(crate) keeps: Keeps,
}

const PANICS: [Panics; 10] = [
    Panics::Nowhere,
    Panics::FirstPoll,
    Panics::LaterPoll,
    Panics::FutureDrop,
    Panics::PollAndFutureDrop,
    Panics::OutputDrop,
    Panics::FutureAndOutputDrop,
    Panics::JoinWake,
    Panics::JoinClone,
    Panics::JoinDrop,
];
const GOES: [Goes; 5] = [
    Goes::BeforeFirstPoll,
    Goes::DuringPoll,
    Goes::Waiting,
    Goes::AfterEnd,
    Goes::Last,
];
const ABORTS: [Aborts; 6] = [
    Aborts::Never,
    Aborts::BeforeFirstPoll,
    Aborts::DuringPoll,
    Aborts::Waiting,
    Aborts::AfterEnd,
    Aborts::OnceGone,
];

const INTERESTS: [(bool, bool); 4] = [(false, false), (false, true), (true, false), (true, true)];
const KEEPS: [Keeps; 3] = [Keeps::Nothing, Keeps::Waker, Keeps::AbortHandle];

/// All combinations that are possible.
pub(crate) fn all() -> Vec<Case> {
    let mut cases = Vec::new();
    for panics in PANICS {
        for (polled, awaited) in INTERESTS {
            for goes in GOES {
                for aborts in ABORTS {
                    for from in [From::Outside, From::InTask] {
                        for kind in [Kind::Task, Kind::BlockingJob] {
                            for runtime in [Runtime::Lives, Runtime::Dies] {
                                for keeps in KEEPS {
                                    #[rustfmt::skip]
                                    cases.push(Case { panics, polled, awaited, goes, aborts, from, kind, runtime, keeps });
                                }
                            }
                        }
                    }
                }
            }
        }
    }
    cases.retain(Case::is_possible);
    cases
}

impl Case {
    /// A combination is left out for one of these reasons, and for no other.
    fn is_possible(&self) -> bool {
        // Who awaits has the handle at the end.
        let awaits = !self.awaited || self.goes >= Goes::AfterEnd;
        // A join waker that was never left does not panic.
        let waker = !self.is_waker() || self.polled;
        // A job's waker is nobody's; a task gives its own away when it is polled.
        let keeps = self.keeps != Keeps::Waker || (self.kind == Kind::Task && self.is_polled());
        awaits
            && waker
            && keeps
            && self.abort_is_possible()
            && self.comes_to_all()
            && self.is_one_panic()
    }

    /// Who aborts holds the handle at that time, or it is gone by the end.
    fn abort_is_possible(&self) -> bool {
        match self.aborts {
            Aborts::Never => true,
            Aborts::OnceGone => self.goes != Goes::Last,
            Aborts::BeforeFirstPoll => true,
            Aborts::DuringPoll => self.goes >= Goes::DuringPoll,
            Aborts::Waiting => self.goes >= Goes::Waiting,
            Aborts::AfterEnd => self.goes >= Goes::AfterEnd,
        }
    }

    /// The task lives long enough for all that is to happen to it. What would panic later than that
    /// is the case `Nowhere`.
    fn comes_to_all(&self) -> bool {
        let (polls, waits, ends) = (self.is_polled(), self.waits(), self.gives_output());
        let comes_to_panic = match self.panics {
            Panics::FirstPoll | Panics::PollAndFutureDrop => polls,
            Panics::LaterPoll => waits && !self.is_cancelled(),
            Panics::OutputDrop | Panics::FutureAndOutputDrop => ends,
            _ => true,
        };
        comes_to_panic
            && (polls || (self.aborts != Aborts::DuringPoll && self.goes != Goes::DuringPoll))
            && (waits || (self.aborts != Aborts::Waiting && self.goes != Goes::Waiting))
            && (waits || self.runtime == Runtime::Lives)
    }

    /// A closure is used up by its call. Its drop can only panic by itself if it is never called; in
    /// the call, it would be a second panic while the first unwinds, or a panic of the poll.
    fn is_one_panic(&self) -> bool {
        match (self.kind, self.panics) {
            (Kind::BlockingJob, Panics::FutureDrop) => !self.is_polled(),
            (Kind::BlockingJob, Panics::PollAndFutureDrop | Panics::FutureAndOutputDrop) => false,
            _ => true,
        }
    }

    pub(crate) fn is_waker(&self) -> bool {
        use Panics::{JoinClone, JoinDrop, JoinWake};
        matches!(self.panics, JoinWake | JoinClone | JoinDrop)
    }

    pub(crate) fn is_aborted_by_its_handle(&self, when: Goes) -> bool {
        let aborts = match self.aborts {
            Aborts::Never | Aborts::OnceGone => None,
            Aborts::BeforeFirstPoll => Some(Goes::BeforeFirstPoll),
            Aborts::DuringPoll => Some(Goes::DuringPoll),
            Aborts::Waiting => Some(Goes::Waiting),
            Aborts::AfterEnd => Some(Goes::AfterEnd),
        };
        aborts == Some(when)
    }

    /// Whether the abort comes at this time, by whichever handle.
    fn is_aborted(&self, when: Goes) -> bool {
        self.is_aborted_by_its_handle(when)
            || (self.aborts == Aborts::OnceGone && self.goes == when)
    }

    /// Whether it is polled at all.
    pub(crate) fn is_polled(&self) -> bool {
        !self.is_aborted(Goes::BeforeFirstPoll)
    }

    /// Whether the first poll panics.
    pub(crate) fn panics_at_once(&self) -> bool {
        self.is_polled() && matches!(self.panics, Panics::FirstPoll | Panics::PollAndFutureDrop)
    }

    /// Whether anything happens while it is inside its first poll.
    pub(crate) fn is_touched_in_poll(&self) -> bool {
        self.goes == Goes::DuringPoll || self.is_aborted(Goes::DuringPoll)
    }

    /// Whether it comes to wait after its first poll. A job that runs can't be aborted.
    pub(crate) fn waits(&self) -> bool {
        let stopped = self.kind == Kind::Task && self.is_aborted(Goes::DuringPoll);
        self.is_polled() && !self.panics_at_once() && !stopped
    }

    /// Whether it ends as cancelled, unless something panics. A job that runs goes on, though its
    /// runtime may not.
    pub(crate) fn is_cancelled(&self) -> bool {
        let while_running = self.is_aborted(Goes::DuringPoll)
            || self.is_aborted(Goes::Waiting)
            || self.runtime == Runtime::Dies;
        !self.is_polled() || (self.kind == Kind::Task && while_running && !self.panics_at_once())
    }

    /// Whether the future gives its output.
    pub(crate) fn gives_output(&self) -> bool {
        !self.is_cancelled() && !self.panics_at_once() && self.panics != Panics::LaterPoll
    }
}
