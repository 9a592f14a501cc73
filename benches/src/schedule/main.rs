//! Scheduling and timers, row by row: ours against rivals, and against a target.
//! `cargo run --release -p wheelhouse-benches --bin schedule`
//!
//! Every reading is taken in a process of its own; in each round all runtimes take their turn at a
//! workload in a new order, so that a noisy minute hits them alike. A target is a ratio to the best
//! rival of the same round, or an absolute bound that no machine's noise reaches.

mod burst;
mod cell;
mod options;
mod pending;
mod report;
mod rows;
mod runner;
mod slack;
mod staggered;
mod tasks;
mod timers;
mod workload;

use std::io::{self, Write};
use std::process::ExitCode;

use wheelhouse_benches::args::Args;

fn main() -> ExitCode {
    ExitCode::from(run(std::env::args().skip(1).collect()))
}

/// Runs the rows from these arguments (the program's name left out); the process's exit code.
fn run(args: Vec<String>) -> u8 {
    if args.first().map(String::as_str) == Some(cell::COMMAND) {
        return cell::main(&args[1..]);
    }
    let done = match options::Options::parse(Args::new(args)) {
        Ok(options::Asked::Rows(options)) => runner::run_all(&options)
            .and_then(|results| write!(io::stdout(), "{}", report::render(&results))),
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
