//! [`Sleep`]: waits until a point in time.
//!
//! A `Sleep` is not linked into a wheel; it holds the key of an entry there, and the wheel holds a
//! waker. They share no state: the wheel only wakes, and the `Sleep` looks at the clock itself.
//! What that buys:
//!
//! * a poll by the same waker as before locks nothing;
//! * a reset to a later time touches only the `Sleep`: the old entry wakes once in vain, and the
//!   poll that follows arms anew;
//! * a `Sleep` may be moved, sent, and outlive the runtime that it was armed in.
//!
//! Whether an armed entry has fired is known without a lock from the shard's published
//! [`Progress`].

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::budget;
use crate::clock;
use crate::context::{self, Place};
use crate::slab::Key;
use crate::standalone;
use crate::table;
use crate::timers::{Arm, Progress, Shard};

/// The bits of `home` that number a shard.
const INDEX: u32 = (1 << 24) - 1;
/// The shard's number while nothing is armed.
const NOWHERE: u32 = INDEX;
/// Armed for an earlier time than the deadline: the entry may be gone.
const LATER: u32 = 1 << 24;
/// Armed in a shard whose clock is set by hand.
const MANUAL: u32 = 1 << 25;
/// Not armed yet, and was at least [`TRUSTED`] long when it was made.
const LONG: u32 = 1 << 26;

/// How far a deadline must lie ahead of the last known time to be armed without looking at the
/// clock once more, in nanoseconds.
///
/// Making a `Sleep` reads the clock; its first poll mostly follows at once, and need not. If such a
/// long sleep is first polled when its time is over, on a thread that hasn't looked at the clock
/// for all that time, it is armed and woken at once, instead of being ready at once.
const TRUSTED: u64 = 1_000_000_000;

/// Waits until `duration` has passed.
///
/// The future is ready as soon as that time is over, and never before. A duration too long to be
/// represented never ends.
///
/// Within a runtime its worker's timer wheel is used; elsewhere a thread that this crate starts
/// when it is first needed.
///
/// # Panics
///
/// The call doesn't. The first poll does if it is outside a runtime and that thread can't be
/// started.
///
/// # Cancel safety
///
/// Dropping the future takes the timer out of its wheel at once. Nothing else is lost.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::{Duration, Instant};
///
/// let start = Instant::now();
/// block_on(wheelhouse_timer::sleep(Duration::from_millis(5)));
/// assert!(start.elapsed() >= Duration::from_millis(5));
/// ```
pub fn sleep(duration: Duration) -> Sleep {
    let length = clock::duration_nanos(duration);
    let home = if length >= TRUSTED {
        NOWHERE | LONG
    } else {
        NOWHERE
    };
    Sleep::at(context::nanos().saturating_add(length), home)
}

/// Waits until `deadline`. A deadline that has passed is ready at the first poll.
///
/// For everything else see [`sleep`].
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::{Duration, Instant};
/// use wheelhouse_timer::sleep_until;
///
/// let deadline = Instant::now() + Duration::from_millis(3);
/// block_on(async {
///     sleep_until(deadline).await;
///     sleep_until(deadline).await; // over already
/// });
/// assert!(Instant::now() >= deadline);
/// ```
pub fn sleep_until(deadline: Instant) -> Sleep {
    Sleep::at(clock::nanos(deadline), NOWHERE)
}

/// The future of [`sleep`] and [`sleep_until`].
///
/// It is armed when it is first polled, in the wheel of the thread that polls it. If the runtime
/// there ends first, the next poll arms it anew where that happens.
///
/// Polled again after it was ready, it is ready again.
///
/// It is `Send`, `Sync`, `Unpin` and `UnwindSafe`, and no bigger than 40 bytes.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::{Duration, Instant};
/// use wheelhouse_timer::{Sleep, sleep};
///
/// let mut nap: Sleep = sleep(Duration::from_secs(3600));
/// block_on(async {
///     nap.reset(Instant::now() + Duration::from_millis(2)); // sooner
///     (&mut nap).await;
///     assert!(nap.is_elapsed());
///     nap.reset(Instant::now() + Duration::from_millis(2)); // once more
///     nap.await;
/// });
/// ```
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Sleep {
    /// In nanoseconds; the greatest number there is for one that never comes.
    deadline: u64,
    /// Who is woken: the address of the waker's data, and of its vtable. They tell it apart for as
    /// long as the wheel holds it, which keeps the data where it is.
    waker: (usize, usize),
    /// The shard it is armed in, or [`NOWHERE`], and flags.
    home: u32,
    /// Which claim of that shard.
    generation: u32,
    key: Key,
}

const _: () = assert!(size_of::<Sleep>() <= 40);

impl Sleep {
    fn at(deadline: u64, home: u32) -> Self {
        Sleep {
            deadline,
            waker: (0, 0),
            home,
            generation: 0,
            key: Key::NONE,
        }
    }

    /// When it ends, or ended; `None` if never.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::{sleep, sleep_until};
    ///
    /// let deadline = Instant::now() + Duration::from_secs(5);
    /// assert_eq!(sleep_until(deadline).deadline(), Some(deadline));
    /// assert_eq!(sleep(Duration::MAX).deadline(), None);
    /// ```
    pub fn deadline(&self) -> Option<Instant> {
        clock::instant(self.deadline)
    }

    pub(crate) fn deadline_nanos(&self) -> u64 {
        self.deadline
    }

    /// Whether its time is over. It need not have been polled.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::sleep;
    ///
    /// assert!(sleep(Duration::ZERO).is_elapsed());
    /// assert!(!sleep(Duration::from_secs(3600)).is_elapsed());
    /// ```
    pub fn is_elapsed(&self) -> bool {
        self.deadline <= self.clock_nanos()
    }

