//! A tickless hierarchical hashed timer wheel: pure arithmetic over ticks.
//!
//! # Placement
//!
//! The wheel has [`LEVELS`] levels. Each reads one digit of a tick: level 0 the lowest 8 bits,
//! every further level the next 6. An entry lies at the level of the **highest digit in which its
//! tick differs from the time that has elapsed**, in the slot of its own digit there:
//!
//! ```text
//! bits of a tick  61      56 55      50  ...  13       8 7         0
//!                [ level 9  | level 8  | ... | level 1  | level 0   ]
//! elapsed           0          0                5          200
//! tick A            0          0                5          230        differs at level 0: slot 230
//! tick B            0          0                7           3         differs at level 1: slot 7
//! ```
//!
//! All higher digits agree with the elapsed time's, and the digit itself is greater than its; hence
//!
//! * a slot's range of ticks is known from its number and the elapsed time alone, no slot holds two
//!   turns of the wheel, and nothing wraps;
//! * every entry of a lower level comes before every entry of a higher one, so that **the first
//!   occupied slot is the first set bit** of one row of bitmaps, level 0 first.
//!
//! When time reaches a slot of level 0, its entries fire. When it reaches the start of a higher
//! slot, its entries fire if they are due just then; the others *cascade*: each is placed again,
//! now at a lower level. An entry cascades at most once a level.
//!
//! # Slack
//!
//! An entry that may be late is inserted for a later tick, one with as many zeros at the end as
//! fit. So it shares a slot with others of its time, and fires straight from a slot of a higher
//! level if the zeros reach there.

use crate::slab::{Key, NIL, Slab};
use crate::slack::round_up;

mod bits;
mod due;
use bits::Bits;

/// Bits of a tick that level 0 reads.
const BASE_BITS: u32 = 8;
/// Bits of a tick that each further level reads.
const LEVEL_BITS: u32 = 6;
/// How many levels there are.
const LEVELS: u32 = 10;
const BASE_SLOTS: u32 = 1 << BASE_BITS;
const LEVEL_SLOTS: u32 = 1 << LEVEL_BITS;
const SLOTS: u32 = BASE_SLOTS + (LEVELS - 1) * LEVEL_SLOTS;
const TICK_BITS: u32 = BASE_BITS + (LEVELS - 1) * LEVEL_BITS;

/// The list of entries beyond [`MAX_TICK`], which never fire. It has no bit.
const NEVER_LIST: u32 = SLOTS;
/// What a node says that was put among the due ones directly.
const DUE_LIST: u32 = SLOTS + 1;

/// The last tick at which an entry can fire: 2^62 - 1. An entry for a later tick never does.
///
/// # Examples
///
/// ```
/// use wheelhouse_timer::{MAX_TICK, Wheel};
///
/// let mut wheel = Wheel::new();
/// wheel.insert(MAX_TICK + 1, "never");
/// assert_eq!(wheel.next_deadline(), None);
/// ```
pub const MAX_TICK: u64 = (1 << TICK_BITS) - 1;

/// What one [`Wheel::advance`] did.
///
/// # Examples
///
/// ```
/// use wheelhouse_timer::{Advance, Wheel};
///
/// let mut wheel = Wheel::new();
/// wheel.insert(3, "one");
/// wheel.insert(3, "two");
/// let half = wheel.advance(10, 1, drop);
/// assert_eq!(half, Advance { fired: 1, cascaded: 0, more: true });
/// let rest = wheel.advance(10, 1, drop);
/// assert_eq!(rest, Advance { fired: 1, cascaded: 0, more: false });
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Advance {
    /// Entries handed to the closure.
    pub fired: usize,
    /// Entries moved to a lower level; they count against the budget too.
    pub cascaded: usize,
    /// Whether the budget ran out before the work did: there is more to do at this same time.
    pub more: bool,
}

