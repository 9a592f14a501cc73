//! The workloads, and the forms in which each is run.

use crate::heartbeat::Case;

/// Where a workload's body is polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// In a spawned task, on a worker.
    Spawned,
    /// In a program's main future, as the runtime's guide has it: `run(async { .. })` here,
    /// `block_on` of the rivals.
    Main,
    /// In `block_on` on a thread that is no worker.
    Outside,
}

impl Form {
    const ALL: [Form; 3] = [Form::Spawned, Form::Main, Form::Outside];

    /// Its name between parent and child.
    pub(super) fn name(self) -> &'static str {
        match self {
            Form::Spawned => "spawned",
            Form::Main => "main",
            Form::Outside => "outside",
        }
    }

    /// The form of this name.
    pub(super) fn from_name(name: &str) -> Option<Form> {
        Form::ALL.into_iter().find(|form| form.name() == name)
    }

    /// What it means, for the table.
    pub(super) fn title(self) -> &'static str {
        match self {
            Form::Spawned => "in a spawned task",
            Form::Main => "in the main future",
            Form::Outside => "from outside the pool",
        }
    }
}

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Workload {
    SpawnJoin,
    ForeignSpawn,
    ForeignRoundTrip,
    SpawnAwait,
    Yield,
    Pairs,
    OwnPairs,
    Tree,
    Timeout,
    Sleepers,
    FewSleeps,
    ManySleeps,
    Heartbeats(Case),
    Idle,
}

impl Workload {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Workload; 16] = [
        Workload::SpawnJoin,
        Workload::ForeignSpawn,
        Workload::ForeignRoundTrip,
        Workload::SpawnAwait,
        Workload::Yield,
        Workload::Pairs,
        Workload::OwnPairs,
        Workload::Tree,
        Workload::Timeout,
        Workload::Sleepers,
        Workload::FewSleeps,
        Workload::ManySleeps,
        Workload::Heartbeats(Case::FewBlockers),
        Workload::Heartbeats(Case::ManyBlockers),
        Workload::Heartbeats(Case::Hogs),
        Workload::Idle,
    ];

    /// Its name on the command line.
    pub(super) fn name(self) -> &'static str {
        match self {
            Workload::SpawnJoin => "spawn-join",
            Workload::ForeignSpawn => "foreign-spawn",
            Workload::ForeignRoundTrip => "foreign-round-trip",
            Workload::SpawnAwait => "spawn-await",
            Workload::Yield => "yield",
            Workload::Pairs => "pairs",
            Workload::OwnPairs => "own-pairs",
            Workload::Tree => "tree",
            Workload::Timeout => "timeout",
            Workload::Sleepers => "sleepers",
            Workload::FewSleeps => "few-sleeps",
            Workload::ManySleeps => "many-sleeps",
            Workload::Heartbeats(Case::FewBlockers) => "heartbeats",
            Workload::Heartbeats(Case::ManyBlockers) => "heartbeats-64",
            Workload::Heartbeats(Case::Hogs) => "heartbeats-hogs",
            Workload::Idle => "idle",
        }
    }

    /// The workload of this name.
    pub(super) fn from_name(name: &str) -> Option<Workload> {
        Workload::ALL
            .into_iter()
            .find(|workload| workload.name() == name)
    }

    /// What it does.
    pub(super) fn title(self) -> &'static str {
        match self {
            Workload::SpawnJoin => "spawn 100,000 empty tasks, then join them all",
            Workload::ForeignSpawn => "spawn 100,000 from another thread, join there",
            Workload::ForeignRoundTrip => "spawn one from another thread and wait for it",
            Workload::SpawnAwait => "spawn and await, one task after the other",
            Workload::Yield => "200 tasks × 5,000 yields",
            Workload::Pairs => {
                "50,000 pairs of tasks, all spawned by one, one exchange over two oneshots each"
            }
            Workload::OwnPairs => {
                "50,000 tasks that each spawn a partner, one exchange over two oneshots each"
            }
            Workload::Tree => "a tree of tasks, ten to a node, 1,000,000 leaves",
            Workload::Timeout => "timeout(30 s) around a future that is pending once",
            Workload::Sleepers => "1,000,000 spawned tasks in sleep(10 s)",
            Workload::FewSleeps => "10 tasks × 200 random sleeps of 0.2 to 20 ms",
            Workload::ManySleeps => "20,000 tasks × 20 random sleeps of 1 to 50 ms",
            Workload::Heartbeats(Case::FewBlockers) => {
                "100 heartbeats of 10 ms while 4 tasks each block a worker for 1 s"
            }
            Workload::Heartbeats(Case::ManyBlockers) => {
                "100 heartbeats of 10 ms while 64 tasks do, looked at for 1.5 s"
            }
            Workload::Heartbeats(Case::Hogs) => {
                "100 heartbeats of 10 ms while 2 tasks each compute for 1 s"
            }
            Workload::Idle => "idle for 5 s",
        }
    }

    /// The forms in which it is run.
    pub(super) fn forms(self) -> &'static [Form] {
        match self {
            Workload::SpawnJoin
            | Workload::SpawnAwait
            | Workload::Yield
            | Workload::Pairs
            | Workload::OwnPairs
            | Workload::Tree
            | Workload::Timeout => &[Form::Spawned, Form::Main],
            Workload::Sleepers | Workload::FewSleeps | Workload::ManySleeps => &[Form::Spawned],
            Workload::Heartbeats(_) => &[Form::Spawned],
            Workload::ForeignSpawn | Workload::ForeignRoundTrip | Workload::Idle => {
                &[Form::Outside]
            }
        }
    }

    /// How often it is run and measured in one process, after one run that isn't.
    pub(super) fn repeats(self) -> usize {
        match self {
            Workload::Sleepers
            | Workload::FewSleeps
            | Workload::ManySleeps
            | Workload::Heartbeats(_)
            | Workload::Idle => 1,
            Workload::Tree => 3,
            _ => 5,
        }
    }

    /// Whether a first run in the same process is thrown away.
    pub(super) fn warms_up(self) -> bool {
        self.repeats() > 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back() {
        for workload in Workload::ALL {
            assert_eq!(Workload::from_name(workload.name()), Some(workload));
        }
        for form in Form::ALL {
            assert_eq!(Form::from_name(form.name()), Some(form));
        }
    }
}
