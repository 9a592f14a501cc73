//! The end of the page: how the figures were taken, and on what.

use std::fmt::Write;

use super::cell::THREAD_STACK;
use super::machine::Machine;
use super::noise::Noise;
use super::runner::Results;
use super::style::escape;
use super::way::BLOCKING_THREADS;
use crate::quantity::{bytes, count, counted};

/// Writes both sections.
pub(super) fn write(page: &mut String, results: &Results) {
    write_how(page, results);
    write_machine(page, &results.machine, &results.noise);
}

fn write_how(page: &mut String, results: &Results) {
    let options = &results.options;
    let _ = write!(
        page,
        "<h2>How this was measured</h2>\n<ul>\n\
         <li>Every cell runs in a process of its own. Cells of up to 2 s run {runs}, once if \
         time runs short; the run with the median wall time is shown, and a broad stroke behind a \
         point reaches from the least to the most of all runs.</li>\n\
         <li>Each sleeps for {sleep}. That is long against a wake-up (tens of µs) and against \
         making the sleepers.</li>\n\
         <li>A cell that would take more than {limit} s by arithmetic (sleepers / those that can \
         sleep at once × duration, rounded up to whole rounds) is computed, not run.</li>\n\
         <li>Tasks and jobs are made, and joined, by one task on a worker; threads by the main \
         thread, through <code>thread::Builder</code> with a stack of {stack} of address space.</li>\n\
         <li>Lateness counts from the instant at which a sleeper goes to sleep; waiting for a \
         thread before that shows as wall time. A sleeper that wakes early would fail its cell; \
         none did unless the table says so.</li>\n\
         <li>tokio's timer counts in milliseconds and rounds up, by design: a lateness of one or \
         two milliseconds there is its resolution and no delay.</li>\n\
         <li>User memory is the growth of peak resident memory (<code>VmHWM</code> over \
         <code>VmRSS</code>) from the started, warmed-up runtime. Kernel memory is the growth of \
         page tables (<code>VmPTE</code>) and {kernel} of stack for each thread that was added, as \
         measured here from <code>KernelStack</code> with 256 waiting threads; the kernel's other \
         records of a thread are not counted.</li>\n\
         <li>Both are divided by the sleepers that were asleep at once, and shown only where that \
         was next to all of them. With <code>spawn_blocking</code> half of them do: a job that \
         waits for a thread is small beside one that has it, and is counted with it.</li>\n\
         <li>A thread takes several ranges of addresses, and keeps that of its stack until it is \
         joined, so that the system's limit on mappings can end that way before its limit on \
         threads.</li>\n\
         <li>A thread looks at memory and threads every 10 ms, so that the most threads are a \
         sample unless the sleepers' own times show more; its CPU time is subtracted.</li>\n\
         <li>wheelhouse and tokio (its multi-thread runtime): {workers} and at most {blocking} \
         blocking threads, the default of both. smol: async-executor's <code>StaticExecutor</code> on as many threads \
         with async-io, its fastest form. Nothing is tuned; all use the system's allocator.</li>\n\
         </ul>\n",
        runs = counted(options.runs, "time"),
        sleep = options.sleep_text(),
        blocking = BLOCKING_THREADS,
        limit = options.cell_limit.as_secs_f64(),
        stack = bytes(THREAD_STACK as f64),
        kernel = bytes(results.kernel_stack as f64),
        workers = counted(options.workers as u64, "worker"),
    );
}

fn write_machine(page: &mut String, machine: &Machine, noise: &Noise) {
    let unknown = || "unknown".to_owned();
    let rows = [
        (
            "Processor",
            machine.processor.clone().unwrap_or_else(unknown),
        ),
        ("Cores", count(machine.cores as u64)),
        ("Memory", machine.memory.clone().unwrap_or_else(unknown)),
        ("Kernel", machine.kernel.clone().unwrap_or_else(unknown)),
        ("Limits", machine.limits.clone()),
        ("Versions", machine.versions.clone()),
        ("Load", noise.text()),
    ];
    page.push_str("<h2>Taken on</h2>\n<dl>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    page.push_str("</dl>\n");
}
