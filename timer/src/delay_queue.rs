//! [`DelayQueue`]: values that come out when their time has come.
//!
//! The queue has a [`Wheel`] of its own, whose ticks are nanoseconds, so that values come out in
//! the exact order of their deadlines. One [`Sleep`] stands for them all: it is armed while someone
//! waits, for the first deadline if a short look tells it, else for the start of the first slot.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::budget;
use crate::clock;
use crate::context;
use crate::slab::Key;
use crate::sleep::{Sleep, sleep_until};
use crate::timers;
use crate::wheel::{MAX_TICK, Wheel};

// Nanoseconds since the base have ticks: those of many years.
const _: () = assert!(MAX_TICK >= (1 << 62) - 1);

/// How many values one poll moves to a lower level of the wheel before it lets others run.
const CASCADES: usize = 256;

/// How many values are looked at to find the first deadline. With more than these in its slot, the
/// task is woken at the slot's start too, at which they spread.
const LOOKS: usize = 16;

/// A queue of values that each come out when their time has come, in the order of their deadlines.
///
/// A value is inserted with a deadline, and until that has come it can be removed, looked at, or
/// given another deadline, by the [`Key`] that [`insert`](DelayQueue::insert) returns. It comes out
/// with [`next`](DelayQueue::next) or [`poll_expired`](DelayQueue::poll_expired): never early, and
/// in the order of deadlines; of equal ones, and of those that had passed when they were given, in
/// no particular order. One that had passed comes next.
///
/// The key of a value that is gone names nothing, for ever: every method that takes it says so, and
/// none panics. A key means something to the queue that made it only.
///
/// If one task waits while others insert, remove or reset, say through a mutex, the one that polled
/// last is woken whenever that changes what it waits for; also when another gets a value. If its
/// waker panics, that goes no further.
///
/// # Lateness
///
/// The task is woken as late after a value's deadline as by a [`sleep_until`](crate::sleep_until)
/// that deadline: less than 16.4 µs, or less than 32.8 µs if that was more than 33 ms away. Whoever
/// polls once the deadline has passed gets the value at once, or another that is due before it.
///
/// # Complexity
///
/// | operation | cost |
/// |---|---|
/// | [`insert`](DelayQueue::insert), [`remove`](DelayQueue::remove) | O(1) |
/// | [`reset`](DelayQueue::reset) | O(1) |
/// | a value that comes out | O(1); the wheel has moved it up to 9 times, mostly 5 for one minute |
/// | waiting | one timer for the whole queue |
/// | [`peek`](DelayQueue::peek) | O(1) if a value is due, else O(those in the wheel's first slot) |
///
/// A value takes about 24 bytes beside its own size. What is no longer used is given back by the
/// 1,024 values. A poll that has much to move in the wheel yields in between.
///
/// # Clock
///
/// The queue goes by the clock of the runtime where it is used, that of [`now`](crate::now). It is
/// not meant to be carried from a runtime whose clock is ahead, being virtual, to one whose isn't.
///
/// # Auto traits
///
/// It is `Send`, `Sync` and `UnwindSafe` as far as `T` is, and always `Unpin`.
///
/// # Examples
///
/// A cache whose entries expire, unless they are used:
///
/// ```
/// # use futures::executor::block_on;
/// use std::collections::HashMap;
/// use std::time::Duration;
/// use wheelhouse_timer::{DelayQueue, Key};
///
/// const TIME_TO_LIVE: Duration = Duration::from_millis(20);
///
/// #[derive(Default)]
/// struct Cache {
///     entries: HashMap<&'static str, (u32, Key)>,
///     expiries: DelayQueue<&'static str>,
/// }
///
/// impl Cache {
///     fn insert(&mut self, name: &'static str, value: u32) {
///         let key = self.expiries.insert(name, TIME_TO_LIVE);
///         if let Some((_, old)) = self.entries.insert(name, (value, key)) {
///             self.expiries.remove(&old);
///         }
///     }
///
///     fn get(&mut self, name: &str) -> Option<u32> {
///         let (value, key) = self.entries.get(name)?;
///         self.expiries.reset(key, TIME_TO_LIVE);
///         Some(*value)
///     }
/// }
///
/// let mut cache = Cache::default();
/// cache.insert("old", 1);
/// cache.insert("new", 2);
/// block_on(async {
///     while let Some(expired) = cache.expiries.next().await {
///         cache.entries.remove(expired.get_ref());
///     }
/// });
/// assert_eq!(cache.get("new"), None);
/// ```
pub struct DelayQueue<T> {
    /// Its ticks are nanoseconds since the process's base.
    wheel: Wheel<T>,
    /// While somebody waits for a deadline; perhaps longer. `None`: not armed.
    delay: Option<Sleep>,
    /// Who polled last, unless that got a value.
    waker: Option<Waker>,
}