    /// Gives it another time, whether it is over or not.
    ///
    /// A task that has polled it and waits is woken at the new time. For a time later than before
    /// this costs next to nothing; then the task may also be woken at the old time, and has to poll
    /// again. That happens by itself wherever the `Sleep` is awaited.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::sleep;
    ///
    /// let start = Instant::now();
    /// let mut nap = sleep(Duration::ZERO);
    /// nap.reset(start + Duration::from_millis(3));
    /// block_on(nap);
    /// assert!(start.elapsed() >= Duration::from_millis(3));
    /// ```
    pub fn reset(&mut self, deadline: Instant) {
        self.reset_nanos(clock::nanos(deadline));
    }

    pub(crate) fn reset_nanos(&mut self, deadline: u64) {
        let before = std::mem::replace(&mut self.deadline, deadline);
        if deadline == before {
            return;
        }
        let Some(shard) = self.shard() else {
            self.home = NOWHERE;
            return;
        };
        if deadline > before {
            self.home |= LATER;
        } else if shard.rearm(self.generation, self.key, self.tick()) {
            self.home &= !LATER;
        } else {
            self.home = NOWHERE;
        }
    }

    /// The shard it is armed in.
    fn shard(&self) -> Option<&'static Shard> {
        let index = self.home & INDEX;
        (index != NOWHERE).then(|| table::shard(index))
    }

    fn tick(&self) -> u64 {
        clock::deadline_tick(self.deadline)
    }

    /// What time it is where it is armed, or else where it would be.
    pub(crate) fn clock_nanos(&self) -> u64 {
        let armed = self.shard().filter(|shard| shard.is_open(self.generation));
        match armed {
            Some(shard) => self.place(shard).nanos(),
            None => context::nanos(),
        }
    }

    fn place(&self, shard: &'static Shard) -> Place {
        Place {
            shard,
            generation: self.generation,
            manual: self.home & MANUAL != 0,
        }
    }

    fn poll_time(&mut self, waker: &Waker) -> Poll<()> {
        if let Some(shard) = self.shard() {
            if let Some(poll) = self.poll_armed(shard, waker) {
                return poll;
            }
            self.home = NOWHERE;
        }
        self.poll_unarmed(waker)
    }

    /// Polls while it is armed. `None` if it turns out not to be any more.
    fn poll_armed(&mut self, shard: &'static Shard, waker: &Waker) -> Option<Poll<()>> {
        let progress = shard.progress(self.generation, self.tick())?;
        if progress != Progress::Waiting || self.deadline <= self.place(shard).nanos() {
            self.home = NOWHERE;
            // A poll may come before the firing, which then would wake in vain.
            if progress != Progress::Done {
                shard.disarm(self.generation, self.key);
            }
            return Some(Poll::Ready(()));
        }
        let armed = if self.waker != identity(waker) {
            let clone = self.clone_waker(waker);
            shard.swap_waker(self.generation, self.key, clone)
        } else {
            // The entry is still there, since its tick hasn't been reached; unless it is for an
            // earlier one.
            self.home & LATER == 0 || shard.is_armed(self.generation, self.key)
        };
        armed.then_some(Poll::Pending)
    }

    /// Arms it, unless its time is over.
    fn poll_unarmed(&mut self, waker: &Waker) -> Poll<()> {
        loop {
            let entered = context::place();
            if self.is_over(entered) {
                return Poll::Ready(());
            }
            let place = entered.unwrap_or_else(standalone::place);
            let clone = self.clone_waker(waker);
            match place.shard.arm(place.generation, self.tick(), clone) {
                Arm::Armed(key) => {
                    let manual = if place.manual { MANUAL } else { 0 };
                    self.home = place.shard.index() | manual;
                    self.generation = place.generation;
                    self.key = key;
                    return Poll::Pending;
                }
                Arm::Due => return Poll::Ready(()),
                // The runtime ended just now: then the place is another one.
                Arm::Closed => {}
            }
        }
    }

    /// The waker for the wheel to hold, and notes how to tell it apart.
    ///
    /// Mostly a clone has the data of its original, and keeps it where it is; then no other waker
    /// comes to look like the original (while the vtable of one kind of waker may lie at several
    /// addresses). If it has data of its own, what is at the original's address may become
    /// something else, so only the clone can be told apart.
    fn clone_waker(&mut self, waker: &Waker) -> Waker {
        let clone = waker.clone();
        let kept = if clone.data() == waker.data() {
            waker
        } else {
            &clone
        };
        self.waker = identity(kept);
        clone
    }

    /// Whether its time is over by the clock of where it would be armed, which is read only if it
    /// must be.
    fn is_over(&self, place: Option<Place>) -> bool {
        let manual = place.is_some_and(|place| place.manual);
        if self.home & LONG != 0 && !manual {
            let known = context::last_monotonic_nanos();
            if known.is_some_and(|known| self.deadline.saturating_sub(known) >= TRUSTED) {
                return false;
            }
        }
        self.deadline <= place.map_or_else(context::monotonic_nanos, |place| place.nanos())
    }
}

/// What tells a waker from others.
fn identity(waker: &Waker) -> (usize, usize) {
    (
        waker.data().addr(),
        std::ptr::from_ref(waker.vtable()).addr(),
    )
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let poll = self.get_mut().poll_time(cx.waker());
        if poll.is_ready() && !budget::spend(cx) {
            return Poll::Pending;
        }
        poll
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(shard) = self.shard()
            && shard.progress(self.generation, self.tick()) != Some(Progress::Done)
        {
            shard.disarm(self.generation, self.key);
        }
    }
}

impl std::fmt::Debug for Sleep {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sleep")
            .field("deadline", &self.deadline())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
