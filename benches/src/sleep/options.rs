//! The report's command line.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use super::cell::THREAD_STACK;
use super::part::Part;
use super::way::Way;
use crate::args::{ArgError, Args};
use crate::quantity::{chosen, count};

/// The numbers of sleepers.
pub(super) const SIZES: [u64; 7] = [1, 10, 100, 1_000, 10_000, 100_000, 1_000_000];

/// How long each sleeper sleeps unless told otherwise.
const SLEEP: Duration = Duration::from_millis(100);

/// The same from [`MANY`] sleepers on: making them takes long, and all are to be asleep at once.
const SLEEP_OF_MANY: Duration = Duration::from_secs(1);

const MANY: u64 = 10_000;

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
    /// Whether the heartbeat experiment is part of it.
    pub(super) heartbeats: bool,
    /// Whether that is cut short.
    pub(super) brief: bool,
    pub(super) ways: Vec<Way>,
    pub(super) max: u64,
    /// How long each sleeps, whatever their number, if that was asked for.
    pub(super) sleep: Option<Duration>,
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
    pub(super) heartbeats: PathBuf,
}

impl Options {
    fn new() -> Options {
        Options {
            heartbeats: true,
            brief: false,
            ways: Way::ALL.to_vec(),
            max: SIZES[SIZES.len() - 1],
            sleep: None,
            workers: default_workers(),
            out: default_out(),
            cell_limit: Duration::from_secs(5),
            total_limit: Duration::from_secs(85),
            runs: 3,
        }
    }

    fn smoke(&mut self) {
        self.brief = true;
        self.max = self.max.min(1_000);
        self.sleep = Some(Duration::from_millis(10));
        self.cell_limit = Duration::from_millis(100);
        self.total_limit = Duration::from_secs(20);
        self.runs = 1;
    }

    fn only(&mut self, parts: &[Part]) {
        self.heartbeats = parts.contains(&Part::Heartbeats);
        let way = |part: &Part| match part {
            Part::Heartbeats => None,
            Part::Way(way) => Some(*way),
        };
        self.ways = parts.iter().filter_map(way).collect();
    }

