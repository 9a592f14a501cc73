//! The thread of a paused clock: when nothing can run, it has time go on.
//!
//! It calls the wakers of the timers, so that the workers need not look at them. Time jumps by itself
//! only while a thread waits in the runtime: what a program does before, between and after its waits takes
//! no time, and a ticker that nobody waits for does not run through the centuries.

use super::{pool::Pool, quiescence::Quiescence, waits::Waits, worker::AbortOnUnwind};
use crate::{debug, shared::Shared, threads::Running};
use std::{
    cell::Cell,
    sync::Arc,
    time::{Duration, Instant},
};
use wheelhouse_timer::driver::{Keeper, Step};

/// How long timers wait while nobody waits for them, before that is said.
const PATIENCE: Duration = Duration::from_secs(5);

/// A pool's part in a paused clock.
pub(super) struct Paused {
    /// The pool's number.
    pool: u16,
    pub(super) quiescence: Quiescence,
    pub(super) waits: Waits,
}

impl Paused {
    pub(super) fn new(pool: u16) -> Self {
        Paused {
            pool,
            quiescence: Quiescence::new(),
            waits: Waits::default(),
        }
    }
}

impl Keeper for Paused {
    /// A timer was armed, or something asked of the clock, perhaps by a thread that the runtime does not
    /// know of.
    fn earlier(&self, _deadline: u64) {
        Pool::by_number(self.pool).ring_if_idle();
    }
}

impl Pool {
    /// Something is going on that is no worker's, until the guard is dropped. `None`: the pool's runtime
    /// does not need to know.
    pub(crate) fn under_way(&'static self) -> Option<UnderWay> {
        self.quiescence()?.begin();
        Some(UnderWay(self))
    }

    /// The caller, a worker, is about to show that it is idle, and does nothing else before.
    pub(super) fn turns_idle(&self) {
        if let Some(quiescence) = self.quiescence() {
            quiescence.turns_idle();
        }
    }

    /// The caller, a worker, has shown that it is not idle any more, and touches nothing before this.
    pub(super) fn is_back(&self) {
        if let Some(quiescence) = self.quiescence() {
            quiescence.is_back();
        }
    }

    /// The caller has turned idle, and shown it: if all the others are idle, the clock has to know.
    pub(crate) fn ring_if_idle(&self) {
        if let Some(quiescence) = self.quiescence() {
            quiescence.ring_if(|| self.all_idle());
        }
    }

    /// One look at everybody.
    fn all_idle(&self) -> bool {
        let Some(waiting) = self.waits().idle() else {
            return false;
        };
        let idle = |seat| self.idle().is_parked(seat) || waiting.seats.contains(&seat);
        (0..self.workers()).all(idle)
            && self.crew().at_work().into_iter().all(idle)
            && self.its_quiescence().under_way() == waiting.jobs
            && !self.has_work()
    }
}

/// The guard of [`Pool::under_way`].
pub(crate) struct UnderWay(&'static Pool);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.its_quiescence().end();
        self.0.ring_if_idle();
    }
}

/// The body of the clock's thread.
pub(crate) fn run(shared: &Arc<Shared>, running: &Arc<Running>) {
    let end = AbortOnUnwind("the clock");
    let pool = shared.pool();
    let quiescence = pool.its_quiescence();
    quiescence.adopt();
    let _watched = shared.monitor().watch(running, None);
    // Wakers may ask for the runtime.
    let _entered = shared.enter();
    let mut complaint = Complaint::default();
    while !pool.is_closed() {
        let before = quiescence.changes();
        let may_jump = Cell::new(false);
        let still = quiescence.is_there(|| {
            // Part of the look: a thread that begins to wait after it is no leave to jump.
            may_jump.set(pool.waits().any_outside());
            pool.all_idle()
        });
        match still.then(|| step(shared, running, may_jump.get(), before)) {
            Some(Step::Woke) => complaint = complaint.put_off(),
            Some(Step::MayNotJump) => complaint.wait(quiescence),
            Some(Step::Nothing) | None => {
                complaint = complaint.put_off();
                quiescence.wait();
            }
        }
    }
    std::mem::forget(end);
}

/// Takes a step, after a look that was begun after `before` changes.
fn step(shared: &Shared, running: &Running, may_jump: bool, before: u64) -> Step {
    let pool = shared.pool();
    // Wakers may be anybody's, and block. The monitor is not woken for nothing: its look would have this
    // thread look again.
    let before_wakers = || {
        running.polling().wakers();
        shared.monitor().stir();
    };
    // Whoever begins to wait polls a future first, under which no time may pass.
    let unless_changed = |move_on: &dyn Fn()| {
        pool.waits().while_nobody_enters(|| {
            let unchanged = pool.its_quiescence().changes() == before;
            if unchanged {
                move_on();
            }
            unchanged
        })
    };
    let timers = shared.timers();
    let step = timers.step(may_jump, before_wakers, unless_changed);
    running.polling().rest();
    step
}

/// That timers wait while nobody waits for them, which is said once.
#[derive(Default)]
struct Complaint {
    said: bool,
    due: Option<Instant>,
}

impl Complaint {
    /// They do not, at the moment.
    fn put_off(self) -> Self {
        Complaint { due: None, ..self }
    }

    /// Waits until it rings, or until it is time to complain.
    fn wait(&mut self, quiescence: &Quiescence) {
        if self.said {
            return quiescence.wait();
        }
        let due = *self.due.get_or_insert_with(|| Instant::now() + PATIENCE);
        let left = due.saturating_duration_since(Instant::now());
        if !left.is_zero() {
            return quiescence.wait_for(left);
        }
        self.said = true;
        debug::say(format_args!(
            "a runtime with a paused clock has nothing to do but wait for its timers, and no thread waits in it, \
             in `block_on`, `run`, `join` or `scope`: until one does, its time stands still"
        ));
    }
}
