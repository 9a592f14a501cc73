//! Behaviours of a task, its handle and its wakers that other projects test, and no other file here:
//! `BEHAVIOURS.md` has the whole list.

use std::convert::Infallible;
use std::fmt::{Debug, Display};
use std::future::{Future, IntoFuture, Ready, pending, poll_fn, ready};
use std::panic::{RefUnwindSafe, UnwindSafe, panic_any};
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::{fmt, thread};
use wheelhouse::task::{self, TaskInfo, TaskLocal, TaskState};
use wheelhouse::{
    AbortHandle, Builder, Handle, JoinError, JoinHandle, Runtime, UnhandledPanic, join, spawn,
    try_join, yield_now,
};
use wheelhouse_tests::{
    CountWaker, DropCounter, Gate, LIMIT, ON_PURPOSE, WORKERS, eventually, noop, on_workers,
    poll_once, quiet,
};

/// What is done to a task while it is inside a poll.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Wake,
    WakeByRef,
    DropWaker,
    Abort,
    DropHandle,
}

/// How that poll ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Ending {
    Ready,
    Pending,
    Panic,
}

use Deed::*;

/// Every order of some things.
fn orders(things: &[Deed]) -> Vec<Vec<Deed>> {
    let Some((&first, rest)) = things.split_first() else {
        return vec![Vec::new()];
    };
    let mut all = Vec::new();
    for order in orders(rest) {
        for place in 0..=order.len() {
            let mut order = order.clone();
            order.insert(place, first);
            all.push(order);
        }
    }
    all
}

/// A task whose second poll is held, and what it tells.
struct Case {
    polls: Arc<AtomicUsize>,
    drops: DropCounter,
    inside: Gate,
    wakers: mpsc::Receiver<Waker>,
    task: Option<JoinHandle<wheelhouse_tests::DropToken>>,
}

impl Case {
    fn new(runtime: &Runtime, ending: Ending) -> Self {
        let (sender, wakers) = mpsc::channel();
        let (polls, drops, inside) = (
            Arc::<AtomicUsize>::default(),
            DropCounter::new(),
            Gate::new(),
        );
        let (count, block) = (Arc::clone(&polls), inside.clone());
        let (held, mut output) = (drops.token(), Some(drops.token()));
        let future = poll_fn(move |cx| {
            let _held = &held;
            let poll = count.fetch_add(1, SeqCst) + 1;
            if poll == 1 {
                sender.send(cx.waker().clone()).unwrap();
                return Poll::Pending;
            }
            if poll == 2 {
                block.block();
            }
            match ending {
                Ending::Ready => Poll::Ready(output.take().unwrap()),
                Ending::Pending => Poll::Pending,
                Ending::Panic => panic!("{ON_PURPOSE}: the second poll"),
            }
        });
        let task = Some(runtime.spawn(future));
        Case {
            polls,
            drops,
            inside,
            wakers,
            task,
        }
    }

    /// Does all of it while the second poll lasts, and checks that nothing comes of it until then.
    fn run(mut self, deeds: &[Deed], ending: Ending) {
        let waker = self.wakers.recv().unwrap();
        waker.wake_by_ref();
        self.inside.wait_for(1, LIMIT);
        let abort = self.task.as_ref().unwrap().abort_handle();
        let mut waker = Some(waker);
        for deed in deeds {
            match deed {
                WakeByRef => waker.iter().for_each(Waker::wake_by_ref),
                Wake => waker.take().into_iter().for_each(Waker::wake),
                DropWaker => waker = None,
                Abort => abort.abort(),
                DropHandle => self.task = None,
            }
            assert_eq!((self.polls.load(SeqCst), self.drops.dropped()), (2, 0));
            assert!(!abort.is_finished());
        }
        drop(waker);
        self.inside.open();
        let aborted = deeds.contains(&Abort);
        // A wake during the poll asks for one more, unless there is nothing left to poll.
        let wakes = |deed: &&Deed| matches!(deed, Wake | WakeByRef);
        let first = deeds
            .iter()
            .find(|deed| matches!(deed, Wake | WakeByRef | DropWaker));
        let woken = first.as_ref().is_some_and(wakes);
        let waits = ending == Ending::Pending && !aborted;
        let polls = if waits && woken { 3 } else { 2 };
        eventually("it is polled", LIMIT, || self.polls.load(SeqCst) == polls);
        if waits {
            abort.abort();
        }
        eventually("it ends", LIMIT, || abort.is_finished());
        assert_eq!(self.polls.load(SeqCst), polls, "and not once more");
        if let Some(task) = self.task.take() {
            match (task.join(), ending) {
                (Ok(token), Ending::Ready) => drop(token),
                (Err(error), Ending::Panic) => assert!(error.is_panic()),
                (Err(error), Ending::Pending) => assert!(error.is_cancelled()),
                (result, _) => panic!("it was to be {ending:?}: {result:?}"),
            }
        }
        self.drops.wait_for(2, LIMIT);
        self.drops.assert_each_dropped_once();
    }
}

