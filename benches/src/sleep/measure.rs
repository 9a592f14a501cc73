//! Memory, threads and CPU of this process while the sleepers sleep.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::process::{self, Memory, Usage};

/// A thread that looks at this process every few milliseconds until it is told to stop.
#[derive(Debug)]
pub(super) struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<Memory>,
    /// The CPU time that the thread has used up to its last look, in nanoseconds.
    own_cpu: Arc<AtomicU64>,
    before: Memory,
    usage: Usage,
}

/// What the process needed between start and stop.
#[derive(Clone, Copy, Debug)]
pub(super) struct Needed {
    /// CPU time, the sampler's own left out.
    pub(super) cpu: Duration,
    /// Growth of resident memory at its peak.
    pub(super) user_bytes: u64,
    /// Growth of the page tables.
    pub(super) page_table_bytes: u64,
    /// The most threads at a time, the sampler left out.
    pub(super) threads: u64,
    /// Growth of the number of threads.
    pub(super) new_threads: u64,
}

impl Needed {
    /// Counts threads that are known to have been there, should no look have fallen on them.
    pub(super) fn had_at_least(&mut self, new_threads: u64) {
        let missed = new_threads.saturating_sub(self.new_threads);
        self.new_threads += missed;
        self.threads += missed;
    }
}

/// Often enough to see every stage of a sleep, and seldom enough to disturb nothing.
const EVERY: Duration = Duration::from_millis(10);

impl Sampler {
    /// Starts to look; everything that exists by now counts as there before.
    pub(super) fn start() -> std::io::Result<Sampler> {
        let (stop, stopped) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let own_cpu = Arc::new(AtomicU64::new(0));
        let told = Arc::clone(&own_cpu);
        let thread = thread::Builder::new().spawn(move || {
            let mut peak = Memory::now();
            let _ = ready.send(());
            let before = Usage::of_thread().cpu;
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                peak = peak.max(Memory::now());
                let own = Usage::of_thread().cpu - before;
                // Relaxed: a number that nothing else hangs on.
                told.store(
                    u64::try_from(own.as_nanos()).unwrap_or(0),
                    Ordering::Relaxed,
                );
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
            own_cpu,
            before,
            usage: Usage::now(),
        })
    }

    /// Stops to look.
    pub(super) fn stop(self) -> Needed {
        let usage = Usage::now() - self.usage;
        // Read at the same moment: what it takes to stop the thread is in neither figure.
        // Relaxed: see the store.
        let own_cpu = Duration::from_nanos(self.own_cpu.load(Ordering::Relaxed));
        drop(self.stop);
        let peak = self.thread.join().expect("the sampler only reads files");
        let before = self.before;
        Needed {
            cpu: usage.cpu.saturating_sub(own_cpu),
            user_bytes: peak.resident_peak.saturating_sub(before.resident),
            page_table_bytes: peak.page_tables.saturating_sub(before.page_tables),
            threads: peak.threads.saturating_sub(1),
            new_threads: peak.threads.saturating_sub(before.threads),
        }
    }
}

/// The stack that the kernel keeps for one thread, in bytes: what a good many waiting threads add
/// to the machine's total, in whole pages.
pub(super) fn kernel_stack_of_a_thread() -> std::io::Result<u64> {
    const THREADS: usize = 256;
    const PAGE: u64 = 4096;
    let before = process::kernel_stacks();
    let release = Arc::new(Barrier::new(THREADS + 1));
    let mut threads = Vec::with_capacity(THREADS);
    for _ in 0..THREADS {
        let release = Arc::clone(&release);
        let builder = thread::Builder::new().stack_size(64 * 1024);
        threads.push(builder.spawn(move || release.wait())?);
    }
    let grown = process::kernel_stacks().saturating_sub(before);
    release.wait();
    for thread in threads {
        thread
            .join()
            .expect("a waiting thread ends when it is released");
    }
    Ok((grown / THREADS as u64 + PAGE / 2) / PAGE * PAGE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_between_two_looks_are_counted() {
        let mut needed = Needed {
            cpu: Duration::ZERO,
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
