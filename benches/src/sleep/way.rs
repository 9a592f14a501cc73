//! The ways to sleep, and how long each must take by arithmetic alone.

use std::time::Duration;

use crate::quantity::{chosen, count};
use crate::runtime::Which;

/// The threads that `spawn_blocking` may start unless told otherwise, ours and tokio's alike.
pub(super) const BLOCKING_THREADS: u64 = 512;

/// The spare threads that wheelhouse may start, unless told otherwise, to stand in for workers
/// that are blocked.
pub(super) const SPARE_THREADS: u64 = 512;

/// A way to have many sleepers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// One thread sleeps for each sleeper in turn.
    InTurn,
    /// A thread for each sleeper.
    ThreadEach,
    /// `thread::sleep` inside a task for each sleeper.
    Blocking(Which),
    /// `thread::sleep` inside a `spawn_blocking` job for each sleeper; ours or tokio's.
    SpawnBlocking(Which),
    /// `sleep().await` inside a task for each sleeper.
    Async(Which),
}

impl Way {
    /// All of them, in the order of the tables. smol stands for its fastest form.
    pub(super) const ALL: [Way; 10] = [
        Way::InTurn,
        Way::ThreadEach,
        Way::Blocking(Which::Wheelhouse),
        Way::Blocking(Which::Tokio),
        Way::Blocking(Which::SmolStatic),
        Way::SpawnBlocking(Which::Wheelhouse),
        Way::SpawnBlocking(Which::Tokio),
        Way::Async(Which::Wheelhouse),
        Way::Async(Which::Tokio),
        Way::Async(Which::SmolStatic),
    ];

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Way::InTurn => "in-turn",
            Way::ThreadEach => "thread-each",
            Way::Blocking(Which::Wheelhouse) => "blocking-wheelhouse",
            Way::Blocking(Which::Tokio) => "blocking-tokio",
            Way::Blocking(_) => "blocking-smol",
            Way::SpawnBlocking(Which::Wheelhouse) => "spawn-blocking-wheelhouse",
            Way::SpawnBlocking(_) => "spawn-blocking-tokio",
            Way::Async(Which::Wheelhouse) => "async-wheelhouse",
            Way::Async(Which::Tokio) => "async-tokio",
            Way::Async(_) => "async-smol",
        }
    }

    /// The way of this name.
    pub(super) fn from_name(name: &str) -> Option<Way> {
        Way::ALL.into_iter().find(|way| way.name() == name)
    }

    /// What it does, in the words of a program.
    pub(super) fn title(self) -> &'static str {
        match self {
            Way::InTurn => "one thread, in turn",
            Way::ThreadEach => "a thread per sleeper",
            Way::Blocking(Which::Wheelhouse) => "thread::sleep in wheelhouse tasks",
            Way::Blocking(Which::Tokio) => "thread::sleep in tokio tasks",
            Way::Blocking(_) => "thread::sleep in smol tasks",
            Way::SpawnBlocking(Which::Wheelhouse) => "wheelhouse spawn_blocking jobs",
            Way::SpawnBlocking(_) => "tokio spawn_blocking jobs",
            Way::Async(Which::Wheelhouse) => "wheelhouse sleep().await",
            Way::Async(Which::Tokio) => "tokio sleep().await",
            Way::Async(_) => "smol Timer::after().await",
        }
    }

    /// The time that the sleeps alone must take, all else being free.
    pub(super) fn arithmetic(self, sleepers: u64, sleep: Duration, workers: usize) -> Duration {
        let at_once = self.at_once(sleepers, workers);
        let rounds = sleepers.div_ceil(at_once.max(1));
        sleep.saturating_mul(u32::try_from(rounds).unwrap_or(u32::MAX))
    }

    /// The same in words: `100,000 / 512 at once × 100 ms`.
    pub(super) fn arithmetic_text(self, sleepers: u64, sleep: Duration, workers: usize) -> String {
        let at_once = count(self.at_once(sleepers, workers));
        format!(
            "{} / {at_once} at once × {}",
            count(sleepers),
            chosen(sleep)
        )
    }

    fn at_once(self, sleepers: u64, workers: usize) -> u64 {
        match self {
            Way::InTurn => 1,
            Way::ThreadEach | Way::Async(_) => sleepers,
            // A worker that is blocked is noticed, and a spare thread stands in for it.
            Way::Blocking(Which::Wheelhouse) => workers as u64 + SPARE_THREADS,
            Way::Blocking(_) => workers as u64,
            Way::SpawnBlocking(_) => BLOCKING_THREADS,
        }
    }

    /// The threads that must have been started for sleepers, given how many slept at once: no two
    /// of these share a thread, and the workers were there before.
    pub(super) fn threads_started(self, asleep_at_once: u64, workers: usize) -> u64 {
        match self {
            Way::InTurn | Way::Async(_) => 0,
            Way::Blocking(_) => asleep_at_once.saturating_sub(workers as u64),
            Way::ThreadEach | Way::SpawnBlocking(_) => asleep_at_once,
        }
    }

    /// A rough cost of one more sleeper, used for the time left and for nothing that is shown.
    pub(super) fn rough_cost(self) -> Duration {
        match self {
            Way::InTurn => Duration::from_micros(100),
            Way::ThreadEach => Duration::from_micros(50),
            Way::Blocking(_) | Way::SpawnBlocking(_) => Duration::from_micros(5),
            Way::Async(_) => Duration::from_nanos(1_000),
        }
    }

    /// More memory than one sleeper takes, kernel included: a cell that might not fit isn't run.
    pub(super) fn generous_bytes(self) -> u64 {
        match self {
            Way::ThreadEach => 32 * 1024,
            _ => 1024,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SLEEP: Duration = Duration::from_millis(100);

    fn seconds(way: Way, sleepers: u64) -> f64 {
        way.arithmetic(sleepers, SLEEP, 2).as_secs_f64()
    }

    #[test]
    fn arithmetic_counts_rounds_of_sleepers() {
        assert_eq!(seconds(Way::InTurn, 10), 1.0);
        assert_eq!(seconds(Way::Blocking(Which::Tokio), 101), 5.1);
        assert_eq!(seconds(Way::Blocking(Which::Wheelhouse), 514), 0.1);
        assert_eq!(seconds(Way::Blocking(Which::Wheelhouse), 515), 0.2);
        assert_eq!(seconds(Way::SpawnBlocking(Which::Tokio), 512), 0.1);
        assert_eq!(seconds(Way::SpawnBlocking(Which::Tokio), 513), 0.2);
        assert_eq!(seconds(Way::Async(Which::Wheelhouse), 1_000_000), 0.1);
        assert_eq!(seconds(Way::ThreadEach, 1_000_000), 0.1);
        assert_eq!(seconds(Way::InTurn, 1_000_000), 100_000.0);
    }

    #[test]
    fn arithmetic_is_told_in_words() {
        let text = Way::SpawnBlocking(Which::Wheelhouse).arithmetic_text(100_000, SLEEP, 2);
        assert_eq!(text, "100,000 / 512 at once × 100 ms");
    }

    #[test]
    fn only_a_sleeper_that_holds_a_thread_needs_one() {
        assert_eq!(Way::Async(Which::Tokio).threads_started(1_000, 2), 0);
        assert_eq!(Way::ThreadEach.threads_started(1_000, 2), 1_000);
        assert_eq!(
            Way::Blocking(Which::Wheelhouse).threads_started(514, 2),
            512
        );
        assert_eq!(Way::Blocking(Which::Tokio).threads_started(2, 2), 0);
        assert_eq!(Way::Blocking(Which::Tokio).threads_started(1, 2), 0);
    }

    #[test]
    fn names_are_read_back() {
        for way in Way::ALL {
            assert_eq!(Way::from_name(way.name()), Some(way));
        }
    }
}