/// Every order of a wake-up, an abort and the end of the handle, while the task is polled.
#[test]
fn all_that_can_happen_during_a_poll() {
    quiet();
    let sets: [&[Deed]; 6] = [
        &[WakeByRef, Abort, DropHandle],
        &[Wake, Abort, DropHandle],
        &[DropWaker, Abort, DropHandle],
        &[WakeByRef, DropWaker, DropHandle],
        &[WakeByRef, Wake],
        &[Abort, Abort, WakeByRef, WakeByRef],
    ];
    on_workers(WORKERS, move |runtime, _| {
        for ending in [Ending::Ready, Ending::Pending, Ending::Panic] {
            for deeds in sets.into_iter().flat_map(orders) {
                Case::new(&runtime, ending).run(&deeds, ending);
            }
        }
    });
}

/// Wakers of a task that has ended, or was cancelled, do nothing; and one may be cloned and woken in
/// every way without a further poll.
#[test]
fn wakers_after_the_end() {
    on_workers(WORKERS, |runtime, _| {
        for cancel in [false, true] {
            let (polls, gate) = (Arc::<AtomicUsize>::default(), Gate::new());
            let (sender, wakers) = mpsc::channel::<Waker>();
            let (count, mut waits) = (Arc::clone(&polls), gate.wait());
            let task = runtime.spawn(poll_fn(move |cx| {
                count.fetch_add(1, SeqCst);
                sender.send(cx.waker().clone()).unwrap();
                poll_once(&mut waits, cx.waker())
            }));
            gate.wait_for(1, LIMIT);
            match cancel {
                true => task.abort(),
                false => gate.open(),
            }
            assert_eq!(task.join().is_err(), cancel);
            let before = polls.load(SeqCst);
            for waker in wakers {
                waker.wake_by_ref();
                let copy = waker.clone();
                copy.wake();
                let other = waker.clone();
                thread::spawn(move || other.wake()).join().unwrap();
                assert!(waker.will_wake(&waker.clone()));
                waker.wake();
            }
            assert_eq!(runtime.run(async { 1 }), 1);
            assert_eq!(polls.load(SeqCst), before);
        }
    });
}

/// Outputs of several sizes and kinds come out as they went in.
#[test]
fn outputs_come_out_as_they_went_in() {
    on_workers(&[1, 4], |runtime, _| {
        for number in 0..10_usize {
            assert_eq!(runtime.spawn(ready(number)).join().unwrap(), number);
            assert_eq!(
                runtime.spawn(ready(vec![7; number])).join().unwrap(),
                vec![7; number]
            );
            let wide = runtime.spawn(ready([number; 300]));
            assert_eq!(wide.join().unwrap(), [number; 300]);
        }
        runtime.spawn(ready(())).join().unwrap();
        assert_eq!(
            runtime.spawn(ready("a text".to_owned())).join().unwrap(),
            "a text"
        );
    });
}

/// Polled before the task has run, in vain, and again after.
#[test]
fn a_handle_is_polled_before_and_after() {
    on_workers(WORKERS, |runtime, _| {
        for abort in [false, true] {
            let (gate, counter) = (Gate::new(), CountWaker::new());
            let mut task = runtime.spawn(gate.wait());
            gate.wait_for(1, LIMIT);
            assert!(poll_once(&mut task, noop()).is_pending());
            assert!(poll_once(&mut task, &counter.waker()).is_pending());
            match abort {
                true => task.abort(),
                false => gate.open(),
            }
            counter.wait_for(1, LIMIT);
            let result = runtime.block_on(task);
            assert_eq!(result.is_err_and(|error| error.is_cancelled()), abort);
            counter.wait_until_gone(LIMIT);
            assert_eq!(counter.count(), 1);
        }
    });
}

/// An error says what happened, to which task, and where that was spawned; whatever the payload is.
#[test]
fn the_text_of_a_join_error() {
    quiet();
    on_workers(&[1, 4], |runtime, _| {
        let told = |error: JoinError, words: &[&str]| {
            for text in [error.to_string(), format!("{error:?}")] {
                for word in words.iter().chain(&[&*error.id().to_string()]) {
                    assert!(text.contains(word), "no `{word}` in `{text}`");
                }
                assert_eq!(text.lines().count(), 1, "{text}");
            }
        };
        let fail = |payload: u32| -> JoinHandle<()> {
            runtime.spawn(async move {
                match payload {
                    0 => panic!("{ON_PURPOSE}: a text"),
                    1 => panic_any(String::from("on purpose: a String")),
                    _ => panic_any(1234),
                }
            })
        };
        told(
            fail(0).join().unwrap_err(),
            &["on purpose: a text", "panicked"],
        );
        told(
            fail(1).join().unwrap_err(),
            &["on purpose: a String", "panicked"],
        );
        told(fail(2).join().unwrap_err(), &["panicked"]);
        let cancelled = runtime.spawn(pending::<()>());
        cancelled.abort();
        told(cancelled.join().unwrap_err(), &["cancelled"]);
    });
}

