//! What the kernel keeps for each thread.

use std::sync::{Arc, Barrier};
use std::thread;

use crate::process;

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
