//! What is running and how much time is left, on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use super::way::Way;
use crate::quantity::{count, counted};

/// One line that is written over on a terminal; elsewhere a line for each number of sleepers.
#[derive(Debug)]
pub(super) struct Progress {
    cells: usize,
    terminal: bool,
    /// The number of sleepers told last.
    told: Option<u64>,
}

impl Progress {
    pub(super) fn new(cells: usize) -> Progress {
        Progress {
            cells,
            terminal: io::stderr().is_terminal(),
            told: None,
        }
    }

    /// Cell `index` is about to run.
    pub(super) fn show(&mut self, index: usize, way: Way, sleepers: u64, left: Duration) {
        let left = left.as_secs_f64().ceil();
        if self.terminal {
            let (cell, cells, title) = (index + 1, self.cells, way.title());
            let sleepers = count(sleepers);
            let line = format!("[{cell:>2}/{cells}] {sleepers} × {title}, {left} s left");
            self.write(&format!("\r\x1b[2K{line}"));
        } else if self.told.replace(sleepers) != Some(sleepers) {
            let sleepers = counted(sleepers, "sleeper");
            self.write(&format!("{sleepers:>18}, about {left} s left\n"));
        }
    }

    /// Everything has run.
    pub(super) fn end(&self) {
        if self.terminal {
            self.write("\r\x1b[2K");
        }
    }

    fn write(&self, text: &str) {
        // Progress that nobody can read is no reason to stop.
        let mut stderr = io::stderr().lock();
        let _ = stderr
            .write_all(text.as_bytes())
            .and_then(|()| stderr.flush());
    }
}
