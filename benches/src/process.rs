//! What this process has used so far, as the kernel counts it.
//!
//! The only `unsafe` of this package is the system calls below, which nothing in `/proc` replaces:
//! they count ended threads too, and CPU time in nanoseconds, and they set a thread's timer slack.

use std::fs;
use std::io;
use std::ops::Sub;
use std::time::Duration;

/// CPU time and context switches of all threads of this process, ended ones included.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time, user and system together.
    pub cpu: Duration,
    /// Context switches, voluntary and involuntary together.
    pub switches: u64,
    /// The voluntary ones among them: a thread had nothing to do, and was woken later.
    pub voluntary: u64,
}

impl Usage {
    /// What all threads have used up to now.
    #[must_use]
    pub fn now() -> Usage {
        Usage::new(libc::CLOCK_PROCESS_CPUTIME_ID, libc::RUSAGE_SELF)
    }

    /// What the calling thread alone has used up to now.
    #[must_use]
    pub fn of_thread() -> Usage {
        Usage::new(libc::CLOCK_THREAD_CPUTIME_ID, libc::RUSAGE_THREAD)
    }

    fn new(of: libc::clockid_t, who: libc::c_int) -> Usage {
        let usage = rusage(who);
        let count = |switches| u64::try_from(switches).unwrap_or(0);
        Usage {
            cpu: clock(of),
            switches: count(usage.ru_nvcsw + usage.ru_nivcsw),
            voluntary: count(usage.ru_nvcsw),
        }
    }
}

impl Sub for Usage {
    type Output = Usage;

    fn sub(self, earlier: Usage) -> Usage {
        Usage {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            switches: self.switches.saturating_sub(earlier.switches),
            voluntary: self.voluntary.saturating_sub(earlier.voluntary),
        }
    }
}

fn clock(clock: libc::clockid_t) -> Duration {
    let mut time = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: the pointer is valid for writes of one `timespec`.
    let answer = unsafe { libc::clock_gettime(clock, &raw mut time) };
    assert_eq!(answer, 0, "the CPU clocks exist on every Linux");
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_nanos(u64::try_from(time.tv_nsec).unwrap_or(0))
}

/// The calling thread's timer slack: by how much the kernel may wake it later than it asked for.
/// Threads and processes that it starts inherit it.
///
/// # Errors
///
/// Where there is no such thing.
pub fn timer_slack() -> io::Result<Duration> {
    // SAFETY: this request takes no pointers.
    let nanos = unsafe { libc::prctl(libc::PR_GET_TIMERSLACK) };
    // Negative: an error, or a slack of over 2 s, which nobody sets.
    let nanos = u64::try_from(nanos).map_err(|_| io::Error::last_os_error())?;
    Ok(Duration::from_nanos(nanos))
}

