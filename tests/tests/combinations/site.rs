//! Where cases are carried out: a runtime, and what is known of it from outside.

use crate::case::{Aborts, Case, From, Goes, Keeps, Kind, Panics, Runtime as Life};
use crate::expect::{Expected, Yields};
use crate::memory::live;
use crate::parts::{Bomb, Scene};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Waker};
use std::thread;
use std::time::Instant;
use wheelhouse::task::Id;
use wheelhouse::{AbortHandle, Handle, JoinHandle, Runtime, spawn, spawn_blocking};
use wheelhouse_tests::{Gate, LIMIT, hold_workers, poll_once};

/// A runtime whose tasks weigh `W` bytes.
pub(crate) struct Site<const W: usize> {
    runtime: Option<Runtime>,
    /// Keeps the count of panics when the runtime is gone.
    handle: Option<Handle>,
    workers: usize,
    /// The tasks of the panics that were nobody's.
    told: Arc<Mutex<Vec<Option<Id>>>>,
    /// How many there must be.
    expected: usize,
    /// Cases whose handles are to be the last.
    kept: Vec<(Scene, Held)>,
}

/// The handles of a case's task.
pub(crate) struct Held {
    id: Id,
    join: Option<JoinHandle<Bomb>>,
    abort: Option<AbortHandle>,
    /// One more, until the end.
    kept: Option<AbortHandle>,
}

/// Says which case failed, and lets go of what would keep the runtime from its end.
struct Announce(Scene, Gate);

impl Drop for Announce {
    fn drop(&mut self) {
        if thread::panicking() {
            let Announce(
                Scene {
                    case,
                    inside,
                    waits,
                    ..
                },
                hold,
            ) = self;
            println!("failed: {case:#?}");
            [inside, waits, hold]
                .into_iter()
                .for_each(|gate| gate.open());
        }
    }
}

impl<const W: usize> Site<W> {
    pub(crate) fn new(workers: usize) -> Self {
        let told = Arc::<Mutex<Vec<_>>>::default();
        let tell = Arc::clone(&told);
        let runtime = Runtime::builder()
            .worker_threads(workers)
            // So that a task in the LIFO slot of a worker that is held stays there.
            .watch(false)
            .max_blocking_threads(1)
            .on_unhandled_panic(move |panic| tell.lock().unwrap().push(panic.task_id()))
            .build()
            .unwrap();
        Site {
            handle: Some(runtime.handle().clone()),
            runtime: Some(runtime),
            workers,
            told,
            expected: 0,
            kept: Vec::new(),
        }
    }

    /// Carries a case out, and checks all that came of it, unless its handle is kept.
    pub(crate) fn run(&mut self, case: Case) {
        let (scene, hold) = (Scene::new(case), self.hold(&case));
        let _announce = Announce(scene.clone(), hold.clone());
        let mut held = self.start(&scene);
        hold.open();
        if case.is_polled() {
            if case.is_touched_in_poll() {
                scene.inside.wait_for(1, LIMIT);
                held.touch(&scene, Goes::DuringPoll);
            }
            scene.inside.open();
        }
        if case.waits() {
            self.while_it_waits(&scene, &mut held);
        }
        if let Some(join) = &held.join {
            until("the task ends", || join.is_finished());
        }
        held.touch(&scene, Goes::AfterEnd);
        if case.goes == Goes::Last {
            self.kept.push((scene, held));
        } else {
            self.check(&scene, held);
        }
        self.still_works(case.kind);
    }

    /// Ends the runtime, and then what was kept past it.
    pub(crate) fn end(mut self) {
        if let Some(runtime) = self.runtime.take() {
            hold_workers(&runtime, self.workers).open();
            drop(runtime);
        }
        while let Some((scene, mut held)) = self.kept.pop() {
            let _announce = Announce(scene.clone(), Gate::new());
            if scene.case.runtime == Life::Dies {
                self.handle = None;
            }
            held.touch(&scene, Goes::Last);
            self.check(&scene, held);
        }
        assert_eq!(self.told.lock().unwrap().len(), self.expected, "in all");
        if let Some(handle) = self.handle {
            assert_eq!(handle.metrics().unhandled_panics, self.expected as u64);
        }
    }

    /// Tasks that were not freed, but for those whose handles are kept.
    fn live(&self) -> isize {
        live(W) - self.kept.len() as isize
    }

    /// Keeps the task from its first poll until the gate is opened, if anything is to happen before.
    fn hold(&self, case: &Case) -> Gate {
        let (first, gate) = (Goes::BeforeFirstPoll, Gate::new());
        let runtime = self.runtime.as_ref().expect("it lives");
        if case.goes != first && case.aborts != Aborts::BeforeFirstPoll {
            return gate;
        }
        match (case.kind, case.from) {
            (Kind::Task, From::Outside) => hold_workers(runtime, self.workers),
            // It is in the LIFO slot of the worker that spawns it.
            (Kind::Task, From::InTask) => gate,
            (Kind::BlockingJob, _) => {
                let block = gate.clone();
                drop(runtime.spawn_blocking(move || block.block()));
                gate.wait_for(1, LIMIT);
                gate
            }
        }
    }

