//! Panics of a task, wherever they come from, are contained, and the pool works afterwards.

use std::fmt::{self, Write};
use std::future::{Future, pending};
use std::panic::panic_any;
use std::task::{Context, Poll};
use wheelhouse::{JoinError, JoinHandle, Runtime, spawn_blocking, yield_now};
use wheelhouse_tests::{
    DropToken, Gate, LIMIT, ON_PURPOSE, catch, contained, on_workers, panic_text,
};

/// Panics with a text when it is dropped, unless its thread panics already.
struct PanicOnDrop(
    &'static str,
    #[expect(dead_code, reason = "it is held")] DropToken,
);

impl Drop for PanicOnDrop {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: {}", self.0);
    }
}

/// A panic's payload whose destructor panics too.
struct BadPayload(#[expect(dead_code, reason = "it is held")] DropToken);

impl Drop for BadPayload {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: a payload's drop");
    }
}

fn text(error: JoinError) -> String {
    panic_text(&*error.into_panic())
}

#[test]
fn in_a_poll() {
    contained(|runtime, drops| {
        for waits in [false, true] {
            let token = drops.token();
            let task: JoinHandle<()> = runtime.spawn(async move {
                let _token = token;
                if waits {
                    yield_now().await;
                }
                panic!("{ON_PURPOSE}: 3 apples");
            });
            let (id, error) = (task.id(), task.join().unwrap_err());
            assert!(error.is_panic() && !error.is_cancelled());
            assert_eq!(error.id(), id);
            assert!(error.to_string().contains("3 apples"), "{error}");
            assert!(error.to_string().contains(file!()), "{error}");
            assert_eq!(text(error), "on purpose: 3 apples");
        }
        drop(runtime.spawn(async { panic!("{ON_PURPOSE}: and nobody asks") }));
    });
}

#[test]
fn in_a_blocking_job() {
    contained(|runtime, drops| {
        let token = drops.token();
        let job: JoinHandle<()> = runtime.spawn_blocking(move || {
            let _token = token;
            panic!("{ON_PURPOSE}: 4 pears")
        });
        let error: JoinError = job.join().unwrap_err();
        assert_eq!(text(error), "on purpose: 4 pears");
        let again = runtime.run(async { spawn_blocking(|| 5).await.unwrap() });
        assert_eq!(again, 5);
    });
}

#[test]
fn a_payload_is_any_value() {
    contained(|runtime, _| {
        let task: JoinHandle<()> = runtime.spawn(async { panic_any(BoxedNumber(9)) });
        let error = task.join().unwrap_err();
        assert!(!error.to_string().is_empty());
        let payload = error.try_into_panic().unwrap();
        assert_eq!(payload.downcast::<BoxedNumber>().unwrap().0, 9);
    });
    struct BoxedNumber(i32);
}

/// Where an error's text is written, which asks for the same text once more meanwhile.
struct Again<'a>(&'a JoinError, Vec<String>);

impl Write for Again<'_> {
    fn write_str(&mut self, _: &str) -> fmt::Result {
        self.1.push(format!("{} {:?}", self.0, self.0));
        Ok(())
    }
}

#[test]
fn an_errors_text_is_written_while_it_is_written() {
    contained(|runtime, _| {
        let task: JoinHandle<()> = runtime.spawn(async { panic!("{ON_PURPOSE}: 5 plums") });
        let error = task.join().unwrap_err();
        let mut again = Again(&error, Vec::new());
        write!(again, "{error} {error:?}").unwrap();
        assert!(again.1.len() > 1);
        assert!(again.1.iter().all(|text| text.contains("5 plums")));
    });
}

#[test]
fn a_cancelled_task_has_no_payload() {
    on_workers(&[1], |runtime, _| {
        let cancelled = || {
            let task = runtime.spawn(pending::<()>());
            task.abort();
            task.join().unwrap_err()
        };
        let error = cancelled().try_into_panic().unwrap_err();
        assert!(error.is_cancelled());
        let line = line!() + 1;
        let caught = catch(|| cancelled().into_panic());
        caught.assert_names(line);
    });
}

/// Gives its token at the first poll, and panics in its drop.
struct ReadyThenBad(
    Option<DropToken>,
    #[expect(dead_code, reason = "it is held")] PanicOnDrop,
);

impl Future for ReadyThenBad {
    type Output = DropToken;
    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<DropToken> {
        Poll::Ready(self.0.take().expect("it is polled once"))
    }
}

