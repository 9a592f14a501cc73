//! However a task ends and whatever becomes of its handle: its future, its output, its wakers and
//! its memory go exactly once.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::task::{Poll, Waker};
use std::thread;
use wheelhouse::{JoinError, JoinHandle, Runtime};
use wheelhouse_tests::{
    Allocations, CountWaker, DropCounter, DropToken, Gate, LIMIT, ON_PURPOSE, WORKERS,
    hold_workers, on_workers, poll_once, quiet,
};

/// Where a task ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    ReadyAtOnce,
    ReadyAfterWait,
    PanicInPoll,
    PanicInDrop,
    AbortedIdle,
    AbortedQueued,
    AbortedRunning,
    ShutDownIdle,
    ShutDownQueued,
    ShutDownRunning,
}

/// What becomes of its handle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Handle {
    Awaited,
    DroppedEarly,
    DroppedLate,
    KeptPastTheRuntime,
}

use Ending::*;
use Handle::*;

const ENDINGS: [Ending; 10] = [
    ReadyAtOnce,
    ReadyAfterWait,
    PanicInPoll,
    PanicInDrop,
    AbortedIdle,
    AbortedQueued,
    AbortedRunning,
    ShutDownIdle,
    ShutDownQueued,
    ShutDownRunning,
];
const HANDLES: [Handle; 4] = [Awaited, DroppedEarly, DroppedLate, KeptPastTheRuntime];

#[test]
fn every_way_to_end() {
    quiet();
    on_workers(WORKERS, |first, workers| {
        drop(first);
        for ending in ENDINGS {
            for handle in HANDLES {
                for round in 0..3 {
                    let case = Case::new(ending);
                    case.run(handle, workers);
                    let context = || format!("{ending:?}, {handle:?}, round {round}");
                    case.assert_clean(context());
                }
            }
        }
    });
}

/// What a future does between its first poll and its end.
struct Case {
    ending: Ending,
    drops: DropCounter,
    joiner: CountWaker,
    /// Holds the task where it waits.
    waits: Gate,
    /// Holds the task inside its poll.
    inside: Gate,
    /// Wakers of the task that are kept until the end of everything.
    kept: Arc<Mutex<Vec<Waker>>>,
}

