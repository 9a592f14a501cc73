//! The threads of this process, and states that come about sooner or later.

use std::thread;
use std::time::{Duration, Instant};

/// The names of this process's threads that begin with `prefix`: a runtime's, if that is its
/// [`thread_name`](wheelhouse::Builder::thread_name). Linux keeps 15 bytes of a name. Empty where
/// threads can't be listed.
pub fn threads_named(prefix: &str) -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return Vec::new();
    };
    let names = tasks
        .flatten()
        .filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names
        .map(|name| name.trim_end().to_owned())
        .filter(|name| name.starts_with(prefix))
        .collect()
}

/// Blocks until `state` holds, of which nobody tells: it looks every millisecond.
///
/// # Panics
///
/// When that takes longer than `limit`.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::{LIMIT, eventually};
///
/// let task = wheelhouse::Runtime::new().unwrap().spawn(async {});
/// eventually("the task ends", LIMIT, || task.is_finished());
/// ```
#[track_caller]
pub fn eventually(what: &str, limit: Duration, mut state: impl FnMut() -> bool) {
    let deadline = Instant::now() + limit;
    while !state() {
        assert!(Instant::now() < deadline, "not in {limit:?}: {what}");
        thread::sleep(Duration::from_millis(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Gate, LIMIT};

    #[test]
    #[cfg(target_os = "linux")]
    fn a_thread_is_found_by_its_name() {
        let gate = Gate::new();
        let block = gate.clone();
        let named = thread::Builder::new().name("looked-for".into());
        let thread = named.spawn(move || block.block()).unwrap();
        gate.wait_for(1, LIMIT);
        assert_eq!(threads_named("looked-"), ["looked-for"]);
        gate.open();
        thread.join().unwrap();
        eventually("it goes", LIMIT, || threads_named("looked-").is_empty());
    }

    #[test]
    #[should_panic(expected = "pigs fly")]
    fn what_never_comes_about_is_told() {
        eventually("pigs fly", Duration::from_millis(5), || false);
    }
}
