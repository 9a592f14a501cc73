//! Gathers whose children fail, panic, panic as they are dropped, are aborted and are woken from other
//! threads, all at the same time, while the gathers themselves are awaited, settled or dropped.
//!
//! Whenever a gather has yielded, nothing of its children is in use any more; everything is dropped once;
//! and every panic is either collected or told of.

use futures::FutureExt;
use std::any::Any;
use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::thread;
use wheelhouse::{AbortHandle, JoinError, Runtime, gather, spawn, try_gather};
use wheelhouse_tests::{
    Dice, DropCounter, DropToken, ON_PURPOSE, WORKERS, on_workers, panic_text, poll_once, quiet,
};

/// How many tasks gather at the same time, and how often each.
const OWNERS: u64 = 6;
const GATHERS: u64 = 600;

type Answer = Result<DropToken, String>;

/// Threads that wake and abort whatever they are given.
#[derive(Default)]
struct Storm {
    wakers: Mutex<Vec<Waker>>,
    victims: Mutex<Vec<AbortHandle>>,
    over: AtomicBool,
}

/// What all the gathers of a runtime share.
struct World {
    storm: Storm,
    drops: DropCounter,
    /// Panics of children, and those that were collected.
    panicked: AtomicU64,
    collected: AtomicU64,
}

/// How a child ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Value,
    Fails,
    Panics,
    PanicsInDrop,
    /// Only by being cancelled.
    Never,
}

struct Child {
    kind: Kind,
    polls_left: u64,
    /// The drop, and now and then a poll, takes a while.
    slow: bool,
    world: Arc<World>,
    /// How many children of its gather there are.
    in_use: Arc<AtomicUsize>,
    _token: DropToken,
}

impl Future for Child {
    type Output = Answer;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Answer> {
        if self.slow {
            thread::yield_now();
        }
        if self.kind == Kind::Never || self.polls_left > 0 {
            self.polls_left = self.polls_left.saturating_sub(1);
            self.world.storm.add(cx.waker().clone());
            return Poll::Pending;
        }
        match self.kind {
            Kind::Fails => Poll::Ready(Err("it fails".into())),
            Kind::Panics => {
                self.world.panicked.fetch_add(1, SeqCst);
                panic!("{ON_PURPOSE}: a child");
            }
            _ => Poll::Ready(Ok(self.world.drops.token())),
        }
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if self.slow {
            (0..3).for_each(|_| thread::yield_now());
        }
        self.in_use.fetch_sub(1, SeqCst);
        if self.kind == Kind::PanicsInDrop {
            self.world.panicked.fetch_add(1, SeqCst);
            panic!("{ON_PURPOSE}: a child's drop");
        }
    }
}

impl Storm {
    fn add(&self, waker: Waker) {
        self.wakers.lock().unwrap().push(waker);
    }

    /// The body of a thread.
    fn rage(&self) {
        while !self.over.load(SeqCst) {
            let wakers = std::mem::take(&mut *self.wakers.lock().unwrap());
            let victim = self.victims.lock().unwrap().pop();
            wakers.iter().step_by(2).for_each(Waker::wake_by_ref);
            wakers.into_iter().rev().for_each(Waker::wake);
            victim.into_iter().for_each(|victim| victim.abort());
            thread::yield_now();
        }
    }
}

/// Gathers again and again.
struct Owner {
    world: Arc<World>,
    dice: Dice,
}

impl Owner {
    async fn live(mut self) {
        for _ in 0..GATHERS {
            let in_use = Arc::new(AtomicUsize::new(0));
            match self.dice.roll(5) {
                0 => self.await_values(&in_use).await,
                1 => self.await_handles(&in_use).await,
                2 => self.settle(&in_use).await,
                3 => self.try_values(&in_use).await,
                _ => self.drop_early(&in_use).await,
            }
        }
    }

    /// Children of whom one is sure to end, unless none may go on for ever.
    fn children(&mut self, in_use: &Arc<AtomicUsize>, all_end: bool) -> Vec<Child> {
        let count = 1 + self.dice.roll(7);
        let ends = self.dice.roll(count);
        (0..count)
            .map(|place| {
                let kind = match self.dice.roll(12) {
                    0..4 => Kind::Value,
                    4..6 => Kind::Fails,
                    6 => Kind::PanicsInDrop,
                    7..10 if !all_end && place != ends => Kind::Never,
                    _ => Kind::Panics,
                };
                // A value ends nobody who waits for ever.
                let kind = if place == ends && !all_end {
                    Kind::Panics
                } else {
                    kind
                };
                self.child(kind, in_use)
            })
            .collect()
    }

    fn child(&mut self, kind: Kind, in_use: &Arc<AtomicUsize>) -> Child {
        in_use.fetch_add(1, SeqCst);
        Child {
            kind,
            polls_left: self.dice.roll(4),
            slow: self.dice.roll(4) == 0,
            world: Arc::clone(&self.world),
            in_use: Arc::clone(in_use),
            _token: self.world.drops.token(),
        }
    }

