//! How late a timer may fire on purpose, so that it shares a slot with others.
//!
//! A deadline is rounded up to a multiple of a power of two of nanoseconds, the greatest that its
//! slack has room for. So timers that are due at nearly the same time fire together, those of a
//! coarse grid fire straight from a slot of a higher level, and the next deadline changes less
//! often. The rounding never goes down: nothing fires early.
//!
//! What a power of two of the tick or less would do, the tick does anyway.

use crate::clock::{NEVER, Unit};

/// The most that a timer of `sleep` is put off, in nanoseconds.
const SLEEP_MOST: u64 = 64_000;
/// What part of its length a timer of `sleep` is put off at most, as a power of two.
const SLEEP_PART: u32 = 10;
/// The most that a timer of `timeout` is put off, in nanoseconds.
const TIMEOUT_MOST: u64 = 16_000_000;
/// What part of its length a timer of `timeout` is put off at most, as a power of two.
const TIMEOUT_PART: u32 = 8;

/// What a deadline is rounded up to a multiple of: a power of two of nanoseconds, greater than the
/// tick, or nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct Slack(u8);

impl Slack {
    /// As exact as the wheel is.
    pub(crate) const NONE: Slack = Slack(0);
    /// 13 days. More makes no difference to anybody, and might round a deadline up to never.
    pub(crate) const MOST: Slack = Slack(50);
    /// How many bits it takes to keep one.
    pub(crate) const BITS: u32 = u8::BITS - Self::MOST.0.leading_zeros();

    /// The greatest that delays nothing by `nanos`, but by less.
    pub(crate) const fn within(nanos: u64) -> Slack {
        if nanos < Unit::TICK.tick_nanos(2) {
            return Slack::NONE;
        }
        let power = nanos.ilog2() as u8;
        Slack(if power < Self::MOST.0 {
            power
        } else {
            Self::MOST.0
        })
    }

    /// What a `sleep` has by default with so many nanoseconds left.
    pub(crate) fn of_sleep(left: u64) -> Slack {
        Slack::within((left >> SLEEP_PART).min(SLEEP_MOST))
    }

    /// What a `timeout` has by default with so many nanoseconds left.
    pub(crate) fn of_timeout(left: u64) -> Slack {
        Slack::within((left >> TIMEOUT_PART).min(TIMEOUT_MOST))
    }

    /// The time that stands for a deadline: no earlier. [`NEVER`] stays that.
    pub(crate) fn put_off(self, deadline: u64) -> u64 {
        round_up(deadline, self.0.into()).unwrap_or(NEVER)
    }

    pub(crate) fn to_bits(self) -> u32 {
        self.0.into()
    }

    pub(crate) fn from_bits(bits: u32) -> Slack {
        Slack(bits as u8)
    }
}

/// The first multiple of a power of two that isn't less than `value`, if it can be represented.
pub(crate) fn round_up(value: u64, power: u32) -> Option<u64> {
    let below = (1 << power) - 1;
    value.checked_add(below).map(|end| end & !below)
}

#[cfg(test)]
mod tests;
