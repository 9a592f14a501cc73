//! Numbers as people read them: `32,751`, `1.25 ms`, `4.1 KiB`.

use std::time::Duration;

/// Groups digits by thousands: `1,000,000`.
#[must_use]
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut grouped = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            grouped.push(',');
        }
        grouped.push(digit);
    }
    grouped
}

/// A number of things: `1 sleeper`, `1,000 sleepers`.
#[must_use]
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// A duration that somebody chose, in whole milliseconds or seconds: `100 ms`, `1 s`.
#[must_use]
pub fn chosen(duration: Duration) -> String {
    match duration.subsec_nanos() {
        0 => format!("{} s", count(duration.as_secs())),
        _ => format!("{} ms", duration.as_millis()),
    }
}

/// Three significant digits, without an exponent.
#[must_use]
pub fn three_digits(value: f64) -> String {
    let magnitude = value.abs();
    if magnitude >= 99.95 {
        return count_signed(value.round());
    }
    let decimals = match magnitude {
        m if m >= 9.995 => 1,
        m if m >= 0.9995 => 2,
        m if m < 0.000_05 => 0,
        _ => 3,
    };
    format!("{value:.decimals$}")
}

fn count_signed(rounded: f64) -> String {
    let sign = if rounded < 0.0 { "-" } else { "" };
    format!("{sign}{}", count(rounded.abs() as u64))
}

/// Nanoseconds in the unit that fits: `850 ns`, `12.5 µs`, `3.02 ms`, `1.50 s`.
#[must_use]
pub fn time(nanos: f64) -> String {
    scaled(nanos, 1000.0, &["ns", "µs", "ms", "s"])
}

/// Bytes in the unit that fits: `161 B`, `24.3 KiB`; `< 1 B` where a share is less than one.
#[must_use]
pub fn bytes(bytes: f64) -> String {
    if bytes > 0.0 && bytes < 1.0 {
        return "< 1 B".to_owned();
    }
    scaled(bytes, 1024.0, &["B", "KiB", "MiB", "GiB"])
}

fn scaled(mut value: f64, step: f64, units: &[&str]) -> String {
    let mut unit = 0;
    // 999.5 would be printed as 1,000: that is the next unit's 1.
    while value.abs() >= step - 0.5 && unit + 1 < units.len() {
        value /= step;
        unit += 1;
    }
    format!("{} {}", three_digits(value), units[unit])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_grouped() {
        assert_eq!(count(0), "0");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_000), "1,000");
        assert_eq!(count(1_234_567), "1,234,567");
    }

    #[test]
    fn three_digits_are_kept() {
        assert_eq!(three_digits(0.0), "0");
        assert_eq!(three_digits(0.123_4), "0.123");
        assert_eq!(three_digits(1.234), "1.23");
        assert_eq!(three_digits(12.34), "12.3");
        assert_eq!(three_digits(99.96), "100");
        assert_eq!(three_digits(12_345.6), "12,346");
        assert_eq!(three_digits(-150.0), "-150");
    }

    #[test]
    fn units_follow_the_size() {
        assert_eq!(time(850.0), "850 ns");
        assert_eq!(time(12_500.0), "12.5 µs");
        assert_eq!(time(100_000_000.0), "100 ms");
        assert_eq!(time(999_900_000.0), "1.00 s");
        assert_eq!(time(75e9), "75.0 s");
        assert_eq!(bytes(161.0), "161 B");
        assert_eq!(bytes(24_900.0), "24.3 KiB");
    }

    #[test]
    fn there_is_no_part_of_a_byte() {
        assert_eq!(bytes(0.377), "< 1 B");
        assert_eq!(bytes(0.0), "0 B");
        assert_eq!(bytes(1.0), "1.00 B");
    }

    #[test]
    fn one_of_a_thing_is_singular() {
        assert_eq!(counted(1, "sleeper"), "1 sleeper");
        assert_eq!(counted(1_000, "sleeper"), "1,000 sleepers");
        assert_eq!(counted(0, "run"), "0 runs");
    }

    #[test]
    fn chosen_durations_are_whole() {
        assert_eq!(chosen(Duration::from_millis(100)), "100 ms");
        assert_eq!(chosen(Duration::from_secs(1)), "1 s");
        assert_eq!(chosen(Duration::from_millis(1_500)), "1500 ms");
    }
}
