//! Small programs, in reading order, for somebody who knows Python and has met `asyncio`.
//!
//! | run it | it shows |
//! |---|---|
//! | `cargo run -p wheelhouse-examples --example 01_plain` | an ordinary function, called |
//! | `… --example 02_async` | an async function, called and run |
//! | `… --example 03_gather` | `run`, `gather!` and `sleep`, with the time at start and finish |
//! | `… --example 04_two_sleeps` | `thread::sleep` against `sleep` |
//! | `… --example 05_by_hand` | a future as an object in memory, and the loop that polls such objects |
//! | `… --example 06_never_awaited` | what happens to a future that nobody awaits |
//! | `… --example 07_await_outside` | what the compiler says to `.await` outside `async` |
//! | `… --example 08_who_ran_where` | tasks and OS threads in one `gather!`, and the thread of each |
//! | `… --example 09_other_executor` | the timers alone, on another project's executor |
//! | `… --example 10_blocked` | a task that blocks its thread: who goes on, and which task did it |
//! | `… --example 11_ends` | the ends of tasks: in a `task_group` that fails, with nobody to hear of a panic, in a `scope` |
//!
//! This library holds only what they share: a wall clock to print.

use std::time::{SystemTime, UNIX_EPOCH};

/// The time of day as `15:34:02 UTC`: what `time.strftime('%X')` prints in Python, in UTC, since
/// the standard library knows no time zones.
///
/// # Examples
///
/// ```
/// let now = wheelhouse_examples::wall_clock();
/// assert_eq!(now.len(), "15:34:02 UTC".len());
/// ```
pub fn wall_clock() -> String {
    // A clock set before 1970 shows midnight: good enough for an example.
    let since_1970 = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    time_of_day(since_1970.as_secs())
}

fn time_of_day(unix_seconds: u64) -> String {
    let (minutes, second) = (unix_seconds / 60, unix_seconds % 60);
    let (hours, minute) = (minutes / 60, minutes % 60);
    format!("{:02}:{minute:02}:{second:02} UTC", hours % 24)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_second_of_a_day() {
        assert_eq!(time_of_day(0), "00:00:00 UTC");
        assert_eq!(time_of_day(15 * 3600 + 34 * 60 + 2), "15:34:02 UTC");
        assert_eq!(time_of_day(86_399), "23:59:59 UTC");
        assert_eq!(time_of_day(86_400), "00:00:00 UTC");
    }
}