/// A timer wheel: a set of values, each with the tick at which it is due.
///
/// A tick is any unit of time that its user likes. The wheel reads no clock and wakes nobody; it is
/// told the time by [`advance`](Wheel::advance). It asks for no periodic call either: between now
/// and [`next_deadline`](Wheel::next_deadline) there is nothing to do.
///
/// | operation | cost |
/// |---|---|
/// | [`insert`](Wheel::insert) | O(1); allocates at most once in 1,024 |
/// | [`insert_with_slack`](Wheel::insert_with_slack) | the same |
/// | [`remove`](Wheel::remove), [`reset`](Wheel::reset) | O(1) |
/// | [`next_deadline`](Wheel::next_deadline) | O(1) |
/// | [`advance`](Wheel::advance) | O(fired + cascaded), which its budget bounds |
///
/// An entry cascades at most 9 times in its life. It is about 40 bytes for a value of 16. The
/// memory of entries that are gone is reused, and given back by the 1,024 entries as soon as none
/// of them is left, except for the last such chunk.
///
/// Entries for the same tick come in no particular order; entries for different ticks come in the
/// order of their ticks, unless they were inserted after their time.
///
/// # Examples
///
/// ```
/// use wheelhouse_timer::Wheel;
///
/// let mut wheel = Wheel::new();
/// wheel.insert(30, "tea");
/// let eggs = wheel.insert(5, "eggs");
/// wheel.insert(300_000, "bread");
///
/// assert_eq!(wheel.next_deadline(), Some(5));
/// assert_eq!(wheel.remove(eggs), Some("eggs"));
///
/// let mut done = Vec::new();
/// let advance = wheel.advance(100, usize::MAX, |what| done.push(what));
/// assert_eq!((advance.fired, advance.more), (1, false));
/// assert_eq!(done, ["tea"]);
/// assert_eq!(wheel.len(), 1);
/// ```
pub struct Wheel<T> {
    slab: Slab<T>,
    /// The first node of each slot's list, and of the list of those that never fire.
    heads: [u32; SLOTS as usize + 1],
    occupied: Bits,
    /// Every entry with a tick up to here has fired, or is in `due` or `cascading`.
    elapsed: u64,
    /// Entries to be fired, all with ticks up to `elapsed`.
    due: u32,
    /// Entries of a slot that starts at `elapsed`, still to be fired or placed again.
    cascading: u32,
}

impl<T> Wheel<T> {
    /// An empty wheel at tick 0.
    ///
    /// # Examples
    ///
    /// ```
    /// let wheel = wheelhouse_timer::Wheel::<u32>::new();
    /// assert!(wheel.is_empty() && wheel.elapsed() == 0);
    /// ```
    pub const fn new() -> Self {
        Self::starting_at(0)
    }

    /// An empty wheel at which `tick` has already elapsed; past [`MAX_TICK`] it counts as that.
    ///
    /// To start near the first ticks that will be inserted saves cascades, nothing else.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::starting_at(1_000_000);
    /// wheel.insert(1_000_003, "tea");
    /// let advance = wheel.advance(1_000_003, usize::MAX, drop);
    /// assert_eq!((advance.fired, advance.cascaded), (1, 0));
    /// ```
    pub const fn starting_at(tick: u64) -> Self {
        Wheel {
            slab: Slab::new(),
            heads: [NIL; SLOTS as usize + 1],
            occupied: Bits::new(),
            elapsed: if tick < MAX_TICK { tick } else { MAX_TICK },
            due: NIL,
            cascading: NIL,
        }
    }

    /// The latest tick that has been reached.
    pub const fn elapsed(&self) -> u64 {
        self.elapsed
    }

    /// The number of entries.
    pub fn len(&self) -> usize {
        self.slab.len()
    }

    /// Whether there are no entries.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Adds a value that is due at `tick`.
    ///
    /// If `tick` has been reached already, the next [`advance`](Wheel::advance) fires it, whatever
    /// time it is told. Beyond [`MAX_TICK`] it never fires, and only waits to be removed or reset.
    ///
    /// # Panics
    ///
    /// If there are 2^32 - 1,024 entries already.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// wheel.insert(30, "tea");
    /// assert_eq!(wheel.next_deadline(), Some(30));
    /// ```
    pub fn insert(&mut self, tick: u64, value: T) -> Key {
        let key = self.slab.insert(tick, value);
        self.link(key.index(), tick);
        key
    }

