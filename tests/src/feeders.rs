//! Workers that block, each on what only a task in one certain place can give it.

use crate::gate::Gate;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Barrier, Mutex, PoisonError, mpsc};
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::time::Sleep;
use wheelhouse::{Handle, JoinHandle, Runtime, sleep, spawn, yield_now};

/// Where a task lies that waits for its turn. All but [`Injector`](Place::Injector) belong to the
/// worker whose task [puts](Feeder::put) it there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the worker's deque, with a task before it and one behind it.
    Deque,
    /// Spawned into the worker's LIFO slot.
    SpawnedSlot,
    /// Woken into the worker's LIFO slot.
    WokenSlot,
    /// In the injector: spawned from a thread outside.
    Injector,
    /// Asleep, until a timer is due that a worker armed which is blocked now.
    Timer,
    /// Not yet spawned: a waker will do that, which a timer calls, armed by the very poll that
    /// blocks.
    TimersWaker,
}

impl Place {
    /// Every one of them.
    pub const ALL: [Place; 6] = [
        Place::Deque,
        Place::SpawnedSlot,
        Place::WokenSlot,
        Place::Injector,
        Place::Timer,
        Place::TimersWaker,
    ];

    /// Makes `feed` ready to be put into its place. Inside a task; it may take a few polls.
    pub async fn feeder(self, feed: impl Future<Output = ()> + Send + 'static) -> Feeder {
        let feed: Feed = Box::pin(feed);
        let step = match self {
            Place::WokenSlot => woken_later(feed).await,
            Place::Timer => asleep(feed).await,
            _ => Step::Spawn(feed),
        };
        Feeder { place: self, step }
    }
}

type Feed = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A task that is ready to be put into its [`Place`].
#[must_use = "it runs only when it was put into its place"]
pub struct Feeder {
    place: Place,
    step: Step,
}

/// What is left to be done.
enum Step {
    Spawn(Feed),
    /// The task waits there.
    Open(Gate),
    /// The task sleeps until this is set.
    Set(Arc<AtomicBool>),
}

/// What a feeder needs until it has run.
#[must_use = "dropping it may disarm the feeder's timer"]
pub struct Held {
    _timer: Option<Sleep>,
}

impl Feeder {
    /// Puts the task into its place, inside a poll on a worker. Keep what comes back until the task
    /// has run.
    pub fn put(self) -> Held {
        let mut timer = None;
        match self.step {
            Step::Open(gate) => gate.open(),
            Step::Set(due) => due.store(true, SeqCst),
            Step::Spawn(feed) => match self.place {
                Place::Deque => {
                    drop(spawn(async {}));
                    drop(spawn(feed));
                    drop(spawn(async {}));
                }
                Place::Injector => spawn_outside(feed),
                Place::TimersWaker => timer = Some(spawn_later(feed)),
                _ => drop(spawn(feed)),
            },
        }
        Held { _timer: timer }
    }
}

/// A task that waits at a gate already, so that opening it is a wake-up.
async fn woken_later(feed: Feed) -> Step {
    let gate = Gate::new();
    let waits = gate.clone();
    drop(spawn(async move {
        waits.wait().await;
        feed.await;
    }));
    while gate.waiting() == 0 {
        yield_now().await;
    }
    Step::Open(gate)
}

/// A task that sleeps, and looks each time that it wakes up whether it may go on. So it is a timer
/// that lets it go on, however long it takes until everybody is blocked.
async fn asleep(feed: Feed) -> Step {
    let (started, due) = (Gate::new(), Arc::new(AtomicBool::new(false)));
    let (start, go_on) = (started.clone(), Arc::clone(&due));
    drop(spawn(async move {
        start.open();
        while !go_on.load(SeqCst) {
            sleep(Duration::from_millis(1)).await;
        }
        feed.await;
    }));
    started.wait().await;
    Step::Set(due)
}

fn spawn_outside(feed: Feed) {
    let handle = Handle::current();
    let outside = thread::spawn(move || drop(handle.spawn(feed)));
    outside.join().expect("spawning does not panic");
}

/// Arms a timer here and now, whose waker spawns `feed`.
fn spawn_later(feed: Feed) -> Sleep {
    struct Spawns(Handle, Mutex<Option<Feed>>);
    impl Wake for Spawns {
        fn wake(self: Arc<Self>) {
            let feed = self.1.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(feed) = feed {
                drop(self.0.spawn(feed));
            }
        }
    }
    let spawns = Spawns(Handle::current(), Mutex::new(Some(feed)));
    armed_with(&Waker::from(Arc::new(spawns)))
}

/// A timer of the current thread's that will call `waker` in a moment.
pub fn armed_with(waker: &Waker) -> Sleep {
    loop {
        let mut timer = sleep(Duration::from_millis(1));
        // It is over at once if this thread is held up for so long in between.
        let armed = Pin::new(&mut timer).poll(&mut Context::from_waker(waker));
        if armed.is_pending() {
            return timer;
        }
    }
}

/// What a task does that blocks: it returns when it was fed.
pub type Stuck = Box<dyn FnOnce() -> usize + Send>;

/// Starts `count` tasks. Each waits inside its poll until all of them do; then it puts a feeder into
/// `place` and blocks on it. `how` calls what blocks. The tasks give their numbers, from 0.
///
/// With as many tasks as there are workers, nobody is left to run any feeder.
pub fn block_together(
    runtime: &Runtime,
    count: usize,
    place: Place,
    how: fn(Stuck) -> usize,
) -> Vec<JoinHandle<usize>> {
    let all = Arc::new(Barrier::new(count));
    let blocks = |number| {
        let all = Arc::clone(&all);
        runtime.spawn(async move {
            let (sender, receiver) = mpsc::channel();
            let feeder = place.feeder(async move { sender.send(number).unwrap() });
            let feeder = feeder.await;
            how(Box::new(move || {
                all.wait();
                let _held = feeder.put();
                receiver.recv().expect("the feeder runs")
            }))
        })
    };
    (0..count).map(blocks).collect()
}

/// As [`block_together`], and waits for the end of it.
///
/// # Examples
///
/// ```
/// use wheelhouse_tests::{Place, block_until_fed, on_workers};
///
/// on_workers(&[2], |runtime, workers| {
///     block_until_fed(&runtime, workers, Place::Deque, |stuck| stuck());
/// });
/// ```
#[track_caller]
pub fn block_until_fed(runtime: &Runtime, count: usize, place: Place, how: fn(Stuck) -> usize) {
    let tasks = block_together(runtime, count, place, how);
    for (number, task) in tasks.into_iter().enumerate() {
        assert_eq!(task.join().unwrap(), number);
    }
}
