//! What is running and how much time is left, on stderr.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

/// One line that is written over on a terminal; elsewhere a line for each group of cells.
#[derive(Debug)]
pub(super) struct Progress {
    cells: usize,
    terminal: bool,
    /// The group told last.
    told: String,
}

impl Progress {
    pub(super) fn new(cells: usize) -> Progress {
        Progress {
            cells,
            terminal: io::stderr().is_terminal(),
            told: String::new(),
        }
    }

    /// Cell `index`, `title` of its `group`, is about to run.
    pub(super) fn show(&mut self, index: usize, group: &str, title: &str, left: Duration) {
        let left = left.as_secs_f64().ceil();
        if self.terminal {
            let (cell, cells) = (index + 1, self.cells);
            let line = format!("[{cell:>2}/{cells}] {group}: {title}, {left} s left");
            self.write(&format!("\r\x1b[2K{line}"));
        } else if self.told != group {
            group.clone_into(&mut self.told);
            self.write(&format!("{group:>24}, about {left} s left\n"));
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
