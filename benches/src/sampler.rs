//! What this process needs while something is measured: memory, threads, CPU time, switches.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::process::{self, Memory, Usage};

/// A thread that looks at this process every few milliseconds until it is told to stop.
#[derive(Debug)]
pub struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<Memory>,
    own: Arc<Own>,
    before: Memory,
    usage: Usage,
}

/// What the thread itself has used up to its last look.
#[derive(Debug, Default)]
struct Own {
    /// In nanoseconds.
    cpu: AtomicU64,
    switches: AtomicU64,
    voluntary: AtomicU64,
}

impl Own {
    fn tell(&self, usage: Usage) {
        // Relaxed, all three: numbers that nothing else hangs on.
        let cpu = u64::try_from(usage.cpu.as_nanos()).unwrap_or(0);
        self.cpu.store(cpu, Ordering::Relaxed);
        self.switches.store(usage.switches, Ordering::Relaxed);
        self.voluntary.store(usage.voluntary, Ordering::Relaxed);
    }

    fn told(&self) -> Usage {
        // Relaxed, all three: see the stores.
        Usage {
            cpu: Duration::from_nanos(self.cpu.load(Ordering::Relaxed)),
            switches: self.switches.load(Ordering::Relaxed),
            voluntary: self.voluntary.load(Ordering::Relaxed),
        }
    }
}

/// What the process needed between start and stop.
#[derive(Clone, Copy, Debug)]
pub struct Needed {
    /// CPU time, the sampler's own left out.
    pub cpu: Duration,
    /// Context switches of all threads, the sampler's own left out.
    pub switches: u64,
    /// Growth of resident memory at its peak.
    pub user_bytes: u64,
    /// Growth of the page tables.
    pub page_table_bytes: u64,
    /// The most threads at a time, the sampler left out.
    pub threads: u64,
    /// Growth of the number of threads.
    pub new_threads: u64,
}

impl Needed {
    /// Counts threads that are known to have been there, should no look have fallen on them.
    pub fn had_at_least(&mut self, new_threads: u64) {
        let missed = new_threads.saturating_sub(self.new_threads);
        self.new_threads += missed;
        self.threads += missed;
    }
}

/// Often enough to see every stage of a sleep, and seldom enough to disturb nothing.
const EVERY: Duration = Duration::from_millis(10);

impl Sampler {
    /// Starts to look; everything that exists by now counts as there before.
    ///
    /// # Errors
    ///
    /// When the thread can't be started.
    pub fn start() -> std::io::Result<Sampler> {
        let (stop, stopped) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let own = Arc::new(Own::default());
        let looker = Arc::clone(&own);
        let thread = thread::Builder::new().spawn(move || {
            let mut peak = Memory::now();
            let _ = ready.send(());
            let before = Usage::of_thread();
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                peak = peak.max(Memory::now());
                looker.tell(Usage::of_thread() - before);
            }
            peak.max(Memory::now())
        })?;
        // What the sampler needs to get going is no part of any figure.
        let _ = is_ready.recv();
        process::forget_peak();
        let before = Memory::now();
        Ok(Sampler {
            stop,
            thread,
            own,
            before,
            usage: Usage::now(),
        })
    }

    /// Stops to look.
    pub fn stop(self) -> Needed {
        // Read at the same moment: what it takes to stop the thread is in neither figure.
        let usage = Usage::now() - self.usage - self.own.told();
        drop(self.stop);
        let peak = self.thread.join().expect("the sampler only reads files");
        let before = self.before;
        Needed {
            cpu: usage.cpu,
            switches: usage.switches,
            user_bytes: peak.resident_peak.saturating_sub(before.resident),
            page_table_bytes: peak.page_tables.saturating_sub(before.page_tables),
            threads: peak.threads.saturating_sub(1),
            new_threads: peak.threads.saturating_sub(before.threads),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_between_two_looks_are_counted() {
        let mut needed = Needed {
            cpu: Duration::ZERO,
            switches: 0,
            user_bytes: 0,
            page_table_bytes: 0,
            threads: 3_794,
            new_threads: 3_793,
        };
        needed.had_at_least(3_889);
        assert_eq!((needed.threads, needed.new_threads), (3_890, 3_889));
        needed.had_at_least(10);
        assert_eq!((needed.threads, needed.new_threads), (3_890, 3_889));
    }
}