#[test]
fn in_the_drop_of_a_future() {
    contained(|runtime, drops| {
        // After it was ready. (By hand: of an async block whose locals panic, the compiler leaks the
        // output.)
        let bad = PanicOnDrop("after the end", drops.token());
        let future = ReadyThenBad(Some(drops.token()), bad);
        let ready = runtime.spawn(future);
        assert_eq!(text(ready.join().unwrap_err()), "on purpose: after the end");
        // When it is aborted.
        let (bad, gate) = (PanicOnDrop("aborted", drops.token()), Gate::new());
        let waits = gate.clone();
        let waiting = runtime.spawn(async move {
            let _bad = bad;
            waits.wait().await;
        });
        gate.wait_for(1, LIMIT);
        waiting.abort();
        assert_eq!(text(waiting.join().unwrap_err()), "on purpose: aborted");
    });
}

/// Panics when it is polled and when it is dropped.
struct PanicTwice(
    fn(&mut Option<DropToken>),
    fn(&mut Option<DropToken>),
    Option<DropToken>,
    Option<DropToken>,
);

impl Future for PanicTwice {
    type Output = ();
    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        (this.0)(&mut this.2);
        Poll::Ready(())
    }
}

impl Drop for PanicTwice {
    fn drop(&mut self) {
        (self.1)(&mut self.3);
    }
}

fn with_text(_: &mut Option<DropToken>) {
    panic!("{ON_PURPOSE}: with text");
}

fn badly(token: &mut Option<DropToken>) {
    panic_any(BadPayload(token.take().unwrap()));
}

#[test]
fn in_poll_and_drop() {
    contained(|runtime, drops| {
        let twice = |poll, drop| PanicTwice(poll, drop, Some(drops.token()), Some(drops.token()));
        let other = |_: &mut Option<DropToken>| panic!("{ON_PURPOSE}: another");
        let error = runtime.spawn(twice(with_text, other)).join().unwrap_err();
        assert_eq!(text(error), "on purpose: with text", "the first one counts");
        let error = runtime.spawn(twice(with_text, badly)).join().unwrap_err();
        assert_eq!(text(error), "on purpose: with text");
        drop(runtime.spawn(twice(badly, with_text)));
        drop(runtime.spawn(twice(badly, badly)));
    });
}

#[test]
fn in_the_drop_of_an_output() {
    contained(|runtime, drops| {
        // Nobody asks for it: a worker drops it.
        let bad = PanicOnDrop("an output", drops.token());
        drop(runtime.spawn(async move { bad }));
        // The handle has it: dropping the handle drops it, and contains it as well.
        let bad = PanicOnDrop("an output", drops.token());
        let task = runtime.spawn(async move { bad });
        while !task.is_finished() {
            std::thread::yield_now();
        }
        drop(task);
        // The payload of a panic is an output too.
        let token = drops.token();
        let task = runtime.spawn(async move { panic_any(BadPayload(token)) });
        drop::<JoinHandle<()>>(task);
    });
}

#[test]
fn in_drops_at_shutdown() {
    contained(|runtime, drops| {
        let own = Runtime::builder()
            .worker_threads(runtime_size(runtime))
            .build()
            .unwrap();
        let gate = Gate::new();
        let tasks: Vec<_> = (0..50)
            .map(|_| {
                let (bad, waits) = (PanicOnDrop("at shutdown", drops.token()), gate.clone());
                own.spawn(async move {
                    let _bad = bad;
                    waits.wait().await;
                })
            })
            .collect();
        gate.wait_for(50, LIMIT);
        drop(own);
        for task in tasks {
            assert_eq!(text(task.join().unwrap_err()), "on purpose: at shutdown");
        }
    });
}

/// The size of the pool under test, from its `Debug` text, which is all that is public.
fn runtime_size(runtime: &Runtime) -> usize {
    let text = format!("{runtime:?}");
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    digits.parse().unwrap()
}

#[test]
fn a_task_wakes_another_in_a_drop_after_its_panic() {
    struct WakeOnDrop(Gate);
    impl Drop for WakeOnDrop {
        fn drop(&mut self) {
            self.0.open();
        }
    }
    contained(|runtime, _| {
        let gate = Gate::new();
        let (held, waits) = (WakeOnDrop(gate.clone()), gate.clone());
        let other = runtime.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        let task: JoinHandle<()> = runtime.spawn(async move {
            let _held = held;
            panic!("{ON_PURPOSE}: with a waker in hand")
        });
        assert!(task.join().unwrap_err().is_panic());
        other.join().unwrap();
    });
}
