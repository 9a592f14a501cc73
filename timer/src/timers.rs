//! Shards: a wheel of wakers behind a lock, with its next deadline published beside it.
//!
//! A runtime *claims* shards and gives them back when it ends: see [`table`](crate::table). What is
//! done to a shard names the claim that it is meant for by its generation, and does nothing once
//! that has ended.
//!
//! What a shard publishes, and what may be relied on:
//!
//! * `next` is no later than the deadline of any armed timer. It may be earlier (removing a timer
//!   doesn't raise it, and of a timer far off only the start of its slot is known): then a firing
//!   too many corrects it.
//! * `reached` says which timers are out of the wheel, their wakers called or about to be: all that
//!   were armed for a time before it. It only rises during a claim.
//!
//! Times are nanoseconds here; what they are in ticks is the affair of a shard and its wheel.
//!
//! No waker is cloned, called or dropped while a lock is held: they are the user's code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering;
use std::task::Waker;

use crate::clock::{Clock, NEVER, Unit};
use crate::driver::{Fired, Keeper};
use crate::paused::Driven;
use crate::slab::Key;
use crate::sync::{AtomicU32, AtomicU64, Mutex, MutexGuard};
use crate::table;
use crate::wheel::Wheel;

/// The most entries that are fired or cascaded in one hold of a lock.
const BATCH: usize = 64;

#[derive(Debug)]
pub(crate) struct Shard {
    index: u32,
    /// Written with `home` locked, so those who hold the lock may read it Relaxed.
    generation: AtomicU32,
    /// In nanoseconds; [`NEVER`] if nothing is armed that will fire. Written with `home` locked.
    next: AtomicU64,
    /// In nanoseconds. Written with `home` locked.
    reached: AtomicU64,
    home: Mutex<Home>,
}

#[derive(Debug, Default)]
struct Home {
    wheel: Wheel<Waker>,
    /// What the wheel counts in.
    unit: Unit,
    claim: Option<Claim>,
}

struct Claim {
    keeper: &'static dyn Keeper,
    clock: Clock,
}

/// What became of an attempt to arm a timer.
#[must_use]
#[derive(Debug)]
pub(crate) enum Arm {
    /// It is armed under this key.
    Armed(Key),
    /// Its time has come already.
    Due,
    /// The shard's claim has ended.
    Closed,
}

/// How far a shard has got with a timer that was armed there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Progress {
    /// It may be in the wheel still: its time hasn't come, or its tick is being fired.
    Waiting,
    /// It is out of the wheel.
    Done,
}

impl Shard {
    pub(crate) fn new(index: u32) -> Self {
        Shard {
            index,
            generation: AtomicU32::new(0),
            next: AtomicU64::new(NEVER),
            reached: AtomicU64::new(0),
            home: Mutex::new(Home::default()),
        }
    }

    pub(crate) fn index(&self) -> u32 {
        self.index
    }

    /// Whether the claim of this generation still holds.
    pub(crate) fn is_open(&self, generation: u32) -> bool {
        // Acquire: pairs with the store in `close`, so that who sees a claim ended also sees that
        // its timers moved out.
        self.generation.load(Ordering::Acquire) == generation
    }

    /// When firing is worth trying, in nanoseconds; [`NEVER`] if the claim has ended.
    pub(crate) fn next(&self, generation: u32) -> u64 {
        // Acquire: pairs with the Release stores of `next`. Who must not miss a deadline that is
        // stored at the same time has a fence between publishing its own wake time and this load;
        // see `Keeper::earlier`.
        let next = self.next.load(Ordering::Acquire);
        if self.is_open(generation) {
            next
        } else {
            NEVER
        }
    }

    /// How far the shard has got with a timer armed under this claim for `due`. `None`: the claim
    /// has ended.
    pub(crate) fn progress(&self, generation: u32, due: u64) -> Option<Progress> {
        // Acquire: pairs with `publish`. It must come before the load of the generation: if it
        // reads a later claim's value, whose clock may be ahead, that load sees that this claim has
        // ended.
        let reached = self.reached.load(Ordering::Acquire);
        if !self.is_open(generation) {
            return None;
        }
        Some(if due < reached {
            Progress::Done
        } else {
            Progress::Waiting
        })
    }

    /// What time it is by the claim's clock, if that is one set by hand.
    pub(crate) fn manual_nanos(&self, generation: u32) -> Option<u64> {
        let clock = self.lock(generation)?.claim.as_ref()?.clock.clone();
        clock.is_manual().then(|| clock.nanos())
    }

