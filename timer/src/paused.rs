//! A runtime's paused clock: what the program asks of it, and where it goes next.
//!
//! The clock stands still by itself. Whoever drives it, the executor, knows when nothing of the
//! runtime can run, and then has it take a [step](ShardSet::step):
//!
//! 1. Timers that are due fire.
//! 2. If none is, whoever [`advance`]d to a time that has come is told so: everything due by then
//!    has run, for nothing can.
//! 3. Else the clock moves on to the next timer, or to the first time that somebody advances to,
//!    whichever comes first, and fires what is due there.
//!
//! While nobody advances, only the timers count, and only if nobody [`hold`]s the clock.

use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use parking_lot::Mutex;

use crate::clock::{Clock, ManualClock, NEVER, duration_nanos};
use crate::context;
use crate::driver::{Keeper, ShardSet};

/// What is asked of a paused clock. Its clones share it.
#[derive(Debug, Default)]
pub(crate) struct Asked(Mutex<State>);

/// Nobody's code runs, and so nothing unwinds, while the state is locked.
impl RefUnwindSafe for Asked {}

#[derive(Debug, Default)]
struct State {
    holds: usize,
    /// Those who advance, in the order in which they came.
    advances: Vec<Advance>,
    /// How many have come.
    came: u64,
    /// The runtime has ended: nothing moves the clock any more.
    closed: bool,
}

#[derive(Debug)]
struct Advance {
    number: u64,
    target: u64,
    waker: Waker,
}

/// What there was to do when nothing could run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Something may be able to run: wakers were called, or something has changed since the look.
    Woke,
    /// A timer is armed, and time would have to jump by itself to get there, which it may not now.
    MayNotJump,
    /// There is no timer to move on to, or somebody holds the clock.
    Nothing,
}

/// A clock that stands still until something moves it: see the module.
pub fn paused_clock() -> Clock {
    ManualClock::paused(Arc::default()).into()
}

/// The paused clock of a runtime, and who has to know that something is asked of it.
#[derive(Clone)]
pub(crate) struct Driven {
    pub(crate) clock: ManualClock,
    pub(crate) asked: Arc<Asked>,
    pub(crate) keeper: &'static dyn Keeper,
}

impl Driven {
    /// That of this thread.
    #[track_caller]
    fn current(what: &str) -> Driven {
        let place = context::place();
        let driven = place.and_then(|place| place.shard.driven(place.generation));
        match driven {
            Some(driven) => driven,
            None => panic!(
                "`{what}` was called where there is no paused clock: build the runtime with \
                 `Builder::start_paused(true)`, and call it in a task or a `block_on` there"
            ),
        }
    }

    /// Has whoever drives the clock look what is asked of it.
    fn tell(&self) {
        self.keeper.earlier(self.clock.nanos());
    }
}

impl std::fmt::Debug for Driven {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Driven").field(&self.clock).finish()
    }
}

impl Asked {
    /// Enters an advance to `target`: its number. `None`: nothing moves the clock any more.
    fn enter(&self, target: u64, waker: Waker) -> Option<u64> {
        // A refused waker is dropped as a parameter is: after the guard.
        let mut state = self.0.lock();
        if state.closed {
            return None;
        }
        let number = state.came;
        state.came += 1;
        state.advances.push(Advance {
            number,
            target,
            waker,
        });
        Some(number)
    }

    /// Whether an advance is over; if not, `waker` is called when it is.
    fn is_over(&self, number: u64, mut waker: Waker) -> bool {
        let mut state = self.0.lock();
        let advance = state.advances.iter_mut().find(|one| one.number == number);
        let over = advance.is_none();
        if let Some(advance) = advance {
            // The old one is dropped as a parameter is: after the guard.
            std::mem::swap(&mut advance.waker, &mut waker);
        }
        over
    }

    /// Takes an advance out, if it is there.
    fn leave(&self, number: u64) {
        let mut state = self.0.lock();
        let place = state.advances.iter().position(|one| one.number == number);
        let advance = place.map(|place| state.advances.remove(place));
        drop(state);
        drop(advance); // Outside the lock: the waker is anybody's.
    }

