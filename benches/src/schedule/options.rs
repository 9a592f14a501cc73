//! The command line.

use super::slack::Slack;
use super::workload::{Form, Workload};
use wheelhouse_benches::args::{ArgError, Args};
use wheelhouse_benches::runtime::Which;

const ALLOWED: [&str; 6] = [
    "--rounds",
    "--only",
    "--runtimes",
    "--slack",
    "--workers",
    "--help",
];

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Rows(Options),
}

/// What is to be measured, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) rounds: usize,
    pub(super) workloads: Vec<Workload>,
    pub(super) runtimes: Vec<Which>,
    pub(super) slacks: Vec<Slack>,
    pub(super) workers: usize,
}

impl Options {
    pub(super) fn new() -> Options {
        Options {
            rounds: 5,
            workloads: Workload::ALL.to_vec(),
            runtimes: Which::COMPARED.to_vec(),
            slacks: Slack::ALL.to_vec(),
            workers: 2,
        }
    }

    /// Reads a command line.
    pub(super) fn parse(mut args: Args) -> Result<Asked, ArgError> {
        let mut options = Options::new();
        while let Some(option) = args.next_option()? {
            match option.as_str() {
                "--rounds" => options.rounds = args.number(&option, 1_usize..=100)?,
                "--only" => {
                    options.workloads = args.names(&option, &Workload::ALL, Workload::name)?;
                }
                "--runtimes" => options.runtimes = args.names(&option, &Which::ALL, Which::name)?,
                "--slack" => options.slacks = args.names(&option, &Slack::ALL, Slack::name)?,
                "--workers" => options.workers = args.number(&option, 1_usize..=512)?,
                "--help" | "-h" => return Ok(Asked::Help),
                _ => return Err(ArgError::unknown(&option, &ALLOWED)),
            }
        }
        Ok(Asked::Rows(options))
    }

    /// The forms in which a workload is to be run, and with which timer slack of rivals.
    pub(super) fn variants(&self, workload: Workload) -> impl Iterator<Item = (Form, Slack)> {
        let slacks = if workload.depends_on_slack() {
            &self.slacks
        } else {
            const { &[Slack::Default] }.as_slice()
        };
        let forms = workload.forms().iter();
        forms.flat_map(move |form| slacks.iter().map(move |slack| (*form, *slack)))
    }

    /// Whether only Wheelhouse with the watch and without it are measured.
    pub(super) fn judges_the_watch(&self) -> bool {
        let both = [Which::Wheelhouse, Which::WheelhouseUnwatched];
        both.iter().all(|which| self.runtimes.contains(which))
            && self.runtimes.iter().all(|which| both.contains(which))
    }
}

/// The text of `--help`.
pub(super) fn help() -> String {
    let describe =
        |workload: Workload| format!("      {:<20}{}", workload.name(), workload.title());
    let workloads = Workload::ALL.map(describe).join("\n");
    let runtimes = Which::ALL.map(Which::name).join(", ");
    format!(
        "\
Scheduling and timers row by row: Wheelhouse against tokio and smol.

Every reading is taken in a process of its own. In each round all runtimes take their turn at a
workload, in a new order. Shown are medians over the rounds, the median of the rounds' ratios of
ours to the best rival with its lowest and highest, the target, and whether it was met; below each,
CPU time and context switches of one run. All rounds take 5 to 7 minutes each.

USAGE
  cargo run --release -p wheelhouse-benches --bin schedule -- [OPTIONS]

OPTIONS
  --rounds N           rounds, 1 to 100 [5]
  --only NAME[,NAME..] only these workloads:
{workloads}
  --runtimes NAME[,..] these runtimes, of {runtimes};
                       all but wheelhouse-unwatched unless told otherwise
  --slack NAME[,..]    timer slack of rivals where it matters, which is where threads wait for the
                       next deadline: default, 1ns [both]; Wheelhouse sets its workers' to 1 ns
                       by itself, while they wait, and has the default inside tasks
  --workers N          worker threads of each runtime, 1 to 512 [2]
  --help               this text

wheelhouse-unwatched is Wheelhouse without the watch for blocked workers. It is no rival: asked for
with wheelhouse alone, the two are compared and every row shows what the watch costs.

smol-static is async-executor's StaticExecutor, which keeps no registry of live tasks; smol is the
ordinary Executor; both with async-io. Memory of a sleeper includes 8 bytes of its join handle.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let args = Args::new(line.split_whitespace().map(str::to_owned));
        match Options::parse(args).map_err(|error| error.to_string())? {
            Asked::Rows(options) => Ok(options),
            Asked::Help => Err("help".to_owned()),
        }
    }

    #[test]
    fn everything_is_measured_unless_told_otherwise() {
        assert_eq!(parse(""), Ok(Options::new()));
    }

    #[test]
    fn options_are_read() {
        let options =
            parse("--rounds 3 --only yield,tree --runtimes tokio --slack 1ns --workers=16");
        let expected = Options {
            rounds: 3,
            workloads: vec![Workload::Yield, Workload::Tree],
            runtimes: vec![Which::Tokio],
            slacks: vec![Slack::Fine],
            workers: 16,
        };
        assert_eq!(options, Ok(expected));
    }

    #[test]
    fn what_the_watch_costs_can_be_asked_for() {
        assert!(
            !Options::new()
                .runtimes
                .contains(&Which::WheelhouseUnwatched)
        );
        assert!(!Options::new().judges_the_watch());
        for line in [
            "wheelhouse,wheelhouse-unwatched",
            "wheelhouse-unwatched,wheelhouse",
        ] {
            let options = parse(&format!("--runtimes {line}")).expect("allowed");
            assert!(options.judges_the_watch(), "{line}");
        }
        let three = parse("--runtimes wheelhouse,wheelhouse-unwatched,tokio").expect("allowed");
        assert!(!three.judges_the_watch());
    }

    #[test]
    fn wrong_arguments_are_told_with_what_is_allowed() {
        let error = parse("--rounds none").expect_err("no number");
        assert_eq!(
            error,
            "`--rounds none`: expected a whole number from 1 to 100"
        );
        let error = parse("--only sleep").expect_err("no such workload");
        assert!(
            error.starts_with("`--only sleep`: allowed are spawn-join, "),
            "{error}"
        );
    }

    #[test]
    fn slack_is_varied_only_where_it_matters() {
        let variants = |line, workload| -> Vec<_> {
            let options: Options = parse(line).expect("allowed");
            options.variants(workload).map(|(_, slack)| slack).collect()
        };
        assert_eq!(variants("", Workload::FewSleeps), Slack::ALL);
        assert_eq!(variants("--slack 1ns", Workload::FewSleeps), [Slack::Fine]);
        // Two forms.
        assert_eq!(
            variants("--slack 1ns", Workload::Yield),
            [Slack::Default; 2]
        );
        let error = parse("--slack 2ns").expect_err("no such slack");
        assert_eq!(error, "`--slack 2ns`: allowed are default, 1ns");
    }

    #[test]
    fn help_names_every_option_and_every_workload() {
        let help = help();
        for word in ALLOWED.into_iter().chain(Workload::ALL.map(Workload::name)) {
            // Each at the start of its line, indented.
            assert!(help.contains(&format!("  {word} ")), "{word} is missing");
        }
    }
}
