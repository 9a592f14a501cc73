//! What a case is made of: a future or a closure, an output, a join waker, each of which may panic.

use crate::case::{Case, Keeps, Panics};
use crate::memory::Weight;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex, Weak};
use std::task::{Context, Poll, Wake, Waker, ready};
use wheelhouse_tests::{
    DropCounter, DropToken, Gate, GateWait, ON_PURPOSE, poll_once, stubborn_waker,
};

/// What the case's parts share.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) case: Case,
    pub(crate) drops: DropCounter,
    /// Holds the task inside its first poll.
    pub(crate) inside: Gate,
    /// Holds it between its first poll and its second.
    pub(crate) waits: Gate,
    pub(crate) wakes: Arc<AtomicUsize>,
    /// A waker of the task's, if it is to be kept.
    pub(crate) kept: Arc<Mutex<Option<Waker>>>,
}

impl Scene {
    pub(crate) fn new(case: Case) -> Self {
        Scene {
            case,
            drops: DropCounter::new(),
            inside: Gate::new(),
            waits: Gate::new(),
            wakes: Arc::default(),
            kept: Arc::default(),
        }
    }

    /// The future.
    pub(crate) fn future<const W: usize>(&self) -> Body<W> {
        Body {
            scene: self.clone(),
            waits: self.waits.wait(),
            was_polled: false,
            _weight: Weight::new(),
            _held: self.bomb(&[
                Panics::FutureDrop,
                Panics::PollAndFutureDrop,
                Panics::FutureAndOutputDrop,
            ]),
        }
    }

    /// The same as a closure that blocks.
    pub(crate) fn closure<const W: usize>(&self) -> impl FnOnce() -> Bomb + Send + 'static {
        let (scene, weight) = (self.clone(), Weight::<W>::new());
        let held = self.bomb(&[Panics::FutureDrop]);
        move || {
            let (_weight, _held) = (weight, held);
            scene.first();
            scene.waits.block();
            scene.later()
        }
    }

    /// A token that panics when it goes, if the case is one of `when`.
    fn bomb(&self, when: &[Panics]) -> Bomb {
        Bomb(self.drops.token(), when.contains(&self.case.panics))
    }

    fn first(&self) {
        self.inside.block();
        if self.case.panics_at_once() {
            panic!("{ON_PURPOSE}: a first poll");
        }
    }

    fn later(&self) -> Bomb {
        if self.case.panics == Panics::LaterPoll {
            panic!("{ON_PURPOSE}: a later poll");
        }
        self.bomb(&[Panics::OutputDrop, Panics::FutureAndOutputDrop])
    }

    /// A waker for the join handle.
    pub(crate) fn waker(&self) -> Waker {
        if self.case.panics == Panics::JoinClone {
            return stubborn_waker();
        }
        Waker::from(Arc::new(Joiner {
            panics: self.case.panics,
            wakes: Arc::downgrade(&self.wakes),
            _token: self.drops.token(),
        }))
    }
}

/// A token that may panic when it goes.
pub(crate) struct Bomb(#[expect(dead_code, reason = "it is held")] DropToken, bool);

impl Drop for Bomb {
    fn drop(&mut self) {
        if self.1 {
            panic!("{ON_PURPOSE}: a drop");
        }
    }
}

/// The future. (An async block's locals that panic as they go would leak its output.)
pub(crate) struct Body<const W: usize> {
    scene: Scene,
    waits: GateWait,
    was_polled: bool,
    _weight: Weight<W>,
    _held: Bomb,
}

impl<const W: usize> Future for Body<W> {
    type Output = Bomb;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Bomb> {
        if !std::mem::replace(&mut self.was_polled, true) {
            if self.scene.case.keeps == Keeps::Waker {
                *self.scene.kept.lock().unwrap() = Some(cx.waker().clone());
            }
            self.scene.first();
        }
        ready!(poll_once(&mut self.waits, cx.waker()));
        Poll::Ready(self.scene.later())
    }
}

struct Joiner {
    panics: Panics,
    /// Weak, so that the joiners can be counted.
    wakes: Weak<AtomicUsize>,
    _token: DropToken,
}

impl Wake for Joiner {
    fn wake(self: Arc<Self>) {
        let wakes = self.wakes.upgrade().expect("the scene is not over");
        wakes.fetch_add(1, SeqCst);
        if self.panics == Panics::JoinWake {
            panic!("{ON_PURPOSE}: a join waker's wake");
        }
    }
}

impl Drop for Joiner {
    fn drop(&mut self) {
        if self.panics == Panics::JoinDrop {
            panic!("{ON_PURPOSE}: a join waker's drop");
        }
    }
}
