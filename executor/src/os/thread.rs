//! What the operating system knows of a thread: how long it has run, and whether it sleeps.
//!
//! On Linux from `/proc`; elsewhere nothing is known, and whoever asks has to judge by the clock.

/// A thread's usage at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Nanoseconds on a processor since the thread began.
    pub(crate) cpu: u64,
    /// Whether it waits for something other than a processor.
    pub(crate) asleep: bool,
}

pub(crate) use platform::{OsThread, Probe};

#[cfg(target_os = "linux")]
mod platform {
    use super::Usage;
    use std::{
        fs::{self, File},
        os::unix::fs::FileExt,
    };

    /// A thread's name to the system.
    pub(crate) struct OsThread {
        number: Option<String>,
    }

    /// Open files from which a thread's usage is read, again and again.
    pub(crate) struct Probe {
        schedstat: File,
        stat: File,
    }

    impl OsThread {
        /// The calling thread.
        pub(crate) fn current() -> OsThread {
            let link = fs::read_link("/proc/thread-self").ok();
            let number = link.and_then(|link| Some(link.file_name()?.to_str()?.to_owned()));
            OsThread { number }
        }

        /// None if the system does not tell.
        pub(crate) fn probe(&self) -> Option<Probe> {
            let number = self.number.as_deref()?;
            let open = |file| File::open(format!("/proc/self/task/{number}/{file}")).ok();
            Some(Probe {
                schedstat: open("schedstat")?,
                stat: open("stat")?,
            })
        }
    }

    impl Probe {
        /// None if the thread has ended, or the system does not tell.
        pub(crate) fn usage(&self) -> Option<Usage> {
            let mut buffer = [0; 512];
            let cpu = super::first_number(read(&self.schedstat, &mut buffer)?)?;
            let asleep = super::sleeps(read(&self.stat, &mut buffer)?)?;
            Some(Usage { cpu, asleep })
        }
    }

    fn read<'a>(file: &File, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
        let length = file.read_at(buffer, 0).ok()?;
        buffer.get(..length)
    }
}

#[cfg(not(target_os = "linux"))]
mod platform {
    use super::Usage;

    pub(crate) struct OsThread;
    pub(crate) struct Probe;

    impl OsThread {
        pub(crate) fn current() -> OsThread {
            OsThread
        }

        pub(crate) fn probe(&self) -> Option<Probe> {
            None
        }
    }

    impl Probe {
        pub(crate) fn usage(&self) -> Option<Usage> {
            None
        }
    }
}

/// The first of the numbers in `/proc/self/task/N/schedstat`: nanoseconds on a processor.
#[cfg(any(target_os = "linux", test))]
fn first_number(text: &[u8]) -> Option<u64> {
    let text = str::from_utf8(text).ok()?;
    text.split_ascii_whitespace().next()?.parse().ok()
}

/// Whether the state in `/proc/self/task/N/stat` says so. It comes after the name, which is in brackets
/// and may contain anything.
#[cfg(any(target_os = "linux", test))]
fn sleeps(text: &[u8]) -> Option<bool> {
    let bracket = text.iter().rposition(|byte| *byte == b')')?;
    let state = text[bracket + 1..].iter().find(|byte| **byte != b' ')?;
    Some(matches!(state, b'S' | b'D' | b'T' | b't'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_comes_after_a_name_that_may_contain_anything() {
        assert_eq!(sleeps(b"71 (a) S) R 1 2 3"), Some(false));
        assert_eq!(sleeps(b"71 (wheelhouse-0) S 1 2"), Some(true));
        assert_eq!(sleeps(b"71 (wheelhouse-0) D 1 2"), Some(true));
        assert_eq!(sleeps(b"71 (wheelhouse-0)"), None);
        assert_eq!(sleeps(b""), None);
    }

    #[test]
    fn the_time_is_the_first_number() {
        assert_eq!(first_number(b"12139067 109294 2\n"), Some(12_139_067));
        assert_eq!(first_number(b"\n"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_computes_is_awake_and_its_time_moves() {
        let probe = OsThread::current().probe().expect("/proc is there");
        let before = probe.usage().expect("the thread lives");
        assert!(!before.asleep);
        // The kernel accounts at its ticks.
        while probe.usage().expect("the thread lives").cpu == before.cpu {}
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_thread_that_waits_is_asleep() {
        let (tell, told) = std::sync::mpsc::channel();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let thread = std::thread::spawn(move || {
            tell.send(OsThread::current()).unwrap();
            let _ = released.recv();
        });
        let probe = told.recv().unwrap().probe().expect("/proc is there");
        while !probe.usage().expect("the thread lives").asleep {
            std::thread::yield_now();
        }
        drop(release);
        thread.join().unwrap();
        while probe.usage().is_some() {
            std::thread::yield_now();
        }
    }
}
