//! Timers armed and cancelled by 1 to 16 threads at once, some of them dropped on another thread
//! than the one that armed them: a curve for each runtime.
//! `cargo run --release -p wheelhouse-benches --bin contention`
//!
//! Every point is taken in a process of its own; in each round all runtimes take their turn at a
//! point in a new order.

mod cell;
mod entrant;
mod lane;
mod options;
mod report;
mod runner;
mod stage;

use std::io::{self, Write};
use std::process::ExitCode;

use wheelhouse_benches::args::Args;

fn main() -> ExitCode {
    ExitCode::from(run(std::env::args().skip(1).collect()))
}

/// Takes the curves from these arguments (the program's name left out); the process's exit code.
fn run(args: Vec<String>) -> u8 {
    if args.first().map(String::as_str) == Some(cell::COMMAND) {
        return cell::main(&args[1..]);
    }
    let done = match options::Options::parse(Args::new(args)) {
        Ok(options::Asked::Curves(options)) => curves(&options),
        Ok(options::Asked::Help) => write!(io::stdout(), "{}", options::help()),
        Err(error) => {
            eprintln!("error: {error}\n`--help` tells all about the arguments.");
            return 2;
        }
    };
    match done {
        // Whoever reads us (`head`, a pager) may leave early.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: {error}");
            1
        }
        _ => 0,
    }
}

fn curves(options: &options::Options) -> io::Result<()> {
    // Before anything is measured: a file that can't be written shall not cost a minute.
    let mut csv = options.csv.as_ref().map(create).transpose()?;
    let points = runner::run_all(options)?;
    if let Some(csv) = &mut csv {
        csv.write_all(report::csv(&points).as_bytes())?;
    }
    write!(io::stdout(), "{}", report::table(options, &points))
}

fn create(path: &String) -> io::Result<std::fs::File> {
    let told = |error: io::Error| io::Error::new(error.kind(), format!("`{path}`: {error}"));
    std::fs::File::create(path).map_err(told)
}
