//! The command line.

use super::entrant::Entrant;
use wheelhouse_benches::args::{ArgError, Args};

const ALLOWED: [&str; 6] = [
    "--rounds",
    "--runtimes",
    "--threads",
    "--drops",
    "--csv",
    "--help",
];
/// How many threads arm and cancel.
pub(super) const THREADS: [usize; 5] = [1, 2, 4, 8, 16];
/// Of a hundred timers, so many are dropped on another thread.
pub(super) const DROPS: [u64; 4] = [0, 10, 50, 100];

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Curves(Options),
}

/// What is to be measured, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Options {
    pub(super) rounds: usize,
    pub(super) entrants: Vec<Entrant>,
    pub(super) threads: Vec<usize>,
    pub(super) drops: Vec<u64>,
    pub(super) csv: Option<String>,
}

impl Options {
    pub(super) fn new() -> Options {
        Options {
            rounds: 5,
            entrants: Entrant::ALL.to_vec(),
            threads: THREADS.to_vec(),
            drops: DROPS.to_vec(),
            csv: None,
        }
    }

    /// Reads a command line.
    pub(super) fn parse(mut args: Args) -> Result<Asked, ArgError> {
        let mut options = Options::new();
        while let Some(option) = args.next_option()? {
            match option.as_str() {
                "--rounds" => options.rounds = args.number(&option, 1_usize..=100)?,
                "--runtimes" => {
                    options.entrants = args.names(&option, &Entrant::ALL, Entrant::name)?;
                }
                "--threads" => options.threads = args.names(&option, &THREADS, name_of_threads)?,
                "--drops" => options.drops = args.names(&option, &DROPS, name_of_drops)?,
                "--csv" => options.csv = Some(args.value(&option, "a file to be written")?),
                "--help" | "-h" => return Ok(Asked::Help),
                _ => return Err(ArgError::unknown(&option, &ALLOWED)),
            }
        }
        Ok(Asked::Curves(options))
    }
}

fn name_of_threads(threads: usize) -> &'static str {
    match threads {
        1 => "1",
        2 => "2",
        4 => "4",
        8 => "8",
        _ => "16",
    }
}

fn name_of_drops(drops: u64) -> &'static str {
    match drops {
        0 => "0",
        10 => "10",
        50 => "50",
        _ => "100",
    }
}

/// The text of `--help`.
pub(super) fn help() -> String {
    let runtimes = Entrant::ALL.map(Entrant::name).join(", ");
    let threads = THREADS.map(name_of_threads).join(", ");
    let drops = DROPS.map(name_of_drops).join(", ");
    format!(
        "\
Timers of 30 s armed and cancelled by many threads at once: Wheelhouse against tokio and async-io.

Every point is taken in a process of its own, over a quarter of a second. In each round all runtimes
take their turn at a point, in a new order. Shown are medians over the rounds: the wall time of a
timer, all threads together, and its CPU time. One round takes about a minute.

USAGE
  cargo run --release -p wheelhouse-benches --bin contention -- [OPTIONS]

OPTIONS
  --rounds N           rounds, 1 to 100 [5]
  --runtimes NAME[,..] these, of {runtimes} [all]
  --threads N[,..]     so many threads arm and cancel, of {threads} [all]
  --drops N[,..]       of a hundred timers, so many are dropped on another thread than the one that
                       armed them, of {drops} [all]
  --csv FILE           writes every single reading there too
  --help               this text

wheelhouse and tokio are their workers, as many as there are threads; wheelhouse-outside,
tokio-outside and async-io are threads in block_on. floor is no timer at all: a boxed future that is
made, polled, handed over and dropped in the same way. With one thread alone, another one drops what
it hands over. More threads than cores show what a lock costs whose holder doesn't get to run.
"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Options, String> {
        let args = Args::new(line.split_whitespace().map(str::to_owned));
        match Options::parse(args).map_err(|error| error.to_string())? {
            Asked::Curves(options) => Ok(options),
            Asked::Help => Err("help".to_owned()),
        }
    }

    #[test]
    fn options_are_read() {
        assert_eq!(parse(""), Ok(Options::new()));
        let options = parse("--rounds 1 --runtimes tokio --threads 1,16 --drops=50 --csv a.csv");
        let expected = Options {
            rounds: 1,
            entrants: vec![Entrant::Tokio],
            threads: vec![1, 16],
            drops: vec![50],
            csv: Some("a.csv".to_owned()),
        };
        assert_eq!(options, Ok(expected));
    }

    #[test]
    fn every_number_is_read_by_its_own_name() {
        for threads in THREADS {
            assert_eq!(name_of_threads(threads), threads.to_string());
        }
        for drops in DROPS {
            assert_eq!(name_of_drops(drops), drops.to_string());
        }
    }

    #[test]
    fn what_is_not_allowed_is_told() {
        let error = parse("--threads 3").expect_err("not measured");
        assert_eq!(error, "`--threads 3`: allowed are 1, 2, 4, 8, 16");
        let error = parse("--only 3").expect_err("no such option");
        assert!(
            error.starts_with("unknown argument `--only`; allowed are --rounds, "),
            "{error}"
        );
    }

    #[test]
    fn help_names_every_option() {
        let help = help();
        for word in ALLOWED {
            assert!(help.contains(&format!("  {word} ")), "{word} is missing");
        }
    }
}
