//! `join!` and `try_join!`: several futures in one task.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn, ready};
use std::pin::pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use wheelhouse::{Runtime, join, try_join, yield_now};
use wheelhouse_tests::{
    CountWaker, DropCounter, DropToken, Gate, LIMIT, ON_PURPOSE, catch, noop, watchdog,
};

/// Polls `future` on this thread until it is ready; nobody needs a runtime.
fn drive<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let wakes = CountWaker::new();
    let waker = wakes.waker();
    for woken in 1.. {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        wakes.wait_for(woken, LIMIT);
    }
    unreachable!()
}

async fn hold<T>(token: DropToken) -> T {
    let _token = token;
    pending().await
}

#[test]
fn values_come_in_the_order_of_the_arguments() {
    watchdog("order", LIMIT, || {
        let gate = Gate::new();
        let values = drive(async {
            join!(
                async {
                    gate.wait().await;
                    1
                },
                async {
                    yield_now().await;
                    gate.open();
                    "two"
                },
                ready(3.0),
            )
        });
        assert_eq!(values, (1, "two", 3.0));
    });
}

#[test]
fn none_one_and_sixteen() {
    drive(async {
        join!();
        assert_eq!(join!(ready(1)), (1,));
        let r = ready::<u8>;
        let many = join!(
            r(0),
            r(1),
            r(2),
            r(3),
            r(4),
            r(5),
            r(6),
            r(7),
            r(8),
            r(9),
            r(10),
            r(11),
            r(12),
            r(13),
            r(14),
            r(15),
        );
        assert_eq!((many.0, many.7, many.15), (0, 7, 15));
        let r = ready::<Result<u8, ()>>;
        let many = try_join!(
            r(Ok(0)),
            r(Ok(1)),
            r(Ok(2)),
            r(Ok(3)),
            r(Ok(4)),
            r(Ok(5)),
            r(Ok(6)),
            r(Ok(7)),
            r(Ok(8)),
            r(Ok(9)),
            r(Ok(10)),
            r(Ok(11)),
            r(Ok(12)),
            r(Ok(13)),
            r(Ok(14)),
            r(Ok(15)),
        );
        assert_eq!(many.map(|many| many.15), Ok(15));
    });
}

/// The futures may borrow, from the function and from temporaries, and need not be `Send`.
#[test]
fn they_may_borrow() {
    async fn length(text: &str) -> usize {
        yield_now().await;
        text.len()
    }
    watchdog("borrowing", LIMIT, || {
        drive(async {
            let text = String::from("abc");
            let sum = Rc::new(Cell::new(0));
            let add = |number| {
                let sum = Rc::clone(&sum);
                async move {
                    yield_now().await;
                    sum.set(sum.get() + number);
                }
            };
            let lengths = join!(
                length(&text),
                length(&format!("{text}{text}")),
                add(1),
                add(2)
            );
            assert_eq!((lengths.0, lengths.1, sum.get()), (3, 6, 3));
        });
    });
}

#[test]
fn one_that_has_ended_is_dropped_at_once_and_not_polled_again() {
    let drops = DropCounter::new();
    let token = drops.token();
    let mut polls = 0;
    let ends = poll_fn(move |_| {
        let _held = &token;
        polls += 1;
        assert_eq!(polls, 1);
        Poll::Ready(())
    });
    let future = async { join!(ends, pending::<()>()) };
    let mut future = pin!(future);
    for _ in 0..3 {
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(noop()))
                .is_pending()
        );
        assert_eq!(drops.dropped(), 1);
    }
}

/// Each poll begins with another branch.
#[test]
fn no_branch_is_always_served_last() {
    let order = Rc::new(Cell::new(String::new()));
    let branch = |name: char| {
        let order = Rc::clone(&order);
        poll_fn(move |_| -> Poll<()> {
            let mut so_far = order.take();
            so_far.push(name);
            order.set(so_far);
            Poll::Pending
        })
    };
    let future = async { join!(branch('a'), branch('b'), branch('c')) };
    let mut future = pin!(future);
    for expected in ["abc", "bca", "cab", "abc"] {
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(noop()))
                .is_pending()
        );
        assert_eq!(order.take(), expected);
    }
}

#[test]
fn a_panic_goes_on_and_a_cancelled_join_drops_all() {
    let drops = DropCounter::new();
    let panics = async || panic!("{ON_PURPOSE}");
    let caught = catch(|| drive(async { join!(hold::<()>(drops.token()), panics()) }));
    assert_eq!(caught.text, ON_PURPOSE);
    drops.assert_each_dropped_once();
    {
        let future = async { join!(hold::<()>(drops.token()), hold::<()>(drops.token())) };
        let mut future = pin!(future);
        assert!(
            future
                .as_mut()
                .poll(&mut Context::from_waker(noop()))
                .is_pending()
        );
    }
    assert_eq!(drops.made(), 3);
    drops.assert_each_dropped_once();
}

#[test]
fn try_join_gives_all_values_or_the_first_error_in_time() {
    async fn half(number: u32) -> Result<u32, String> {
        yield_now().await;
        if number.is_multiple_of(2) {
            Ok(number / 2)
        } else {
            Err(format!("{number} is odd"))
        }
    }
    watchdog("try_join", LIMIT, || {
        drive(async {
            assert_eq!(try_join!(half(2), half(4), ready(Ok("6"))), Ok((1, 2, "6")));
            let drops = DropCounter::new();
            let result = try_join!(hold::<Result<(), String>>(drops.token()), half(3), half(4));
            assert_eq!(result, Err("3 is odd".to_owned()));
            drops.assert_each_dropped_once();
            let gate = Gate::new();
            let late = async {
                gate.wait().await;
                Err::<(), _>("late")
            };
            let early = async {
                yield_now().await;
                Err::<(), _>("early")
            };
            assert_eq!(try_join!(late, early), Err("early"));
        });
    });
}

#[test]
fn it_works_in_a_task() {
    watchdog("in a task", LIMIT, || {
        let runtime = Runtime::builder().worker_threads(2).build().unwrap();
        let text = String::from("abc");
        let both =
            runtime.run(async { join!(async { text.len() }, wheelhouse::spawn(async { 4 })) });
        assert_eq!((both.0, both.1.unwrap()), (3, 4));
    });
}