/// Panics when it is dropped, if it is to.
struct Held(#[expect(dead_code, reason = "it is held")] DropToken, bool);

impl Drop for Held {
    fn drop(&mut self) {
        if self.1 {
            panic!("{ON_PURPOSE}: a future's drop");
        }
    }
}

/// Makes the task's memory tell apart from all other.
const WEIGHT: usize = 40_000;

impl Case {
    fn new(ending: Ending) -> Self {
        Case {
            ending,
            drops: DropCounter::new(),
            joiner: CountWaker::new(),
            waits: Gate::new(),
            inside: Gate::new(),
            kept: Arc::default(),
        }
    }

    /// The future. It is dropped by hand at its end, since the compiler leaks the output of an
    /// async block whose locals panic.
    fn future(&self) -> impl Future<Output = DropToken> + Send + 'static {
        let held = Held(self.drops.token(), self.ending == PanicInDrop);
        let (mut output, weight) = (Some(self.drops.token()), [1_u8; WEIGHT]);
        let (ending, inside, kept) = (self.ending, self.inside.clone(), Arc::clone(&self.kept));
        let mut waits = self.waits.wait();
        poll_fn(move |cx| {
            let (_held, _weight) = (&held, &weight);
            kept.lock().unwrap().push(cx.waker().clone());
            match ending {
                PanicInPoll => panic!("{ON_PURPOSE}: a poll"),
                ReadyAtOnce | PanicInDrop => {}
                AbortedRunning | ShutDownRunning => inside.block(),
                _ => {}
            }
            let waits = match ending {
                ReadyAtOnce | PanicInDrop => Poll::Ready(()),
                _ => poll_once(&mut waits, cx.waker()),
            };
            waits.map(|()| output.take().expect("it is ready once"))
        })
    }

    fn run(&self, what: Handle, workers: usize) {
        let is_queued = matches!(self.ending, AbortedQueued | ShutDownQueued);
        let builder = Runtime::builder().worker_threads(workers);
        let runtime = builder.watch(!is_queued).build().unwrap();
        let busy = is_queued.then(|| hold_workers(&runtime, workers));
        let mut task = Some(runtime.spawn(self.future()));
        assert_eq!(live(), 1, "the handle holds the cell");
        let abort = task.as_ref().map(JoinHandle::abort_handle).unwrap();
        let mut result = None;
        match what {
            Awaited => result = self.poll(task.as_mut().unwrap()),
            DroppedEarly => task = None,
            DroppedLate | KeptPastTheRuntime => {}
        }
        self.end(&runtime, &abort);
        if let Some(busy) = busy {
            busy.open();
        }
        while !abort.is_finished() {
            thread::yield_now();
        }
        match what {
            Awaited => {
                let mut task = task.take().unwrap();
                self.assert_right(result.unwrap_or_else(|| self.wait(&mut task)));
            }
            DroppedLate => task = None,
            DroppedEarly | KeptPastTheRuntime => {}
        }
        drop(runtime);
        if let Some(task) = task {
            self.assert_right(task.join());
        }
        assert!(abort.is_finished());
        let wakers = std::mem::take(&mut *self.kept.lock().unwrap());
        wakers.iter().for_each(Waker::wake_by_ref);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Brings the end about, or begins to.
    fn end(&self, runtime: &Runtime, abort: &wheelhouse::AbortHandle) {
        match self.ending {
            ReadyAtOnce | PanicInPoll | PanicInDrop => {}
            ReadyAfterWait | AbortedIdle | ShutDownIdle => self.waits.wait_for(1, LIMIT),
            AbortedRunning | ShutDownRunning => self.inside.wait_for(1, LIMIT),
            AbortedQueued | ShutDownQueued => {}
        }
        match self.ending {
            ReadyAtOnce | PanicInPoll | PanicInDrop => {}
            ReadyAfterWait => self.waits.open(),
            AbortedIdle | AbortedQueued | AbortedRunning => abort.abort(),
            ShutDownIdle | ShutDownQueued | ShutDownRunning => {
                runtime.handle().shutdown_background();
            }
        }
        self.inside.open();
    }

    /// Polls the handle by hand, leaving a waker that is counted.
    fn poll(&self, task: &mut JoinHandle<DropToken>) -> Option<Result<DropToken, JoinError>> {
        match poll_once(task, &self.joiner.waker()) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    fn wait(&self, task: &mut JoinHandle<DropToken>) -> Result<DropToken, JoinError> {
        self.joiner.wait_for(1, LIMIT);
        loop {
            if let Some(result) = self.poll(task) {
                return result;
            }
        }
    }

    fn assert_right(&self, result: Result<DropToken, JoinError>) {
        let ending = self.ending;
        match result {
            Ok(_token) => assert!(matches!(ending, ReadyAtOnce | ReadyAfterWait), "{ending:?}"),
            Err(error) if error.is_panic() => {
                assert!(
                    matches!(ending, PanicInPoll | PanicInDrop),
                    "{ending:?}: {error}"
                );
            }
            Err(error) => {
                let wanted = [PanicInPoll, PanicInDrop, ReadyAtOnce, ReadyAfterWait];
                assert!(!wanted.contains(&ending), "{ending:?}: {error}");
            }
        }
    }

    fn assert_clean(&self, context: String) {
        println!("checking {context}");
        self.drops.assert_each_dropped_once();
        assert_eq!(self.joiner.live(), 0, "joiners' wakers after {context}");
        assert_eq!(self.waits.waiting(), 0, "futures after {context}");
        assert_eq!(live(), 0, "cells after {context}");
    }
}

/// Allocations that are as large as the tasks here.
static LIVE: AtomicIsize = AtomicIsize::new(0);

fn live() -> isize {
    LIVE.load(Relaxed) // Relaxed: read when nothing allocates any more.
}

#[global_allocator]
static ALLOCATIONS: Allocations = Allocations(|layout, by| {
    if (WEIGHT..WEIGHT + 4096).contains(&layout.size()) {
        LIVE.fetch_add(by, Relaxed); // Relaxed: a count.
    }
});