// A value never is pinned by the queue.
impl<T> Unpin for DelayQueue<T> {}

impl<T> DelayQueue<T> {
    /// An empty queue. Neither allocates nor looks at the clock.
    ///
    /// # Examples
    ///
    /// ```
    /// let queue = wheelhouse_timer::DelayQueue::<u32>::new();
    /// assert!(queue.is_empty());
    /// ```
    pub const fn new() -> Self {
        DelayQueue {
            wheel: Wheel::new(),
            delay: None,
            waker: None,
        }
    }

    /// Adds a value that comes out after `duration`; never, if that is too long to be represented.
    ///
    /// # Panics
    ///
    /// If there are 2^32 - 1,024 values already.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("tea", Duration::from_millis(3));
    /// queue.insert("eggs", Duration::from_millis(1));
    /// let first = block_on(queue.next()).unwrap();
    /// assert_eq!(first.into_inner(), "eggs");
    /// ```
    pub fn insert(&mut self, value: T, duration: Duration) -> Key {
        let now = self.now();
        if self.is_empty() {
            self.start(now);
        }
        self.place(value, now.saturating_add(clock::duration_nanos(duration)))
    }

    /// Adds a value that comes out at `deadline`; next of all, if that has passed.
    ///
    /// # Panics
    ///
    /// As [`insert`](DelayQueue::insert).
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Instant;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let now = Instant::now();
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert_at("tea", now);
    /// assert_eq!(queue.deadline(&key), Some(now));
    /// assert_eq!(block_on(queue.next()).unwrap().deadline(), now);
    /// ```
    pub fn insert_at(&mut self, value: T, deadline: Instant) -> Key {
        if self.is_empty() {
            self.start(self.now());
        }
        self.place(value, clock::nanos(deadline))
    }

    /// Takes a value out before its time. `None` if it is gone.
    ///
    /// One whose time has come is not gone before it has come out.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("tea", Duration::from_secs(60));
    /// assert_eq!(queue.remove(&key), Some("tea"));
    /// assert_eq!(queue.remove(&key), None);
    /// ```
    pub fn remove(&mut self, key: &Key) -> Option<T> {
        let value = self.wheel.remove(*key)?;
        if self.is_empty() {
            self.emptied();
        }
        Some(value)
    }

    /// Has a value come out after `duration` from now, later or earlier than before. False if it is
    /// gone, which changes nothing.
    ///
    /// It never panics. A task that waits goes on waiting: it is woken at the new time, if that is
    /// now the first, and no value is lost.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let start = Instant::now();
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("tea", Duration::from_secs(3600));
    /// assert!(queue.reset(&key, Duration::from_millis(2)));
    /// assert_eq!(block_on(queue.next()).unwrap().into_inner(), "tea");
    /// assert!(start.elapsed() >= Duration::from_millis(2));
    /// assert!(!queue.reset(&key, Duration::ZERO)); // it is gone
    /// ```
    pub fn reset(&mut self, key: &Key, duration: Duration) -> bool {
        let deadline = self.now().saturating_add(clock::duration_nanos(duration));
        self.replace(key, deadline)
    }

