//! How late timers may fire on purpose, and who says so.
//!
//! Exact timers fire in the order of their deadlines, however slow the machine is. Those that share a
//! slot fire in the order in which they were armed, or in the reverse of it. So, if that is neither
//! the order of the deadlines nor its reverse, it tells slack from none, without a look at how late
//! anybody was.

use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};
use wheelhouse::time::{Sleep, interval_at, sleep_until, timeout_at};
use wheelhouse::{Builder, Runtime};
use wheelhouse_tests::{LIMIT, watchdog};

/// More than a tick of the wheel: each deadline is in a tick of its own.
const STEP: Duration = Duration::from_micros(20);
const TIMERS: u32 = 64;
/// So long that both kinds of timer have slack by default, of two and of eight ticks.
const LENGTH: Duration = Duration::from_millis(60);
/// What must be left when the last timer is armed, for that to be so.
const LEAST: Duration = Duration::from_millis(40);

type Timer = Pin<Box<dyn Future<Output = ()> + Send>>;
type Make = fn(Instant) -> Timer;

/// The numbers of the timers that have fired, and who waits for them.
#[derive(Default)]
struct Fired {
    numbers: Mutex<Vec<u32>>,
    waiter: Mutex<Option<Waker>>,
}

/// The waker of one timer.
struct Number(u32, Arc<Fired>);

impl Wake for Number {
    fn wake(self: Arc<Self>) {
        let Number(number, fired) = &*self;
        let mut numbers = fired.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        numbers.push(*number);
        drop(numbers);
        let waiter = fired.waiter.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(waiter) = &*waiter {
            waiter.wake_by_ref();
        }
    }
}

/// Arms timers: first those with even numbers, then the others. `None` if that took too long.
fn arm(make: Make, fired: &Arc<Fired>) -> Option<Vec<Timer>> {
    let start = Instant::now() + LENGTH;
    let numbers = (0..TIMERS).step_by(2).chain((1..TIMERS).step_by(2));
    let armed = numbers.map(|number| {
        let mut timer = make(start + number * STEP);
        let waker = Waker::from(Arc::new(Number(number, Arc::clone(fired))));
        let poll = timer.as_mut().poll(&mut Context::from_waker(&waker));
        poll.is_pending().then_some(timer)
    });
    let armed = armed.collect::<Option<Vec<_>>>();
    armed.filter(|_| start - LEAST > Instant::now())
}

/// Whether timers of this kind fire in the order of their deadlines.
async fn in_order(make: Make) -> bool {
    let (fired, _timers) = loop {
        let fired = Arc::new(Fired::default());
        if let Some(timers) = arm(make, &fired) {
            break (fired, timers);
        }
    };
    poll_fn(|cx| {
        *fired.waiter.lock().unwrap() = Some(cx.waker().clone());
        match fired.numbers.lock().unwrap().len() {
            all if all == TIMERS as usize => Poll::Ready(()),
            _ => Poll::Pending,
        }
    })
    .await;
    fired.numbers.lock().unwrap().is_sorted()
}

fn a_sleep(deadline: Instant) -> Sleep {
    sleep_until(deadline)
}

fn sleeps(deadline: Instant) -> Timer {
    Box::pin(a_sleep(deadline))
}

fn timeouts(deadline: Instant) -> Timer {
    Box::pin(async move {
        let _ = timeout_at(deadline, pending::<()>()).await;
    })
}

fn intervals(deadline: Instant) -> Timer {
    Box::pin(async move {
        let _ = interval_at(deadline, LENGTH).tick().await;
    })
}

fn sleeps_with_slack(deadline: Instant) -> Timer {
    Box::pin(a_sleep(deadline).with_slack(Duration::from_micros(200)))
}

fn exact_sleeps(deadline: Instant) -> Timer {
    Box::pin(a_sleep(deadline).with_slack(Duration::ZERO))
}

fn exact_timeouts(deadline: Instant) -> Timer {
    let timeout = timeout_at(deadline, pending::<()>()).with_slack(Duration::ZERO);
    Box::pin(async move {
        let _ = timeout.await;
    })
}

fn exact_intervals(deadline: Instant) -> Timer {
    let mut interval = interval_at(deadline, LENGTH).with_slack(Duration::ZERO);
    Box::pin(async move {
        let _ = interval.tick().await;
    })
}

const KINDS: [(&str, Make); 7] = [
    ("sleep", sleeps),
    ("timeout", timeouts),
    ("interval", intervals),
    ("sleep with slack", sleeps_with_slack),
    ("exact sleep", exact_sleeps),
    ("exact timeout", exact_timeouts),
    ("exact interval", exact_intervals),
];

/// One thread fires all timers, so that what it has taken out nobody overtakes.
fn check(options: fn(Builder) -> Builder, exact: [bool; 7]) {
    watchdog("timer slack", LIMIT, move || {
        let builder = Runtime::builder().worker_threads(1).watch(false);
        let runtime = options(builder).build().unwrap();
        for ((name, make), exact) in KINDS.into_iter().zip(exact) {
            let in_order = runtime.run(in_order(make));
            assert_eq!(in_order, exact, "{name}");
        }
    });
}

#[test]
fn by_default_timers_share_slots_unless_they_ask_to_be_exact() {
    let exact = [false, false, false, false, true, true, true];
    check(|builder| builder, exact);
    check(|builder| builder.max_timer_slack(Duration::MAX), exact);
}

#[test]
fn the_runtimes_bound_makes_all_exact_but_those_that_ask_for_slack() {
    let exact = [true, true, true, false, true, true, true];
    check(|builder| builder.max_timer_slack(Duration::ZERO), exact);
}

#[test]
fn a_bound_between_the_defaults_is_for_the_greater() {
    // Two ticks: enough for what a sleep of this length has by default.
    let exact = [false, false, false, false, true, true, true];
    let bound = |builder: Builder| builder.max_timer_slack(Duration::from_micros(33));
    check(bound, exact);
}
