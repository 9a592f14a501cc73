//! `Instant` ↔ nanoseconds ↔ ticks, rounded so that no timer fires early; and a clock set by hand.
//!
//! Times are kept as nanoseconds since a base that the whole process shares, in a `u64`: enough for
//! 500 years, one word to compare and to publish atomically. By the system's clock a tick is 2^14
//! ns (16.4 µs), by one set by hand 1 ns, so that conversion is a shift: see [`Unit`]. A **deadline
//! rounds up** to its tick and **now rounds down**: when the wheel has reached the tick of a
//! deadline, the deadline has passed.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::paused::Asked;
use crate::wheel::MAX_TICK;

/// The time of what has no time: later than every deadline, in nanoseconds.
pub const NEVER: u64 = u64::MAX;

/// The tick of the system's clock, as a power of two of nanoseconds.
const TICK_SHIFT: u32 = 14;

/// How far before its first use the base may lie, as a power of two of nanoseconds (2^60 ns are 36
/// years). A wheel that counts in nanoseconds has ticks for 146 years from the base, so for 110
/// from now.
const BASE_BACK: u32 = 60;

/// The instant of nanosecond 0: long before the first use of the crate, as far as the platform
/// allows, so that instants from before it are told apart too.
fn base() -> Instant {
    static BASE: OnceLock<Instant> = OnceLock::new();
    *BASE.get_or_init(|| {
        let now = Instant::now();
        let back = |power| now.checked_sub(Duration::from_nanos(1u64 << power));
        (0..=BASE_BACK).rev().find_map(back).unwrap_or(now)
    })
}

/// An instant in nanoseconds since the base. Before the base it counts as the base, and what
/// doesn't fit as [`NEVER`].
pub(crate) fn nanos(instant: Instant) -> u64 {
    duration_nanos(instant.saturating_duration_since(base()))
}

/// The instant of a number of nanoseconds; `None` for [`NEVER`] and what the platform can't
/// represent.
pub(crate) fn instant(nanos: u64) -> Option<Instant> {
    if nanos == NEVER {
        return None;
    }
    base().checked_add(Duration::from_nanos(nanos))
}

/// A length of time in nanoseconds, [`NEVER`] if that doesn't fit.
pub(crate) fn duration_nanos(duration: Duration) -> u64 {
    duration
        .as_secs()
        .checked_mul(1_000_000_000)
        .and_then(|nanos| nanos.checked_add(u64::from(duration.subsec_nanos())))
        .unwrap_or(NEVER)
}

/// What a wheel counts in: a tick is a power of two of nanoseconds.
///
/// [`NEVER`], and what rounds up to it, has a tick that the wheel never gets to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Unit {
    shift: u32,
}

impl Unit {
    /// By the system's clock: as precise as its waits are, and the fewer slots are opened.
    pub(crate) const TICK: Unit = Unit { shift: TICK_SHIFT };
    /// By a clock set by hand: timers fire at the very time that they were set for.
    pub(crate) const NANO: Unit = Unit { shift: 0 };

    pub(crate) fn of_clock(manual: bool) -> Unit {
        if manual { Unit::NANO } else { Unit::TICK }
    }

    /// The first tick at which a deadline has passed.
    pub(crate) fn deadline_tick(self, nanos: u64) -> u64 {
        let part = nanos & ((1 << self.shift) - 1);
        (nanos >> self.shift) + u64::from(part != 0)
    }

    /// The tick that it is.
    pub(crate) const fn now_tick(self, nanos: u64) -> u64 {
        nanos >> self.shift
    }

    /// When a tick starts; [`NEVER`] if the wheel doesn't get there.
    pub(crate) const fn tick_nanos(self, tick: u64) -> u64 {
        if tick > self.now_tick(NEVER) || tick > MAX_TICK {
            NEVER
        } else {
            tick << self.shift
        }
    }
}

/// What tells the time: the system's monotonic clock, or one that is set by hand. Neither goes
/// back.
///
/// It is for code that is to be tested without waiting. [`sleep`](crate::sleep) and the other
/// futures of this crate go by the system's clock, or by a runtime's [paused
/// one](crate#paused-time).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse_timer::{Clock, ManualClock};
///
/// let hand = ManualClock::new();
/// let clock = Clock::from(hand.clone());
/// let start = clock.now();
/// hand.advance(Duration::from_secs(3600));
/// assert_eq!(clock.now() - start, Duration::from_secs(3600));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Clock {
    /// `None`: the system's.
    manual: Option<ManualClock>,
}

