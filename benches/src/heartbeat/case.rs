//! Who holds the workers, and for how long.

use std::time::Duration;

use crate::quantity::{chosen, counted};

/// The hearts.
pub const HEARTS: usize = 100;

/// The time from beat to beat.
pub const BEAT: Duration = Duration::from_millis(10);

/// The worker threads of every runtime that has some.
pub const WORKERS: usize = 2;

/// Between the last beat and the look at what has come: no beat is called missing because it was
/// due just then.
pub const GRACE: Duration = Duration::from_millis(30);

/// What holds the workers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Case {
    /// Four tasks that each sleep on their thread.
    FewBlockers,
    /// Sixty-four of them.
    ManyBlockers,
    /// A task for each worker that computes.
    Hogs,
}

impl Case {
    /// All of them, in the order of the tables.
    pub const ALL: [Case; 3] = [Case::FewBlockers, Case::ManyBlockers, Case::Hogs];

    /// Its name between parent and child, and in files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Case::FewBlockers => "4-blockers",
            Case::ManyBlockers => "64-blockers",
            Case::Hogs => "hogs",
        }
    }

    /// The case of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Case> {
        Case::ALL.into_iter().find(|case| case.name() == name)
    }

    /// How many tasks hold their threads.
    #[must_use]
    pub fn holders(self) -> usize {
        match self {
            Case::FewBlockers => 4,
            Case::ManyBlockers => 64,
            Case::Hogs => WORKERS,
        }
    }

    /// Whether they compute all the while; otherwise they sleep.
    #[must_use]
    pub fn computes(self) -> bool {
        self == Case::Hogs
    }

    /// In words: `4 tasks block their threads for 1 s each`.
    #[must_use]
    pub fn title(self, hold: Duration) -> String {
        let tasks = counted(self.holders() as u64, "task");
        let what = match self {
            Case::FewBlockers | Case::ManyBlockers => "block their threads",
            Case::Hogs => "compute without an await",
        };
        format!("{tasks} {what} for {} each", chosen(hold))
    }

    /// The rounds that so many threads need for them, if nobody stands in for these.
    #[must_use]
    pub fn rounds(self, threads: usize) -> usize {
        self.holders().div_ceil(threads)
    }
}

/// When what happens, counted from the first instant of the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// No beat is due after this.
    pub span: Duration,
    /// When the tasks that hold the workers are spawned.
    pub onset: Duration,
    /// How long each of them holds its thread.
    pub hold: Duration,
}

impl Timing {
    /// Long enough to see two rounds of four blockers on two workers end. Sixty-four take 32 s
    /// there: nobody waits for them.
    #[must_use]
    pub fn usual(case: Case) -> Timing {
        let span = match case {
            Case::FewBlockers => 2_200,
            Case::ManyBlockers | Case::Hogs => 1_500,
        };
        Timing {
            span: Duration::from_millis(span),
            onset: Duration::from_millis(100),
            hold: Duration::from_secs(1),
        }
    }

    /// A tenth of the usual times, to see that all of it works.
    #[must_use]
    pub fn brief(case: Case) -> Timing {
        let Timing { span, onset, hold } = Timing::usual(case);
        Timing {
            span: span / 10,
            onset: onset / 2,
            hold: hold / 10,
        }
    }

    /// When the process looks at what has come.
    #[must_use]
    pub fn look(&self) -> Duration {
        self.span + GRACE
    }
}

/// One run: what a child is asked to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// Who holds the workers.
    pub case: Case,
    /// When.
    pub timing: Timing,
}

impl Task {
    /// As words between parent and child; durations in nanoseconds.
    #[must_use]
    pub fn to_args(self) -> [String; 4] {
        let Timing { span, onset, hold } = self.timing;
        let nanos = |duration: Duration| duration.as_nanos().to_string();
        [
            self.case.name().into(),
            nanos(span),
            nanos(onset),
            nanos(hold),
        ]
    }

    /// Reads such words.
    #[must_use]
    pub fn from_args(args: &[String]) -> Option<Task> {
        let [case, span, onset, hold] = args else {
            return None;
        };
        let nanos = |word: &String| Some(Duration::from_nanos(word.parse().ok()?));
        Some(Task {
            case: Case::from_name(case)?,
            timing: Timing {
                span: nanos(span)?,
                onset: nanos(onset)?,
                hold: nanos(hold)?,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_task_is_read_back_from_its_arguments() {
        for case in Case::ALL {
            let timing = Timing::usual(case);
            let task = Task { case, timing };
            assert_eq!(Task::from_args(&task.to_args()), Some(task));
        }
        assert_eq!(Task::from_args(&["4-blockers".to_owned()]), None);
    }

    #[test]
    fn the_stall_of_few_blockers_ends_within_sight() {
        let Timing { span, onset, hold } = Timing::usual(Case::FewBlockers);
        let rounds = Case::FewBlockers.rounds(WORKERS) as u32;
        assert!(onset + hold * rounds < span);
        assert_eq!(Case::ManyBlockers.rounds(WORKERS), 32);
        assert_eq!(Case::Hogs.rounds(WORKERS), 1);
    }

    #[test]
    fn cases_are_told_in_words() {
        let hold = Duration::from_secs(1);
        let title = Case::ManyBlockers.title(hold);
        assert_eq!(title, "64 tasks block their threads for 1 s each");
    }
}
