//! Other programs, run with a time limit.

use std::env;
use std::io::Read;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

/// Runs `command` without standard input to its end and returns what it printed.
///
/// # Panics
///
/// When it can't be started, and when it still runs after `limit`: then it is ended, and the
/// message holds what it printed until then.
///
/// # Examples
///
/// ```
/// use std::process::Command;
/// use wheelhouse_tests::{LIMIT, output_within};
///
/// let output = output_within(Command::new("rustc").arg("--version"), LIMIT);
/// assert!(output.status.success());
/// assert!(output.stdout.starts_with(b"rustc "));
/// ```
#[track_caller]
pub fn output_within(command: &mut Command, limit: Duration) -> Output {
    let deadline = Instant::now() + limit;
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let stdout = read_aside(child.stdout.take().expect("it is piped"));
    let stderr = read_aside(child.stderr.take().expect("it is piped"));
    // The ends of both pipes come with the end of the program.
    let left = |now: Instant| deadline.saturating_duration_since(now);
    let printed = stdout.recv_timeout(left(Instant::now()));
    let reported = stderr.recv_timeout(left(Instant::now()));
    match (printed, reported) {
        (Ok(stdout), Ok(stderr)) => {
            let status = child.wait().expect("a child of ours");
            Output {
                status,
                stdout,
                stderr,
            }
        }
        (printed, reported) => {
            end(&mut child);
            let rest = |pipe: Receiver<Vec<u8>>| pipe.recv().unwrap_or_default();
            let stdout = printed.unwrap_or_else(|_| rest(stdout));
            let stderr = reported.unwrap_or_else(|_| rest(stderr));
            panic!(
                "{command:?} still ran after {limit:?}; it had printed:\n{}{}",
                String::from_utf8_lossy(&stdout),
                String::from_utf8_lossy(&stderr),
            );
        }
    }
}

/// The ignored test `name` of the program that calls, as a program of its own.
pub fn program(name: &str) -> Command {
    let mut command = Command::new(env::current_exe().expect("it runs"));
    command.args(["--exact", name, "--ignored", "--nocapture"]);
    command
}

/// As [`program`], with so many KiB of address space.
#[cfg(unix)]
pub fn program_within(kib: usize, name: &str) -> Command {
    let program = program(name);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -v {kib} && exec \"$0\" \"$@\"")]);
    shell.arg(program.get_program()).args(program.get_args());
    shell
}

/// Runs `command` as [`output_within`] does, and returns its standard output and its standard error.
///
/// # Panics
///
/// As that does, and when the program fails or what it printed is not UTF-8.
#[track_caller]
pub fn printed_by(command: &mut Command, limit: Duration) -> (String, String) {
    let output = output_within(command, limit);
    let text = |bytes| String::from_utf8(bytes).expect("it prints text");
    let (printed, said) = (text(output.stdout), text(output.stderr));
    assert!(output.status.success(), "{command:?}:\n{printed}{said}");
    (printed, said)
}

/// Both pipes are read at once, so that neither fills up and blocks the program.
fn read_aside(mut pipe: impl Read + Send + 'static) -> Receiver<Vec<u8>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        // What was read before an error is worth having.
        let _ = pipe.read_to_end(&mut bytes);
        let _ = sender.send(bytes);
    });
    receiver
}

fn end(child: &mut Child) {
    // It may have ended by itself just now; then there is nothing to kill.
    let _ = child.kill();
    let _ = child.wait();
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    #[test]
    #[should_panic(expected = "it had printed:\nhalf")]
    fn a_hanging_program_is_ended() {
        let script = "echo half; exec sleep 1000";
        output_within(
            Command::new("sh").args(["-c", script]),
            Duration::from_millis(300),
        );
    }
}