    /// Adds a value that is due at `tick`, and may fire up to `slack` ticks late.
    ///
    /// It is inserted for the first multiple of a power of two from `tick` on, of the greatest that
    /// is no more than `slack`; that is what [`deadline`](Wheel::deadline) says of it. So entries
    /// whose ticks lie close together fire together, and cascade less. A slack of 0 or 1 is none,
    /// and neither is there any for a `tick` that has been reached already.
    ///
    /// # Panics
    ///
    /// As [`insert`](Wheel::insert).
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// let keys = [301, 309, 318].map(|tick| wheel.insert_with_slack(tick, 20, tick));
    /// assert_eq!(keys.map(|key| wheel.deadline(key)), [Some(304), Some(320), Some(320)]);
    /// assert_eq!(wheel.advance(319, usize::MAX, drop).fired, 1);
    /// assert_eq!(wheel.advance(320, usize::MAX, drop).fired, 2);
    /// ```
    pub fn insert_with_slack(&mut self, tick: u64, slack: u64, value: T) -> Key {
        let power = slack.checked_ilog2().unwrap_or(0);
        let late = if (self.elapsed + 1..=MAX_TICK).contains(&tick) {
            round_up(tick, power).map_or(MAX_TICK, |late| late.min(MAX_TICK))
        } else {
            tick
        };
        self.insert(late, value)
    }

    /// Takes an entry out before it fires. `None` if it is gone: fired, removed or drained.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// let tea = wheel.insert(30, "tea");
    /// assert_eq!(wheel.remove(tea), Some("tea"));
    /// assert_eq!(wheel.remove(tea), None);
    /// ```
    pub fn remove(&mut self, key: Key) -> Option<T> {
        self.slab.live(key)?;
        self.unlink(key.index());
        self.slab.free(key.index())
    }

    /// Gives an entry another time, as if it had been inserted for `tick`. False if it is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// let tea = wheel.insert(30, "tea");
    /// assert!(wheel.reset(tea, 50));
    /// assert_eq!(wheel.deadline(tea), Some(50));
    /// assert_eq!(wheel.advance(49, usize::MAX, drop).fired, 0);
    /// assert_eq!(wheel.advance(50, usize::MAX, drop).fired, 1);
    /// assert!(!wheel.reset(tea, 70));
    /// ```
    pub fn reset(&mut self, key: Key, tick: u64) -> bool {
        if self.slab.live(key).is_none() {
            return false;
        }
        self.unlink(key.index());
        self.slab.node_mut(key.index()).tick = tick;
        self.link(key.index(), tick);
        true
    }

    /// The value of an entry, or `None` if it is gone.
    pub fn get(&self, key: Key) -> Option<&T> {
        self.slab.value(key)
    }

    /// The value of an entry, to be changed or replaced in its place, or `None` if it is gone.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// let tea = wheel.insert(30, "tea");
    /// if let Some(value) = wheel.get_mut(tea) {
    ///     *value = "green tea";
    /// }
    /// assert_eq!(wheel.get(tea), Some(&"green tea"));
    /// ```
    pub fn get_mut(&mut self, key: Key) -> Option<&mut T> {
        self.slab.value_mut(key)
    }

    /// The tick that an entry is due at, or `None` if it is gone.
    pub fn deadline(&self, key: Key) -> Option<u64> {
        self.slab.live(key).map(|node| node.tick)
    }

    /// A tick before which [`advance`](Wheel::advance) has nothing to do; `None` if nothing will
    /// ever fire.
    ///
    /// Exact if the first entry is at level 0, which is so whenever it is due within what remains
    /// of the current turn of 256 ticks. Otherwise it is the start of its slot, at which entries
    /// cascade: no later than the first entry's tick.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// wheel.insert(1000, "bread");
    /// assert_eq!(wheel.next_deadline(), Some(768)); // 3 × 256
    /// wheel.advance(768, usize::MAX, drop);
    /// assert_eq!(wheel.next_deadline(), Some(1000));
    /// ```
    pub fn next_deadline(&self) -> Option<u64> {
        if self.due != NIL || self.cascading != NIL {
            return Some(self.elapsed);
        }
        self.occupied.first().map(|slot| self.start_of(slot))
    }

