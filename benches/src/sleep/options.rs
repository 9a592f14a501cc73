//! The report's command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::cell::THREAD_STACK;
use super::way::Way;
use crate::args::{ArgError, Args};

/// The numbers of sleepers.
pub(super) const SIZES: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

const ALLOWED: [&str; 7] = [
    "--only",
    "--max",
    "--sleep",
    "--workers",
    "--out",
    "--smoke",
    "--help",
];

/// What a command line asks for.
#[derive(Debug)]
pub(super) enum Asked {
    Help,
    Report(Options),
}

/// How the report is to be made.
#[derive(Clone, Debug)]
pub(super) struct Options {
    pub(super) ways: Vec<Way>,
    pub(super) max: u64,
    pub(super) sleep: Duration,
    pub(super) workers: usize,
    pub(super) out: PathBuf,
    /// A cell that takes longer than this by arithmetic isn't run.
    pub(super) cell_limit: Duration,
    /// No cell is started that might end after this.
    pub(super) total_limit: Duration,
    /// Short cells are run this often.
    pub(super) runs: u64,
}

/// The files that the report writes.
#[derive(Debug)]
pub(super) struct Pages {
    pub(super) html: PathBuf,
    pub(super) csv: PathBuf,
}

impl Options {
    fn new() -> Options {
        Options {
            ways: Way::ALL.to_vec(),
            max: SIZES[SIZES.len() - 1],
            sleep: Duration::from_millis(100),
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            out: default_out(),
            cell_limit: Duration::from_secs(5),
            total_limit: Duration::from_secs(85),
            runs: 3,
        }
    }

    fn smoke(&mut self) {
        self.max = self.max.min(1_000);
        self.sleep = Duration::from_millis(10);
        self.cell_limit = Duration::from_millis(100);
        self.total_limit = Duration::from_secs(20);
        self.runs = 1;
    }

    /// Reads a command line.
    pub(super) fn parse(mut args: Args) -> Result<Asked, ArgError> {
        let mut options = Options::new();
        while let Some(option) = args.next_option()? {
            match option.as_str() {
                "--only" => options.ways = args.names(&option, &Way::ALL, Way::name)?,
                "--max" => options.max = args.number(&option, 1..=SIZES[SIZES.len() - 1])?,
                "--sleep" => {
                    options.sleep = Duration::from_millis(args.number(&option, 1_u64..=1_000)?);
                }
                "--workers" => options.workers = args.number(&option, 1_usize..=512)?,
                "--out" => options.out = args.value(&option, "a folder")?.into(),
                "--smoke" => options.smoke(),
                "--help" | "-h" => return Ok(Asked::Help),
                _ => return Err(ArgError::unknown(&option, &ALLOWED)),
            }
        }
        Ok(Asked::Report(options))
    }

    /// Numbers of sleepers up to the maximum, which is itself one of them.
    pub(super) fn sizes(&self) -> Vec<u64> {
        let mut sizes: Vec<u64> = SIZES.into_iter().filter(|size| *size < self.max).collect();
        sizes.push(self.max);
        sizes
    }

    /// Makes sure, before anything is measured, that the pages can be written.
    pub(super) fn create_out(&self) -> io::Result<Pages> {
        let told = |error: io::Error| {
            let out = self.out.display();
            io::Error::new(
                error.kind(),
                format!("`--out {out}` can't be written: {error}"),
            )
        };
        std::fs::create_dir_all(&self.out).map_err(told)?;
        let pages = Pages {
            html: self.out.join("sleep.html"),
            csv: self.out.join("sleep.csv"),
        };
        // Opened, but not emptied: an earlier page stays until there is a new one.
        let mut open = std::fs::OpenOptions::new();
        open.create(true)
            .append(true)
            .open(&pages.html)
            .map_err(told)?;
        Ok(pages)
    }
}

/// `target/wheelhouse-benches`, wherever `target` is: this program was built into it.
fn default_out() -> PathBuf {
    let built_in = std::env::current_exe().ok();
    let target = built_in.as_deref().and_then(|exe| exe.parent()?.parent());
    target.map_or_else(
        || PathBuf::from("."),
        |target| target.join("wheelhouse-benches"),
    )
}

