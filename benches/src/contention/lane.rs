//! One thread's part: it arms timers, drops some, and hands the others to its neighbour to drop.

use std::future::Future;
use std::ops::Add;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::task::{Context, Waker};
use std::thread;

use super::stage::Stage;

/// A lane looks up from its work after so many: sends what it has for its neighbour, drops what it
/// was sent.
const BATCH: u64 = 50;
/// A neighbour that doesn't get to run holds so many batches at most.
const WAITING: usize = 256;

type Batch<S> = Vec<Pin<Box<S>>>;

/// What lanes did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Done {
    pub(super) armed: u64,
    /// Dropped by the one that armed it.
    pub(super) kept: u64,
    /// Handed to a neighbour.
    pub(super) sent: u64,
    /// Dropped for a neighbour.
    pub(super) received: u64,
}

impl Add for Done {
    type Output = Done;

    fn add(self, other: Done) -> Done {
        Done {
            armed: self.armed + other.armed,
            kept: self.kept + other.kept,
            sent: self.sent + other.sent,
            received: self.received + other.received,
        }
    }
}

/// One thread's part.
#[derive(Debug)]
pub(super) struct Lane<S> {
    number: usize,
    stage: Arc<Stage>,
    arm: fn() -> S,
    /// Of a hundred, so many are dropped by a neighbour.
    drops: u64,
    outbox: SyncSender<Batch<S>>,
    inbox: Option<Receiver<Batch<S>>>,
    done: Done,
}

/// What a lane without a neighbour hands over, and whoever drops it.
#[derive(Debug)]
pub(super) struct Reaper<S>(Receiver<Batch<S>>);

impl<S> Reaper<S> {
    /// Drops whatever comes, on the calling thread, until nothing can come any more.
    pub(super) fn run(self) -> Done {
        let received = self.0.into_iter().map(|batch| batch.len() as u64).sum();
        Done {
            received,
            ..Done::default()
        }
    }
}

/// A ring of lanes. One lane alone has a reaper for its neighbour.
pub(super) fn ring<S: Future<Output = ()>>(
    stage: &Arc<Stage>,
    lanes: usize,
    drops: u64,
    arm: fn() -> S,
) -> (Vec<Lane<S>>, Option<Reaper<S>>) {
    let (outboxes, mut inboxes): (Vec<_>, Vec<_>) =
        (0..lanes).map(|_| sync_channel(WAITING)).unzip();
    // What a lane sends, the next one receives.
    inboxes.rotate_right(1);
    let mut inboxes: Vec<_> = inboxes.into_iter().map(Some).collect();
    let reaper = (lanes == 1).then(|| inboxes[0].take()).flatten();
    let lane = |(number, (outbox, inbox))| Lane {
        number,
        stage: Arc::clone(stage),
        arm,
        drops,
        outbox,
        inbox,
        done: Done::default(),
    };
    let ends = outboxes.into_iter().zip(inboxes);
    (ends.enumerate().map(lane).collect(), reaper.map(Reaper))
}

impl<S: Future<Output = ()>> Lane<S> {
    /// Arms and cancels from the common start until it is told to stop.
    ///
    /// # Panics
    ///
    /// If a timer has fired when it is first polled.
    pub(super) fn run(mut self) -> Done {
        self.stage.wait_for_start();
        while !self.stage.is_over() {
            let batch = self.arm_batch();
            self.stage.tell(self.number, self.done.armed);
            self.send(batch);
            self.empty_inbox();
        }
        // Whoever waits for more from here shall not wait for ever.
        drop(self.outbox);
        for batch in self.inbox.into_iter().flatten() {
            self.done.received += batch.len() as u64;
        }
        self.done
    }

    /// Arms a batch and drops its share; what is left is for the neighbour.
    fn arm_batch(&mut self) -> Batch<S> {
        let mut cx = Context::from_waker(Waker::noop());
        let mut rest = Vec::new();
        for _ in 0..BATCH {
            let mut sleep = Box::pin((self.arm)());
            assert!(
                sleep.as_mut().poll(&mut cx).is_pending(),
                "a timer fired early"
            );
            self.done.armed += 1;
            // Spreads them evenly.
            if self.done.armed * self.drops % 100 < self.drops {
                rest.push(sleep);
            } else {
                self.done.kept += 1;
            }
        }
        rest
    }

    fn send(&mut self, mut batch: Batch<S>) {
        if batch.is_empty() {
            return;
        }
        self.done.sent += batch.len() as u64;
        // Waiting must not keep it from dropping: all could wait for each other.
        while let Err(error) = self.outbox.try_send(batch) {
            let TrySendError::Full(back) = error else {
                panic!("the neighbour of lane {} is gone", self.number);
            };
            batch = back;
            self.empty_inbox();
            thread::yield_now();
        }
    }

    fn empty_inbox(&mut self) {
        let waiting = self.inbox.iter().flat_map(Receiver::try_iter);
        self.done.received += waiting.map(|batch| batch.len() as u64).sum::<u64>();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Duration;

    static DROPPED_ELSEWHERE: AtomicU64 = AtomicU64::new(0);

    /// Notes whether it is dropped on the thread that made it.
    struct Noting(thread::ThreadId);

    impl Drop for Noting {
        fn drop(&mut self) {
            if self.0 != thread::current().id() {
                // Relaxed: read when all threads are joined.
                DROPPED_ELSEWHERE.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    async fn noting() {
        let _noting = Noting(thread::current().id());
        std::future::pending().await
    }

    fn run(lanes: usize, drops: u64) -> Done {
        let stage = Arc::new(Stage::new(lanes));
        let (lanes, reaper) = ring(&stage, lanes, drops, noting);
        thread::scope(|scope| {
            let mut threads: Vec<_> = lanes
                .into_iter()
                .map(|lane| scope.spawn(|| lane.run()))
                .collect();
            threads.extend(reaper.map(|reaper| scope.spawn(|| reaper.run())));
            stage.wait_for_start();
            while stage.armed() < 20_000 {
                thread::sleep(Duration::from_millis(1));
            }
            stage.end();
            let done = threads
                .into_iter()
                .map(|thread| thread.join().expect("no panic"));
            done.fold(Done::default(), Add::add)
        })
    }

    /// The one test that counts drops: others would be counted with them.
    #[test]
    fn as_many_as_asked_for_are_dropped_on_another_thread() {
        for lanes in [1, 2, 4] {
            for drops in [0, 10, 50, 100] {
                // Relaxed, both: no other thread is at work.
                DROPPED_ELSEWHERE.store(0, Ordering::Relaxed);
                let done = run(lanes, drops);
                let elsewhere = DROPPED_ELSEWHERE.load(Ordering::Relaxed);
                let asked = (done.armed * drops / 100) as f64;
                let what = format!("{lanes} lanes, {drops} %: {done:?}");
                assert_eq!((done.sent, done.received), (elsewhere, elsewhere), "{what}");
                assert_eq!(done.kept + done.sent, done.armed, "{what}");
                // Each lane may be one off.
                assert!((elsewhere as f64 - asked).abs() <= lanes as f64, "{what}");
            }
        }
    }
}