    /// Moves time on to `now` and hands every value that is due to `fire`.
    ///
    /// At most `budget` entries are fired or cascaded; if there would be more, [`Advance::more`]
    /// says so, time has got only as far as the work, and the next call goes on. A `now` that lies
    /// before the time that has elapsed counts as that time: the wheel never turns back.
    ///
    /// If `fire` panics, the entry that it was given is gone and the wheel remains as good as
    /// before.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// wheel.insert(30, "tea");
    /// wheel.insert(5, "eggs");
    ///
    /// let mut done = Vec::new();
    /// wheel.advance(100, usize::MAX, |what| done.push(what));
    /// assert_eq!(done, ["eggs", "tea"]);
    /// assert_eq!(wheel.elapsed(), 100);
    /// ```
    pub fn advance(&mut self, now: u64, budget: usize, mut fire: impl FnMut(T)) -> Advance {
        let now = now.min(MAX_TICK).max(self.elapsed);
        let mut done = Advance::default();
        loop {
            let spent = done.fired + done.cascaded;
            if self.due != NIL || self.cascading != NIL {
                if spent >= budget {
                    done.more = true;
                    return done;
                }
                if let Some(index) = self.first_due() {
                    done.fired += 1;
                    if let Some(value) = self.take(index) {
                        fire(value);
                    }
                } else {
                    done.cascaded += 1;
                    self.cascade_one();
                }
            } else if !self.open_slot(now) {
                self.elapsed = now;
                return done;
            }
        }
    }

    /// Takes out every entry, in no particular order. What the iterator has not handed out when it
    /// is dropped is dropped with it; even if the destructor of one value panics, all the others
    /// are, and the wheel is empty.
    ///
    /// # Examples
    ///
    /// ```
    /// let mut wheel = wheelhouse_timer::Wheel::new();
    /// wheel.insert(30, "tea");
    /// wheel.insert(u64::MAX, "never");
    /// assert_eq!(wheel.drain().count(), 2);
    /// assert!(wheel.is_empty());
    /// ```
    pub fn drain(&mut self) -> Drain<'_, T> {
        Drain { wheel: self }
    }

    /// Detaches the first occupied slot if it starts by `now`, and moves time to its start.
    fn open_slot(&mut self, now: u64) -> bool {
        let Some(slot) = self.occupied.first() else {
            return false;
        };
        let start = self.start_of(slot);
        if start > now {
            return false;
        }
        self.elapsed = start;
        self.occupied.clear(slot);
        let head = std::mem::replace(&mut self.heads[slot as usize], NIL);
        // The nodes go on naming their slot; `unlink` knows that a list's first node may have moved
        // here.
        if slot < BASE_SLOTS {
            self.due = head;
        } else {
            self.cascading = head;
        }
        true
    }

    /// The first of those that are to be fired now; one of a slot of a higher level may be, too.
    fn first_due(&self) -> Option<u32> {
        if self.due != NIL {
            return Some(self.due);
        }
        let first = self.slab.node(self.cascading);
        (first.tick <= self.elapsed).then_some(self.cascading)
    }

    fn cascade_one(&mut self) {
        let index = self.cascading;
        let tick = self.slab.node(index).tick;
        self.unlink(index);
        self.link(index, tick);
    }

    fn take(&mut self, index: u32) -> Option<T> {
        self.unlink(index);
        self.slab.free(index)
    }

    /// Puts a node, which is in no list, at the front of the list where `tick` belongs now.
    fn link(&mut self, index: u32, tick: u64) {
        let list = self.list_for(tick);
        let head = match list {
            DUE_LIST => &mut self.due,
            slot => &mut self.heads[slot as usize],
        };
        let next = std::mem::replace(head, index);
        if next != NIL {
            self.slab.node_mut(next).prev = index;
        } else if list < SLOTS {
            self.occupied.set(list);
        }
        let node = self.slab.node_mut(index);
        node.list = list;
        node.prev = NIL;
        node.next = next;
    }

    fn unlink(&mut self, index: u32) {
        let node = self.slab.node(index);
        let (prev, next, list) = (node.prev, node.next, node.list);
        if next != NIL {
            self.slab.node_mut(next).prev = prev;
        }
        if prev != NIL {
            self.slab.node_mut(prev).next = next;
        } else if self.due == index {
            self.due = next;
        } else if self.cascading == index {
            self.cascading = next;
        } else {
            self.heads[list as usize] = next;
            if next == NIL && list < SLOTS {
                self.occupied.clear(list);
            }
        }
    }

    /// Where an entry for `tick` lies while `elapsed` is the time.
    fn list_for(&self, tick: u64) -> u32 {
        if tick > MAX_TICK {
            return NEVER_LIST;
        }
        if tick <= self.elapsed {
            return DUE_LIST;
        }
        let differing = tick ^ self.elapsed;
        if differing < u64::from(BASE_SLOTS) {
            return digit(tick, 0, BASE_SLOTS);
        }
        let level = (differing.ilog2() - BASE_BITS) / LEVEL_BITS;
        BASE_SLOTS + level * LEVEL_SLOTS + digit(tick, BASE_BITS + level * LEVEL_BITS, LEVEL_SLOTS)
    }

    /// The first tick of an occupied slot's range: the elapsed time's higher digits, then the
    /// slot's own.
    fn start_of(&self, slot: u32) -> u64 {
        let (shift, bits, digit) = if slot < BASE_SLOTS {
            (0, BASE_BITS, slot)
        } else {
            let level = (slot - BASE_SLOTS) / LEVEL_SLOTS;
            (
                BASE_BITS + level * LEVEL_BITS,
                LEVEL_BITS,
                slot % LEVEL_SLOTS,
            )
        };
        let higher = self.elapsed >> (shift + bits) << (shift + bits);
        higher | u64::from(digit) << shift
    }
}