    async fn await_values(&mut self, in_use: &Arc<AtomicUsize>) {
        let children = self.children(in_use, false);
        let all = AssertUnwindSafe(gather!(..children)).catch_unwind().await;
        assert_eq!(in_use.load(SeqCst), 0, "in use after the gather has ended");
        self.collect(all.map(drop));
    }

    /// The handles are the owner's, and some of their tasks are aborted meanwhile.
    async fn await_handles(&mut self, in_use: &Arc<AtomicUsize>) {
        let handles: Vec<_> = self
            .children(in_use, false)
            .into_iter()
            .map(spawn)
            .collect();
        for handle in &handles {
            if self.dice.roll(6) == 0 {
                self.world
                    .storm
                    .victims
                    .lock()
                    .unwrap()
                    .push(handle.abort_handle());
            }
        }
        let all = AssertUnwindSafe(gather!(..handles)).catch_unwind().await;
        assert_eq!(in_use.load(SeqCst), 0, "in use after the gather has ended");
        self.collect(all.map(drop));
    }

    async fn settle(&mut self, in_use: &Arc<AtomicUsize>) {
        let children = self.children(in_use, true);
        let (first, second) = (
            self.child(Kind::Value, in_use),
            self.child(Kind::Panics, in_use),
        );
        let (many, both) = (
            gather!(..children).settle(),
            gather!(first, spawn(second)).settle(),
        );
        let (many, both) = (many.await, both.await);
        assert_eq!(in_use.load(SeqCst), 0, "in use after the gather has ended");
        assert!(both.0.is_ok());
        many.into_iter()
            .for_each(|result| self.collect_error(result));
        self.collect_error(both.1);
    }

    async fn try_values(&mut self, in_use: &Arc<AtomicUsize>) {
        let children = self.children(in_use, false);
        let all = AssertUnwindSafe(try_gather!(..children))
            .catch_unwind()
            .await;
        assert_eq!(in_use.load(SeqCst), 0, "in use after the gather has ended");
        self.collect(all.map(drop));
    }

    /// Polls a gather a few times, and drops it.
    async fn drop_early(&mut self, in_use: &Arc<AtomicUsize>) {
        let (children, mut polls) = (self.children(in_use, false), self.dice.roll(4));
        let mut all = gather!(..children);
        let polled = poll_fn(|cx| {
            let polled = catch_unwind(AssertUnwindSafe(|| poll_once(&mut all, cx.waker())));
            polls = polls.saturating_sub(1);
            match polled {
                Ok(Poll::Pending) if polls > 0 => Poll::Pending,
                Ok(_) => Poll::Ready(Ok(())),
                Err(panic) => Poll::Ready(Err(panic)),
            }
        });
        let ended = polled.await;
        drop(all);
        self.collect(ended);
    }

    fn collect(&self, ended: Result<(), Box<dyn Any + Send>>) {
        if let Err(panic) = ended {
            let text = panic_text(&*panic);
            let aborted = text.contains("needs its value");
            assert!(aborted || text.starts_with(ON_PURPOSE), "{text}");
            self.world.collected.fetch_add(u64::from(!aborted), SeqCst);
        }
    }

    fn collect_error(&self, result: Result<Answer, JoinError>) {
        if result.is_err_and(|error| error.is_panic()) {
            self.world.collected.fetch_add(1, SeqCst);
        }
    }
}

/// What a gather says of a handle whose task was aborted is no news here.
fn quiet_about_aborts() {
    quiet();
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        let text = info.payload_as_str().unwrap_or_default();
        if !text.contains("was cancelled, and gather!") {
            before(info);
        }
    }));
}

fn race(runtime: Runtime, workers: usize) {
    let world = Arc::new(World {
        storm: Storm::default(),
        drops: DropCounter::new(),
        panicked: AtomicU64::new(0),
        collected: AtomicU64::new(0),
    });
    let storms: Vec<_> = (0..2)
        .map(|_| {
            let world = Arc::clone(&world);
            thread::spawn(move || world.storm.rage())
        })
        .collect();
    let owners: Vec<_> = (1..=OWNERS)
        .map(|number| {
            let dice = Dice(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(number + 100 * workers as u64));
            let owner = Owner {
                world: Arc::clone(&world),
                dice,
            };
            runtime.spawn(owner.live())
        })
        .collect();
    let ended: Vec<_> = owners.into_iter().map(|owner| owner.join()).collect();
    world.storm.over.store(true, SeqCst);
    storms.into_iter().for_each(|storm| storm.join().unwrap());
    ended.into_iter().for_each(Result::unwrap);
    let handle = runtime.handle().clone();
    drop(runtime);
    world.storm.wakers.lock().unwrap().clear();
    world.drops.assert_each_dropped_once();
    let (panicked, collected) = (world.panicked.load(SeqCst), world.collected.load(SeqCst));
    assert!(
        panicked > collected && collected > 0,
        "{panicked} {collected}"
    );
    assert_eq!(handle.metrics().unhandled_panics, panicked - collected);
}

#[test]
fn gathers_fail_while_everything_happens() {
    quiet_about_aborts();
    on_workers(WORKERS, race);
}
