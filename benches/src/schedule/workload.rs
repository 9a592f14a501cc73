//! The workloads, and the forms in which each is run.

use super::burst::Probe;
use wheelhouse_benches::heartbeat::Case;

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

/// How many timers are pending while others are armed and cancelled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Pending {
    Million,
    TenMillion,
}

impl Pending {
    pub(super) fn count(self) -> usize {
        match self {
            Pending::Million => 1_000_000,
            Pending::TenMillion => 10_000_000,
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
    TimeoutPending(Pending),
    Sleepers,
    FewSleeps,
    ManySleeps,
    Burst(Probe),
    Staggered,
    Heartbeats(Case),
    Idle,
}

impl Workload {
    /// All of them, in the order of the table.
    pub(super) const ALL: [Workload; 21] = [
        Workload::SpawnJoin,
        Workload::ForeignSpawn,
        Workload::ForeignRoundTrip,
        Workload::SpawnAwait,
        Workload::Yield,
        Workload::Pairs,
        Workload::OwnPairs,
        Workload::Tree,
        Workload::Timeout,
        Workload::TimeoutPending(Pending::Million),
        Workload::TimeoutPending(Pending::TenMillion),
        Workload::Sleepers,
        Workload::FewSleeps,
        Workload::ManySleeps,
        Workload::Burst(Probe::Sleeps),
        Workload::Burst(Probe::Yields),
        Workload::Staggered,
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
            Workload::TimeoutPending(Pending::Million) => "timeout-1m",
            Workload::TimeoutPending(Pending::TenMillion) => "timeout-10m",
            Workload::Sleepers => "sleepers",
            Workload::FewSleeps => "few-sleeps",
            Workload::ManySleeps => "many-sleeps",
            Workload::Burst(Probe::Sleeps) => "burst",
            Workload::Burst(Probe::Yields) => "burst-yields",
            Workload::Staggered => "staggered",
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
            Workload::TimeoutPending(Pending::Million) => {
                "timeout(30 s) around one that is pending once, 1,000,000 other timers armed"
            }
            Workload::TimeoutPending(Pending::TenMillion) => {
                "timeout(30 s) around one that is pending once, 10,000,000 other timers armed"
            }
            Workload::Sleepers => "1,000,000 spawned tasks in sleep(10 s)",
            Workload::FewSleeps => "10 tasks × 200 random sleeps of 0.2 to 20 ms",
            Workload::ManySleeps => "20,000 tasks × 20 random sleeps of 1 to 50 ms",
            Workload::Burst(Probe::Sleeps) => {
                "1,000,000 sleepers with one deadline, others in sleep(1 ms) meanwhile"
            }
            Workload::Burst(Probe::Yields) => {
                "1,000,000 sleepers with one deadline, others that only yield meanwhile"
            }
            Workload::Staggered => "50 sleepers of 20, 40, .. 1,000 µs, for 2 s",
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
            Workload::TimeoutPending(_)
            | Workload::Sleepers
            | Workload::FewSleeps
            | Workload::ManySleeps
            | Workload::Burst(_)
            | Workload::Staggered
            | Workload::Heartbeats(_) => &[Form::Spawned],
            Workload::ForeignSpawn | Workload::ForeignRoundTrip | Workload::Idle => {
                &[Form::Outside]
            }
        }
    }

    /// Whether its threads wait for the next deadline so often that the kernel's timer slack shows.
    pub(super) fn depends_on_slack(self) -> bool {
        matches!(
            self,
            Workload::Sleepers | Workload::FewSleeps | Workload::ManySleeps | Workload::Staggered
        )
    }

    /// How often it is run and measured in one process, after one run that isn't.
    pub(super) fn repeats(self) -> usize {
        match self {
            Workload::TimeoutPending(_)
            | Workload::Sleepers
            | Workload::FewSleeps
            | Workload::ManySleeps
            | Workload::Burst(_)
            | Workload::Staggered
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
