//! `spawn_blocking`: threads for code that blocks.
//!
//! A job is a task like any other, whose future runs the closure at its one poll; so it has the
//! same handle, and abort, panic and shutdown work alike. Threads are started as jobs need them, up
//! to a limit; beyond it jobs wait in a queue. A thread without a job waits for one, then leaves.

use crate::{
    builder::BlockingOptions,
    context,
    metrics::Metrics,
    shared::Shared,
    task::{Runnable, Runner, Schedule},
    threads::{Announced, Running},
};
use parking_lot::{Condvar, Mutex, MutexGuard};
use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

pub(crate) struct Blocking {
    state: Mutex<State>,
    wake: Condvar,
    options: BlockingOptions,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Runnable>,
    threads: usize,
    /// Threads that wait. A job in the queue may be meant for one of them already, so only those
    /// in excess of the jobs are free.
    idle: usize,
    /// Threads that were ever started, for their names.
    started: usize,
    /// Jobs that were refused.
    refused: u64,
    closed: bool,
}

impl Blocking {
    pub(crate) fn new(options: BlockingOptions) -> Self {
        Blocking {
            state: Mutex::default(),
            wake: Condvar::new(),
            options,
        }
    }

    /// The figures of jobs and their threads; the others are zero.
    pub(crate) fn metrics(&self) -> Metrics {
        let state = self.state.lock();
        Metrics {
            blocking_threads: state.threads,
            idle_blocking_threads: state.idle,
            queued_blocking_jobs: state.jobs.len(),
            refused_blocking_jobs: state.refused,
            ..Metrics::default()
        }
    }

    /// Shows the jobs that wait for a thread to `see`, which runs nobody's code.
    pub(crate) fn look(&self, see: impl FnMut(&Runnable)) {
        self.state.lock().jobs.iter().for_each(see);
    }

    /// Queues a job and starts a thread for it if need be.
    ///
    /// # Errors
    ///
    /// If there is no thread at all and none could be started; the job has been cancelled.
    pub(crate) fn push(&self, shared: &Arc<Shared>, job: Runnable) -> io::Result<()> {
        let mut state = self.state.lock();
        if state.closed {
            drop(state);
            job.shut_down(shared.pool().registry());
            return Ok(());
        }
        state.jobs.push_back(job);
        if state.jobs.len() <= state.idle {
            drop(state);
            self.wake.notify_one();
            return Ok(());
        }
        if state.threads == self.options.max_threads {
            return Ok(());
        }
        state.threads += 1;
        state.started += 1;
        // While the lock is held: whoever closes afterwards waits for the thread.
        let thread = shared.announce_thread(&format!("b{}", state.started - 1));
        drop(state);
        self.start_thread(shared, thread)
    }

    fn start_thread(&self, shared: &Arc<Shared>, thread: Announced) -> io::Result<()> {
        let worker = Arc::clone(shared);
        let started = thread.start(shared.thread_options(), move |running| {
            let _entered = worker.enter();
            worker.blocking().work(&worker, running);
        });
        let Err(error) = started else {
            return Ok(());
        };
        let mut state = self.state.lock();
        state.threads -= 1;
        if state.threads > 0 {
            return Ok(());
        }
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        jobs.into_iter()
            .for_each(|job| job.shut_down(shared.pool().registry()));
        Err(error)
    }

    /// The body of a thread.
    fn work(&self, shared: &Shared, running: &Running) {
        let mut state = self.state.lock();
        loop {
            while let Some(job) = state.jobs.pop_front() {
                MutexGuard::unlocked(&mut state, || {
                    running.polling().task(job.id(), job.site());
                    let again = job.run(&Runner::aside(shared.pool().registry()));
                    debug_assert!(again.is_none(), "a job ends at its first poll");
                    // One is the thread's own.
                    if context::undo_forgotten_entries(1) {
                        std::mem::forget(shared.timers().enter_external());
                    }
                    running.polling().rest();
                });
            }
            if state.closed {
                break;
            }
            state.idle += 1;
            let late = self
                .wake
                .wait_for(&mut state, self.options.keep_alive)
                .timed_out();
            state.idle -= 1;
            if late && state.jobs.is_empty() {
                break;
            }
        }
        state.threads -= 1;
    }

    /// Accepts no more jobs, and cancels those that have not started.
    pub(crate) fn close(&self, shared: &Shared) {
        let mut state = self.state.lock();
        state.closed = true;
        let jobs = std::mem::take(&mut state.jobs);
        drop(state);
        self.wake.notify_all();
        jobs.into_iter()
            .for_each(|job| job.shut_down(shared.pool().registry()));
    }
}

/// A job's future.
pub(crate) struct Job<F>(Option<F>);

impl<F> Job<F> {
    pub(crate) fn new(f: F) -> Self {
        Job(Some(f))
    }
}

/// The closure is never pinned.
impl<F> Unpin for Job<F> {}

impl<F: FnOnce() -> R, R> Future for Job<F> {
    type Output = R;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<R> {
        let f = self.0.take().expect("a job is polled once");
        Poll::Ready(f())
    }
}

/// The scheduler of jobs. `spawn_blocking` queues a job itself, and nothing wakes it afterwards.
pub(crate) struct OnThread;

impl Schedule for OnThread {
    const BLOCKING: bool = true;

    fn schedule(_: Runnable) {
        unreachable!("a job is never idle, so nothing queues it a second time");
    }
}
