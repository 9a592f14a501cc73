//! Memory, threads and CPU of this process while the sleepers sleep.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::process::{self, Memory, Usage};

/// A thread that looks at this process every few milliseconds until it is told to stop.
#[derive(Debug)]
pub(super) struct Sampler {
    stop: Sender<()>,
    thread: JoinHandle<(Memory, Duration)>,
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

/// Often enough to see every stage of a sleep, and seldom enough to disturb nothing.
const EVERY: Duration = Duration::from_millis(10);

impl Sampler {
    /// Starts to look; everything that exists by now counts as there before.
    pub(super) fn start() -> std::io::Result<Sampler> {
        let (stop, stopped) = mpsc::channel();
        let (ready, is_ready) = mpsc::channel();
        let thread = thread::Builder::new().spawn(move || {
            let mut peak = Memory::now();
            let before = Usage::of_thread().cpu;
            let _ = ready.send(());
            while stopped.recv_timeout(EVERY) == Err(RecvTimeoutError::Timeout) {
                peak = peak.max(Memory::now());
            }
            let own_cpu = Usage::of_thread().cpu - before;
            (peak.max(Memory::now()), own_cpu)
        })?;
        // What the sampler needs to get going is no part of any figure.
        let _ = is_ready.recv();
        process::forget_peak();
        let before = Memory::now();
        Ok(Sampler {
            stop,
            thread,
            before,
            usage: Usage::now(),
        })
    }

    /// Stops to look.
    pub(super) fn stop(self) -> Needed {
        let usage = Usage::now() - self.usage;
        drop(self.stop);
        let (peak, own_cpu) = self.thread.join().expect("the sampler only reads files");
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