    /// Has a value come out at `deadline`, later or earlier than before. False if it is gone.
    ///
    /// For everything else see [`reset`](DelayQueue::reset).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("tea", Duration::MAX);
    /// let soon = Instant::now() + Duration::from_millis(2);
    /// assert!(queue.reset_at(&key, soon));
    /// assert_eq!(queue.deadline(&key), Some(soon));
    /// ```
    pub fn reset_at(&mut self, key: &Key, deadline: Instant) -> bool {
        self.replace(key, clock::nanos(deadline))
    }

    /// A value in the queue, or `None` if it is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("tea", Duration::from_secs(60));
    /// assert_eq!(queue.get(&key), Some(&"tea"));
    /// queue.clear();
    /// assert_eq!(queue.get(&key), None);
    /// ```
    pub fn get(&self, key: &Key) -> Option<&T> {
        self.wheel.get(*key)
    }

    /// A value in the queue, to be changed in its place, or `None` if it is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("tea", Duration::from_secs(60));
    /// *queue.get_mut(&key).unwrap() = "green tea";
    /// assert_eq!(queue.get(&key), Some(&"green tea"));
    /// ```
    pub fn get_mut(&mut self, key: &Key) -> Option<&mut T> {
        self.wheel.get_mut(*key)
    }

    /// When a value comes out; `None` if it is gone, or never comes out.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// let before = Instant::now();
    /// let key = queue.insert("tea", Duration::from_secs(60));
    /// assert!(queue.deadline(&key).unwrap() >= before + Duration::from_secs(60));
    /// ```
    pub fn deadline(&self, key: &Key) -> Option<Instant> {
        clock::instant(self.wheel.deadline(*key)?)
    }

    /// The value that comes out first, as things are; of several with that deadline, any. `None` if
    /// none ever does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("tea", Duration::from_secs(60));
    /// let eggs = queue.insert("eggs", Duration::from_secs(50));
    /// assert_eq!(queue.peek(), Some(eggs));
    /// assert!(queue.deadline(&eggs).is_some());
    /// ```
    pub fn peek(&self) -> Option<Key> {
        self.wheel.first(usize::MAX)
    }

    /// The number of values, those included whose time has come.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("eggs", Duration::ZERO);
    /// queue.insert("tea", Duration::MAX);
    /// assert_eq!(queue.len(), 2);
    /// ```
    pub fn len(&self) -> usize {
        self.wheel.len()
    }

