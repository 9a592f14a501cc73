//! What the figures were taken on and with.

use std::fs;

use crate::quantity::{bytes, count};

/// The lock file that this program was built from.
const LOCK: &str = include_str!("../../../Cargo.lock");

/// The measured packages, as the lock file names them.
const PACKAGES: [&str; 4] = ["wheelhouse", "tokio", "async-executor", "async-io"];

/// Processor, kernel and limits, each `None` where the system doesn't tell.
#[derive(Clone, Debug)]
pub(super) struct Machine {
    pub(super) processor: Option<String>,
    pub(super) cores: usize,
    pub(super) memory: Option<String>,
    pub(super) kernel: Option<String>,
    /// What bounds the number of threads.
    pub(super) limits: String,
    /// `tokio 1.2.3`, and so on.
    pub(super) versions: String,
}

impl Machine {
    /// The one that this runs on.
    pub(super) fn this() -> Machine {
        Machine {
            processor: field(&read("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory: field(&read("/proc/meminfo"), "MemTotal").map(|total| in_bytes(&total)),
            kernel: some(read("/proc/sys/kernel/osrelease")),
            limits: limits(),
            versions: PACKAGES
                .map(|name| format!("{name} {}", locked(LOCK, name)))
                .join(", "),
        }
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

fn some(text: String) -> Option<String> {
    Some(text.trim().to_owned()).filter(|text| !text.is_empty())
}

fn field(text: &str, name: &str) -> Option<String> {
    let line = text.lines().find(|line| line.starts_with(name))?;
    some(line.split_once(':')?.1.to_owned())
}

fn in_bytes(kilobytes: &str) -> String {
    let number = kilobytes
        .split_whitespace()
        .next()
        .and_then(|first| first.parse().ok());
    number.map_or_else(String::new, |kilobytes: f64| bytes(kilobytes * 1024.0))
}

fn limits() -> String {
    let names = ["kernel/threads-max", "kernel/pid_max", "vm/max_map_count"];
    let limit = |name: &str| {
        let value = read(&format!("/proc/sys/{name}")).trim().parse().ok()?;
        Some(format!("{} {}", name.rsplit('/').next()?, count(value)))
    };
    names
        .into_iter()
        .filter_map(limit)
        .collect::<Vec<_>>()
        .join(", ")
}

fn locked<'a>(lock: &'a str, package: &str) -> &'a str {
    let name = format!("name = \"{package}\"");
    let mut lines = lock.lines().skip_while(|line| *line != name);
    let version = lines
        .nth(1)
        .and_then(|line| line.strip_prefix("version = "));
    version.map_or("?", |quoted| quoted.trim_matches('"'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_come_from_the_lock_file() {
        let lock = "[[package]]\nname = \"tokio\"\nversion = \"1.2.3\"\n\n[[package]]\n";
        assert_eq!(locked(lock, "tokio"), "1.2.3");
        assert_eq!(locked(lock, "mio"), "?");
        for package in PACKAGES {
            assert_ne!(
                locked(LOCK, package),
                "?",
                "{package} isn't in the lock file"
            );
        }
    }

    #[test]
    fn fields_are_found_by_name() {
        assert_eq!(
            field("model name\t: Fast\n", "model name"),
            Some("Fast".to_owned())
        );
        assert_eq!(field("", "model name"), None);
    }
}
