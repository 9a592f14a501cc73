//! The life of a task, step by step: on each runtime, by one task on a worker.

use std::future::poll_fn;
use std::hint::black_box;
use std::task::Poll;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, Criterion, Throughput, criterion_group, criterion_main};
use futures::channel::oneshot;
use wheelhouse_benches::runtime::{Runtime, Smol, SmolStatic, Tokio, Wheelhouse};

const WORKERS: usize = 2;

/// Spawns a task and waits for it.
async fn spawn_and_await<R: Runtime>(times: u64) {
    for number in 0..times {
        assert_eq!(R::spawn(async move { black_box(number) }).await, number);
    }
}

/// Spawns a hundred tasks, then waits for them all.
async fn spawn_a_hundred<R: Runtime>(times: u64) {
    for _ in 0..times {
        let tasks: Vec<_> = (0..100)
            .map(|number| R::spawn(async move { number }))
            .collect();
        let mut sum = 0;
        for task in tasks {
            sum += task.await;
        }
        assert_eq!(sum, 4_950);
    }
}

async fn yield_now<R: Runtime>(times: u64) {
    for _ in 0..times {
        R::yield_now().await;
    }
}

/// Wakes itself through its own waker, and is polled again.
async fn wake_itself(times: u64) {
    let mut wakes = 0;
    poll_fn(|cx| {
        if wakes == times {
            return Poll::Ready(());
        }
        wakes += 1;
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    assert_eq!(wakes, times);
}

/// Spawns a task that sends a number, and waits for the number.
async fn wake_by_another<R: Runtime>(times: u64) {
    for number in 0..times {
        let (sender, receiver) = oneshot::channel();
        let task = R::spawn(async move { sender.send(number) });
        assert_eq!(receiver.await, Ok(number));
        assert_eq!(task.await, Ok(()));
    }
}

/// Arms a timer far away and drops it.
async fn arm_and_drop<R: Runtime>(times: u64) {
    for _ in 0..times {
        let mut sleep = std::pin::pin!(R::sleep(Duration::from_secs(30)));
        let armed = poll_fn(|cx| Poll::Ready(sleep.as_mut().poll(cx).is_pending())).await;
        assert!(armed);
    }
}

/// Runs a step as a spawned task: `times` operations, timed inside it.
fn step<R, F>(group: &mut BenchmarkGroup<'_, WallTime>, name: &str, runtime: &R, body: fn(u64) -> F)
where
    R: Runtime,
    F: Future<Output = ()> + Send + 'static,
{
    group.bench_function(name, |bencher| {
        bencher.iter_custom(|times| {
            runtime.run_spawned(async move {
                let start = Instant::now();
                body(times).await;
                start.elapsed()
            })
        });
    });
}

fn life<R: Runtime>(criterion: &mut Criterion, name: &str) {
    let runtime = R::start(WORKERS).expect("the runtime starts");
    let mut group = criterion.benchmark_group(format!("task/{name}"));
    group
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    group.sample_size(20).throughput(Throughput::Elements(1));
    step(
        &mut group,
        "spawn and await",
        &runtime,
        spawn_and_await::<R>,
    );
    step(&mut group, "yield", &runtime, yield_now::<R>);
    step(&mut group, "wake itself", &runtime, wake_itself);
    step(
        &mut group,
        "wake by another",
        &runtime,
        wake_by_another::<R>,
    );
    step(
        &mut group,
        "arm and drop a sleep",
        &runtime,
        arm_and_drop::<R>,
    );
    group.throughput(Throughput::Elements(100));
    step(
        &mut group,
        "spawn a hundred, join them",
        &runtime,
        spawn_a_hundred::<R>,
    );
    group.finish();
}

async fn blocking_job(times: u64) {
    for number in 0..times {
        let job = wheelhouse::spawn_blocking(move || black_box(number));
        assert_eq!(job.await.expect("the job doesn't panic"), number);
    }
}

async fn blocking_job_of_tokio(times: u64) {
    for number in 0..times {
        let job = tokio::task::spawn_blocking(move || black_box(number));
        assert_eq!(job.await.expect("the job doesn't panic"), number);
    }
}

/// `spawn_blocking` of the two runtimes that have it.
fn blocking(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("task/spawn_blocking");
    group
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1));
    group.sample_size(20).throughput(Throughput::Elements(1));
    let ours = Wheelhouse::start(WORKERS).expect("the runtime starts");
    step(&mut group, "wheelhouse", &ours, blocking_job);
    let tokio = Tokio::start(WORKERS).expect("the runtime starts");
    step(&mut group, "tokio", &tokio, blocking_job_of_tokio);
    group.finish();
}

fn task(criterion: &mut Criterion) {
    life::<Wheelhouse>(criterion, "wheelhouse");
    life::<Tokio>(criterion, "tokio");
    life::<SmolStatic>(criterion, "smol-static");
    life::<Smol>(criterion, "smol");
    blocking(criterion);
}

criterion_group!(benches, task);
criterion_main!(benches);