    /// The claim's clock and its keeper, if that is a runtime's paused clock.
    pub(crate) fn driven(&self, generation: u32) -> Option<Driven> {
        let home = self.lock(generation)?;
        let claim = home.claim.as_ref()?;
        let (clock, asked) = claim.clock.paused()?;
        Some(Driven {
            clock: clock.clone(),
            asked: asked.clone(),
            keeper: claim.keeper,
        })
    }

    /// As [`next`](Self::next), after a look into the wheel: what was taken out does not count any
    /// more.
    pub(crate) fn look(&self, generation: u32) -> u64 {
        if let Some(home) = self.lock(generation) {
            self.publish(&home);
        }
        self.next(generation)
    }

    /// Arms a timer for `due`, in nanoseconds.
    ///
    /// One whose tick has been reached is refused: `reached` promises that no timer of an earlier
    /// time is in the wheel.
    pub(crate) fn arm(&self, generation: u32, due: u64, waker: Waker) -> Arm {
        // A refused waker is dropped as a parameter is: after the guard.
        let Some(mut home) = self.lock(generation) else {
            return Arm::Closed;
        };
        let tick = home.unit.deadline_tick(due);
        if tick <= home.wheel.elapsed() {
            return Arm::Due;
        }
        let key = home.wheel.insert(tick, waker);
        let lowered = self.lower_next(&home, due);
        drop(home);
        if let Some((keeper, deadline)) = lowered {
            keeper.earlier(deadline);
        }
        Arm::Armed(key)
    }

    /// Gives an armed timer another time. False if it has fired, or has to now, or its claim has
    /// ended.
    pub(crate) fn rearm(&self, generation: u32, key: Key, due: u64) -> bool {
        let Some(mut home) = self.lock(generation) else {
            return false;
        };
        let tick = home.unit.deadline_tick(due);
        if tick <= home.wheel.elapsed() {
            let waker = home.wheel.remove(key);
            drop(home);
            // It would be due: the wake-up is called here instead of at the next firing.
            waker.into_iter().for_each(wake);
            return false;
        }
        if !home.wheel.reset(key, tick) {
            return false;
        }
        let lowered = self.lower_next(&home, due);
        drop(home);
        if let Some((keeper, deadline)) = lowered {
            keeper.earlier(deadline);
        }
        true
    }

    /// Swaps the waker of an armed timer. False if it has fired or its claim has ended.
    pub(crate) fn swap_waker(&self, generation: u32, key: Key, waker: Waker) -> bool {
        let Some(mut home) = self.lock(generation) else {
            return false;
        };
        // If the entry is gone, the new waker is dropped as a parameter is: after the guard.
        let Some(place) = home.wheel.get_mut(key) else {
            return false;
        };
        let old = std::mem::replace(place, waker);
        drop(home);
        drop(old);
        true
    }

    pub(crate) fn is_armed(&self, generation: u32, key: Key) -> bool {
        self.lock(generation)
            .is_some_and(|home| home.wheel.get(key).is_some())
    }

    /// Takes a timer out, if it hasn't fired and its claim hasn't ended.
    ///
    /// `next` stays as it is: to arm and disarm costs the timekeeper nothing, and it looks once in
    /// vain at most.
    pub(crate) fn disarm(&self, generation: u32, key: Key) {
        let waker = self
            .lock(generation)
            .and_then(|mut home| home.wheel.remove(key));
        drop(waker);
    }

    /// Calls the wakers of what is due, a batch at a time, until nothing is or the budget is spent.
    pub(crate) fn fire(&self, generation: u32, now: u64, budget: usize) -> Fired {
        let mut total = Fired {
            fired: 0,
            more: false,
        };
        if self.next(generation) > now {
            return total;
        }
        let mut left = budget;
        loop {
            let mut batch = Batch::new();
            let Some(mut home) = self.lock(generation) else {
                return total;
            };
            let tick = home.unit.now_tick(now);
            let did = home
                .wheel
                .advance(tick, left.min(BATCH), |waker| batch.push(waker));
            self.publish(&home);
            drop(home);
            batch.wake();
            left = left.saturating_sub(did.fired + did.cascaded);
            total.fired += did.fired;
            total.more = did.more;
            if !did.more || left == 0 {
                return total;
            }
        }
    }

