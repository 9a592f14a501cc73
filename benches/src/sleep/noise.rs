//! What else the machine did while the report was made: CPU time that isn't ours.

use std::io;
use std::time::{Duration, Instant};

use crate::process;
use crate::quantity::three_digits;

/// As many cores, busy with other programs, change the figures.
const LOUD: f64 = 0.1;

/// How long to look before anything is measured.
const FIRST_LOOK: Duration = Duration::from_millis(300);

/// CPU time of the machine and our own at one moment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Look {
    at: Instant,
    /// `None` where the system doesn't tell.
    machine: Option<Duration>,
    own: Duration,
}

impl Look {
    pub(super) fn now() -> Look {
        Look {
            at: Instant::now(),
            machine: process::machine_cpu(),
            own: process::cpu_with_children(),
        }
    }

    /// How many cores were busy with other programs since then, on average.
    pub(super) fn others_since(&self) -> Option<f64> {
        let now = Look::now();
        let machine = now.machine?.checked_sub(self.machine?)?;
        let own = now.own.saturating_sub(self.own);
        Some(others(machine, own, now.at - self.at))
    }
}

fn others(machine: Duration, own: Duration, elapsed: Duration) -> f64 {
    machine.saturating_sub(own).as_secs_f64() / elapsed.as_secs_f64().max(f64::MIN_POSITIVE)
}

/// How loud it was.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Noise {
    /// The load average over a minute, before the first cell.
    pub(super) load: Option<f64>,
    /// Cores that were busy with other programs from the first cell to the last, on average.
    pub(super) others: Option<f64>,
}

impl Noise {
    /// A warning, if the figures can't be trusted to the last digit.
    pub(super) fn warning(&self) -> Option<String> {
        let others = self.others.filter(|others| *others >= LOUD)?;
        Some(format!(
            "The machine was busy with other programs ({} cores' worth on average): times and \
             lateness are worse than on a quiet one.",
            three_digits(others)
        ))
    }

    /// The figures in words.
    pub(super) fn text(&self) -> String {
        let known = |value: Option<f64>| value.map_or_else(|| "unknown".to_owned(), three_digits);
        format!(
            "load average {} before the first cell; other programs kept {} cores busy during the \
             cells",
            known(self.load),
            known(self.others)
        )
    }
}

/// Looks for a moment, and says on stderr if this is a bad one to measure.
pub(super) fn warn_beforehand() -> io::Result<()> {
    let look = Look::now();
    std::thread::sleep(FIRST_LOOK);
    let Some(others) = look.others_since().filter(|others| *others >= LOUD) else {
        return Ok(());
    };
    let (cores, load) = (three_digits(others), process::load_average());
    let load = load.map_or_else(String::new, |load| {
        format!(", load average {}", three_digits(load))
    });
    io::Write::write_fmt(
        &mut io::stderr(),
        format_args!(
            "warning: other programs keep {cores} cores busy{load}: expect noisy figures\n"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_ours_is_told_in_cores() {
        let second = Duration::from_secs(1);
        assert_eq!(others(second * 9, second * 4, second * 10), 0.5);
        // The two are counted with different grains.
        assert_eq!(others(second, second * 2, second * 10), 0.0);
    }

    #[test]
    fn only_a_loud_machine_is_warned_of() {
        let noise = |others| Noise { load: None, others };
        assert_eq!(noise(None).warning(), None);
        assert_eq!(noise(Some(0.05)).warning(), None);
        let warning = noise(Some(1.5)).warning().expect("loud");
        assert!(warning.contains("(1.50 cores' worth"), "{warning}");
    }

    #[test]
    fn our_own_work_is_no_noise() {
        let look = Look::now();
        while look.own + Duration::from_millis(20) > process::cpu_with_children() {
            std::hint::black_box(0);
        }
        assert!(Look::now().own - look.own >= Duration::from_millis(20));
    }
}