impl Clock {
    /// The system's monotonic clock, that of [`Instant::now`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Instant;
    /// use wheelhouse_timer::Clock;
    ///
    /// let before = Instant::now();
    /// assert!(Clock::monotonic().now() >= before);
    /// ```
    pub const fn monotonic() -> Self {
        Clock { manual: None }
    }

    /// What time it is by this clock.
    ///
    /// A manual clock that was moved to the end of what [`Instant`] can represent tells the
    /// system's time.
    pub fn now(&self) -> Instant {
        match &self.manual {
            None => Instant::now(),
            Some(manual) => manual.now(),
        }
    }

    /// What time it is in nanoseconds since the process's base.
    pub(crate) fn nanos(&self) -> u64 {
        match &self.manual {
            None => crate::context::monotonic_nanos(),
            Some(manual) => manual.nanos(),
        }
    }

    pub(crate) fn is_manual(&self) -> bool {
        self.manual.is_some()
    }

    /// A runtime's paused clock, and what is asked of it.
    pub(crate) fn paused(&self) -> Option<(&ManualClock, &Arc<Asked>)> {
        let hand = self.manual.as_ref()?;
        Some((hand, hand.asked.as_ref()?))
    }

    /// What wheels count in that go by this clock.
    pub(crate) fn unit(&self) -> Unit {
        Unit::of_clock(self.is_manual())
    }
}

impl From<ManualClock> for Clock {
    fn from(clock: ManualClock) -> Self {
        Clock {
            manual: Some(clock),
        }
    }
}

/// A clock that stands still until it is told to move on. Clones show the same time.
///
/// It fires nothing by itself. It is for tests of code that takes a [`Clock`] and, say, drives a
/// [`Wheel`](crate::Wheel) of its own.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse_timer::{Clock, ManualClock, Wheel};
///
/// /// Fires what is due, in milliseconds since `start`.
/// fn fire(wheel: &mut Wheel<&'static str>, clock: &Clock, start: std::time::Instant) -> usize {
///     let now = (clock.now() - start).as_millis() as u64;
///     wheel.advance(now, usize::MAX, |name| println!("{name}")).fired
/// }
///
/// let hand = ManualClock::new();
/// let (clock, start) = (Clock::from(hand.clone()), hand.now());
/// let mut wheel = Wheel::new();
/// wheel.insert(60_000, "a minute");
///
/// hand.advance(Duration::from_millis(59_999));
/// assert_eq!(fire(&mut wheel, &clock, start), 0);
/// hand.advance(Duration::from_millis(1));
/// assert_eq!(fire(&mut wheel, &clock, start), 1);
/// ```
#[derive(Clone, Debug)]
pub struct ManualClock {
    nanos: Arc<AtomicU64>,
    /// What is asked of it, if it is a runtime's paused one.
    asked: Option<Arc<Asked>>,
}

impl ManualClock {
    /// A clock that shows the time of its creation.
    pub fn new() -> Self {
        ManualClock {
            nanos: Arc::new(AtomicU64::new(nanos(Instant::now()))),
            asked: None,
        }
    }

    /// As [`new`](Self::new), for a runtime.
    pub(crate) fn paused(asked: Arc<Asked>) -> Self {
        ManualClock {
            asked: Some(asked),
            ..ManualClock::new()
        }
    }

    /// What time it shows.
    pub fn now(&self) -> Instant {
        instant(self.nanos()).unwrap_or_else(Instant::now)
    }

