//! The timer slack that rivals get: by how much the kernel may wake a thread later than it asked.
//!
//! Wheelhouse sets that of its workers itself, for each wait and only then, so that its own process is left as
//! it comes, and its tasks see what the machine gives.

use std::io;
use std::time::Duration;

use wheelhouse_benches::process;
use wheelhouse_benches::runtime::{Runtime, Which};

/// The least that can be set; zero would mean the thread's default.
const FINE: Duration = Duration::from_nanos(1);

/// What the threads of rivals start with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Slack {
    /// What the machine gives to everybody: 50 µs, mostly.
    Default,
    /// 1 ns.
    Fine,
}

impl Slack {
    pub(super) const ALL: [Slack; 2] = [Slack::Default, Slack::Fine];

    /// Its name on command lines.
    pub(super) fn name(self) -> &'static str {
        match self {
            Slack::Default => "default",
            Slack::Fine => "1ns",
        }
    }

    /// The slack of this name.
    pub(super) fn from_name(name: &str) -> Option<Slack> {
        Slack::ALL.into_iter().find(|slack| slack.name() == name)
    }

    /// Sets it for the calling thread, and so for all that a runtime starts from here.
    pub(super) fn set_for(self, which: Which) -> io::Result<()> {
        match (self, which) {
            (Slack::Default, _) | (_, Which::Wheelhouse | Which::WheelhouseUnwatched) => Ok(()),
            (Slack::Fine, _) => process::set_timer_slack(FINE),
        }
    }

    /// The slack of the runtime's workers, in nanoseconds.
    ///
    /// # Panics
    ///
    /// If a rival's isn't what was set.
    pub(super) fn look<R: Runtime>(self, runtime: &R, which: Which) -> io::Result<f64> {
        let found = runtime.run_spawned(async { process::timer_slack() })?;
        let ours = matches!(which, Which::Wheelhouse | Which::WheelhouseUnwatched);
        if self == Slack::Fine && !ours {
            assert_eq!(found, FINE, "a worker of {} has it not", which.name());
        }
        Ok(found.as_nanos() as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::runtime::Tokio;

    /// Of the rivals, tokio: those whose executor is a static have workers already that other
    /// tests have started.
    #[test]
    fn the_workers_of_rivals_get_it_and_ours_are_left_alone() {
        // On a thread of its own, whose slack nobody else inherits.
        let looks = std::thread::spawn(|| {
            Slack::Fine
                .set_for(Which::Wheelhouse)
                .expect("nothing to do");
            let untouched = process::timer_slack().expect("told");
            assert!(untouched > FINE, "{untouched:?}");
            Slack::Fine
                .set_for(Which::Tokio)
                .expect("the kernel grants it");
            let runtime = Tokio::start(1).expect("a worker starts");
            let look = Slack::Fine.look(&runtime, Which::Tokio);
            assert_eq!(look.expect("told"), 1.0);
        });
        looks.join().expect("each has it");
    }

    #[test]
    fn names_are_read_back() {
        for slack in Slack::ALL {
            assert_eq!(Slack::from_name(slack.name()), Some(slack));
        }
    }
}
