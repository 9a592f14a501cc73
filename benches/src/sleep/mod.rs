//! The report: blocking sleep against async sleep, from one sleeper to a million, and what a
//! blocking sleep does to others.
//!
//! Every cell (a way to sleep × a number of sleepers) runs in a process of its own: the parent in
//! `runner` plans, starts and stops the cells, a child in `cell` runs one and prints what
//! it measured as one line, and the parent shows all of it as a table and a page. So do the runs
//! of [`heartbeat`], whose figures are shown by `heartbeats` and `heartbeat_page`.

mod cell;
mod chart;
mod heartbeat_page;
mod heartbeats;
mod kernel_stack;
mod labels;
mod machine;
mod method;
mod noise;
mod options;
mod outcome;
mod page;
mod part;
mod plan;
mod progress;
mod record;
mod rows;
mod runner;
mod style;
mod table;
mod timeline;
mod way;

use std::io::{self, Write};
use std::time::Instant;

use crate::args::Args;
use crate::heartbeat;

/// Runs the report from these arguments (the program's name left out); the process's exit code.
pub fn main(args: Vec<String>) -> u8 {
    if args.first().map(String::as_str) == Some(cell::COMMAND) {
        return cell::main(&args[1..]);
    }
    if args.first().map(String::as_str) == Some(heartbeat::cell::COMMAND) {
        return heartbeat::cell::main(&args[1..]);
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
    writeln!(stdout, "\nPage with the curves: {}", pages.html.display())?;
    if !results.cells.is_empty() {
        std::fs::write(&pages.csv, table::csv(&results))?;
        writeln!(stdout, "Every figure as CSV:  {}", pages.csv.display())?;
    }
    if !results.heartbeats.is_empty() {
        std::fs::write(&pages.heartbeats, heartbeats::csv(&results.heartbeats))?;
        let csv = pages.heartbeats.display();
        writeln!(stdout, "Heartbeats as CSV:    {csv}")?;
    }
    writeln!(stdout, "Took {:.0} s.", start.elapsed().as_secs_f64())
}
