//! The timers on other projects' executors: smol's and tokio's. They need nothing of them but that
//! a waker wakes; tokio's clock isn't even started.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use async_executor::Executor;
use futures::channel::oneshot;
use futures::executor::block_on;
use futures::future::BoxFuture;
use wheelhouse_timer::{DelayQueue, Sleep, interval, sleep, sleep_until, timeout};

const HOUR: Duration = Duration::from_secs(3600);
/// The longest that any test may take.
const PATIENCE: Duration = Duration::from_secs(60);

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Somebody's threads that run tasks. What hasn't ended when it is dropped is dropped with it.
trait Pool {
    fn start(&self, task: BoxFuture<'static, ()>);

    /// Starts a task; what it yields.
    fn spawn<T: Send + 'static>(
        &self,
        task: impl Future<Output = T> + Send + 'static,
    ) -> oneshot::Receiver<T> {
        let (sender, receiver) = oneshot::channel();
        self.start(Box::pin(async move {
            let _ = sender.send(task.await);
        }));
        receiver
    }
}

impl Pool for tokio::runtime::Runtime {
    fn start(&self, task: BoxFuture<'static, ()>) {
        drop(tokio::runtime::Runtime::spawn(self, task));
    }
}

/// As `smol::spawn` has one: an executor, and threads that run it.
struct Smol {
    executor: Arc<Executor<'static>>,
    threads: Vec<(oneshot::Sender<()>, JoinHandle<()>)>,
}

impl Smol {
    fn new(threads: usize) -> Self {
        let executor = Arc::new(Executor::new());
        let start = |_| {
            let (stop, stopped) = oneshot::channel();
            let executor = executor.clone();
            let run = move || {
                let _ = block_on(executor.run(stopped));
            };
            (stop, thread::spawn(run))
        };
        let threads = (0..threads).map(start).collect();
        Smol { executor, threads }
    }
}

impl Pool for Smol {
    fn start(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(task).detach();
    }
}

impl Drop for Smol {
    fn drop(&mut self) {
        for (stop, thread) in self.threads.drain(..) {
            drop(stop);
            thread.join().unwrap();
        }
    }
}

fn tokio_with(threads: usize) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .build()
        .unwrap()
}

/// Makes a pool of so many threads.
type New = fn(usize) -> AnyPool;

/// Runs a test on a pool of each kind, and fails if it hangs.
fn on_each(test: fn(New)) {
    let kinds: [(&str, New); 2] = [
        ("smol", |threads| AnyPool::Smol(Smol::new(threads))),
        ("tokio", |threads| AnyPool::Tokio(tokio_with(threads))),
    ];
    for (name, new) in kinds {
        let (done, wait) = channel();
        let thread = thread::spawn(move || {
            test(new);
            let _ = done.send(());
        });
        match wait.recv_timeout(PATIENCE) {
            Err(RecvTimeoutError::Timeout) => panic!("on {name}: it hangs"),
            _ => thread
                .join()
                .unwrap_or_else(|_| panic!("on {name}: see above")),
        }
    }
}

enum AnyPool {
    Smol(Smol),
    Tokio(tokio::runtime::Runtime),
}

impl Pool for AnyPool {
    fn start(&self, task: BoxFuture<'static, ()>) {
        match self {
            AnyPool::Smol(pool) => pool.start(task),
            AnyPool::Tokio(pool) => pool.start(task),
        }
    }
}

/// Polls a future with wakers of its own, new ones each time, and tells whether any is kept.
struct Watched<F> {
    future: Pin<Box<F>>,
    kept: Arc<()>,
}

struct Forward {
    waker: Waker,
    _kept: Arc<()>,
}

impl Wake for Forward {
    fn wake(self: Arc<Self>) {
        self.waker.wake_by_ref();
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let forward = Forward {
            waker: cx.waker().clone(),
            _kept: self.kept.clone(),
        };
        let waker = Arc::new(forward).into();
        self.future.as_mut().poll(&mut Context::from_waker(&waker))
    }
}

fn watched<F: Future>(kept: &Arc<()>, future: F) -> Watched<F> {
    Watched {
        future: Box::pin(future),
        kept: kept.clone(),
    }
}

/// Waits until no wheel holds a waker of what was watched: one may just be being called.
fn assert_nothing_kept(kept: &Arc<()>) {
    let end = Instant::now() + PATIENCE;
    while Arc::strong_count(kept) > 1 {
        let left = Arc::strong_count(kept) - 1;
        assert!(Instant::now() < end, "{left} wakers are kept");
        thread::yield_now();
    }
}