/// The digit of `tick` that starts at bit `shift`, of as many bits as it takes to count `slots`.
fn digit(tick: u64, shift: u32, slots: u32) -> u32 {
    (tick >> shift) as u32 & (slots - 1)
}

impl<T> Default for Wheel<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> std::fmt::Debug for Wheel<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Wheel")
            .field("len", &self.len())
            .field("elapsed", &self.elapsed)
            .field("next_deadline", &self.next_deadline())
            .finish_non_exhaustive()
    }
}

/// Takes every entry out of a [`Wheel`]: see [`Wheel::drain`].
///
/// # Examples
///
/// ```
/// use wheelhouse_timer::{Drain, Wheel};
///
/// let mut wheel = Wheel::new();
/// wheel.insert(30, "tea");
/// let mut drain: Drain<'_, &str> = wheel.drain();
/// assert_eq!((drain.next(), drain.next()), (Some("tea"), None));
/// ```
#[derive(Debug)]
pub struct Drain<'a, T> {
    wheel: &'a mut Wheel<T>,
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let wheel = &mut *self.wheel;
        let slot = wheel.occupied.first().unwrap_or(NEVER_LIST);
        let heads = [wheel.due, wheel.cascading, wheel.heads[slot as usize]];
        let index = heads.into_iter().find(|head| *head != NIL)?;
        wheel.take(index)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.wheel.len(), Some(self.wheel.len()))
    }
}

impl<T> ExactSizeIterator for Drain<'_, T> {}

impl<T> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        while let Some(value) = self.next() {
            let rest = Rest(self);
            drop(value);
            std::mem::forget(rest);
        }
    }
}

/// Drops what is left although the destructor of a value has panicked.
struct Rest<'a, 'b, T>(&'a mut Drain<'b, T>);

impl<T> Drop for Rest<'_, '_, T> {
    fn drop(&mut self) {
        self.0.for_each(drop);
    }
}

#[cfg(test)]
mod tests;
