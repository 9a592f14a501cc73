//! What a run tells, and the lines that carry it to the parent: the same for every runtime, and
//! for the script that runs asyncio.
//!
//! | line | what it says |
//! |---|---|
//! | `heart 120 10000950 20001010` | when a heart started and when it ran, in nanoseconds |
//! | `needed threads=4 cpu_ns=5000 switches=12` | what the process needed until the look |
//! | `version Python 3.11.7` | what ran, where that isn't in the lock file |

use std::fmt::Write;

use super::case::{HEARTS, Timing};
use super::lateness::{self, Lateness};
use crate::sampler::Needed;

/// What a run tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Record {
    /// For each heart its start, then when it ran; nanoseconds since the start of the run.
    pub hearts: Vec<Vec<u64>>,
    /// The most threads at a time, the one that looks left out.
    pub threads: u64,
    /// CPU time of all threads, in nanoseconds.
    pub cpu_ns: u64,
    /// Context switches of all threads.
    pub switches: u64,
    /// What ran, if it told.
    pub version: Option<String>,
}

impl Record {
    /// The record of these hearts, by what their process needed.
    #[must_use]
    pub fn new(hearts: Vec<Vec<u64>>, needed: &Needed) -> Record {
        Record {
            hearts,
            threads: needed.threads,
            cpu_ns: u64::try_from(needed.cpu.as_nanos()).unwrap_or(u64::MAX),
            switches: needed.switches,
            version: None,
        }
    }

    /// As lines.
    #[must_use]
    pub fn to_lines(&self) -> String {
        let mut lines = String::new();
        for heart in &self.hearts {
            lines.push_str("heart");
            for at in heart {
                let _ = write!(lines, " {at}");
            }
            lines.push('\n');
        }
        let (threads, cpu_ns, switches) = (self.threads, self.cpu_ns, self.switches);
        let _ = writeln!(
            lines,
            "needed threads={threads} cpu_ns={cpu_ns} switches={switches}"
        );
        if let Some(version) = &self.version {
            let _ = writeln!(lines, "version {version}");
        }
        lines
    }

    /// Reads such lines.
    ///
    /// # Errors
    ///
    /// When one is no such line, or some are missing.
    pub fn from_lines(lines: &str) -> Result<Record, String> {
        let mut record = Record::default();
        let mut needed = false;
        for line in lines.lines() {
            let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
            let read = match word {
                "heart" => numbers(rest).map(|heart| record.hearts.push(heart)),
                "needed" => record.set_needed(rest).map(|()| needed = true),
                "version" => {
                    record.version = Some(rest.to_owned());
                    Some(())
                }
                _ => None,
            };
            read.ok_or_else(|| format!("`{}` is no line of a record", shortened(line)))?;
        }
        match (needed, record.hearts.len()) {
            (true, HEARTS) => Ok(record),
            (false, _) => Err("it didn't tell what it needed".to_owned()),
            (true, hearts) => Err(format!("it told of {hearts} hearts, not {HEARTS}")),
        }
    }

    fn set_needed(&mut self, words: &str) -> Option<()> {
        let mut set = 0;
        for word in words.split_whitespace() {
            let (name, value) = word.split_once('=')?;
            let place = match name {
                "threads" => &mut self.threads,
                "cpu_ns" => &mut self.cpu_ns,
                "switches" => &mut self.switches,
                _ => return None,
            };
            *place = value.parse().ok()?;
            set += 1;
        }
        (set == 3).then_some(())
    }

    /// How late the beats were.
    ///
    /// # Errors
    ///
    /// When a beat came early, or a heart never started.
    pub fn lateness(&self, timing: &Timing) -> Result<Lateness, String> {
        let beats = |heart: &Vec<u64>| match heart.split_first() {
            Some((start, woke)) => lateness::of_heart(*start, woke, timing),
            None => Err("a heart never started".to_owned()),
        };
        let hearts: Result<Vec<_>, _> = self.hearts.iter().map(beats).collect();
        Lateness::of(&hearts?)
    }
}

fn numbers(words: &str) -> Option<Vec<u64>> {
    words
        .split_whitespace()
        .map(|word| word.parse().ok())
        .collect()
}

/// Enough of a line to know it by.
fn shortened(line: &str) -> String {
    line.chars().take(40).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn sample() -> Record {
        Record {
            hearts: (1..=HEARTS as u64)
                .map(|start| vec![start, 10_000_100])
                .collect(),
            threads: 4,
            cpu_ns: 123,
            switches: 56,
            version: Some("Python 3.11.7".to_owned()),
        }
    }

    #[test]
    fn lines_are_read_back() {
        let lines = sample().to_lines();
        assert_eq!(Record::from_lines(&lines), Ok(sample()));
        assert!(
            lines.contains("\nneeded threads=4 cpu_ns=123 switches=56\n"),
            "{lines}"
        );
    }

    #[test]
    fn a_record_with_something_missing_or_strange_is_refused() {
        let lines = sample().to_lines();
        let cut = lines.replacen("heart 1 10000100\n", "", 1);
        let error = Record::from_lines(&cut).expect_err("99 hearts");
        assert_eq!(error, "it told of 99 hearts, not 100");
        let error = Record::from_lines("heart 1 2\n").expect_err("no needs");
        assert_eq!(error, "it didn't tell what it needed");
        for strange in ["Traceback", "heart 1 x", "needed threads=4 cpu_ns=1"] {
            let error = Record::from_lines(strange).expect_err("strange");
            assert_eq!(error, format!("`{strange}` is no line of a record"));
        }
    }

    #[test]
    fn lateness_is_that_of_all_hearts() {
        let timing = Timing {
            span: Duration::from_millis(11),
            onset: Duration::ZERO,
            hold: Duration::ZERO,
        };
        let lateness = sample().lateness(&timing).expect("none early");
        // The first heart started at 1 ns, so its beat was due at 10,000,001 ns.
        assert_eq!((lateness.worst.nanos, lateness.worst.or_more), (99, false));
        assert_eq!(lateness.curve.len(), 1);
        let mut dead = sample();
        dead.hearts[3].clear();
        let error = dead.lateness(&timing).expect_err("no start");
        assert_eq!(error, "a heart never started");
    }
}
