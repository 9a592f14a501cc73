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
//!
//! The entry is for the deadline, put off by the [`Slack`] that was chosen when it was armed. The
//! `Sleep` keeps that for as long as it is armed, so that it always knows what its entry is for.
//!
//! What is in `home` beside the shard's number, and for how long:
//!
//! | | while it isn't armed | while it is | cleared by |
//! |---|---|---|---|
//! | `LONG` | may be set, from the beginning | the bit is `LATER` | arming, reset, `with_slack` |
//! | `LATER` | the bit is `LONG` | set by a reset to later | `rearm`, `leave` |
//! | `MANUAL` | never | by a clock set by hand | `leave` |
//! | `TIMEOUT` | of a timeout | the same | nothing |
//! | `EXPLICIT` | after `with_slack` | the same | nothing |
//! | the slack | with `LONG` or `EXPLICIT` | always; with `MANUAL` for later | the next one |
//!
//! `EXPLICIT` overrules `TIMEOUT` and excludes `LONG`; `MANUAL` overrules any slack. Otherwise all may
//! coexist.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::budget;
use crate::clock;
use crate::context::{self, Place};
use crate::slab::Key;
use crate::slack::Slack;
use crate::standalone;
use crate::table;
use crate::timers::{Arm, Progress, Shard};

/// The bits of `home` that number a shard.
const INDEX: u32 = (1 << 22) - 1;
/// The shard's number while nothing is armed.
const NOWHERE: u32 = INDEX;
/// While it is armed: for an earlier time than it should be, so the entry may be gone.
const LATER: u32 = 1 << 22;
/// While it is not armed: it was at least [`TRUSTED`] long when it was made, and its default slack
/// is chosen.
const LONG: u32 = LATER;
/// Armed in a shard whose clock is set by hand.
const MANUAL: u32 = 1 << 23;
/// By default it has the slack of a timeout.
const TIMEOUT: u32 = 1 << 24;
/// Its slack was given explicitly.
const EXPLICIT: u32 = 1 << 25;
/// Where the bits of the slack begin.
const SLACK: u32 = 26;
const _: () = assert!(SLACK + Slack::BITS == u32::BITS);
/// What stays when it is armed or not armed any more.
const LASTING: u32 = TIMEOUT | EXPLICIT | u32::MAX << SLACK;

/// How far a deadline must lie ahead of the last known time to be armed without looking at the
/// clock once more, in nanoseconds.
///
/// Making a `Sleep` reads the clock; its first poll mostly follows at once, and need not. If such a
/// long sleep is first polled when its time is over, on a thread that hasn't looked at the clock
/// for all that time, it is armed instead of being ready at once. It is woken no later than if it
/// had been armed in time, since its slack is that of its whole length, or else at once. A slack
/// that was asked for has no such bound, so then the clock is read.
const TRUSTED: u64 = 1_000_000_000;

/// Waits until `duration` has passed.
///
/// The future is ready as soon as that time is over, and never before. A duration too long to be
/// represented never ends.
///
/// Within a runtime its worker's timer wheel is used; elsewhere a thread that this crate starts
/// when it is first needed.
///
/// # Lateness
///
/// The timer wakes its task less than 16.4 µs late. If more than 33 ms were left when it was made
/// or last reset, that is less than 32.8 µs, never more than a 1024th of that time: so timers that
/// are close to each other share a wake-up. What the operating system and other tasks add comes on
/// top. [`with_slack`](Sleep::with_slack) sets another limit, the builder of a runtime bounds it
/// for all.
///
/// Whoever polls the future once its time is over finds it ready. The one exception is the first
/// poll of a `duration` of a second or more, which goes by what the thread last saw of the clock.
/// If that lies at least a second before the end, because the thread was blocked meanwhile or the
/// future came from another, the timer is armed all the same, and wakes its task as late as is said
/// above; at once, if that time is over too.
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
    Sleep::after(duration, 0)
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

/// A [`sleep`] with the slack of a timeout.
pub(crate) fn limit(duration: Duration) -> Sleep {
    Sleep::after(duration, TIMEOUT)
}