/// A panic of an output that goes with its handle, or with an `AbortHandle`'s last look, is the
/// business of neither.
#[test]
fn a_bad_output_in_a_kept_handle() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            panic!("{ON_PURPOSE}: an output");
        }
    }
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let task = runtime.spawn(async { Bad });
        let abort = task.abort_handle();
        eventually("it ends", LIMIT, || task.is_finished());
        drop(task);
        abort.abort();
        drop(abort);
        assert_eq!(runtime.metrics().unhandled_panics, 1);
        // The same once the runtime has gone.
        let task = runtime.spawn(async { Bad });
        eventually("it ends", LIMIT, || task.is_finished());
        drop(runtime);
        drop(task);
    });
}

/// What may go where, checked when this is compiled.
#[test]
fn what_goes_to_other_threads() {
    fn everywhere<T: Send + Sync + Unpin + 'static>() {}
    fn unwind_safe<T: UnwindSafe + RefUnwindSafe>() {}
    fn shown<T: Debug + Display>() {}
    everywhere::<Runtime>();
    everywhere::<Handle>();
    everywhere::<Builder>();
    everywhere::<AbortHandle>();
    everywhere::<JoinError>();
    everywhere::<JoinHandle<Mutex<u8>>>();
    everywhere::<JoinHandle<std::cell::Cell<u8>>>();
    everywhere::<task::Task>();
    everywhere::<task::Id>();
    everywhere::<task::Builder>();
    everywhere::<TaskInfo>();
    everywhere::<TaskState>();
    everywhere::<TaskLocal<String>>();
    unwind_safe::<Runtime>();
    unwind_safe::<Handle>();
    unwind_safe::<task::Task>();
    unwind_safe::<TaskInfo>();
    shown::<JoinError>();
    shown::<TaskInfo>();
    shown::<task::Id>();
    shown::<UnhandledPanic<'_>>();
    fn sendable<T: Send>(_: T) {}
    static NAME: TaskLocal<String> = TaskLocal::new();
    sendable(NAME.scope(String::new(), ready(std::cell::Cell::new(1))));
    sendable(spawn::<Ready<()>>);
    sendable(yield_now());
}

/// Anything that can be made into a future.
#[derive(Debug)]
struct Three;

impl IntoFuture for Three {
    type Output = u8;
    type IntoFuture = Ready<u8>;
    fn into_future(self) -> Ready<u8> {
        ready(3)
    }
}

struct Good;

impl IntoFuture for Good {
    type Output = Result<u8, fmt::Error>;
    type IntoFuture = Ready<Self::Output>;
    fn into_future(self) -> Self::IntoFuture {
        ready(Ok(3))
    }
}

#[test]
fn join_takes_what_can_be_made_into_a_future() {
    on_workers(&[1], |runtime, _| {
        let (three, four) = runtime.block_on(async { join!(Three, async { 4 }) });
        assert_eq!((three, four), (3, 4));
        let both = runtime.block_on(async { try_join!(Good, async { Ok(4) }) });
        assert_eq!(both, Ok((3, 4)));
        let one = runtime.block_on(async { try_join!(Good,) });
        assert_eq!(one, Ok((3,)));
    });
}

/// Names of the caller mean what they mean to the caller.
#[test]
fn the_macros_leave_names_alone() {
    const COUNT: u32 = 2;
    on_workers(&[1], |runtime, _| {
        let (futures, output, cx, this, result) = (1, 2, 3, 4, 5);
        let sum = async |by: u32| futures + output + cx + this + result + by;
        let both = runtime.block_on(async { join!(sum(COUNT), async { COUNT }) });
        assert_eq!(both, (17, 2));
        let both: Result<_, ()> = runtime
            .block_on(async { try_join!(async { Ok(sum(COUNT).await) }, async { Ok(COUNT) }) });
        assert_eq!(both, Ok((17, 2)));
    });
}

/// A branch that can never give anything makes nothing after it unreachable.
#[test]
#[deny(unreachable_code)]
fn a_branch_that_never_ends() {
    fn waits<F: Future>(future: F) {
        let mut future = std::pin::pin!(future);
        assert!(poll_once(&mut future, noop()).is_pending());
    }
    waits(async { join!(pending::<Infallible>(), async { 1 }) });
    waits(async { join!(async { 1 }, pending::<Infallible>()) });
    waits(async { join!(pending::<Infallible>()) });
    waits(async { try_join!(pending::<Result<Infallible, ()>>(), async { Ok(1) }) });
}
