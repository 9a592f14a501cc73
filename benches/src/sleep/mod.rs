//! The report: blocking sleep against async sleep, from one sleeper to a million.
//!
//! Every cell (a way to sleep × a number of sleepers) runs in a process of its own: the parent in
//! `runner` plans, starts and stops the cells, a child in `cell` runs one and prints what
//! it measured as one line, and the parent shows all of it as a table and a page.

mod cell;
mod chart;
mod labels;
mod machine;
mod measure;
mod method;
mod noise;
mod options;
mod outcome;
mod page;
mod plan;
mod progress;
mod record;
mod rows;
mod runner;
mod style;
mod table;
mod way;

use std::io::{self, Write};
use std::time::Instant;

use crate::args::Args;

/// Runs the report from these arguments (the program's name left out); the process's exit code.
pub fn main(args: Vec<String>) -> u8 {
    if args.first().map(String::as_str) == Some(cell::COMMAND) {
        return cell::main(&args[1..]);
    }
    match options::Options::parse(Args::new(args)) {
        Ok(options::Asked::Report(options)) => finish(report(&options)),
        Ok(options::Asked::Help) => finish(write!(io::stdout(), "{}", options::help())),
        Err(error) => {
            eprintln!("error: {error}\n`--help` tells all about the arguments.");
            2
        }
    }
}

fn finish(result: io::Result<()>) -> u8 {
    match result {
        // Whoever reads us (`head`, a pager) may leave early.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
            eprintln!("error: {error}");
            1
        }
        _ => 0,
    }
}

fn report(options: &options::Options) -> io::Result<()> {
    let start = Instant::now();
    let pages = options.create_out()?;
    let results = runner::run_all(options)?;
    let mut stdout = io::stdout().lock();
    write!(stdout, "{}", table::render(&results))?;
    std::fs::write(&pages.html, page::render(&results))?;
    std::fs::write(&pages.csv, table::csv(&results))?;
    writeln!(stdout, "\nPage with the curves: {}", pages.html.display())?;
    writeln!(stdout, "Every figure as CSV:  {}", pages.csv.display())?;
    writeln!(stdout, "Took {:.0} s.", start.elapsed().as_secs_f64())
}
