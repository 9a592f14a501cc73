//! How a gather hears of its children without looking at each of them.
//!
//! A gather owns an [`Alarm`]; each child holds a [`Bell`] of it: two words that are copied, not
//! counted. A child that has something to tell rings: its number is noted, in the order of time, and
//! the gather's task is woken. The futures of a gather that goes well never ring, so neither
//! spawning nor finishing one writes to a word that the others share.
//!
//! The slots behind the bells are never freed but handed on to later gathers. Each use has a
//! generation of its own, and a bell of an earlier one is ignored. (The generation wraps after 2^32
//! uses of one slot. A bell that outlives so many can cause one needless look: a ring is a reason to
//! look at the child, never a verdict.)

use std::cell::RefCell;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Wake, Waker};

use parking_lot::Mutex;

/// The gather's end: hears who rang, and gives its slot back when dropped.
pub(super) struct Alarm(Use);

/// A child's end.
#[derive(Clone, Copy)]
pub struct Bell {
    slot: &'static Slot,
    generation: u32,
    /// The child's number, and [`MUTED`].
    child: u32,
}

const MUTED: u32 = 1 << 31;

/// One use of a slot.
#[derive(Clone, Copy)]
struct Use {
    slot: &'static Slot,
    generation: u32,
}

struct Slot(Mutex<State>);

struct State {
    generation: u32,
    waker: Option<Waker>,
    /// Who rang since the gather last listened, earliest first.
    rung: Vec<u32>,
}

impl Alarm {
    pub(super) fn new() -> Self {
        Self(unused::take().unwrap_or_else(|| {
            let state = State {
                generation: 0,
                waker: None,
                rung: Vec::new(),
            };
            Use {
                slot: Box::leak(Box::new(Slot(Mutex::new(state)))),
                generation: 0,
            }
        }))
    }

    /// The bell of child number `child`.
    pub(super) fn bell(&self, child: usize) -> Bell {
        let number = u32::try_from(child)
            .ok()
            .filter(|number| number & MUTED == 0);
        let child = number.expect("a gather has fewer than 2^31 arguments");
        Bell {
            slot: self.0.slot,
            generation: self.0.generation,
            child,
        }
    }

    /// Has the next ring wake `waker`, and moves those who rang to the end of `rung`.
    pub(super) fn listen(&self, waker: &Waker, rung: &mut VecDeque<u32>) {
        let mut state = self.0.slot.0.lock();
        rung.extend(state.rung.drain(..));
        if state
            .waker
            .as_ref()
            .is_some_and(|known| known.will_wake(waker))
        {
            return;
        }
        drop(state);
        // Cloning and dropping a waker may run foreign code: not under the lock.
        let waker = waker.clone();
        let mut state = self.0.slot.0.lock();
        rung.extend(state.rung.drain(..));
        let replaced = state.waker.replace(waker);
        drop(state);
        drop(replaced);
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        let mut state = self.0.slot.0.lock();
        state.generation = state.generation.wrapping_add(1);
        state.rung.clear();
        state.rung.shrink_to(64);
        let generation = state.generation;
        let waker = state.waker.take();
        drop(state);
        unused::give_back(Use {
            slot: self.0.slot,
            generation,
        });
        drop(waker);
    }
}

impl Bell {
    /// Notes that there is nothing to ring for.
    pub(super) fn mute(&mut self) {
        self.child |= MUTED;
    }

    /// Whether [`mute`](Self::mute) was called.
    pub(super) fn is_muted(self) -> bool {
        self.child & MUTED != 0
    }

    /// Notes that this child wants to be looked at, and wakes the gather.
    pub(super) fn ring(self) {
        let mut state = self.slot.0.lock();
        if state.generation != self.generation {
            return;
        }
        state.rung.push(self.child & !MUTED);
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            // A child may ring while it unwinds, and a second panic would end the process. The
            // panic hook has reported it.
            let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
        }
    }

    /// A waker that rings.
    pub(super) fn waker(self) -> Waker {
        Waker::from(Arc::new(Ringer(self)))
    }
}

struct Ringer(Bell);

impl Wake for Ringer {
    fn wake(self: Arc<Self>) {
        self.0.ring();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.ring();
    }
}

/// The slots that no gather uses at present: some at hand in each thread, the rest shared.
mod unused {
    use super::{Mutex, RefCell, Use};

    /// How many slots a thread keeps at most.
    const AT_HAND: usize = 32;

    static SHARED: Mutex<Vec<Use>> = Mutex::new(Vec::new());

    thread_local! {
        static LOCAL: RefCell<Local> = const { RefCell::new(Local(Vec::new())) };
    }

    struct Local(Vec<Use>);

    impl Drop for Local {
        fn drop(&mut self) {
            SHARED.lock().append(&mut self.0);
        }
    }

    pub(super) fn take() -> Option<Use> {
        let refill = |local: &mut Vec<Use>| {
            let mut shared = SHARED.lock();
            let kept = shared.len().saturating_sub(AT_HAND / 2);
            local.extend(shared.drain(kept..));
        };
        let local = LOCAL.try_with(|local| {
            let local = &mut local.borrow_mut().0;
            if local.is_empty() {
                refill(local);
            }
            local.pop()
        });
        // A thread that is ending has no locals any more.
        local.unwrap_or_else(|_| SHARED.lock().pop())
    }

    pub(super) fn give_back(unused: Use) {
        let local = LOCAL.try_with(|local| {
            let local = &mut local.borrow_mut().0;
            if local.len() == AT_HAND {
                SHARED.lock().extend(local.drain(AT_HAND / 2..));
            }
            local.push(unused);
        });
        if local.is_err() {
            SHARED.lock().push(unused);
        }
    }
}

#[cfg(test)]
#[path = "alarm_tests.rs"]
mod tests;