    /// Reads a command line.
    pub(super) fn parse(mut args: Args) -> Result<Asked, ArgError> {
        let mut options = Options::new();
        while let Some(option) = args.next_option()? {
            match option.as_str() {
                "--only" => options.only(&args.names(&option, &Part::all(), Part::name)?),
                "--max" => options.max = args.number(&option, 1..=SIZES[SIZES.len() - 1])?,
                "--sleep" => {
                    let millis = args.number(&option, 1_u64..=1_000)?;
                    options.sleep = Some(Duration::from_millis(millis));
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

    /// Numbers of sleepers up to the maximum, which is itself one of them; none without a way.
    pub(super) fn sizes(&self) -> Vec<u64> {
        if self.ways.is_empty() {
            return Vec::new();
        }
        let mut sizes: Vec<u64> = SIZES.into_iter().filter(|size| *size < self.max).collect();
        sizes.push(self.max);
        sizes
    }

    /// How long each of this many sleepers sleeps, the same for every way.
    pub(super) fn sleep_of(&self, sleepers: u64) -> Duration {
        let usual = if sleepers < MANY {
            SLEEP
        } else {
            SLEEP_OF_MANY
        };
        self.sleep.unwrap_or(usual)
    }

    /// The durations of sleep, in words.
    pub(super) fn sleep_text(&self) -> String {
        match self.sleep {
            Some(sleep) => chosen(sleep),
            None if self.max < MANY => chosen(SLEEP),
            None => format!(
                "{} (from {} sleepers on {}, so that all are asleep at once)",
                chosen(SLEEP),
                count(MANY),
                chosen(SLEEP_OF_MANY)
            ),
        }
    }

    /// Whether this is the report as it is meant to be, and no trial of some part of it.
    pub(super) fn is_whole(&self) -> bool {
        self.heartbeats
            && !self.brief
            && self.ways == Way::ALL
            && self.max == SIZES[SIZES.len() - 1]
            && self.sleep.is_none()
            && self.workers == default_workers()
    }

    /// A trial must not take the place of a whole report.
    fn file_name(&self) -> &'static str {
        if self.is_whole() {
            "sleep"
        } else {
            "sleep-trial"
        }
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
        let name = self.file_name();
        let pages = Pages {
            html: self.out.join(name).with_extension("html"),
            csv: self.out.join(name).with_extension("csv"),
            heartbeats: self.out.join(format!("{name}-heartbeats.csv")),
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

fn default_workers() -> usize {
    std::thread::available_parallelism().map_or(2, usize::from)
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
    let describe = |part: Part| format!("      {:<27}{}", part.name(), part.title());
    let parts: Vec<String> = Part::all().into_iter().map(describe).collect();
    let parts = parts.join("\n");
    let defaults = Options::new();
    format!(
        "\
Blocking sleep against async sleep, from one sleeper to a million.

Each way to sleep really runs with 1, 10, 100 .. 1,000,000 sleepers of the same duration, every cell
in a process of its own. Before that, 100 tasks want to run every 10 ms on 2 workers while others
block these for 1 s: here with and without the watch for blocked workers, on tokio, on smol, and on
asyncio where python3 is found. Prints tables, writes a page with the curves and CSV files, and ends
within 90 seconds, once built. A cell that would take more than 5 s by arithmetic (sleepers / those
who can sleep at once x duration) isn't run: it is shown as computed and never drawn.

USAGE
  cargo run --release -p wheelhouse-benches -- [OPTIONS]

OPTIONS
  --only NAME[,NAME..] only these:
{parts}
  --max N             no more than N sleepers, 1 to 1,000,000 [1,000,000]
  --sleep MS          how long each sleeps, 1 to 1,000 ms
                      [{sleep}; from {many} sleepers on {sleep_of_many}, so that all are asleep at once]
  --workers N         worker threads of each runtime, 1 to 512 [this machine's cores: {workers}];
                      heartbeats have 2
  --out DIR           where sleep.html, sleep.csv and sleep-heartbeats.csv go; their names begin
                      with sleep-trial if an option above or --smoke is given [{out}]
  --smoke             a few seconds' worth, to see that all of it works: at most 1,000 sleepers
                      of 10 ms, nothing above 100 ms, heartbeats for a fifth of a second;
                      options after it override it
  --help              this text

Threads of the way `thread-each` ask for a stack of {stack} KiB.

Another program of this package measures scheduling and timers row by row, against the same rivals:
  cargo run --release -p wheelhouse-benches --bin schedule -- --help
",
        sleep = SLEEP.as_millis(),
        sleep_of_many = count(SLEEP_OF_MANY.as_secs() * 1_000),
        many = count(MANY),
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
        assert!(options.heartbeats && !options.brief);
        assert_eq!(options.sizes(), SIZES);
        assert_eq!(options.sleep_of(1_000), Duration::from_millis(100));
        assert_eq!(options.sleep_of(1_000_000), Duration::from_secs(1));
    }

    #[test]
    fn options_are_read() {
        let options = parse("--only async-wheelhouse,in-turn --max 250 --sleep 20 --out /tmp/x")
            .expect("all of it is allowed");
        assert_eq!(options.ways, [Way::Async(Which::Wheelhouse), Way::InTurn]);
        assert_eq!(options.sizes(), [1, 10, 100, 250]);
        assert!(!options.heartbeats);
        assert_eq!(options.sleep_of(10), Duration::from_millis(20));
        assert_eq!(options.sleep_of(1_000_000), Duration::from_millis(20));
        assert_eq!(options.out, PathBuf::from("/tmp/x"));
    }

    #[test]
    fn heartbeats_can_be_asked_for_alone() {
        let options = parse("--only heartbeats").expect("allowed");
        assert!(options.heartbeats && options.ways.is_empty() && options.sizes().is_empty());
        let options = parse("--only in-turn,heartbeats --smoke").expect("allowed");
        assert!(options.heartbeats && options.brief);
        assert_eq!(options.ways, [Way::InTurn]);
    }

    #[test]
    fn a_trial_is_written_elsewhere_than_the_whole_report() {
        for whole in ["", "--out x", "--max 1_000_000"] {
            let options = parse(whole).expect("allowed");
            assert_eq!(options.file_name(), "sleep", "{whole}");
        }
        let more = default_workers() + 1;
        let workers = format!("--workers {more}");
        for trial in [
            "--max 10",
            "--only in-turn",
            "--only heartbeats",
            "--sleep 100",
            "--smoke",
            &workers,
        ] {
            let options = parse(trial).expect("allowed");
            assert_eq!(options.file_name(), "sleep-trial", "{trial}");
        }
    }

    #[test]
    fn wrong_arguments_are_told_with_what_is_allowed() {
        let error = parse("--max 0").expect_err("no sleepers");
        assert_eq!(
            error,
            "`--max 0`: expected a whole number from 1 to 1,000,000"
        );
        let error = parse("--only threads").expect_err("no such way");
        let allowed = "`--only threads`: allowed are heartbeats, in-turn, thread-each, ";
        assert!(error.starts_with(allowed), "{error}");
        let error = parse("--fast").expect_err("no such option");
        assert!(error.starts_with("unknown argument `--fast`; allowed are --only, "));
    }

    #[test]
    fn help_names_every_option_and_every_part() {
        let help = help();
        let parts = Part::all().into_iter().map(Part::name);
        for word in ALLOWED.into_iter().chain(parts) {
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
