//! Many sleeps of 1 ms: in turn, a thread each, blocking tasks on the pool, async tasks on the pool.

use std::hint::black_box;
use std::thread;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{BenchmarkGroup, BenchmarkId, Criterion, criterion_group, criterion_main};

const SLEEP: Duration = Duration::from_millis(1);
const SIZES: [usize; 4] = [1, 10, 100, 1_000];
/// Address space, not memory, until it is touched.
const THREAD_STACK: usize = 64 * 1024;

/// Every way answers with the number of sleepers, each of which slept long enough.
fn slept(start: Instant) -> usize {
    assert!(start.elapsed() >= SLEEP, "a sleeper woke early");
    1
}

fn block() -> usize {
    let start = Instant::now();
    thread::sleep(SLEEP);
    slept(start)
}

async fn block_in_a_task() -> usize {
    block()
}

async fn wait() -> usize {
    let start = Instant::now();
    wheelhouse::sleep(SLEEP).await;
    slept(start)
}

fn in_turn(sleepers: usize) -> usize {
    (0..sleepers).map(|_| block()).sum()
}

fn thread_each(sleepers: usize) -> usize {
    let spawn = |_| thread::Builder::new().stack_size(THREAD_STACK).spawn(block);
    let threads: Vec<_> = (0..sleepers).map(spawn).collect();
    let join = |thread: std::io::Result<thread::JoinHandle<usize>>| {
        thread
            .expect("a thread starts")
            .join()
            .expect("a sleeper doesn't panic")
    };
    threads.into_iter().map(join).sum()
}

async fn task_each<F>(sleepers: usize, sleeper: fn() -> F) -> usize
where
    F: Future<Output = usize> + Send + 'static,
{
    let tasks: Vec<_> = (0..sleepers)
        .map(|_| wheelhouse::spawn(sleeper()))
        .collect();
    let mut slept = 0;
    for task in tasks {
        slept += task.await.expect("a sleeper doesn't panic");
    }
    slept
}

fn bench(group: &mut BenchmarkGroup<'_, WallTime>, way: &str, run: impl Fn(usize) -> usize) {
    for sleepers in SIZES {
        group.bench_function(BenchmarkId::new(way, sleepers), |bencher| {
            bencher.iter(|| assert_eq!(run(black_box(sleepers)), sleepers));
        });
    }
}

fn sleep(criterion: &mut Criterion) {
    let runtime = wheelhouse::Runtime::new().expect("the runtime starts");
    let mut group = criterion.benchmark_group("sleep");
    // A thousand sleeps in turn take a second: few samples are many enough.
    group.sample_size(10);
    group
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(2));
    bench(&mut group, "in turn", in_turn);
    bench(&mut group, "thread each", thread_each);
    bench(&mut group, "blocking on the pool", |n| {
        runtime.run(task_each(n, block_in_a_task))
    });
    bench(&mut group, "async on the pool", |n| {
        runtime.run(task_each(n, wait))
    });
    group.finish();
}

criterion_group!(benches, sleep);
criterion_main!(benches);