    /// Spawns the task, and does what comes before its first poll.
    fn start(&self, scene: &Scene) -> Held {
        let begin = |scene: &Scene| {
            let join = match scene.case.kind {
                Kind::Task => spawn(scene.future::<W>()),
                Kind::BlockingJob => spawn_blocking(scene.closure::<W>()),
            };
            assert!(live(W) > 0, "a task is counted");
            Held::new(scene, join)
        };
        let handle = self.handle.as_ref().expect("it lives");
        match scene.case.from {
            From::Outside => {
                let _entered = handle.enter();
                begin(scene)
            }
            From::InTask => {
                let (scene, (sender, receiver)) = (scene.clone(), mpsc::channel());
                let spawner = handle.spawn(async move { sender.send(begin(&scene)) });
                let held = receiver.recv().expect("the spawner runs");
                assert!(spawner.join().unwrap().is_ok());
                held
            }
        }
    }

    fn while_it_waits(&mut self, scene: &Scene, held: &mut Held) {
        scene.waits.wait_for(1, LIMIT);
        held.touch(scene, Goes::Waiting);
        let dying = match scene.case.runtime {
            Life::Lives => None,
            Life::Dies => self.runtime.take(),
        };
        match (dying, scene.case.kind) {
            (Some(runtime), Kind::BlockingJob) => {
                runtime.handle().shutdown_background();
                scene.waits.open();
            }
            (dying, _) => drop(dying),
        }
        if !scene.case.is_cancelled() {
            scene.waits.open();
        }
    }

    /// Once all handles are gone: what came of the case.
    fn check(&mut self, scene: &Scene, held: Held) {
        let id = held.id;
        held.let_go(scene);
        until("the task is freed", || self.live() == 0);
        scene.drops.assert_each_dropped_once();
        let wakes = scene.wakes.load(SeqCst);
        let expected = scene.case.expected(wakes == 1);
        let told = self.told.lock().unwrap().clone();
        let found = Expected {
            // Checked when it was taken.
            yields: expected.yields,
            tokens: scene.drops.made(),
            wakes,
            unhandled: told.iter().filter(|&&task| task == Some(id)).count(),
        };
        let of_no_task = told.iter().filter(|task| task.is_none()).count();
        assert_eq!(
            found, expected,
            "found, expected; {of_no_task} panics were told of without their task"
        );
        self.expected += expected.unhandled;
    }

    fn still_works(&self, kind: Kind) {
        let Some(runtime) = &self.runtime else { return };
        let seven = match kind {
            Kind::Task => runtime.spawn(async { 7 }),
            Kind::BlockingJob => runtime.spawn_blocking(|| 7),
        };
        assert_eq!(seven.join().unwrap(), 7);
    }
}

impl Held {
    /// Leaves the waker, and does all else that comes before the first poll.
    fn new(scene: &Scene, join: JoinHandle<Bomb>) -> Self {
        let mut held = Held {
            id: join.id(),
            abort: (scene.case.aborts == Aborts::OnceGone).then(|| join.abort_handle()),
            kept: (scene.case.keeps == Keeps::AbortHandle).then(|| join.abort_handle()),
            join: Some(join),
        };
        if scene.case.polled {
            held.leave_waker(scene);
        }
        held.touch(scene, Goes::BeforeFirstPoll);
        held
    }

    fn leave_waker(&mut self, scene: &Scene) {
        let (join, waker) = (self.join.as_mut().expect("not yet"), scene.waker());
        let polled = catch_unwind(AssertUnwindSafe(|| poll_once(join, &waker)));
        match polled {
            Ok(polled) => assert!(polled.is_pending()),
            Err(_) => assert_eq!(scene.case.panics, Panics::JoinClone),
        }
    }

    /// The last references: neither a wake nor an abort changes anything any more.
    fn let_go(self, scene: &Scene) {
        if let Some(kept) = self.kept {
            until("the task ends", || kept.is_finished());
            kept.abort();
        }
        if scene.case.keeps == Keeps::Waker {
            until("the task is polled", || {
                scene.kept.lock().unwrap().is_some()
            });
            let kept = scene.kept.lock().unwrap().take().expect("it is there");
            kept.wake_by_ref();
            kept.wake();
        }
    }

    /// Does what is to be done at this time: first the abort, then the output is taken, then the handle
    /// goes.
    fn touch(&mut self, scene: &Scene, when: Goes) {
        let case = &scene.case;
        if case.is_aborted_by_its_handle(when) {
            self.join.as_ref().expect("it aborts").abort();
        }
        if case.goes != when {
            return;
        }
        let mut join = self.join.take().expect("not yet");
        if case.awaited {
            take_output(&mut join, case);
        }
        drop(join);
        if when < Goes::AfterEnd && !case.is_race() {
            let wakers = Arc::weak_count(&scene.wakes);
            assert_eq!(wakers, 0, "the handle takes its waker along");
        }
        if let Some(abort) = self.abort.take() {
            abort.abort();
        }
    }
}

fn take_output(join: &mut JoinHandle<Bomb>, case: &Case) {
    let Poll::Ready(result) = poll_once(join, Waker::noop()) else {
        panic!("it has ended");
    };
    let yields = match result {
        // It may panic here, where it is the test's own.
        Ok(output) => {
            let dropped = catch_unwind(AssertUnwindSafe(|| drop(output)));
            assert_eq!(dropped.is_err(), case.panics == Panics::OutputDrop);
            Yields::Value
        }
        Err(error) if error.is_panic() => Yields::Panic,
        Err(_) => Yields::Cancelled,
    };
    assert_eq!(yields, case.yields());
}

/// Waits for what comes soon. (There are thousands of cases, so it does not sleep.)
#[track_caller]
fn until(what: &str, state: impl Fn() -> bool) {
    let deadline = Instant::now() + LIMIT;
    while !state() {
        assert!(Instant::now() < deadline, "not in {LIMIT:?}: {what}");
        thread::yield_now();
    }
}
