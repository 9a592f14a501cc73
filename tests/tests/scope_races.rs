//! Scopes against everything at once: tasks that end in every way, aborts, panics, and shutdowns from
//! other threads. What is lent knows whether it is still there, and its memory is used again at once.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering::SeqCst};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::{
    AbortHandle, Handle, Runtime, Scope, ScopedJoinHandle, sleep, spawn, task, yield_now,
};
use wheelhouse_tests::{LIMIT, ON_PURPOSE, WORKERS, hold_workers, panic_text, quiet, watchdog};

const ALIVE: u32 = 0xa11f_e000;
const DEAD: u32 = 0xdead_0000;

/// How often something that was lent was used when it was no longer there.
static TOO_LATE: AtomicUsize = AtomicUsize::new(0);

/// What a scope's caller lends.
struct Frame {
    /// A word for each guard to look at, so that they lie in several places of the frame.
    words: [AtomicU32; 16],
    made: AtomicUsize,
    dropped: AtomicUsize,
}

impl Frame {
    fn new() -> Self {
        Frame {
            words: std::array::from_fn(|_| AtomicU32::new(ALIVE)),
            made: AtomicUsize::new(0),
            dropped: AtomicUsize::new(0),
        }
    }

    fn guard(&self) -> Guard<'_> {
        Guard {
            frame: self,
            number: self.made.fetch_add(1, SeqCst),
        }
    }

    /// The scope has returned: the frame is overwritten.
    fn end(&self) {
        for word in &self.words {
            word.store(DEAD, SeqCst);
        }
        assert_eq!(self.dropped.load(SeqCst), self.made.load(SeqCst));
    }
}

/// Something of the frame's, in a future or in an output. Its drop takes its time and then looks.
struct Guard<'a> {
    frame: &'a Frame,
    number: usize,
}

impl Guard<'_> {
    fn look(&self) {
        if self.frame.words[self.number % 16].load(SeqCst) != ALIVE {
            TOO_LATE.fetch_add(1, SeqCst);
        }
    }
}

impl Drop for Guard<'_> {
    fn drop(&mut self) {
        for _ in 0..self.number % 8 {
            thread::yield_now();
        }
        self.look();
        self.frame.dropped.fetch_add(1, SeqCst);
        if self.number % 37 == 36 && !thread::panicking() {
            panic!("{ON_PURPOSE}: a guard's drop");
        }
    }
}

/// What outlives every scope, and is used all the time.
#[derive(Default)]
struct Remains {
    wakers: Mutex<Vec<Waker>>,
    aborts: Mutex<Vec<AbortHandle>>,
}

static REMAINS: Remains = Remains {
    wakers: Mutex::new(Vec::new()),
    aborts: Mutex::new(Vec::new()),
};

impl Remains {
    fn keep_waker(&self, waker: Waker) {
        let mut wakers = self.wakers.lock().unwrap();
        wakers.push(waker);
        let old = wakers.len().saturating_sub(64);
        let old: Vec<_> = wakers.drain(..old).collect();
        drop(wakers);
        drop(old);
    }

    fn keep_abort(&self, abort: AbortHandle) {
        let mut aborts = self.aborts.lock().unwrap();
        aborts.push(abort);
        let old = aborts.len().saturating_sub(16);
        let old: Vec<_> = aborts.drain(..old).collect();
        drop(aborts);
        old.iter().for_each(AbortHandle::abort);
    }

    fn disturb(&self) {
        let wakers = self.wakers.lock().unwrap().clone();
        wakers.into_iter().for_each(Waker::wake);
        let abort = self.aborts.lock().unwrap().pop();
        abort.iter().for_each(AbortHandle::abort);
    }
}

/// Small numbers that look like chance, the same in each run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % limit
    }
}

/// A task that ends by itself, unless `turns` says that only others can end it.
async fn body<'a>(held: Guard<'a>, output: Guard<'a>, turns: u64) -> Guard<'a> {
    match turns {
        0..=3 => {
            for _ in 0..turns {
                yield_now().await;
                held.look();
            }
        }
        4 => sleep(Duration::from_micros(50)).await,
        5 => panic!("{ON_PURPOSE}: a poll"),
        6 => task::current().abort(),
        7 => {
            let waker = std::future::poll_fn(|cx| Poll::Ready(cx.waker().clone()));
            REMAINS.keep_waker(waker.await);
            yield_now().await;
        }
        _ => pending().await,
    }
    yield_now().await;
    // By hand: when a local panics at the end of its block, Rust leaks the block's value.
    drop(held);
    output
}