    /// The first time that somebody advances to.
    fn first_target(&self) -> Option<u64> {
        self.0.lock().advances.iter().map(|one| one.target).min()
    }

    fn is_held(&self) -> bool {
        self.0.lock().holds > 0
    }

    /// Wakes those who advanced to a time no later than `now`.
    fn wake_until(&self, now: u64) {
        let mut state = self.0.lock();
        let all = std::mem::take(&mut state.advances).into_iter();
        let (over, later): (Vec<_>, _) = all.partition(|one| one.target <= now);
        state.advances = later;
        drop(state);
        over.into_iter()
            .for_each(|one| crate::timers::wake(one.waker));
    }

    /// The runtime has ended: nobody need wait any more.
    pub(crate) fn close(&self) {
        self.0.lock().closed = true;
        self.wake_until(NEVER);
    }
}

impl ShardSet {
    /// Has the set's paused clock do what is to be done when nothing can run; time jumps by itself
    /// only if it `may_jump`. Wakers are called on this thread, after `before_wakers`. The clock is moved by
    /// `unless_changed`, which does so, and says so, unless something can run meanwhile; then the caller
    /// looks again.
    ///
    /// A set whose clock is not a [paused one](paused_clock) does nothing.
    pub fn step(
        &self,
        may_jump: bool,
        before_wakers: impl Fn(),
        unless_changed: impl Fn(&dyn Fn()) -> bool,
    ) -> Step {
        let Some((hand, asked)) = self.clock().paused() else {
            return Step::Nothing;
        };
        // Until somebody is woken: that a timer is far off is known before it is known how far.
        loop {
            let (now, next) = (hand.nanos(), self.look());
            let target = asked.first_target();
            if next <= now {
                before_wakers();
                if self.fire_all(now) {
                    return Step::Woke;
                }
            } else if target.is_some_and(|target| target <= now) {
                before_wakers();
                asked.wake_until(now);
                return Step::Woke;
            } else if let Some(target) = target {
                if !unless_changed(&|| hand.move_to(target.min(next))) {
                    return Step::Woke;
                }
            } else if next == NEVER || asked.is_held() {
                return Step::Nothing;
            } else if !may_jump {
                return Step::MayNotJump;
            } else if !unless_changed(&|| hand.move_to(next)) {
                return Step::Woke;
            }
        }
    }
}

/// Moves the runtime's [paused clock](crate#paused-time) on by `duration`, deadline by deadline.
///
/// At each deadline on the way the timers there fire, and whatever they wake runs until nothing can
/// run any more; only then time goes on to the next. The future is ready when the whole time is
/// over and everything that was due by then has run. So whoever awaits it sees what a program sees
/// that has really waited so long, and with [`Duration::ZERO`] what is there to be done now is
/// done.
///
/// It makes no difference whether somebody [`hold`]s the clock. The time begins when the future is
/// first polled; of two who advance at once each gets its own time, counted from then. More than
/// the clock can show takes it to the end of time. If the runtime ends meanwhile, the future is
/// ready.
///
/// # Panics
///
/// If there is no paused clock where it is called: in a task or a `block_on` of a runtime that was
/// built with `Builder::start_paused(true)`, or on a thread that has entered one.
///
/// # Cancel safety
///
/// If the future is dropped, the clock stays where it has got to.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse::{Runtime, sleep, spawn, time};
///
/// let runtime = Runtime::builder().start_paused(true).build().unwrap();
/// runtime.block_on(async {
///     let start = time::now();
///     let _hold = time::hold();
///     let task = spawn(sleep(Duration::from_secs(60)));
///     time::advance(Duration::from_secs(59)).await;
///     assert!(!task.is_finished());
///     time::advance(Duration::from_secs(1)).await;
///     assert!(task.is_finished());
///     assert_eq!(time::now() - start, Duration::from_secs(60));
/// });
/// ```
#[track_caller]
pub fn advance(duration: Duration) -> Advancing {
    Advancing {
        driven: Driven::current("advance"),
        by: duration_nanos(duration),
        progress: Progress::Unpolled,
    }
}