    /// Whether there is no value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("eggs", Duration::ZERO);
    /// assert!(!queue.is_empty());
    /// block_on(queue.next());
    /// assert!(queue.is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.wheel.is_empty()
    }

    /// Drops every value.
    ///
    /// # Panics
    ///
    /// If the destructor of a value does. The others are dropped too, and the queue is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("tea", Duration::from_secs(60));
    /// queue.clear();
    /// assert!(block_on(queue.next()).is_none());
    /// ```
    pub fn clear(&mut self) {
        if !self.is_empty() {
            let told = Emptied(self);
            drop(told.0.wheel.drain());
        }
    }

    /// Waits for the first value whose time comes. Yields `None` at once if there is no value; with
    /// none but such as never come out, it waits.
    ///
    /// # Panics
    ///
    /// Polled outside a runtime: as [`sleep`](crate::sleep()).
    ///
    /// # Cancel safety
    ///
    /// To drop the future before it is ready loses no value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue: DelayQueue<u32> = [3, 1, 2].into_iter().fold(
    ///     DelayQueue::new(),
    ///     |mut queue, ms| {
    ///         queue.insert(ms, Duration::from_millis(ms.into()));
    ///         queue
    ///     },
    /// );
    /// let mut order = Vec::new();
    /// block_on(async {
    ///     while let Some(expired) = queue.next().await {
    ///         order.push(expired.into_inner());
    ///     }
    /// });
    /// assert_eq!(order, [1, 2, 3]);
    /// ```
    #[expect(clippy::should_implement_trait, reason = "it is awaited")]
    pub fn next(&mut self) -> Next<'_, T> {
        Next { queue: self }
    }

    /// Polls for the first value whose time has come: see [`next`](DelayQueue::next).
    ///
    /// If there is none, the task is woken when there may be, or when there is no value any more;
    /// after `None`, when one is inserted.
    ///
    /// # Panics
    ///
    /// Outside a runtime: as [`sleep`](crate::sleep()). No value is lost.
    ///
    /// # Cancel safety
    ///
    /// A task that was told to wait may be dropped, or never poll again: the value stays in the
    /// queue.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::{future::poll_fn, time::Duration};
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("eggs", Duration::from_millis(1));
    /// let expired = block_on(poll_fn(|cx| queue.poll_expired(cx)));
    /// assert_eq!(expired.unwrap().into_inner(), "eggs");
    /// ```
    pub fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Option<Expired<T>>> {
        loop {
            // What is due already is taken without a look at the clock.
            if !self.wheel.has_due() && !self.wheel.advance_to_due(self.now(), CASCADES) {
                cx.waker().wake_by_ref();
                return Poll::Pending;
            }
            if self.wheel.has_due() || self.is_empty() {
                return self.poll_taken(cx);
            }
            if self.poll_delay(cx).is_pending() {
                self.register(cx.waker());
                return Poll::Pending;
            }
        }
    }

    /// Takes out a value that is due, or says that there is none, if the task's budget allows.
    fn poll_taken(&mut self, cx: &Context<'_>) -> Poll<Option<Expired<T>>> {
        if !budget::spend(cx) {
            return Poll::Pending;
        }
        if self.wheel.has_due() {
            self.relieve(cx.waker());
        } else {
            self.register(cx.waker());
        }
        self.delay = None;
        let taken = self.wheel.take_due();
        Poll::Ready(taken.map(|(key, deadline, value)| Expired {
            value,
            deadline,
            key,
        }))
    }

    /// Polls the delay, set to when there may be something to do.
    fn poll_delay(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let first = self.wheel.first(LOOKS);
        let next = match first {
            Some(key) => self.wheel.deadline(key),
            None => self.wheel.next_deadline(),
        };
        let Some((nanos, at)) = next.and_then(|nanos| Some((nanos, clock::instant(nanos)?))) else {
            self.delay = None;
            return Poll::Pending;
        };
        let delay = self.delay.get_or_insert_with(|| sleep_until(at));
        delay.reset_nanos(nanos);
        Pin::new(delay).poll(cx)
    }

    /// What time it is by the clock that the delay goes by.
    fn now(&self) -> u64 {
        match &self.delay {
            Some(delay) => delay.clock_nanos(),
            None => context::nanos(),
        }
    }

    /// Moves an empty queue's time on, so that what comes in is near.
    fn start(&mut self, now: u64) {
        self.wheel.advance_to_due(now, CASCADES);
    }

    fn place(&mut self, value: T, deadline: u64) -> Key {
        let key = self.wheel.insert(deadline, value);
        self.sooner(deadline);
        key
    }

    fn replace(&mut self, key: &Key, deadline: u64) -> bool {
        let replaced = self.wheel.reset(*key, deadline);
        if replaced {
            self.sooner(deadline);
        }
        replaced
    }

    /// Has the task that waits, if any, look again by a deadline that has become one of the
    /// queue's.
    fn sooner(&mut self, deadline: u64) {
        match &mut self.delay {
            Some(delay) if deadline < delay.deadline_nanos() => delay.reset_nanos(deadline),
            Some(_) => {}
            // Nothing is armed, since nothing was there that would come out.
            None => self.wake(),
        }
    }

    /// Has the task that waits, if any, see that there is nothing to wait for.
    fn emptied(&mut self) {
        self.delay = None;
        self.wake();
    }

    /// The task of this waker gets a value, and waits no more. If another one does, it has to look
    /// for itself what it waits for now, if there is anything.
    fn relieve(&mut self, waker: &Waker) {
        self.waker.take_if(|known| known.will_wake(waker));
        self.wake();
    }

    fn wake(&mut self) {
        self.waker.take().into_iter().for_each(timers::wake);
    }

    fn register(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }
}

