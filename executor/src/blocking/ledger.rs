//! The jobs that have not started, and the threads that are there for them: pure bookkeeping.
//!
//! A thread is *starting* from the decision to start it until it arrives, then *busy* with jobs or
//! *idle*. It turns idle only while no job is there, and looks for jobs before it leaves, all of it in
//! one step; and a push counts those who are free, which are the starting and the idle ones, in the
//! same step. So with each job there is either
//!
//! * a free thread, which has not looked since the job came: the first of the jobs, as many as there
//!   are free threads, are theirs; or
//! * a busy thread, which looks when it has done its job: the jobs behind the first ones *wait*.
//!
//! Jobs wait only while all threads that are allowed exist, or after the operating system has refused
//! one.

use crate::builder::BlockingOptions;
use std::collections::VecDeque;

pub(super) struct Ledger<J> {
    jobs: VecDeque<J>,
    max_threads: usize,
    max_queue: usize,
    /// Threads that exist, those that are starting included.
    threads: usize,
    starting: usize,
    idle: usize,
    /// Threads that were ever started, for their names.
    started: usize,
    /// Jobs that were refused.
    refused: u64,
    closed: bool,
}

/// What to do about a new job.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Push<J> {
    /// It is in the queue. Wake an idle thread.
    Wake,
    /// It is in the queue. Start the thread with this number.
    Start(usize),
    /// It is in the queue, and somebody is coming for it.
    Wait,
    /// It is not: as many wait as may.
    Refuse(J),
    /// It is not: no more are accepted.
    Cancel(J),
}

/// What to do about the jobs when a thread could not be started.
#[must_use]
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NotStarted<J> {
    /// Others are there for those that may wait. These wait in excess: refuse them.
    Refuse(VecDeque<J>),
    /// Nobody is there. Cancel all.
    Cancel(VecDeque<J>),
}

/// The figures of one moment.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Figures {
    pub(super) threads: usize,
    pub(super) idle: usize,
    pub(super) jobs: usize,
    pub(super) refused: u64,
}

impl<J> Ledger<J> {
    pub(super) fn new(options: &BlockingOptions) -> Self {
        Ledger {
            jobs: VecDeque::new(),
            max_threads: options.max_threads,
            max_queue: options.max_queue,
            threads: 0,
            starting: 0,
            idle: 0,
            started: 0,
            refused: 0,
            closed: false,
        }
    }

    pub(super) fn figures(&self) -> Figures {
        Figures {
            threads: self.threads,
            idle: self.idle,
            jobs: self.jobs.len(),
            refused: self.refused,
        }
    }

    pub(super) fn jobs(&self) -> impl Iterator<Item = &J> {
        self.jobs.iter()
    }

    /// Threads that have not taken a job yet, but will look for one.
    fn free(&self) -> usize {
        self.starting + self.idle
    }

    /// Enters a job.
    pub(super) fn push(&mut self, job: J) -> Push<J> {
        if self.closed {
            return Push::Cancel(job);
        }
        let starts = self.jobs.len() >= self.free() && self.threads < self.max_threads;
        let free = self.free() + usize::from(starts);
        if self.jobs.len() >= free.saturating_add(self.max_queue) {
            self.refused += 1;
            return Push::Refuse(job);
        }
        self.jobs.push_back(job);
        if starts {
            self.threads += 1;
            self.starting += 1;
            self.started += 1;
            Push::Start(self.started - 1)
        } else if self.jobs.len() <= self.idle {
            Push::Wake
        } else {
            Push::Wait
        }
    }

    /// A thread that was to be started could not be.
    pub(super) fn not_started(&mut self) -> NotStarted<J> {
        self.threads -= 1;
        self.starting -= 1;
        if self.threads == 0 && !self.closed {
            return NotStarted::Cancel(std::mem::take(&mut self.jobs));
        }
        let kept = self.free().saturating_add(self.max_queue);
        let excess = self.jobs.split_off(kept.min(self.jobs.len()));
        self.refused += excess.len() as u64;
        NotStarted::Refuse(excess)
    }

    /// A starting thread is there, and busy.
    pub(super) fn arrive(&mut self) {
        self.starting -= 1;
    }

    /// The next job for a busy thread.
    pub(super) fn take(&mut self) -> Option<J> {
        self.jobs.pop_front()
    }

    /// A busy thread that has found no job waits for one.
    pub(super) fn rest(&mut self) {
        debug_assert!(self.jobs.is_empty(), "it takes a job instead");
        self.idle += 1;
    }

    /// An idle thread, woken or not, is busy again.
    pub(super) fn rise(&mut self) {
        self.idle -= 1;
    }

    /// A busy thread that has found no job leaves.
    pub(super) fn leave(&mut self) {
        debug_assert!(self.jobs.is_empty(), "it takes a job instead");
        self.threads -= 1;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// Accepts no more jobs. Those that have not started are to be cancelled.
    pub(super) fn close(&mut self) -> VecDeque<J> {
        self.closed = true;
        std::mem::take(&mut self.jobs)
    }
}

#[cfg(test)]
#[path = "ledger_tests.rs"]
mod tests;