/// Sets the calling thread's timer slack.
///
/// # Errors
///
/// When the kernel refuses.
pub fn set_timer_slack(slack: Duration) -> io::Result<()> {
    let nanos = libc::c_ulong::try_from(slack.as_nanos()).unwrap_or(libc::c_ulong::MAX);
    // SAFETY: this request takes no pointers.
    match unsafe { libc::prctl(libc::PR_SET_TIMERSLACK, nanos) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// CPU time of this process and of its children that have ended and were waited for.
#[must_use]
pub fn cpu_with_children() -> Duration {
    let children = rusage(libc::RUSAGE_CHILDREN);
    clock(libc::CLOCK_PROCESS_CPUTIME_ID) + time(children.ru_utime) + time(children.ru_stime)
}

fn time(time: libc::timeval) -> Duration {
    let seconds = u64::try_from(time.tv_sec).unwrap_or(0);
    Duration::from_secs(seconds) + Duration::from_micros(u64::try_from(time.tv_usec).unwrap_or(0))
}

fn rusage(who: libc::c_int) -> libc::rusage {
    let mut usage = std::mem::MaybeUninit::<libc::rusage>::zeroed();
    // SAFETY: the pointer is valid for writes of one `rusage`.
    let answer = unsafe { libc::getrusage(who, usage.as_mut_ptr()) };
    assert_eq!(answer, 0, "getrusage can fail only for a bad argument");
    // SAFETY: zeroed above, and every field is an integer, so that all zeros is a valid value.
    unsafe { usage.assume_init() }
}

/// CPU time that the whole machine has spent since it started, on all cores; `None` where `/proc`
/// doesn't tell.
#[must_use]
pub fn machine_cpu() -> Option<Duration> {
    parse_machine_cpu(&fs::read_to_string("/proc/stat").ok()?)
}

fn parse_machine_cpu(stat: &str) -> Option<Duration> {
    /// `user nice system idle iowait irq softirq steal`, in hundredths of a second on Linux.
    const IDLE: [usize; 2] = [3, 4];
    const FIELDS: usize = 8;
    let words = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields = words.split_whitespace().take(FIELDS).enumerate();
    let busy = fields.filter(|(index, _)| !IDLE.contains(index));
    let ticks = busy.map(|(_, ticks)| ticks.parse::<u64>().ok());
    Some(Duration::from_millis(ticks.sum::<Option<u64>>()? * 10))
}

/// The machine's load average over the last minute; `None` where `/proc` doesn't tell.
#[must_use]
pub fn load_average() -> Option<f64> {
    let text = fs::read_to_string("/proc/loadavg").ok()?;
    text.split_whitespace().next()?.parse().ok()
}

/// Memory and threads of this process at one moment, in bytes; zero where `/proc` doesn't tell.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Resident memory (`VmRSS`).
    pub resident: u64,
    /// The most that was ever resident (`VmHWM`).
    pub resident_peak: u64,
    /// Page tables (`VmPTE`), which the kernel holds on this process's behalf.
    pub page_tables: u64,
    /// Threads alive.
    pub threads: u64,
}

impl Memory {
    /// As it is now.
    #[must_use]
    pub fn now() -> Memory {
        Memory::parse(&fs::read_to_string("/proc/self/status").unwrap_or_default())
    }

    fn parse(status: &str) -> Memory {
        Memory {
            resident: kilobytes(status, "VmRSS:"),
            resident_peak: kilobytes(status, "VmHWM:"),
            page_tables: kilobytes(status, "VmPTE:"),
            threads: number(status, "Threads:"),
        }
    }

    /// Field by field, the larger of both.
    #[must_use]
    pub fn max(self, other: Memory) -> Memory {
        Memory {
            resident: self.resident.max(other.resident),
            resident_peak: self.resident_peak.max(other.resident_peak),
            page_tables: self.page_tables.max(other.page_tables),
            threads: self.threads.max(other.threads),
        }
    }
}

/// Forgets the peak of resident memory, so that [`Memory::resident_peak`] starts from here.
pub fn forget_peak() {
    // Kernels without this file keep the old peak, which can only overstate what follows.
    let _ = fs::write("/proc/self/clear_refs", "5");
}

/// The stacks that the kernel keeps for all threads of the machine, in bytes.
#[must_use]
pub fn kernel_stacks() -> u64 {
    kilobytes(
        &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        "KernelStack:",
    )
}

/// Memory that the machine could still hand out, in bytes; unlimited where `/proc` doesn't tell.
#[must_use]
pub fn available() -> u64 {
    match kilobytes(
        &fs::read_to_string("/proc/meminfo").unwrap_or_default(),
        "MemAvailable:",
    ) {
        0 => u64::MAX,
        bytes => bytes,
    }
}

fn kilobytes(text: &str, key: &str) -> u64 {
    number(text, key) * 1024
}

fn number(text: &str, key: &str) -> u64 {
    let line = text.lines().find_map(|line| line.strip_prefix(key));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn status_lines_are_read_in_bytes() {
        let status =
            "Name:\tx\nVmHWM:\t    3000 kB\nVmRSS:\t    2048 kB\nVmPTE:\t 8 kB\nThreads:\t5\n";
        let expected = Memory {
            resident: 2048 * 1024,
            resident_peak: 3000 * 1024,
            page_tables: 8 * 1024,
            threads: 5,
        };
        assert_eq!(Memory::parse(status), expected);
        assert_eq!(Memory::parse("").threads, 0);
    }

    #[test]
    fn the_machines_cpu_time_leaves_idle_and_waiting_out() {
        let stat = "cpu  100 20 30 9000 800 1 2 3 0 0\ncpu0 1 1 1\n";
        assert_eq!(parse_machine_cpu(stat), Some(Duration::from_millis(1_560)));
        assert_eq!(parse_machine_cpu("intr 5\n"), None);
    }

    #[test]
    fn cpu_time_that_is_spent_is_counted_even_of_ended_threads() {
        let before = Usage::now();
        let worker = std::thread::spawn(|| {
            while Usage::of_thread().cpu < Duration::from_millis(20) {
                std::hint::black_box(0);
            }
        });
        worker.join().expect("the spinning thread ends");
        let used = Usage::now() - before;
        assert!(
            used.cpu >= Duration::from_millis(20),
            "only {:?} counted",
            used.cpu
        );
    }

    #[test]
    fn a_timer_slack_is_set_and_inherited() {
        let inherited = std::thread::spawn(|| {
            set_timer_slack(Duration::from_nanos(7)).expect("the kernel grants it");
            std::thread::spawn(timer_slack).join()
        });
        let inherited = inherited.join().expect("no panic").expect("no panic");
        assert_eq!(inherited.expect("told"), Duration::from_nanos(7));
    }

    #[test]
    fn a_thread_that_waits_is_switched_away_from() {
        let before = Usage::of_thread();
        for _ in 0..5 {
            std::thread::sleep(Duration::from_millis(1));
        }
        let used = Usage::of_thread() - before;
        assert!(
            used.switches >= 5,
            "only {} switches counted",
            used.switches
        );
        assert!((5..=used.switches).contains(&used.voluntary), "{used:?}");
    }
}