/// The future of [`advance`]. Polled again after it was ready, it is ready again.
///
/// It is `Send`, `Sync`, `Unpin` and `UnwindSafe`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse::{Runtime, time};
///
/// let runtime = Runtime::builder().start_paused(true).build().unwrap();
/// runtime.block_on(async {
///     let start = time::now();
///     let hour: time::Advancing = time::advance(Duration::from_secs(3600));
///     assert_eq!(time::now(), start); // it begins when it is polled
///     hour.await;
///     assert_eq!(time::now() - start, Duration::from_secs(3600));
/// });
/// ```
#[must_use = "futures do nothing unless you `.await` or poll them"]
#[derive(Debug)]
pub struct Advancing {
    driven: Driven,
    by: u64,
    progress: Progress,
}

#[derive(Debug)]
enum Progress {
    Unpolled,
    /// Entered under this number.
    Entered(u64),
    Over,
}

/// Nothing of its own is half done when a poll unwinds.
impl UnwindSafe for Advancing {}
impl RefUnwindSafe for Advancing {}

impl Future for Advancing {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        let Driven { clock, asked, .. } = &this.driven;
        let waker = cx.waker().clone();
        let over = match this.progress {
            Progress::Unpolled => {
                let target = clock.nanos().saturating_add(this.by).min(NEVER - 1);
                match asked.enter(target, waker) {
                    Some(number) => {
                        this.progress = Progress::Entered(number);
                        this.driven.tell();
                        return Poll::Pending;
                    }
                    None => true,
                }
            }
            Progress::Entered(number) => asked.is_over(number, waker),
            Progress::Over => true,
        };
        if !over {
            return Poll::Pending;
        }
        this.progress = Progress::Over;
        Poll::Ready(())
    }
}

impl Drop for Advancing {
    fn drop(&mut self) {
        if let Progress::Entered(number) = self.progress {
            self.driven.asked.leave(number);
        }
    }
}

/// Holds the runtime's [paused clock](crate#paused-time): while the guard lives, time does not jump
/// by itself, and moves only for those who [`advance`] it.
///
/// The guard may be sent to another thread, also to one that the runtime does not know of: that is
/// how time stands still while such a thread works. Several may be held at once.
///
/// # Panics
///
/// As [`advance`].
///
/// # Examples
///
/// ```
/// use std::{thread, time::Duration};
/// use wheelhouse::{Runtime, gather, sleep, time};
///
/// let runtime = Runtime::builder().start_paused(true).build().unwrap();
/// runtime.run(async {
///     let start = time::now();
///     let hold = time::hold();
///     let thread = thread::spawn(move || {
///         thread::sleep(Duration::from_millis(5)); // it works, in real time
///         drop(hold);
///         "done"
///     });
///     let minute = async {
///         sleep(Duration::from_secs(60)).await;
///         time::now()
///     };
///     let (done, later) = gather!(thread, minute).await;
///     assert_eq!((done, later - start), ("done", Duration::from_secs(60)));
/// });
/// ```
#[track_caller]
pub fn hold() -> Hold {
    let driven = Driven::current("hold");
    driven.asked.0.lock().holds += 1;
    Hold { driven }
}

/// The guard of [`hold`].
///
/// It is `Send`, `Sync`, `Unpin` and `UnwindSafe`, and may outlive the runtime.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse::{Runtime, sleep, time};
///
/// let runtime = Runtime::builder().start_paused(true).build().unwrap();
/// runtime.block_on(async {
///     let hold: time::Hold = time::hold();
///     let start = time::now();
///     let mut nap = sleep(Duration::from_secs(1));
///     time::advance(Duration::from_millis(999)).await;
///     assert!(!nap.is_elapsed());
///     drop(hold);
///     (&mut nap).await; // time jumps again
///     assert_eq!(time::now() - start, Duration::from_secs(1));
/// });
/// ```
#[must_use = "time jumps again when the guard is dropped"]
#[derive(Debug)]
pub struct Hold {
    driven: Driven,
}

/// There is nothing in it that could be half done.
impl UnwindSafe for Hold {}
impl RefUnwindSafe for Hold {}

impl Drop for Hold {
    fn drop(&mut self) {
        self.driven.asked.0.lock().holds -= 1;
        self.driven.tell();
    }
}

#[cfg(test)]
mod tests;
