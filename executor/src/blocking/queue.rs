//! The queue of jobs, with the lock around its ledger, and how threads wait there.
//!
//! Each decision is one step under the lock, so there is no moment between a thread's last look and its
//! leaving, or between a job's arrival and the count of those who are free. A thread whose wait
//! is over, for whatever reason, takes a job if there is one: a wake-up that meets a thread whose time
//! is up is not lost, for that thread has not looked yet.

use super::ledger::{Figures, Ledger, NotStarted, Push};
use crate::{
    builder::BlockingOptions,
    sync::{Condvar, Mutex, wait_for},
};
use std::{collections::VecDeque, time::Duration};

pub(super) struct Queue<J> {
    ledger: Mutex<Ledger<J>>,
    wake: Condvar,
    keep_alive: Duration,
}

/// What to do about a job that was pushed.
#[must_use]
pub(super) enum Pushed<J, T> {
    /// Nothing: somebody comes for it.
    Queued,
    /// Start this thread, which is expected from now on.
    Start(T),
    Refuse(J),
    Cancel(J),
}

impl<J> Queue<J> {
    pub(super) fn new(options: &BlockingOptions) -> Self {
        Queue {
            ledger: Mutex::new(Ledger::new(options)),
            wake: Condvar::new(),
            keep_alive: options.keep_alive,
        }
    }

    pub(super) fn figures(&self) -> Figures {
        self.ledger.lock().figures()
    }

    /// Shows the jobs that have not started to `see`.
    pub(super) fn look(&self, see: impl FnMut(&J)) {
        self.ledger.lock().jobs().for_each(see);
    }

    /// Enters a job. If it takes a thread to be started, `announce` is called with its number while
    /// the lock is held: whoever closes the queue afterwards knows of the thread.
    pub(super) fn push<T>(&self, job: J, announce: impl FnOnce(usize) -> T) -> Pushed<J, T> {
        let mut ledger = self.ledger.lock();
        match ledger.push(job) {
            Push::Start(number) => Pushed::Start(announce(number)),
            Push::Wake => {
                drop(ledger);
                self.wake.notify_one();
                Pushed::Queued
            }
            Push::Wait => Pushed::Queued,
            Push::Refuse(job) => Pushed::Refuse(job),
            Push::Cancel(job) => Pushed::Cancel(job),
        }
    }

    /// A thread that was to be started could not be.
    pub(super) fn not_started(&self) -> NotStarted<J> {
        self.ledger.lock().not_started()
    }

    /// The life of a thread that was started: passes jobs to `run`, without the lock, until it has had
    /// none for as long as threads are kept, or the queue is closed. `run` does not unwind.
    pub(super) fn serve(&self, mut run: impl FnMut(J)) {
        let mut ledger = self.ledger.lock();
        ledger.arrive();
        let mut late = false;
        loop {
            if let Some(job) = ledger.take() {
                drop(ledger);
                run(job);
                ledger = self.ledger.lock();
                late = false;
            } else if late || ledger.is_closed() {
                return ledger.leave();
            } else {
                ledger.rest();
                (ledger, late) = wait_for(&self.wake, &self.ledger, ledger, self.keep_alive);
                ledger.rise();
            }
        }
    }

    /// Accepts no more jobs, and sends idle threads away. The jobs that have not started come back.
    pub(super) fn close(&self) -> VecDeque<J> {
        let jobs = self.ledger.lock().close();
        self.wake.notify_all();
        jobs
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "queue_models.rs"]
mod models;
