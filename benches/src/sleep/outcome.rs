//! What became of a cell, and the line by which a child tells its parent.

use std::time::Duration;

/// Figures of a cell that ran.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Measured {
    /// Sleepers that slept; fewer than asked if the way gave out.
    pub(super) slept: u64,
    /// From before the first sleeper was made until the last was joined.
    pub(super) wall_ns: u64,
    pub(super) late_p50_ns: u64,
    pub(super) late_p99_ns: u64,
    pub(super) late_max_ns: u64,
    pub(super) cpu_ns: u64,
    pub(super) asleep_at_once: u64,
    /// How much resident memory grew at its peak.
    pub(super) user_bytes: u64,
    /// How much the page tables grew.
    pub(super) page_table_bytes: u64,
    /// The most threads at a time, the main thread included.
    pub(super) threads: u64,
    /// Those of them that were started for the sleepers.
    pub(super) new_threads: u64,
    /// The process's runs of this cell, of which this is the one with the median wall time.
    pub(super) runs: u64,
}

/// A way that couldn't go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct GaveOut {
    /// Sleepers made until then.
    pub(super) at: u64,
    /// Time until then.
    pub(super) after_ns: u64,
    /// The system's words.
    pub(super) why: String,
    /// Whether it took the process with it.
    pub(super) fatal: bool,
}

/// What became of a cell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It ran.
    Measured(Measured),
    /// It ran, and the way gave out; the figures of those who slept, if the process lived to tell.
    GaveOut(GaveOut, Option<Measured>),
    /// It wasn't run: it would take this long, for the reason given.
    Computed(Duration, String),
    /// It wasn't run, for the reason given.
    NotRun(String),
    /// It went wrong.
    Failed(String),
}

impl Outcome {
    /// The figures, if there are any.
    pub(super) fn measured(&self) -> Option<&Measured> {
        match self {
            Outcome::Measured(measured) => Some(measured),
            Outcome::GaveOut(_, measured) => measured.as_ref(),
            _ => None,
        }
    }
}

macro_rules! fields {
    ($($field:ident),+ $(,)?) => {
        impl Measured {
            /// The names of all figures, in the order of [`values`](Measured::values).
            pub(super) const NAMES: &[&str] = &[$(stringify!($field)),+];

            /// All figures.
            pub(super) fn values(&self) -> Vec<u64> {
                vec![$(self.$field),+]
            }

            fn set(&mut self, name: &str, value: u64) -> bool {
                match name {
                    $(stringify!($field) => self.$field = value,)+
                    _ => return false,
                }
                true
            }
        }
    };
}

fields! {
    slept, wall_ns, late_p50_ns, late_p99_ns, late_max_ns, cpu_ns, asleep_at_once, user_bytes,
    page_table_bytes, threads, new_threads, runs,
}

impl Measured {
    /// As one line of `name=value` words behind the word `measured`.
    pub(super) fn to_line(&self) -> String {
        let pairs = Measured::NAMES.iter().zip(self.values());
        pairs.fold("measured".to_owned(), |line, (name, value)| {
            format!("{line} {name}={value}")
        })
    }

    fn from_line(line: &str) -> Option<Measured> {
        let mut measured = Measured::default();
        let mut set = 0;
        for word in line.strip_prefix("measured ")?.split_whitespace() {
            let (name, value) = word.split_once('=')?;
            set += usize::from(measured.set(name, value.parse().ok()?));
        }
        (set == Measured::NAMES.len()).then_some(measured)
    }
}

impl GaveOut {
    /// The line of a child that could not make another sleeper.
    pub(super) fn to_line(&self) -> String {
        format!("gave-out {} {} {}", self.at, self.after_ns, self.why)
    }

    /// The line of a child that has made this many.
    pub(super) fn progress_line(at: u64, after: Duration) -> String {
        format!("made {at} {}", after.as_nanos())
    }