/// A [`sleep_until`] with the slack of a timeout.
pub(crate) fn limit_until(deadline: Instant) -> Sleep {
    Sleep::at(clock::nanos(deadline), NOWHERE | TIMEOUT)
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
    /// The shard it is armed in, or [`NOWHERE`]; flags; and its slack.
    home: u32,
    /// Which claim of that shard.
    generation: u32,
    key: Key,
}

const _: () = assert!(size_of::<Sleep>() <= 40);

impl Sleep {
    fn after(duration: Duration, kind: u32) -> Self {
        let length = clock::duration_nanos(duration);
        let mut home = NOWHERE | kind;
        if length >= TRUSTED {
            // The clock may not be read again to tell how much of it is left.
            home |= LONG | default_slack(kind, length).to_bits() << SLACK;
        }
        Sleep::at(context::nanos().saturating_add(length), home)
    }

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
            self.leave();
            return;
        };
        if deadline > before {
            self.home |= LATER;
        } else {
            self.bound_slack(shard);
            self.rearm(shard);
        }
    }

    /// Lets it wake up to `slack` late, so that it shares wake-ups with other timers;
    /// [`Duration::ZERO`] makes it as exact as can be.
    ///
    /// This is instead of the default that [`sleep`] states, and of the runtime's bound of it. What
    /// is less than 32.8 µs, two ticks of the wheel, is as good as zero: then it wakes less than
    /// 16.4 µs late. More than 13 days count as that. Whatever the slack, whoever polls it once its
    /// time is over finds it ready, at the first poll too. Where time is set by hand nothing is
    /// ever late.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::sleep;
    ///
    /// block_on(async {
    ///     let exact = Duration::ZERO;
    ///     sleep(Duration::from_millis(40)).with_slack(exact).await;
    ///     let some = Duration::from_millis(2);
    ///     sleep(Duration::from_millis(4)).with_slack(some).await; // 4 to 6 ms
    /// });
    /// ```
    pub fn with_slack(mut self, slack: Duration) -> Sleep {
        let slack = Slack::within(clock::duration_nanos(slack));
        self.home |= EXPLICIT;
        self.set_slack(slack);
        match self.shard() {
            Some(shard) => self.rearm(shard),
            None => self.home &= !LONG,
        }
        self
    }

    /// The slack that it keeps; of no use while it is armed where time is set by hand.
    fn slack(&self) -> Slack {
        Slack::from_bits(self.home >> SLACK)
    }

    fn set_slack(&mut self, slack: Slack) {
        self.home = self.home & !(u32::MAX << SLACK) | slack.to_bits() << SLACK;
    }

    /// The deadline has come nearer: no more slack than is due to what is left.
    fn bound_slack(&mut self, shard: &Shard) {
        if self.home & (EXPLICIT | MANUAL) == 0 && self.slack() != Slack::NONE {
            let left = self.deadline.saturating_sub(self.nanos_at(shard));
            self.set_slack(self.slack().min(default_slack(self.home, left)));
        }
    }

    /// Gives its entry the time that it should have.
    fn rearm(&mut self, shard: &Shard) {
        if shard.rearm(self.generation, self.key, self.due()) {
            self.home &= !LATER;
        } else {
            self.leave();
        }
    }

    /// From now on it isn't armed.
    fn leave(&mut self) {
        self.home = self.home & LASTING | NOWHERE;
    }

    /// The shard it is armed in.
    fn shard(&self) -> Option<&'static Shard> {
        let index = self.home & INDEX;
        (index != NOWHERE).then(|| table::shard(index))
    }

    /// The time that it is armed for.
    fn due(&self) -> u64 {
        let slack = if self.home & MANUAL == 0 {
            self.slack()
        } else {
            Slack::NONE
        };
        slack.put_off(self.deadline)
    }

    /// What time it is where it is armed, or else where it would be.
    pub(crate) fn clock_nanos(&self) -> u64 {
        let armed = self.shard().filter(|shard| shard.is_open(self.generation));
        match armed {
            Some(shard) => self.nanos_at(shard),
            None => context::nanos(),
        }
    }

    fn progress(&self, shard: &Shard) -> Option<Progress> {
        // Mostly its deadline tells, and what it was put off to needn't be known.
        let progress = shard.progress(self.generation, self.deadline)?;
        if progress == Progress::Waiting {
            return Some(progress);
        }
        shard.progress(self.generation, self.due())
    }

    fn nanos_at(&self, shard: &Shard) -> u64 {
        context::claim_nanos(shard, self.generation, self.home & MANUAL != 0)
    }

    fn poll_time(&mut self, waker: &Waker) -> Poll<()> {
        if let Some(shard) = self.shard() {
            if let Some(poll) = self.poll_armed(shard, waker) {
                return poll;
            }
            self.leave();
        }
        self.poll_unarmed(waker)
    }

    /// Polls while it is armed. `None` if it turns out not to be any more.
    fn poll_armed(&mut self, shard: &'static Shard, waker: &Waker) -> Option<Poll<()>> {
        let progress = self.progress(shard)?;
        if progress == Progress::Done || self.deadline <= self.nanos_at(shard) {
            self.leave();
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
            // The entry is still there, since its time hasn't come; unless it is for an earlier
            // one.
            self.home & LATER == 0 || shard.is_armed(self.generation, self.key)
        };
        armed.then_some(Poll::Pending)
    }

    /// Arms it, unless its time is over.
    fn poll_unarmed(&mut self, waker: &Waker) -> Poll<()> {
        loop {
            let entered = context::place();
            let Some(slack) = self.slack_left(entered) else {
                return Poll::Ready(());
            };
            let place = entered.unwrap_or_else(standalone::place);
            let (due, bits) = self.due_there(slack, &place);
            let clone = self.clone_waker(waker);
            match place.shard.arm(place.generation, due, clone) {
                Arm::Armed(key) => {
                    let lasting = self.home & (TIMEOUT | EXPLICIT);
                    self.home = place.shard.index() | lasting | bits;
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

    /// The slack that it has for what is left of its time; `None` if that is over by the clock of
    /// where it would be armed, which is read only if it must be.
    fn slack_left(&self, place: Option<Place>) -> Option<Slack> {
        let manual = place.is_some_and(|place| place.manual);
        if !manual && self.is_trusted_to_be_long() {
            Some(self.slack())
        } else {
            self.slack_by_clock(place.map_or_else(context::monotonic_nanos, |place| place.nanos()))
        }
    }

    fn slack_by_clock(&self, now: u64) -> Option<Slack> {
        let left = self.deadline.saturating_sub(now);
        if left == 0 {
            None
        } else if self.home & EXPLICIT != 0 {
            Some(self.slack())
        } else {
            Some(default_slack(self.home, left))
        }
    }

    /// The time that it is to be armed for, and what to note in `home` of how that came about.
    ///
    /// Time that is set by hand is exact, whatever was asked for; that is kept for another place.
    fn due_there(&self, slack: Slack, place: &Place) -> (u64, u32) {
        if place.manual {
            return (self.deadline, MANUAL | self.home & u32::MAX << SLACK);
        }
        let slack = if self.home & EXPLICIT != 0 {
            slack
        } else {
            slack.min(place.max_slack)
        };
        (slack.put_off(self.deadline), slack.to_bits() << SLACK)
    }

    /// Whether it is taken to be far from over, without a look at the clock.
    fn is_trusted_to_be_long(&self) -> bool {
        let far = |known| self.deadline.saturating_sub(known) >= TRUSTED;
        self.home & LONG != 0 && context::last_monotonic_nanos().is_some_and(far)
    }
}

/// The slack of a sleep or a timeout with so many nanoseconds left.
fn default_slack(home: u32, left: u64) -> Slack {
    if home & TIMEOUT == 0 {
        Slack::of_sleep(left)
    } else {
        Slack::of_timeout(left)
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
            && self.progress(shard) != Some(Progress::Done)
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