/// Tells who waits that there is nothing to wait for, even if a value's destructor has panicked.
struct Emptied<'a, T>(&'a mut DelayQueue<T>);

impl<T> Drop for Emptied<'_, T> {
    fn drop(&mut self) {
        self.0.emptied();
    }
}

impl<T> Default for DelayQueue<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::fmt::Debug for DelayQueue<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DelayQueue")
            .field("len", &self.len())
            .finish_non_exhaustive()
    }
}

/// Waits for the next value of a [`DelayQueue`]: see [`DelayQueue::next`].
///
/// It is `Send` and `Sync` as far as `T` is, and always `Unpin`.
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use wheelhouse_timer::{DelayQueue, Next};
///
/// let mut queue = DelayQueue::<u32>::new();
/// let next: Next<'_, u32> = queue.next();
/// assert!(block_on(next).is_none());
/// ```
#[must_use = "futures do nothing unless you `.await` or poll them"]
#[derive(Debug)]
pub struct Next<'a, T> {
    queue: &'a mut DelayQueue<T>,
}

impl<T> Future for Next<'_, T> {
    type Output = Option<Expired<T>>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.get_mut().queue.poll_expired(cx)
    }
}

/// A value that has come out of a [`DelayQueue`].
///
/// # Examples
///
/// ```
/// # use futures::executor::block_on;
/// use std::time::Instant;
/// use wheelhouse_timer::{DelayQueue, Expired};
///
/// let now = Instant::now();
/// let mut queue = DelayQueue::new();
/// let key = queue.insert_at("tea", now);
/// let expired: Expired<&str> = block_on(queue.next()).unwrap();
/// assert_eq!(*expired.get_ref(), "tea");
/// assert_eq!((expired.key(), expired.deadline()), (key, now));
/// ```
#[derive(Clone, Debug)]
pub struct Expired<T> {
    value: T,
    /// In nanoseconds.
    deadline: u64,
    key: Key,
}

impl<T> Expired<T> {
    /// The value.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert("tea", Duration::ZERO);
    /// assert_eq!(block_on(queue.next()).unwrap().get_ref(), &"tea");
    /// ```
    pub fn get_ref(&self) -> &T {
        &self.value
    }

    /// The value, to be changed in its place.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert(1, Duration::ZERO);
    /// let mut expired = block_on(queue.next()).unwrap();
    /// *expired.get_mut() += 1;
    /// assert_eq!(expired.into_inner(), 2);
    /// ```
    pub fn get_mut(&mut self) -> &mut T {
        &mut self.value
    }

    /// The value, by itself.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// queue.insert(String::from("tea"), Duration::ZERO);
    /// let tea: String = block_on(queue.next()).unwrap().into_inner();
    /// assert_eq!(tea, "tea");
    /// ```
    pub fn into_inner(self) -> T {
        self.value
    }

    /// When it was due. It came out no earlier.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::{Duration, Instant};
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let due = Instant::now() + Duration::from_millis(2);
    /// let mut queue = DelayQueue::new();
    /// queue.insert_at("tea", due);
    /// let expired = block_on(queue.next()).unwrap();
    /// assert_eq!(expired.deadline(), due);
    /// assert!(Instant::now() >= due);
    /// ```
    pub fn deadline(&self) -> Instant {
        clock::instant(self.deadline).unwrap_or_else(context::now)
    }

    /// The key that it had, which names nothing any more.
    ///
    /// # Examples
    ///
    /// ```
    /// # use futures::executor::block_on;
    /// use std::time::Duration;
    /// use wheelhouse_timer::DelayQueue;
    ///
    /// let mut queue = DelayQueue::new();
    /// let key = queue.insert("tea", Duration::ZERO);
    /// assert_eq!(block_on(queue.next()).unwrap().key(), key);
    /// assert_eq!(queue.get(&key), None);
    /// ```
    pub fn key(&self) -> Key {
        self.key
    }
}

#[cfg(test)]
mod tests;