    /// Moves it on. More than it can show takes it to the end of time, no further.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let hand = wheelhouse_timer::ManualClock::new();
    /// let start = hand.now();
    /// hand.advance(Duration::from_secs(3600));
    /// assert_eq!(hand.now() - start, Duration::from_secs(3600));
    /// ```
    pub fn advance(&self, by: Duration) {
        let by = duration_nanos(by);
        let add = |now: u64| Some(now.saturating_add(by).min(NEVER - 1));
        // Release: pairs with the load in `nanos`, so that whoever sees the new time sees what was
        // done before it. Acquire: passes on what those did who moved it earlier.
        let _ = self
            .nanos
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, add);
    }

    /// Moves it on to `now`; if it shows a later time already, nothing changes.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// let hand = wheelhouse_timer::ManualClock::new();
    /// let start = hand.now();
    /// hand.advance_to(start + Duration::from_secs(2));
    /// hand.advance_to(start + Duration::from_secs(1)); // does nothing
    /// assert_eq!(hand.now() - start, Duration::from_secs(2));
    /// ```
    pub fn advance_to(&self, now: Instant) {
        self.move_to(nanos(now));
    }

    /// As [`advance_to`](Self::advance_to), in nanoseconds.
    pub(crate) fn move_to(&self, now: u64) {
        // AcqRel: as in `advance`.
        self.nanos.fetch_max(now.min(NEVER - 1), Ordering::AcqRel);
    }

    pub(crate) fn nanos(&self) -> u64 {
        // Acquire: pairs with `advance` and `advance_to`.
        self.nanos.load(Ordering::Acquire)
    }
}

impl Default for ManualClock {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_rounds_up_and_now_rounds_down() {
        let (unit, tick) = (Unit::TICK, 1 << TICK_SHIFT);
        for (nanos, up, down) in [
            (0, 0, 0),
            (1, 1, 0),
            (tick - 1, 1, 0),
            (tick, 1, 1),
            (tick + 1, 2, 1),
        ] {
            assert_eq!(
                (unit.deadline_tick(nanos), unit.now_tick(nanos)),
                (up, down),
                "{nanos} ns"
            );
            assert_eq!(Unit::NANO.deadline_tick(nanos), nanos);
            assert_eq!(Unit::NANO.now_tick(nanos), nanos);
            assert_eq!(Unit::NANO.tick_nanos(nanos), nanos);
        }
    }

    #[test]
    fn never_has_a_tick_that_is_never_reached() {
        for unit in [Unit::TICK, Unit::NANO] {
            let last = unit.now_tick(NEVER - 1).min(MAX_TICK);
            let never = unit.deadline_tick(NEVER);
            assert!(never > last);
            assert!(unit.tick_nanos(last) < NEVER);
            assert_eq!(unit.tick_nanos(last + 1), NEVER);
            assert_eq!(unit.tick_nanos(never), NEVER);
            assert_eq!(unit.tick_nanos(u64::MAX), NEVER);
        }
    }

    #[test]
    fn when_a_tick_has_come_its_deadlines_have_passed() {
        for unit in [Unit::TICK, Unit::NANO] {
            for deadline in (0..1 << 16).chain(NEVER - (1 << 16)..NEVER) {
                let start = unit.tick_nanos(unit.deadline_tick(deadline));
                assert!(start >= deadline);
                assert!(start - deadline < 1 << unit.shift || start == NEVER);
            }
        }
    }

    #[test]
    fn a_century_has_nanoseconds_in_the_wheel() {
        let century = Duration::from_secs(100 * 366 * 24 * 3600);
        assert!(nanos(Instant::now() + century) <= MAX_TICK);
    }

    #[test]
    fn instants_go_there_and_back() {
        let now = Instant::now();
        for at in [
            now,
            now + Duration::from_secs(86_400 * 365),
            base(),
            now - Duration::from_millis(1),
        ] {
            assert_eq!(instant(nanos(at)), Some(at));
        }
        assert_eq!(instant(NEVER), None);
    }

    #[test]
    fn lengths_saturate() {
        assert_eq!(duration_nanos(Duration::MAX), NEVER);
        assert_eq!(duration_nanos(Duration::from_nanos(NEVER)), NEVER);
        assert_eq!(duration_nanos(Duration::from_nanos(NEVER - 1)), NEVER - 1);
    }

    #[test]
    fn a_manual_clock_never_goes_back_nor_wraps() {
        let hand = ManualClock::new();
        let start = hand.now();
        hand.advance(Duration::from_secs(2));
        hand.advance_to(start);
        assert_eq!(hand.now(), start + Duration::from_secs(2));
        hand.advance_to(start + Duration::from_secs(3));
        assert_eq!(
            Clock::from(hand.clone()).now(),
            start + Duration::from_secs(3)
        );
        hand.advance(Duration::MAX);
        hand.advance(Duration::MAX);
        assert_eq!(hand.nanos(), NEVER - 1);
        let _ = hand.now();
    }
}