/// The text of `--help`.
pub(super) fn help() -> String {
    let describe = |way: Way| format!("      {:<22}{}", way.name(), way.title());
    let ways = Way::ALL.map(describe).join("\n");
    let defaults = Options::new();
    format!(
        "\
Blocking sleep against async sleep, from one sleeper to a million.

Each way to sleep really runs with 1, 10, 100 .. 1,000,000 sleepers of the same duration, every cell
in a process of its own. Prints a table, writes a page with the curves and a CSV file, and ends
within 90 seconds. A cell that would take more than 5 s by arithmetic (sleepers / those who can
sleep at once x duration) isn't run: it is shown as computed and never drawn.

USAGE
  cargo run --release -p wheelhouse-benches -- [OPTIONS]

OPTIONS
  --only WAY[,WAY..]  only these ways:
{ways}
  --max N             no more than N sleepers, 1 to 1,000,000 [1,000,000]
  --sleep MS          how long each sleeps, 1 to 1,000 ms [100]
  --workers N         worker threads of each runtime, 1 to 512 [this machine's cores: {workers}]
  --out DIR           where sleep.html and sleep.csv go [{out}]
  --smoke             a few seconds' worth, to see that all of it works: at most 1,000 sleepers
                      of 10 ms, nothing above 100 ms; options after it override it
  --help              this text

Threads of the way `thread-each` ask for a stack of {stack} KiB.

Another program of this package measures scheduling and timers row by row, against the same rivals:
  cargo run --release -p wheelhouse-benches --bin schedule -- --help
",
        workers = defaults.workers,
        out = defaults.out.display(),
        stack = THREAD_STACK / 1024,
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::Which;

    fn parse(line: &str) -> Result<Options, String> {
        let args = Args::new(line.split_whitespace().map(str::to_owned));
        match Options::parse(args).map_err(|error| error.to_string())? {
            Asked::Report(options) => Ok(options),
            Asked::Help => Err("help".to_owned()),
        }
    }

    #[test]
    fn all_ways_and_a_million_sleepers_unless_told_otherwise() {
        let options = parse("").expect("nothing asked");
        assert_eq!(options.ways, Way::ALL);
        assert_eq!(options.sizes(), SIZES);
    }

    #[test]
    fn options_are_read() {
        let options = parse("--only async-wheelhouse,in-turn --max 250 --sleep 20 --out /tmp/x")
            .expect("all of it is allowed");
        assert_eq!(options.ways, [Way::Async(Which::Wheelhouse), Way::InTurn]);
        assert_eq!(options.sizes(), [1, 10, 100, 250]);
        assert_eq!(options.sleep, Duration::from_millis(20));
        assert_eq!(options.out, PathBuf::from("/tmp/x"));
    }

    #[test]
    fn wrong_arguments_are_told_with_what_is_allowed() {
        let error = parse("--max 0").expect_err("no sleepers");
        assert_eq!(
            error,
            "`--max 0`: expected a whole number from 1 to 1,000,000"
        );
        let error = parse("--only threads").expect_err("no such way");
        assert!(error.starts_with("`--only threads`: allowed are in-turn, thread-each, "));
        let error = parse("--fast").expect_err("no such option");
        assert!(error.starts_with("unknown argument `--fast`; allowed are --only, "));
    }

    #[test]
    fn help_names_every_option_and_every_way() {
        let help = help();
        for word in ALLOWED.into_iter().chain(Way::ALL.map(Way::name)) {
            // Each at the start of its line, indented.
            assert!(help.contains(&format!("  {word} ")), "{word} is missing");
        }
        assert_eq!(parse("--smoke -h").expect_err("not a report"), "help");
    }

    #[test]
    fn a_smoke_run_is_short() {
        let options = parse("--smoke").expect("allowed");
        assert_eq!(options.sizes(), [1, 10, 100, 1_000]);
        assert!(options.total_limit <= Duration::from_secs(20));
    }
}