    fn from_line(line: &str) -> Option<GaveOut> {
        let mut words = line.strip_prefix("gave-out ")?.splitn(3, ' ');
        let at = words.next()?.parse().ok()?;
        let after_ns = words.next()?.parse().ok()?;
        Some(GaveOut {
            at,
            after_ns,
            why: words.next()?.to_owned(),
            fatal: false,
        })
    }

    fn from_progress(line: &str) -> Option<(u64, u64)> {
        let (at, after) = line.strip_prefix("made ")?.split_once(' ')?;
        Some((at.parse().ok()?, after.parse().ok()?))
    }
}

/// What a child's output means; `end` says how it ended when it wasn't well.
pub(super) fn read(stdout: &str, end: Result<(), String>) -> Outcome {
    let measured = stdout.lines().find_map(Measured::from_line);
    let gave_out = stdout.lines().find_map(GaveOut::from_line);
    let progress = stdout
        .lines()
        .filter_map(GaveOut::from_progress)
        .next_back();
    match (gave_out, end, measured) {
        (None, Ok(()), Some(measured)) => Outcome::Measured(measured),
        (Some(gave_out), Ok(()), measured) => Outcome::GaveOut(gave_out, measured),
        (Some(gave_out), Err(end), measured) => {
            let why = format!("{}; then {end}", gave_out.why);
            Outcome::GaveOut(
                GaveOut {
                    why,
                    fatal: true,
                    ..gave_out
                },
                measured,
            )
        }
        (None, Err(why), _) => match progress {
            Some((at, after_ns)) => Outcome::GaveOut(
                GaveOut {
                    at,
                    after_ns,
                    why,
                    fatal: true,
                },
                None,
            ),
            None => Outcome::Failed(why),
        },
        (None, Ok(()), None) => Outcome::Failed("the cell printed no figures".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Measured {
        let mut measured = Measured::default();
        for (index, name) in Measured::NAMES.iter().enumerate() {
            assert!(measured.set(name, index as u64 + 10));
        }
        measured
    }

    #[test]
    fn a_measured_line_is_read_back() {
        let line = sample().to_line();
        assert_eq!(read(&line, Ok(())), Outcome::Measured(sample()));
        assert_eq!(sample().values()[1], 11);
    }

    #[test]
    fn a_line_with_a_figure_missing_is_refused() {
        let line = sample().to_line();
        let cut = line.rsplit_once(' ').expect("several words").0;
        assert!(matches!(read(cut, Ok(())), Outcome::Failed(_)));
    }

    #[test]
    fn a_refusal_keeps_the_figures_of_those_who_slept() {
        let refusal = GaveOut {
            at: 300,
            after_ns: 9,
            why: "no more".into(),
            fatal: false,
        };
        let output = format!(
            "made 256 5\n{}\n{}\n",
            refusal.to_line(),
            sample().to_line()
        );
        assert_eq!(
            read(&output, Ok(())),
            Outcome::GaveOut(refusal, Some(sample()))
        );
    }

    #[test]
    fn a_refusal_and_then_a_crash_tell_both() {
        let outcome = read("gave-out 300 9 no more\n", Err("aborted".to_owned()));
        let why = "no more; then aborted".to_owned();
        let both = GaveOut {
            at: 300,
            after_ns: 9,
            why,
            fatal: true,
        };
        assert_eq!(outcome, Outcome::GaveOut(both, None));
    }

    #[test]
    fn a_crash_after_some_sleepers_is_a_way_that_gave_out() {
        let outcome = read("made 256 5\nmade 512 11\n", Err("aborted".to_owned()));
        let crash = GaveOut {
            at: 512,
            after_ns: 11,
            why: "aborted".into(),
            fatal: true,
        };
        assert_eq!(outcome, Outcome::GaveOut(crash, None));
    }

    #[test]
    fn a_crash_before_any_sleeper_is_a_failure() {
        let outcome = read("", Err("killed".to_owned()));
        assert_eq!(outcome, Outcome::Failed("killed".to_owned()));
    }
}
