//! `spawn_blocking`: threads for code that blocks.
//!
//! A job is a task like any other, whose future runs the closure at its one poll; so it has the
//! same handle, and abort, panic and shutdown work alike. Threads are started as jobs need them, up
//! to a limit; beyond it jobs wait in a queue, up to a limit as well, and beyond that they are refused.
//! A thread without a job waits for one, then leaves.
//!
//! `blocking/ledger.rs` decides who is there for which job, and `blocking/queue.rs` has the lock.

mod ledger;
mod queue;

use crate::{
    builder::BlockingOptions,
    context,
    metrics::Metrics,
    scheduler::waits,
    shared::Shared,
    task::{Runnable, Runner, Schedule},
    threads::{Announced, Running},
    unhandled::Place,
};
use ledger::NotStarted;
use queue::{Pushed, Queue};
use std::{
    collections::VecDeque,
    future::Future,
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

pub(crate) struct Blocking {
    queue: Queue<Runnable>,
    /// How many jobs may wait.
    max_queue: usize,
}

impl Blocking {
    pub(crate) fn new(options: BlockingOptions) -> Self {
        Blocking {
            queue: Queue::new(&options),
            max_queue: options.max_queue,
        }
    }

    /// The figures of jobs and their threads; the others are zero.
    pub(crate) fn metrics(&self) -> Metrics {
        let figures = self.queue.figures();
        Metrics {
            blocking_threads: figures.threads,
            idle_blocking_threads: figures.idle,
            queued_blocking_jobs: figures.jobs,
            refused_blocking_jobs: figures.refused,
            ..Metrics::default()
        }
    }

    /// Shows the jobs that have not started to `see`, which runs nobody's code.
    pub(crate) fn look(&self, see: impl FnMut(&Runnable)) {
        self.queue.look(see);
    }

    /// Queues a job and starts a thread for it if need be. If too many wait, or no more are accepted,
    /// the job is complete afterwards, its closure dropped on this thread.
    ///
    /// # Errors
    ///
    /// If there is no thread at all and none could be started; the job has been cancelled.
    pub(crate) fn push(&self, shared: &Arc<Shared>, job: Runnable) -> io::Result<()> {
        if let Some(quiescence) = shared.pool().quiescence() {
            quiescence.begin();
        }
        let announce = |number| shared.announce_thread(&format!("b{number}"));
        match self.queue.push(job, announce) {
            Pushed::Queued => {}
            Pushed::Start(thread) => return self.start_thread(shared, thread),
            Pushed::Refuse(job) => self.refuse(shared, [job]),
            Pushed::Cancel(job) => cancel(shared, [job]),
        }
        Ok(())
    }

    fn start_thread(&self, shared: &Arc<Shared>, thread: Announced) -> io::Result<()> {
        let worker = Arc::clone(shared);
        let started = thread.start(shared.thread_options(), move |running| {
            let _entered = worker.enter();
            let _jobs = waits::runs_jobs_of(worker.pool().number());
            let run = |job| run(&worker, running, job);
            worker.blocking().queue.serve(run);
        });
        let Err(error) = started else {
            return Ok(());
        };
        match self.queue.not_started() {
            NotStarted::Refuse(jobs) => {
                self.refuse(shared, jobs);
                Ok(())
            }
            NotStarted::Cancel(jobs) => {
                cancel(shared, jobs);
                Err(error)
            }
        }
    }

    fn refuse(&self, shared: &Shared, jobs: impl IntoIterator<Item = Runnable>) {
        end_each(shared, jobs, |job| {
            job.refuse(shared.pool().registry(), self.max_queue);
        });
    }

    /// Accepts no more jobs, and starts none. Those that had not started, for [`cancel`].
    pub(crate) fn close(&self) -> VecDeque<Runnable> {
        self.queue.close()
    }
}

/// Ends jobs that have not started.
pub(crate) fn cancel(shared: &Shared, jobs: impl IntoIterator<Item = Runnable>) {
    end_each(shared, jobs, |job| job.shut_down(shared.pool().registry()));
}

/// Ends jobs that will not run; whatever becomes of one, the others end as well.
fn end_each(
    shared: &Shared,
    jobs: impl IntoIterator<Item = Runnable>,
    mut end: impl FnMut(Runnable),
) {
    for job in jobs {
        shared.unhandled().contain(Place::Output, || end(job));
        ended(shared);
    }
}

/// A job that was pushed has run, or will not.
fn ended(shared: &Shared) {
    let pool = shared.pool();
    if let Some(quiescence) = pool.quiescence() {
        quiescence.end();
    }
    pool.ring_if_idle();
}

/// Runs a job on a thread of the pool; whatever it leaves behind, the thread goes on.
fn run(shared: &Shared, running: &Running, job: Runnable) {
    running.starts_job(job.id(), job.site());
    if shared.pool().was_closed() {
        // It was taken from the queue before that was closed.
        cancel(shared, [job]);
    } else {
        let runner = Runner::aside(shared.pool().registry(), Some(running));
        let mut again = None;
        let run = || again = job.run(&runner);
        shared.unhandled().contain(Place::Output, run);
        debug_assert!(again.is_none(), "a job ends at its first poll");
    }
    // One is the thread's own.
    if context::undo_forgotten_entries(1) {
        std::mem::forget(shared.timers().enter_external());
    }
    running.polling().rest();
    ended(shared);
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
