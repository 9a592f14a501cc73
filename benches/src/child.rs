//! A child process that measures one thing: this program once more, or another.

use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// What a child printed, and how it ended when it didn't end well.
pub type Ended = (String, Result<(), String>);

/// Runs this program with these arguments, for no longer than `limit`.
///
/// # Errors
///
/// When the process can't be started; a child that ends badly is a result.
pub fn run<'a>(args: impl Iterator<Item = &'a str>, limit: Duration) -> io::Result<Ended> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(args).env("RUST_BACKTRACE", "0");
    run_command(command, "", limit)
}

/// Runs a program that finds `input` on its standard input, for no longer than `limit`.
///
/// The input is written at once, so that it must fit into a pipe: 64 KiB.
///
/// # Errors
///
/// When the process can't be started; a child that ends badly is a result.
pub fn run_command(mut command: Command, input: &str, limit: Duration) -> io::Result<Ended> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // A child that is dead before it has read this tells by how it ended.
        let _ = stdin.write_all(input.as_bytes());
    }
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let child = Arc::new(Mutex::new(child));
    let watchdog = Watchdog::start(Arc::clone(&child), limit);
    // Both at once: a child that fills one pipe while we wait at the other would never end.
    let errors = thread::spawn(move || read_all(stderr));
    let printed = read_all(stdout);
    let errors = errors.join().unwrap_or_default();
    let stopped = watchdog.stop();
    let status = lock(&child).wait()?;
    Ok((
        printed,
        how_it_ended(status, &errors, stopped.then_some(limit)),
    ))
}

fn lock(child: &Mutex<Child>) -> MutexGuard<'_, Child> {
    child.lock().unwrap_or_else(PoisonError::into_inner)
}

fn read_all(pipe: Option<impl Read>) -> String {
    let mut bytes = Vec::new();
    // What came before an error is all that a dead child had to say.
    let _ = pipe.map(|mut pipe| pipe.read_to_end(&mut bytes));
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Kills a child that doesn't end in time.
struct Watchdog {
    stop: mpsc::Sender<()>,
    thread: thread::JoinHandle<bool>,
}

impl Watchdog {
    fn start(child: Arc<Mutex<Child>>, limit: Duration) -> Watchdog {
        let (stop, stopped) = mpsc::channel();
        let thread = thread::spawn(move || {
            let late = stopped.recv_timeout(limit) == Err(RecvTimeoutError::Timeout);
            // Not yet waited for, so the process id is still its own.
            late && lock(&child).kill().is_ok()
        });
        Watchdog { stop, thread }
    }

    /// Whether it had to kill.
    fn stop(self) -> bool {
        drop(self.stop);
        self.thread.join().unwrap_or(false)
    }
}

fn how_it_ended(
    status: ExitStatus,
    errors: &str,
    stopped_after: Option<Duration>,
) -> Result<(), String> {
    if let Some(limit) = stopped_after {
        return Err(format!("stopped after {:.0} s", limit.as_secs_f64()));
    }
    if status.success() {
        return Ok(());
    }
    let words = complaint(errors).unwrap_or("it said nothing");
    Err(format!("{words} ({status})"))
}

/// The first thing that matters of what a process said at its end: a panic's message, or else its
/// first line.
fn complaint(errors: &str) -> Option<&str> {
    let mut lines = errors
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty());
    let first = lines.clone().next();
    let panicked = lines.find(|line| line.contains("panicked at"));
    panicked.and_then(|_| lines.next()).or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panics_message_is_the_complaint() {
        let errors = "\nthread 'x' panicked at lib.rs:1:1:\nno stack left\nnote: more\n";
        assert_eq!(complaint(errors), Some("no stack left"));
        assert_eq!(complaint("\nOut of luck\nmore\n"), Some("Out of luck"));
        assert_eq!(complaint(""), None);
    }
}
