//! The threads that wait in a runtime: in `block_on`, `run`, `join` and `scope`.
//!
//! A paused clock has to know which of them can run, that is, have been woken; for the rest see
//! [`quiescence`](super::quiescence). One of the runtime's own threads may be among them: a worker that
//! has announced that it blocks, or that of a blocking job. While it waits, it counts as idle.

use super::pool::Pool;
use crate::context;
use parking_lot::Mutex;
use std::{
    cell::Cell,
    sync::{
        Arc,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Release},
        },
    },
    thread::{self, ThreadId},
};

/// What a thread waits for.
pub(crate) trait Wake: Send + Sync {
    /// Whether it is there: then the thread can run, asleep or not. An Acquire load, which pairs with that
    /// of the waker; and whoever takes the wake-up back does so with Release.
    fn is_woken(&self) -> bool;
}

/// The threads that wait in the runtime of one pool.
#[derive(Default)]
pub(crate) struct Waits(Mutex<Vec<Arc<Wait>>>);

struct Wait {
    thread: ThreadId,
    whose: Whose,
    asleep: AtomicBool,
    wake: Arc<dyn Wake>,
}

/// What the thread is to the runtime.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Whose {
    /// None of its own.
    Outside,
    /// A worker, or a spare.
    Seat(usize),
    /// It runs a blocking job.
    Job,
}

/// Those of the runtime's own threads that are idle because they wait.
#[derive(Default)]
pub(super) struct Idle {
    pub(super) seats: Vec<usize>,
    pub(super) jobs: usize,
}

thread_local! {
    /// The number of the pool whose jobs this thread runs, and one more; 0 if none's.
    static JOBS_OF: Cell<u32> = const { Cell::new(0) };
}

/// While it lives, the thread is one that runs blocking jobs.
pub(crate) struct RunsJobs(());

/// The current thread runs blocking jobs of that pool.
pub(crate) fn runs_jobs_of(pool: u16) -> RunsJobs {
    JOBS_OF.set(u32::from(pool) + 1);
    RunsJobs(())
}

impl Drop for RunsJobs {
    fn drop(&mut self) {
        JOBS_OF.set(0);
    }
}

impl Whose {
    fn current(pool: &Pool) -> Self {
        if let Some(seat) = context::seat_of(pool.number()) {
            Whose::Seat(seat)
        } else if JOBS_OF.get() == u32::from(pool.number()) + 1 {
            Whose::Job
        } else {
            Whose::Outside
        }
    }
}

impl Waits {
    /// Calls `f`, which is nobody's code, while no thread can begin to wait.
    pub(super) fn while_nobody_enters<R>(&self, f: impl FnOnce() -> R) -> R {
        let _waits = self.0.lock();
        f()
    }

    /// Whether any thread waits that is not one of the runtime's own.
    pub(super) fn any_outside(&self) -> bool {
        let waits = self.0.lock();
        waits.iter().any(|wait| wait.whose == Whose::Outside)
    }

    /// Those that are idle; `None` if one can run.
    pub(super) fn idle(&self) -> Option<Idle> {
        let waits = self.0.lock();
        let mut idle = Idle::default();
        for (place, wait) in waits.iter().enumerate() {
            let inner = &waits[place + 1..];
            if inner.iter().any(|inner| inner.thread == wait.thread) {
                continue; // It is in a wait inside this one.
            }
            // Acquire pairs with `sleep`. This first: a wake-up is taken back only by a thread that has shown
            // that it is up.
            if !wait.asleep.load(Acquire) || wait.wake.is_woken() {
                return None;
            }
            match wait.whose {
                Whose::Outside => {}
                Whose::Seat(seat) => idle.seats.push(seat),
                Whose::Job => idle.jobs += 1,
            }
        }
        Some(idle)
    }
}

/// A thread's stay in a runtime with a paused clock, in which it waits now and then.
pub(crate) struct Waiting {
    pool: &'static Pool,
    wait: Arc<Wait>,
}

impl Waiting {
    /// The current thread is about to wait in the runtime that has the pool with this number. `None`: that
    /// does not need to know.
    pub(crate) fn enter<W: Wake + 'static>(pool: u16, wake: &Arc<W>) -> Option<Waiting> {
        let pool = Pool::find(pool)?;
        pool.quiescence()?;
        let wait = Arc::new(Wait {
            thread: thread::current().id(),
            whose: Whose::current(pool),
            asleep: AtomicBool::new(false),
            wake: Arc::clone(wake) as Arc<dyn Wake>,
        });
        let mut waits = pool.waits().0.lock();
        waits.push(Arc::clone(&wait));
        // Under the lock, so that time does not move on in between: this thread runs now.
        pool.its_quiescence().is_back();
        drop(waits);
        Some(Waiting { pool, wait })
    }

    /// Calls `f`, which waits until the thread is woken, and leaves it at that.
    pub(crate) fn sleep<R>(&self, f: impl FnOnce() -> R) -> R {
        let quiescence = self.pool.its_quiescence();
        quiescence.turns_idle();
        // Release pairs with `idle`.
        self.wait.asleep.store(true, Release);
        self.pool.ring_if_idle();
        let result = f();
        // Release: as above.
        self.wait.asleep.store(false, Release);
        quiescence.is_back();
        result
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if !self.pool.process().is_current() {
            return; // It has forked, and the lock may be somebody's who is elsewhere.
        }
        self.pool.its_quiescence().turns_idle();
        let mut waits = self.pool.waits().0.lock();
        waits.retain(|other| !Arc::ptr_eq(other, &self.wait));
        drop(waits);
        self.pool.ring_if_idle();
    }
}