/// Something of everything; how long it took.
async fn everything() -> Duration {
    let start = Instant::now();
    sleep(ms(3)).await;
    assert!(start.elapsed() >= ms(3));
    sleep_until(start + ms(5)).await;
    assert!(start.elapsed() >= ms(5));

    assert_eq!(timeout(HOUR, async { 1 }).await, Ok(1));
    assert!(timeout(ms(2), pending::<()>()).await.is_err());
    assert!(timeout(HOUR, sleep(ms(1))).await.is_ok());
    let mut limited = pin!(timeout(HOUR, pending::<()>()));
    limited.as_mut().reset(ms(1));
    assert!(limited.await.is_err());

    let ticking = Instant::now();
    let mut interval = interval(ms(2));
    for tick in 0..4 {
        interval.tick().await;
        assert!(ticking.elapsed() >= ms(2) * tick);
    }

    let mut queue = DelayQueue::new();
    let keys = [5, 1, 4, 2, 3].map(|n| queue.insert(n, ms(n)));
    assert_eq!(queue.remove(&keys[2]), Some(4));
    assert!(queue.reset(&keys[3], ms(6)));
    let mut values = Vec::new();
    while let Some(expired) = queue.next().await {
        assert!(Instant::now() >= expired.deadline());
        values.push(expired.into_inner());
    }
    assert_eq!(values, [1, 3, 5, 2]);
    start.elapsed()
}

#[test]
fn everything_works_and_nothing_is_left_behind() {
    on_each(|new| {
        for threads in [1, 3] {
            let kept = Arc::new(());
            let pool = new(threads);
            let tasks: Vec<_> = (0..100)
                .map(|_| pool.spawn(watched(&kept, everything())))
                .collect();
            for task in tasks {
                assert!(block_on(task).unwrap() >= ms(20));
            }
            assert_nothing_kept(&kept);
        }
    });
}

#[test]
fn a_sleep_polled_first_by_one_task_wakes_another_on_another_thread() {
    on_each(|new| {
        let (first, second) = (new(1), new(1));
        for length in [ms(0), ms(1), ms(20)] {
            let mut sleep: Sleep = sleep(length);
            let end = sleep.deadline().unwrap();
            let (sleep, thread) = block_on(first.spawn(async move {
                let mut cx = Context::from_waker(Waker::noop());
                let _ = Pin::new(&mut sleep).poll(&mut cx);
                (sleep, thread::current().id())
            }))
            .unwrap();
            let (time, other) = block_on(second.spawn(async move {
                sleep.await;
                (Instant::now(), thread::current().id())
            }))
            .unwrap();
            assert!(time >= end && thread != other);
        }
    });
}

#[test]
fn a_queue_wakes_a_task_for_what_others_do_on_other_threads() {
    on_each(|new| {
        const EACH: u64 = 200;
        let (pool, others) = (new(1), new(2));
        let queue = Arc::new(Mutex::new(DelayQueue::new()));
        let keep = queue.lock().unwrap().insert(0, HOUR);
        let waiting = queue.clone();
        let values = pool.spawn(async move {
            let mut values = Vec::new();
            let poll = |cx: &mut Context<'_>| waiting.lock().unwrap().poll_expired(cx);
            while let Some(expired) = poll_fn(poll).await {
                values.push(expired.into_inner());
            }
            values
        });
        let tasks = [0, 1, 2].map(|task| {
            let queue = queue.clone();
            others.spawn(async move {
                for n in 1..=EACH {
                    let key = queue.lock().unwrap().insert(task * EACH + n, HOUR);
                    sleep(Duration::from_micros(n)).await;
                    assert!(queue.lock().unwrap().reset(&key, Duration::from_micros(n)));
                }
            })
        });
        for task in tasks {
            block_on(task).unwrap();
        }
        while queue.lock().unwrap().len() > 1 {
            thread::yield_now();
        }
        assert_eq!(queue.lock().unwrap().remove(&keep), Some(0));
        let mut values = block_on(values).unwrap();
        values.sort_unstable();
        assert!(values.into_iter().eq(1..=3 * EACH));
    });
}

#[test]
fn a_runtime_that_ends_takes_its_timers_with_it() {
    on_each(|new| {
        let kept = Arc::new(());
        let pool = new(2);
        let (armed, all_armed) = channel();
        for n in 0..300 {
            let armed = armed.clone();
            drop(pool.spawn(watched(&kept, async move {
                let mut queue = DelayQueue::new();
                queue.insert(n, HOUR);
                let mut long = pin!(sleep(HOUR));
                let mut limited = pin!(timeout(HOUR, pending::<()>()));
                poll_fn(|cx| {
                    let _ = long.as_mut().poll(cx);
                    let _ = limited.as_mut().poll(cx);
                    let _ = queue.poll_expired(cx);
                    let _ = armed.send(());
                    Poll::<()>::Pending
                })
                .await;
            })));
        }
        for _ in 0..300 {
            all_armed.recv().unwrap();
        }
        assert!(Arc::strong_count(&kept) > 300);
        drop(pool);
        assert_nothing_kept(&kept);
    });
}

#[test]
fn a_sleep_outlives_the_runtime_that_it_was_polled_in() {
    on_each(|new| {
        let pool = new(1);
        let mut sleep = sleep(ms(5));
        let end = sleep.deadline().unwrap();
        let sleep = block_on(pool.spawn(async move {
            poll_fn(|cx| Poll::Ready(Pin::new(&mut sleep).poll(cx).is_ready())).await;
            Some(sleep)
        }));
        drop(pool);
        block_on(sleep.unwrap().unwrap());
        assert!(Instant::now() >= end);
    });
}
