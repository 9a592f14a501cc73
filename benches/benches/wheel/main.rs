//! The wheel itself against what others keep their timers in: a `BTreeMap` ordered by deadline, as
//! async-io does, and a binary heap that forgets cancelled entries late, as asyncio does.
//!
//! No clock, no lock, no thread: what is measured are the structures. Time is counted in
//! nanoseconds by the rivals and in ticks by the wheel, as each has it in use; a rival's key is a
//! `u64` and not an `Instant`, which would only cost it more.
//!
//! With `--test` there are a thousandth of the timers.

use std::cell::RefCell;
use std::hint::black_box;
use std::task::Waker;
use std::time::{Duration, Instant};

use criterion::measurement::WallTime;
use criterion::{
    BenchmarkGroup, BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group,
    criterion_main,
};
use wheelhouse_benches::quantity::counted;
use wheelhouse_benches::random::Random;

mod heap;
mod queue;
mod tree;
mod wheel;

use heap::Heap;
use queue::Queue;
use tree::Tree;
use wheel::TickWheel;

const MILLI: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
/// Timers that are pending lie anywhere up to here, so that every delay below has some before it
/// and some behind it.
const HORIZON: Duration = Duration::from_secs(60);
/// A worker fires so many at a time, and looks for other work in between.
const BUDGET: usize = 64;

fn scaled(count: usize) -> usize {
    let trial = std::env::args().any(|argument| argument == "--test");
    if trial { count / 1_000 } else { count }
}

/// A queue in which so many timers are pending, at random times.
fn filled<Q: Queue>(count: usize, horizon: Duration) -> Q {
    let mut random = Random::new(count as u64);
    let mut queue = Q::default();
    for _ in 0..count {
        let nanos = nanos(random.between(MILLI, horizon));
        queue.insert(nanos, Waker::noop().clone());
    }
    queue
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// Arms and cancels one timer while others are pending.
fn insert_cancel<Q: Queue>(group: &mut BenchmarkGroup<'_, WallTime>, pending: usize) {
    // Made when it is first needed: a filter may leave it out.
    let queue = RefCell::new(None);
    let mut bench = |delay: &str, next: &mut dyn FnMut() -> u64| {
        let id = BenchmarkId::new(
            Q::NAME,
            format!("{}, {delay}", counted(pending as u64, "timer")),
        );
        group.bench_function(id, |bencher| {
            let mut queue = queue.borrow_mut();
            let queue = queue.get_or_insert_with(|| filled::<Q>(pending, HORIZON));
            bencher.iter(|| {
                let key = queue.insert(black_box(next()), Waker::noop().clone());
                assert!(queue.cancel(key));
            });
        });
    };
    for (name, delay) in [("1 ms", MILLI), ("1 s", SECOND), ("30 s", 30 * SECOND)] {
        // Time goes on a little from one to the next, or else a tree would walk one path for ever.
        let mut nanos = nanos(delay);
        bench(name, &mut || {
            nanos += 100;
            nanos
        });
    }
    let mut random = Random::new(1);
    bench("uniform", &mut || nanos(random.between(MILLI, HORIZON)));
}

/// Fires everything, at most [`BUDGET`] at a time, while time goes on by `step`; how many there were.
fn fire_all<Q: Queue>(queue: &mut Q, step: Duration) -> usize {
    let (mut fired, mut now) = (0, 0);
    while let Some(next) = queue.next_deadline() {
        assert!(next > now, "one for {next} was left at {now}");
        now += nanos(step);
        while queue.advance(now, BUDGET, &mut |waker| {
            waker.wake();
            fired += 1;
        }) {}
    }
    fired
}

/// What the time of a run is.
#[derive(Clone, Copy)]
enum Counts {
    /// That of firing alone.
    Fire,
    /// That of arming too.
    Life,
}

/// Fires `count` timers again and again. They are all due at `horizon`, or at random times up to it
/// while time goes on by `step`.
fn fire<Q: Queue>(
    group: &mut BenchmarkGroup<'_, WallTime>,
    count: usize,
    step: Duration,
    horizon: Duration,
    make: fn(usize, Duration) -> Q,
    counts: Counts,
) {
    group.throughput(Throughput::Elements(count as u64));
    group.bench_function(Q::NAME, |bencher| {
        bencher.iter_custom(|times| {
            let mut spent = Duration::ZERO;
            for _ in 0..times {
                let made = Instant::now();
                let mut queue = make(count, horizon);
                let start = match counts {
                    Counts::Fire => Instant::now(),
                    Counts::Life => made,
                };
                let fired = fire_all(&mut queue, step);
                spent += start.elapsed();
                assert_eq!(fired, count);
            }
            spent
        });
    });
}

/// All due at one time.
fn equal<Q: Queue>(count: usize, horizon: Duration) -> Q {
    let mut queue = Q::default();
    for _ in 0..count {
        queue.insert(nanos(horizon), Waker::noop().clone());
    }
    queue
}

fn next_deadline<Q: Queue>(group: &mut BenchmarkGroup<'_, WallTime>, pending: usize) {
    group.bench_function(Q::NAME, |bencher| {
        let mut queue = filled::<Q>(pending, HORIZON);
        let least = queue.next_deadline();
        assert!(least.is_some_and(|least| least < nanos(HORIZON)));
        bencher.iter(|| assert_eq!(black_box(&mut queue).next_deadline(), least));
    });
}

/// Short times: dozens of figures, a thousand times apart, need no more.
fn group<'a>(criterion: &'a mut Criterion, name: &str) -> BenchmarkGroup<'a, WallTime> {
    let mut group = criterion.benchmark_group(format!("wheel/{name}"));
    group
        .warm_up_time(Duration::from_millis(100))
        .measurement_time(Duration::from_millis(300))
        .sample_size(10)
        .sampling_mode(SamplingMode::Flat);
    group
}

macro_rules! each_queue {
    ($function:ident($($argument:expr),*)) => {
        $function::<TickWheel>($($argument),*);
        $function::<Tree>($($argument),*);
        $function::<Heap>($($argument),*);
    };
}

fn wheel(criterion: &mut Criterion) {
    let mut pending = group(criterion, "insert and cancel");
    for count in [0, 1_000_000, 10_000_000] {
        each_queue!(insert_cancel(&mut pending, scaled(count)));
    }
    pending.finish();
    let million = scaled(1_000_000);
    let mut burst = group(criterion, "fire a million equal deadlines");
    each_queue!(fire(
        &mut burst,
        million,
        SECOND,
        SECOND,
        equal,
        Counts::Fire
    ));
    burst.finish();
    // Nearly all of them lie two or three levels up, and cascade on their way. What one structure
    // sorts out when they fire, another has sorted out when they were armed; hence both.
    for (name, count, counts) in [
        ("fire a million over a minute", million, Counts::Fire),
        (
            "arm and fire 300,000 over a minute",
            scaled(300_000),
            Counts::Life,
        ),
    ] {
        let mut cascade = group(criterion, name);
        let step = 10 * MILLI;
        each_queue!(fire(&mut cascade, count, step, HORIZON, filled, counts));
        cascade.finish();
    }
    let mut next = group(criterion, "next deadline of a million");
    each_queue!(next_deadline(&mut next, million));
    next.finish();
}

criterion_group!(benches, wheel);
criterion_main!(benches);