/// Spawns tasks that end in all those ways, and does all that can be done with their handles.
fn spawn_all<'s>(s: &'s Scope<'s, '_>, frame: &'s Frame, chance: &mut Chance, depth: u64) {
    let mut kept: Option<ScopedJoinHandle<'s, Guard<'s>>> = None;
    for _ in 0..6 {
        let turns = chance.below(9);
        let (held, output) = (frame.guard(), frame.guard());
        let handle = match chance.below(8) {
            0 => s.spawn_blocking(move || {
                drop(held);
                output
            }),
            1 if depth > 0 => {
                let mut chance = Chance(chance.below(1 << 30));
                s.spawn(async move {
                    spawn_all(s, frame, &mut chance, depth - 1);
                    body(held, output, turns).await
                })
            }
            _ => s.spawn(body(held, output, turns)),
        };
        match chance.below(5) {
            0 => handle.abort(),
            1 => REMAINS.keep_abort(handle.abort_handle()),
            _ => {}
        }
        if turns > 7 {
            // Nobody else would end it.
            let abort = handle.abort_handle();
            s.spawn(async move {
                yield_now().await;
                abort.abort();
            });
        }
        match chance.below(4) {
            0 => drop(handle),
            1 => {
                let before = kept.replace(handle);
                s.spawn(async move {
                    match before {
                        Some(before) => before.await.ok(),
                        None => None,
                    }
                });
            }
            2 => drop(s.spawn(async move { Some(handle) })),
            _ => drop(kept.replace(handle)),
        }
    }
}

/// Opens a scope, and uses its memory again as soon as it has returned.
fn one_scope(handle: &Handle, chance: &mut Chance) {
    let closure = |chance: &mut Chance, frame: &Frame| {
        let panics = chance.below(8) == 0;
        let scoped = catch_unwind(AssertUnwindSafe(|| {
            handle.scope(|s| {
                spawn_all(s, frame, chance, 2);
                if panics {
                    panic!("{ON_PURPOSE}: the closure");
                }
            });
        }));
        frame.end();
        match scoped {
            Ok(()) => assert!(!panics),
            Err(payload) => {
                let text = panic_text(&*payload);
                assert!(text.contains(ON_PURPOSE), "{text}");
                assert_eq!(panics, text.starts_with(ON_PURPOSE), "{text}");
            }
        }
    };
    if chance.below(2) == 0 {
        closure(chance, &Frame::new());
    } else {
        closure(chance, &Box::new(Frame::new()));
    }
}

/// Opens scopes on a thread outside, in a `block_on`, in tasks, and on another runtime's worker, until
/// `rounds` are over.
fn open_scopes(handle: &Handle, other: &Handle, seed: u64, rounds: usize) {
    let mut chance = Chance(seed);
    for round in 0..rounds {
        match round % 4 {
            0 => one_scope(handle, &mut chance),
            1 => handle.block_on(async { one_scope(handle, &mut chance) }),
            _ => {
                let (scoped, home) = (handle.clone(), if round % 4 == 2 { handle } else { other });
                let mut chance = Chance(chance.below(1 << 30));
                let task = home.spawn(async move { one_scope(&scoped, &mut chance) });
                if let Err(error) = task.join() {
                    assert!(error.is_cancelled(), "{error}");
                }
            }
        }
    }
}

fn races(workers: usize, rounds: usize, end_early: bool) {
    quiet_scopes();
    let runtime = Runtime::builder().worker_threads(workers).build().unwrap();
    let other = Runtime::builder().worker_threads(1).build().unwrap();
    let seed = (workers * 1000 + rounds) as u64;
    thread::scope(|threads| {
        let openers: Vec<_> = (0..2)
            .map(|opener| {
                let (here, there) = (runtime.handle(), other.handle());
                threads.spawn(move || open_scopes(here, there, seed + opener, rounds))
            })
            .collect();
        if end_early {
            // After a few turns of the pool, however long they take.
            for _ in 0..rounds {
                drop(
                    runtime
                        .handle()
                        .spawn(async { drop(spawn(async {})) })
                        .join(),
                );
                REMAINS.disturb();
            }
            runtime.handle().shutdown_background();
        }
        while openers.iter().any(|opener| !opener.is_finished()) {
            REMAINS.disturb();
            thread::yield_now();
        }
        for opener in openers {
            if let Err(payload) = opener.join() {
                std::panic::resume_unwind(payload);
            }
        }
    });
    if !end_early {
        hold_workers(&runtime, workers).open();
        assert_eq!(runtime.run(async { spawn(async { 7 }).await.unwrap() }), 7);
    }
    let report = runtime.shutdown_timeout(LIMIT);
    assert!(report.is_complete(), "{report}");
    assert_eq!(
        TOO_LATE.load(SeqCst),
        0,
        "used after the scope had returned"
    );
}

/// Nothing is printed of the panics that go on in scopes either.
fn quiet_scopes() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    quiet();
    ONCE.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            if !info
                .payload_as_str()
                .is_some_and(|text| text.contains(ON_PURPOSE))
            {
                before(info);
            }
        }));
    });
}

#[test]
fn on_a_runtime_that_stays() {
    for &workers in WORKERS {
        watchdog(&format!("stays, {workers}"), LIMIT, move || {
            races(workers, 60, false);
        });
    }
}

#[test]
fn on_runtimes_that_end_meanwhile() {
    for &workers in WORKERS {
        watchdog(&format!("ends, {workers}"), LIMIT, move || {
            for rounds in 1..16 {
                races(workers, rounds * 2, true);
            }
        });
    }
}
