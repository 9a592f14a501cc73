//! All runs, each in a process of its own: the parent's side.

use std::io;
use std::time::Duration;

use super::asyncio::{self, PYTHON};
use super::case::{Case, Task, Timing};
use super::cell;
use super::lateness::Lateness;
use super::record::Record;
use crate::child::{self, Ended};
use crate::runtime::Which;

/// A process that hasn't ended this long after its look has hung.
const GRACE: Duration = Duration::from_secs(5);

/// What starting and reading a process takes.
const PROCESS: Duration = Duration::from_millis(60);

/// On what the hearts beat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Subject {
    /// A runtime in this program.
    Runtime(Which),
    /// Python's.
    Asyncio,
}

impl Subject {
    /// All of them, in the order of the tables. smol stands for its fastest form.
    pub const ALL: [Subject; 5] = [
        Subject::Runtime(Which::Wheelhouse),
        Subject::Runtime(Which::WheelhouseUnwatched),
        Subject::Runtime(Which::Tokio),
        Subject::Runtime(Which::SmolStatic),
        Subject::Asyncio,
    ];

    /// Its name in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Subject::Runtime(which) => which.name(),
            Subject::Asyncio => "asyncio",
        }
    }
}

/// What became of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It ran.
    Measured(Box<(Record, Lateness)>),
    /// It wasn't run, for the reason given.
    NotRun(String),
    /// It went wrong.
    Failed(String),
}

impl Outcome {
    /// The figures, if there are any.
    #[must_use]
    pub fn measured(&self) -> Option<&(Record, Lateness)> {
        match self {
            Outcome::Measured(measured) => Some(measured),
            Outcome::NotRun(_) | Outcome::Failed(_) => None,
        }
    }
}

/// One run.
#[derive(Clone, Debug)]
pub struct Taken {
    /// On what.
    pub subject: Subject,
    /// Who held the workers, and when.
    pub task: Task,
    /// What became of it.
    pub outcome: Outcome,
}

/// Every run: case by case, so that a noisy moment hits all subjects of a case alike, and each
/// case in another order.
#[must_use]
pub fn order(timing: fn(Case) -> Timing) -> Vec<(Subject, Task)> {
    let mut runs = Vec::new();
    for (turn, case) in Case::ALL.into_iter().enumerate() {
        let timing = timing(case);
        let mut subjects = Subject::ALL;
        subjects.rotate_left(2 * turn);
        runs.extend(subjects.map(|subject| (subject, Task { case, timing })));
    }
    runs
}

/// How long a run takes, process and all.
#[must_use]
pub fn duration(task: Task) -> Duration {
    task.timing.look() + PROCESS
}

/// Runs it.
///
/// # Errors
///
/// When a process can't be started.
pub fn take(subject: Subject, task: Task) -> io::Result<Taken> {
    let limit = task.timing.look() + GRACE;
    let ended = match subject {
        Subject::Runtime(which) => {
            let words = task.to_args();
            let words = words.iter().map(String::as_str);
            let args = [cell::COMMAND, which.name()].into_iter().chain(words);
            Some(child::run(args, limit)?)
        }
        Subject::Asyncio => asyncio::run(task, limit)?,
    };
    Ok(Taken {
        subject,
        task,
        outcome: outcome(ended, &task.timing),
    })
}

fn outcome(ended: Option<Ended>, timing: &Timing) -> Outcome {
    let Some((lines, end)) = ended else {
        return Outcome::NotRun(format!("no {PYTHON} was found"));
    };
    let read = end.and_then(|()| {
        let record = Record::from_lines(&lines)?;
        let lateness = record.lateness(timing)?;
        Ok((record, lateness))
    });
    match read {
        Ok(measured) => Outcome::Measured(Box::new(measured)),
        Err(why) => Outcome::Failed(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_has_every_case_and_none_is_always_first() {
        let runs = order(Timing::usual);
        assert_eq!(runs.len(), Subject::ALL.len() * Case::ALL.len());
        for subject in Subject::ALL {
            let cases = runs.iter().filter(|(own, _)| *own == subject);
            let mut cases: Vec<Case> = cases.map(|(_, task)| task.case).collect();
            cases.dedup();
            assert_eq!(cases, Case::ALL);
        }
        let first = |case| {
            runs.iter()
                .find(|(_, task)| task.case == case)
                .map(|run| run.0)
        };
        assert_ne!(first(Case::FewBlockers), first(Case::ManyBlockers));
        assert_ne!(first(Case::ManyBlockers), first(Case::Hogs));
    }

    #[test]
    fn what_is_no_record_is_no_measurement() {
        let timing = Timing::brief(Case::Hogs);
        let missing = Outcome::NotRun("no python3 was found".to_owned());
        assert_eq!(outcome(None, &timing), missing);
        let died = outcome(Some((String::new(), Err("killed".to_owned()))), &timing);
        assert_eq!(died, Outcome::Failed("killed".to_owned()));
        let silent = outcome(Some((String::new(), Ok(()))), &timing);
        assert!(matches!(silent, Outcome::Failed(_)), "{silent:?}");
    }
}
