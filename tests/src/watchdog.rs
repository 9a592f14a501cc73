//! A hang becomes a failure that names its test.

use std::any::Any;
use std::panic::{self, AssertUnwindSafe, Location};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// How long a test may take when nothing better is known: far longer than any should, even on a
/// busy machine, and far shorter than a person's patience.
pub const LIMIT: Duration = Duration::from_secs(60);

/// Runs `test` on a thread of its own and returns what it returns.
///
/// If it has not ended after `limit`, the caller panics with `name`, the caller's line and, on
/// Linux, what every thread of the process is doing. The stuck thread is left behind: the other
/// tests still run, and the process ends when they have.
///
/// # Panics
///
/// When `limit` passes, and when `test` panics (the same panic goes on).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use wheelhouse_tests::watchdog;
///
/// let sum = watchdog("adding up", Duration::from_secs(5), || 4 + 5);
/// assert_eq!(sum, 9);
/// ```
#[track_caller]
pub fn watchdog<R: Send + 'static>(
    name: &str,
    limit: Duration,
    test: impl FnOnce() -> R + Send + 'static,
) -> R {
    let caller = Location::caller();
    match run_within(name, limit, test) {
        Some(Ok(value)) => value,
        Some(Err(panic)) => panic::resume_unwind(panic),
        None => panic!(
            "`{name}` ({caller}) still runs after {limit:?}; {}",
            threads()
        ),
    }
}

/// `None`: the limit passed first.
fn run_within<R: Send + 'static>(
    name: &str,
    limit: Duration,
    test: impl FnOnce() -> R + Send + 'static,
) -> Option<thread::Result<R>> {
    let (done, result) = mpsc::channel();
    let body = move || {
        let outcome: Result<R, Box<dyn Any + Send>> = panic::catch_unwind(AssertUnwindSafe(test));
        // The receiver is gone when the limit has passed: the failure was reported then.
        let _ = done.send(outcome);
    };
    let spawned = thread::Builder::new().name(name.to_owned()).spawn(body);
    let runner = spawned.unwrap_or_else(|error| panic!("no thread for `{name}`: {error}"));
    match result.recv_timeout(limit) {
        Ok(outcome) => {
            // Its thread-locals' destructors are part of the test.
            let _ = runner.join();
            Some(outcome)
        }
        Err(RecvTimeoutError::Timeout) => None,
        Err(RecvTimeoutError::Disconnected) => unreachable!("the body always sends"),
    }
}

/// The process's threads by name, with the kernel's state of each (R runs, S sleeps).
#[cfg(target_os = "linux")]
fn threads() -> String {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return "its threads can't be listed".to_owned();
    };
    let lines: Vec<String> = tasks
        .flatten()
        .filter_map(|task| describe(&task.path()))
        .collect();
    format!("the process's threads (name, state):\n{}", lines.join("\n"))
}

#[cfg(target_os = "linux")]
fn describe(task: &std::path::Path) -> Option<String> {
    let stat = std::fs::read_to_string(task.join("stat")).ok()?;
    // "pid (name) state ...", and the name may itself hold brackets.
    let (head, tail) = stat.rsplit_once(") ")?;
    let (_, name) = head.split_once('(')?;
    Some(format!("  {name:<16} {}", tail.get(..1)?))
}

#[cfg(not(target_os = "linux"))]
fn threads() -> String {
    "its threads can't be listed on this platform".to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(panic: Box<dyn Any + Send>) -> String {
        *panic.downcast::<String>().expect("a formatted panic")
    }

    #[test]
    fn a_hang_fails_and_names_the_test() {
        let hang = || watchdog("the hung one", Duration::from_millis(20), thread::park);
        let text = message(panic::catch_unwind(hang).expect_err("the limit passes"));
        assert!(text.contains("the hung one"), "{text}");
        assert!(text.contains(file!()), "{text}");
        if cfg!(target_os = "linux") {
            assert!(text.contains("  the hung one "), "{text}");
        }
    }

    #[test]
    fn a_panic_goes_on_in_the_caller() {
        let fail = || {
            watchdog("fails", LIMIT, || {
                panic::panic_any(String::from("3 apples"))
            })
        };
        let text = message(panic::catch_unwind(fail).expect_err("it panics"));
        assert_eq!(text, "3 apples");
    }
}