    pub(crate) fn len(&self, generation: u32) -> usize {
        self.lock(generation).map_or(0, |home| home.wheel.len())
    }

    /// Begins a claim of a shard that nobody has; its generation.
    pub(crate) fn claim(&self, keeper: &'static dyn Keeper, clock: Clock) -> u32 {
        let (unit, now) = (clock.unit(), clock.nanos());
        let mut home = self.home.lock();
        *home = Home {
            wheel: Wheel::starting_at(unit.now_tick(now)),
            unit,
            claim: Some(Claim { keeper, clock }),
        };
        self.publish(&home);
        // Relaxed: written under the lock, which is held.
        self.generation.load(Ordering::Relaxed)
    }

    /// Ends a claim, calls every waker that it has, and gives the shard back.
    pub(crate) fn close(&self, generation: u32) {
        let Some(mut home) = self.lock(generation) else {
            return;
        };
        let Home {
            mut wheel, claim, ..
        } = std::mem::take(&mut *home);
        let ended = generation.saturating_add(1);
        // Release: pairs with the load in `is_open`.
        self.generation.store(ended, Ordering::Release);
        // Release: pairs with the load in `next`; nothing is armed any more.
        self.next.store(NEVER, Ordering::Release);
        drop(home);
        drop(claim);
        wheel.drain().for_each(wake);
        table::give_back(self.index, ended);
    }

    #[cfg(test)]
    pub(crate) fn with_lock_held(&self, f: impl FnOnce()) {
        let _home = self.home.lock();
        f();
    }

    /// The shard, locked, if the claim of this generation still holds.
    fn lock(&self, generation: u32) -> Option<MutexGuard<'_, Home>> {
        let home = self.home.lock();
        // Relaxed: written under the lock, which is held.
        (self.generation.load(Ordering::Relaxed) == generation).then_some(home)
    }

    /// Publishes a new timer's time if it is the earliest; then says whom to tell of it once the
    /// lock is released.
    fn lower_next(&self, home: &Home, due: u64) -> Option<(&'static dyn Keeper, u64)> {
        // Relaxed: written under the lock, which is held.
        let next = self.next.load(Ordering::Relaxed);
        // `next` is the start of a tick, so a time that is no earlier is in no earlier tick.
        if due >= next {
            return None;
        }
        let deadline = home.unit.tick_nanos(home.unit.deadline_tick(due));
        if deadline >= next {
            return None;
        }
        // Release: pairs with the load in `next`.
        self.next.store(deadline, Ordering::Release);
        home.claim.as_ref().map(|claim| (claim.keeper, deadline))
    }

    fn publish(&self, home: &Home) {
        let Home { wheel, unit, .. } = home;
        let next = wheel.next_deadline();
        let unfinished = next.is_some_and(|next| next <= wheel.elapsed());
        // The last tick that is over and done with. What was armed for its very start is, too.
        let done = wheel.elapsed().checked_sub(u64::from(unfinished));
        let reached = done.map_or(0, |tick| unit.tick_nanos(tick).saturating_add(1));
        // Release: pairs with the load in `progress`.
        self.reached.store(reached, Ordering::Release);
        // Release: pairs with the load in `next`.
        self.next.store(
            next.map_or(NEVER, |tick| unit.tick_nanos(tick)),
            Ordering::Release,
        );
    }
}

impl std::fmt::Debug for Claim {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Claim")
            .field("clock", &self.clock)
            .finish_non_exhaustive()
    }
}

/// Wakers taken out under the lock, called after it.
struct Batch {
    wakers: [Option<Waker>; BATCH],
    len: usize,
}

impl Batch {
    fn new() -> Self {
        Batch {
            wakers: [const { None }; BATCH],
            len: 0,
        }
    }

    fn push(&mut self, waker: Waker) {
        self.wakers[self.len] = Some(waker);
        self.len += 1;
    }

    fn wake(self) {
        self.wakers
            .into_iter()
            .take(self.len)
            .flatten()
            .for_each(wake);
    }
}

/// Calls a waker and contains its panic, which the panic hook has reported: neither the other
/// timers nor the thread that fires them can do anything about it.
pub(crate) fn wake(waker: Waker) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        // Dropping the payload is the user's code once more.
        if let Err(another) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            std::mem::forget(another);
        }
    }
}

#[cfg(test)]
mod tests;

#[cfg(all(test, wheelhouse_loom))]
mod models;
