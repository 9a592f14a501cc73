//! The end of the page: how the figures were taken, and on what.

use std::fmt::Write;

use super::cell::THREAD_STACK;
use super::heartbeats;
use super::runner::Results;
use super::style::escape;
use super::timeline::seconds;
use super::way::{BLOCKING_THREADS, SPARE_THREADS};
use crate::heartbeat::Taken;
use crate::heartbeat::case::{BEAT, GRACE};
use crate::quantity::{bytes, chosen, count, counted};

/// Writes both sections.
pub(super) fn write(page: &mut String, results: &Results) {
    page.push_str("<h2>How this was measured</h2>\n<ul>\n");
    if !results.heartbeats.is_empty() {
        write_heartbeats(page, &results.heartbeats);
    }
    if !results.cells.is_empty() {
        write_sleepers(page, results);
    }
    page.push_str("</ul>\n");
    write_machine(page, results);
}

fn write_heartbeats(page: &mut String, taken: &[Taken]) {
    let span = |taken: &Taken| seconds(taken.task.timing.span) + " s";
    let mut spans: Vec<String> = taken.iter().map(span).collect();
    spans.sort_unstable();
    spans.dedup();
    let _ = write!(
        page,
        "<li>Heartbeats: every run has a process of its own; the runtimes take turns, case by case, \
         once each. The load is open: a heart has a beat due every {beat} from its start, whatever \
         held it up, and a heart that runs late has all beats due by then behind it, each with its \
         own lateness. A beat before its time would fail the run.</li>\n\
         <li>Nobody waits for a stall to end: beats are due for {span}, and {grace} later the \
         process looks at what has come, tells, and ends. All percentiles are of all beats due, and \
         marked ≥ where a beat that hadn't come by then could still raise them.</li>\n\
         <li>Threads are sampled every 10 ms from <code>/proc/self/status</code>: all of the \
         process but the one that samples, so that the main thread, which only waits, counts with \
         workers, timers' threads and spares. CPU time and switches leave the sampler out.</li>\n\
         <li>“Watch off” is Wheelhouse with <code>Builder::watch(false)</code>; nothing else is \
         tuned. asyncio has one thread; its tasks call <code>time.sleep</code>, or loop.</li>\n",
        beat = chosen(BEAT),
        span = spans.join(" or "),
        grace = chosen(GRACE),
    );
}

fn write_sleepers(page: &mut String, results: &Results) {
    let options = &results.options;
    let _ = write!(
        page,
        "<li>Every cell runs in a process of its own. Cells of up to 2 s run {runs}, once if \
         time runs short (those that take longest first); the run with the median wall time is shown, and a broad stroke behind a \
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
         <li><code>thread::sleep</code> in a wheelhouse task blocks a worker, which is noticed within \
         milliseconds; then a spare thread stands in, at most {spare} of them unless told \
         otherwise. So as many sleep at once, and the workers besides.</li>\n",
        runs = counted(options.runs, "time"),
        sleep = options.sleep_text(),
        blocking = BLOCKING_THREADS,
        spare = SPARE_THREADS,
        limit = options.cell_limit.as_secs_f64(),
        stack = bytes(THREAD_STACK as f64),
        kernel = bytes(results.kernel_stack as f64),
        workers = counted(options.workers as u64, "worker"),
    );
}

fn write_machine(page: &mut String, results: &Results) {
    let Results { machine, noise, .. } = results;
    let unknown = || "unknown".to_owned();
    let python = heartbeats::python(&results.heartbeats);
    let python = python.map_or_else(String::new, |version| format!(", {version}"));
    let rows = [
        (
            "Processor",
            machine.processor.clone().unwrap_or_else(unknown),
        ),
        ("Cores", count(machine.cores as u64)),
        ("Memory", machine.memory.clone().unwrap_or_else(unknown)),
        ("Kernel", machine.kernel.clone().unwrap_or_else(unknown)),
        ("Limits", machine.limits.clone()),
        ("Versions", machine.versions.clone() + &python),
        ("Load", noise.text()),
    ];
    page.push_str("<h2>Taken on</h2>\n<dl>\n");
    for (name, value) in rows {
        let _ = writeln!(page, "<dt>{name}</dt><dd>{}</dd>", escape(&value));
    }
    page.push_str("</dl>\n");
}
