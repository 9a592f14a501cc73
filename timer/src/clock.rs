//! `Instant` ↔ nanoseconds ↔ ticks, rounded so that no timer fires early; and a clock set by hand.
//!
//! Times are kept as nanoseconds since a base that the whole process shares, in a `u64`: enough for
//! 500 years, one word to compare and to publish atomically. A tick is 2^14 ns (16.4 µs), so that
//! conversion is a shift. A **deadline rounds up** to its tick and **now rounds down**: when the
//! wheel has reached the tick of a deadline, the deadline has passed.

use std::sync::Arc;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The time of what has no time: later than every deadline, in nanoseconds.
pub const NEVER: u64 = u64::MAX;

const TICK_SHIFT: u32 = 14;

/// How far before its first use the base may lie, as a power of two of nanoseconds (2^60 ns are 36
/// years).
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

/// The first tick at which a deadline has passed.
pub(crate) fn deadline_tick(nanos: u64) -> u64 {
    nanos.div_ceil(1 << TICK_SHIFT)
}

/// The tick that it is.
pub(crate) fn now_tick(nanos: u64) -> u64 {
    nanos >> TICK_SHIFT
}

/// When a tick starts.
pub(crate) fn tick_nanos(tick: u64) -> u64 {
    if tick > now_tick(NEVER) {
        NEVER
    } else {
        tick << TICK_SHIFT
    }
}

/// What tells the time: the system's monotonic clock, or one that is set by hand. Neither goes back.
///
/// It is for code that is to be tested without waiting. [`sleep`](crate::sleep) and the other
/// futures of this crate go by the system's clock always.
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
}

impl ManualClock {
    /// A clock that shows the time of its creation.
    pub fn new() -> Self {
        ManualClock {
            nanos: Arc::new(AtomicU64::new(nanos(Instant::now()))),
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
        // AcqRel: as in `advance`.
        self.nanos
            .fetch_max(nanos(now).min(NEVER - 1), Ordering::AcqRel);
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
    use crate::wheel::MAX_TICK;

    #[test]
    fn a_deadline_rounds_up_and_now_rounds_down() {
        let tick = 1 << TICK_SHIFT;
        for (nanos, up, down) in [
            (0, 0, 0),
            (1, 1, 0),
            (tick - 1, 1, 0),
            (tick, 1, 1),
            (tick + 1, 2, 1),
        ] {
            assert_eq!(
                (deadline_tick(nanos), now_tick(nanos)),
                (up, down),
                "{nanos} ns"
            );
        }
        assert_eq!(deadline_tick(NEVER), MAX_TICK + 1, "never has no slot");
        assert_eq!(now_tick(NEVER), MAX_TICK);
        assert_eq!(tick_nanos(MAX_TICK) >> TICK_SHIFT, MAX_TICK);
        assert_eq!(tick_nanos(MAX_TICK + 1), NEVER);
        assert_eq!(tick_nanos(u64::MAX), NEVER);
    }

    #[test]
    fn when_a_tick_has_come_its_deadlines_have_passed() {
        for deadline in (0..1 << 16).chain(NEVER - (1 << 16)..NEVER) {
            let start = tick_nanos(deadline_tick(deadline));
            assert!(start >= deadline);
            assert!(start - deadline < 1 << TICK_SHIFT || start == NEVER);
        }
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
