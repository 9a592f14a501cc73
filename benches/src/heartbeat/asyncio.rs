//! The experiment on Python's asyncio, by a script that does the same step by step.

use std::io;
use std::process::Command;
use std::time::Duration;

use super::case::{BEAT, HEARTS, Task};
use crate::child::{self, Ended};

const SCRIPT: &str = include_str!("../../python/heartbeats.py");

/// The program that runs the script.
pub const PYTHON: &str = "python3";

/// Runs the script, for no longer than `limit`; `None` if there is no [`PYTHON`].
///
/// # Errors
///
/// When there is one, but it can't be started.
pub fn run(task: Task, limit: Duration) -> io::Result<Option<Ended>> {
    let mut command = Command::new(PYTHON);
    command
        .arg("-")
        .args(arguments(task).map(|number| number.to_string()));
    match child::run_command(command, SCRIPT, limit) {
        Ok(ended) => Ok(Some(ended)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// In the order in which the script reads them, times in nanoseconds.
fn arguments(task: Task) -> [u128; 8] {
    let timing = task.timing;
    [
        HEARTS as u128,
        BEAT.as_nanos(),
        timing.span.as_nanos(),
        timing.look().as_nanos(),
        timing.onset.as_nanos(),
        task.case.holders() as u128,
        timing.hold.as_nanos(),
        u128::from(task.case.computes()),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::heartbeat::{Case, Record, Timing};

    #[test]
    fn the_script_tells_a_record_where_python_is_found() {
        for case in [Case::FewBlockers, Case::Hogs] {
            let timing = Timing::brief(case);
            let task = Task { case, timing };
            let ended = run(task, Duration::from_secs(60)).expect("it starts, or isn't there");
            let Some((lines, end)) = ended else {
                return; // Nothing to be tested without it.
            };
            end.expect("it ends well");
            let record = Record::from_lines(&lines).expect("a record");
            let lateness = record.lateness(&timing).expect("none early");
            assert!(
                lateness.worst.nanos >= timing.hold.as_nanos() as u64,
                "the only thread was held, and yet {:?}",
                lateness.worst
            );
            assert!(
                record
                    .version
                    .is_some_and(|version| version.starts_with("Python 3"))
            );
        }
    }
}
