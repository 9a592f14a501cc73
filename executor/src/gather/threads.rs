//! Threads tell nobody when they end, so a gather with thread handles starts one more thread, the
//! joiner, that waits for all of them.
//!
//! To the gather each of them is a task: one whose future joins the thread, and which is run by the
//! joiner instead of a worker. So its result, its panic and who waits for it are kept as for any
//! other.

use super::call::Call;
use crate::{
    blocking::{Job, OnThread},
    task::{self, Epoch, JoinHandle, Registry, Runnable, Runner},
};
use std::{
    io,
    panic::resume_unwind,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

/// A thread that the joiner is to wait for.
pub(super) struct Waiting {
    /// It joins the thread when it is run. Taken once.
    join: Option<Runnable>,
    ended: Box<dyn Fn() -> bool + Send>,
    /// Of the runtime around the gather.
    epoch: Epoch,
}

impl Waiting {
    /// For `thread`; the handle gives what `convert` makes of the thread's value.
    pub(super) fn new<T, U>(
        thread: thread::JoinHandle<T>,
        convert: impl Fn(T) -> U + Send + 'static,
        call: Call,
    ) -> (Self, JoinHandle<U>)
    where
        T: Send + 'static,
        U: Send + 'static,
    {
        let thread = Arc::new(thread);
        let looked_at = Arc::clone(&thread);
        let join = move || {
            let thread = Arc::into_inner(thread).expect("`Waiting::join` drops the other one");
            convert(
                thread
                    .join()
                    .unwrap_or_else(|payload| resume_unwind(payload)),
            )
        };
        // The pool only says who is told of a panic: this task is never woken, for it never waits.
        let (join, handle) =
            task::new::<_, OnThread>(Job::new(join), call.pool(), (call.site(), None));
        let ended = Box::new(move || looked_at.is_finished());
        (
            Waiting {
                join: Some(join),
                epoch: call.epoch(),
                ended,
            },
            handle,
        )
    }

    fn join(mut self) {
        self.ended = Box::new(|| true);
        if let Some(join) = self.join.take() {
            let registry = Registry::aside(self.epoch);
            let again = self
                .epoch
                .during(|| join.run(&Runner::aside(&registry, None)));
            debug_assert!(again.is_none(), "a job ends at its first poll");
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(join) = self.join.take() {
            join.shut_down(&Registry::aside(self.epoch));
        }
    }
}

/// The gather's end of the joiner. When it is dropped, the joiner leaves as soon as the thread ends
/// that it is waiting for, and lets go of the others.
pub(super) struct Joiner {
    abandoned: Arc<AtomicBool>,
}

impl Joiner {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// If it can't be started; then nobody waits for the threads.
    pub(super) fn start(threads: Vec<Waiting>, builder: thread::Builder) -> io::Result<Self> {
        let abandoned = Arc::new(AtomicBool::new(false));
        let joiner = Joiner {
            abandoned: Arc::clone(&abandoned),
        };
        builder.spawn(move || join_all(threads, &abandoned))?;
        Ok(joiner)
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        // Relaxed: only a hint to leave early; nothing else is read because of it.
        self.abandoned.store(true, Relaxed);
    }
}

fn join_all(mut threads: Vec<Waiting>, abandoned: &AtomicBool) {
    // Relaxed: see the store in `Joiner::drop`.
    while !threads.is_empty() && !abandoned.load(Relaxed) {
        // Those that have ended come first, lest one that runs on keep back another's failure.
        let next = threads.iter().position(|thread| (thread.ended)());
        threads.remove(next.unwrap_or(0)).join();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use crate::gather::call::Name;
    use std::{sync::mpsc, time::Duration};

    const LIMIT: Duration = Duration::from_secs(60);

    #[test]
    fn a_joiner_that_cannot_be_started_is_an_error() {
        let (waiting, mut handle) =
            Waiting::new(thread::spawn(|| 1), |one| one, Call::here(Name::Gather));
        let too_big = thread::Builder::new().stack_size(usize::MAX / 4);
        assert!(Joiner::start(vec![waiting], too_big).is_err());
        let result = handle.join_timeout(LIMIT).expect("it was let go");
        assert!(result.unwrap_err().is_cancelled());
    }

    #[test]
    fn a_joiner_ends_with_the_last_thread() {
        let (waiting, handle) =
            Waiting::new(thread::spawn(|| 1), |one| one, Call::here(Name::Gather));
        join_all(vec![waiting], &AtomicBool::new(false));
        assert_eq!(handle.join().unwrap(), 1);
    }

    #[test]
    fn an_abandoned_joiner_leaves_with_the_thread_it_waits_for() {
        let (end_first, first) = mpsc::channel::<()>();
        let (end_second, second) = mpsc::channel::<()>();
        let wait = |end: mpsc::Receiver<()>| {
            let thread = thread::spawn(move || end.recv().is_ok());
            Waiting::new(thread, |value| value, Call::here(Name::Gather))
        };
        let ((first, mut first_handle), (second, mut second_handle)) = (wait(first), wait(second));
        let joiner = Joiner::start(vec![first, second], thread::Builder::new()).unwrap();
        drop(joiner);
        end_first.send(()).unwrap();
        // Either it had begun to wait for the first or not; it never begins with the second.
        let _ = first_handle.join_timeout(LIMIT).expect("it has ended");
        let second = second_handle.join_timeout(LIMIT).expect("it was let go");
        assert!(second.unwrap_err().is_cancelled());
        end_second.send(()).unwrap();
    }
}
