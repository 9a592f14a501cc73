//! A paused clock: exact stamps, the same in every run, and time that stands still while anything runs.

use futures::channel::oneshot;
use std::future::{pending, poll_fn};
use std::panic::resume_unwind;
use std::pin::{Pin, pin};
use std::sync::mpsc;
use std::task::Poll;
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::time::{self, DelayQueue, MissedTickBehavior, sleep_until};
use wheelhouse::{
    Runtime, block_in_place, gather, interval, sleep, spawn, spawn_blocking, timeout, yield_now,
};
use wheelhouse_tests::{LIMIT, WORKERS, on_built, watchdog};

const NS: Duration = Duration::from_nanos(1);
const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Real time in which what must not happen would happen.
const A_WHILE: Duration = Duration::from_millis(30);

/// Calls `test` with runtimes of all sizes that have a paused clock.
#[track_caller]
fn on_paused(test: impl Fn(Runtime) + Send + Sync + 'static) {
    on_built(
        WORKERS,
        |builder| builder.start_paused(true),
        move |runtime, _| test(runtime),
    );
}

#[test]
fn a_sleep_ends_at_its_very_deadline() {
    on_paused(|runtime| {
        let naps = [NS, 2 * NS, MS - NS, MS, SECOND, HOUR, 24 * 366 * HOUR];
        let real = Instant::now();
        let nap = async |long| {
            let start = time::now();
            sleep(long).await;
            (time::now() - start, long)
        };
        for long in naps {
            let (took, long) = runtime.run(nap(long));
            assert_eq!(took, long);
            let (took, long) = runtime.block_on(nap(long));
            assert_eq!(took, long);
        }
        let tasks = runtime.run(async move { gather!(..naps.map(nap)).await });
        assert!(tasks.iter().all(|(took, long)| took == long), "{tasks:?}");
        assert!(real.elapsed() < LIMIT);
    });
}

#[test]
fn time_stands_still_while_the_program_computes() {
    on_paused(|runtime| {
        let (start, end) = runtime.run(async {
            let start = time::now();
            thread::sleep(A_WHILE);
            for _ in 0..100 {
                yield_now().await;
            }
            (start, time::now())
        });
        assert_eq!(start, end);
    });
}

#[test]
fn a_timeout_fires_at_its_time_or_never() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            assert!(timeout(SECOND, sleep(SECOND + NS)).await.is_err());
            assert_eq!(time::now() - start, SECOND);
            assert!(timeout(SECOND + NS, sleep(SECOND)).await.is_ok());
            assert_eq!(time::now() - start, 2 * SECOND);
            // Those that are over attract nobody.
            assert!(timeout(HOUR, yield_now()).await.is_ok());
            sleep(2 * HOUR).await;
            assert_eq!(time::now() - start, 2 * SECOND + 2 * HOUR);
        });
    });
}

#[test]
fn there_is_no_slack() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            sleep(SECOND + NS).with_slack(HOUR).await;
            assert_eq!(time::now() - start, SECOND + NS);
            let late = timeout(HOUR + NS, pending::<()>()).with_slack(HOUR);
            assert!(late.await.is_err());
            assert_eq!(time::now() - start, SECOND + HOUR + 2 * NS);
        });
    });
}

#[test]
fn an_interval_ticks_on_time() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let mut ticks = interval(SECOND);
            for count in 0..100 {
                let due = ticks.tick().await;
                assert_eq!(due - start, count * SECOND);
                assert_eq!(time::now(), due);
            }
            ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
            sleep(2500 * MS).await;
            ticks.tick().await;
            assert_eq!(time::now() - start, 101_500 * MS);
            ticks.tick().await;
            assert_eq!(time::now() - start, 102 * SECOND);
        });
    });
}

#[test]
fn a_reset_sleep_ends_at_its_new_time() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let mut nap = sleep(SECOND);
            nap.reset(start + HOUR);
            (&mut nap).await;
            assert_eq!(time::now() - start, HOUR);
            sleep_until(start).await; // over long ago
            assert_eq!(time::now() - start, HOUR);
            assert!(nap.is_elapsed());
        });
    });
}

#[test]
fn values_of_a_delay_queue_come_out_at_their_very_times() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let mut queue = DelayQueue::new();
            let late = queue.insert("late", HOUR);
            queue.insert("tea", SECOND + NS);
            queue.insert("eggs", SECOND);
            let removed = queue.insert("removed", MS);
            assert_eq!(queue.remove(&removed), Some("removed"));
            assert!(queue.reset(&late, 2 * HOUR));
            let mut came = Vec::new();
            while let Some(expired) = queue.next().await {
                assert_eq!(expired.deadline(), time::now());
                came.push((expired.into_inner(), time::now() - start));
            }
            let expected = [("eggs", SECOND), ("tea", SECOND + NS), ("late", 2 * HOUR)];
            assert_eq!(came, expected);
        });
    });
}

#[test]
fn a_reset_timeout_ends_at_its_new_time() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            for (first, new) in [(SECOND, HOUR), (HOUR, SECOND)] {
                let mut limited = pin!(timeout(first, pending::<()>()));
                let begun = time::now();
                assert!(poll_once(limited.as_mut()).await.is_pending());
                sleep(MS).await;
                limited.as_mut().reset(new);
                assert!(limited.await.is_err());
                assert_eq!(time::now() - begun, MS + new);
            }
            assert_eq!(time::now() - start, 2 * MS + HOUR + SECOND);
        });
    });
}

/// What the future says to one poll.
async fn poll_once<F: Future>(mut future: Pin<&mut F>) -> Poll<F::Output> {
    poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await
}

#[test]
fn a_blocking_job_holds_time() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let sleeper = spawn(sleep(SECOND));
            let job = spawn_blocking(|| {
                thread::sleep(A_WHILE);
                time::now()
            });
            assert_eq!(job.await.unwrap(), start);
            assert!(!sleeper.is_finished());
            // One that nobody awaits does so as well.
            let (sender, receiver) = oneshot::channel();
            drop(spawn_blocking(move || {
                thread::sleep(A_WHILE);
                sender.send(time::now())
            }));
            assert_eq!(receiver.await, Ok(start));
            sleeper.await.unwrap();
            assert_eq!(time::now() - start, SECOND);
        });
    });
}

#[test]
fn a_blocking_job_that_waits_for_its_thread_holds_time() {
    let options = |builder: wheelhouse::Builder| builder.start_paused(true).max_blocking_threads(1);
    on_built(WORKERS, options, |runtime, _| {
        runtime.run(async {
            let start = time::now();
            let _sleeper = spawn(sleep(SECOND));
            let jobs = [(); 5].map(|()| {
                spawn_blocking(|| {
                    thread::sleep(A_WHILE / 5);
                    time::now()
                })
            });
            for job in jobs {
                assert_eq!(job.await.unwrap(), start);
            }
        });
    });
}

#[test]
fn refused_and_aborted_jobs_hold_nothing() {
    let options = |builder: wheelhouse::Builder| {
        let builder = builder.start_paused(true).max_blocking_threads(1);
        builder.max_blocking_queue(1)
    };
    on_built(WORKERS, options, |runtime, _| {
        runtime.run(async {
            let start = time::now();
            let (release, released) = mpsc::channel::<()>();
            let running = spawn_blocking(move || released.recv().is_err());
            let waiting = spawn_blocking(|| ());
            let refused = spawn_blocking(|| ());
            assert!(refused.await.unwrap_err().is_refused());
            waiting.abort();
            drop(release);
            assert!(running.await.unwrap());
            assert!(waiting.await.unwrap_err().is_cancelled());
            sleep(HOUR).await;
            assert_eq!(time::now() - start, HOUR);
        });
    });
}

#[test]
fn a_job_that_panics_holds_nothing() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let job = spawn_blocking(|| resume_unwind(Box::new("on purpose")));
            let task = spawn(async { resume_unwind(Box::new("on purpose")) });
            sleep(SECOND).await;
            assert_eq!(time::now() - start, SECOND);
            let (job, task): (Result<(), _>, Result<(), _>) = (job.await, task.await);
            assert!(job.unwrap_err().is_panic() && task.unwrap_err().is_panic());
        });
    });
}

#[test]
fn a_thread_in_block_on_holds_time() {
    on_paused(|runtime| {
        runtime.block_on(async {
            let start = time::now();
            let sleeper = spawn(sleep(SECOND));
            thread::sleep(A_WHILE);
            assert_eq!(time::now(), start);
            assert!(!sleeper.is_finished());
            sleeper.await.unwrap();
            assert_eq!(time::now() - start, SECOND);
        });
    });
}

#[test]
fn a_thread_that_was_woken_holds_time_until_it_has_left() {
    on_paused(|runtime| {
        for _ in 0..200 {
            let start = runtime.block_on(async { time::now() });
            let sleeper = runtime.spawn(async { sleep(SECOND).await });
            let later = runtime.spawn(async {
                sleep(SECOND + NS).await;
                time::now()
            });
            // By each of the ways of waiting; the thread itself may be late.
            let (sender, receiver) = oneshot::channel();
            drop(runtime.spawn(async {
                sleep(MS).await;
                sender.send(())
            }));
            let stamp = runtime.block_on(async {
                receiver.await.unwrap();
                time::now()
            });
            assert_eq!(stamp - start, MS);
            sleeper.join().unwrap();
            let stamp = runtime.block_on(async { time::now() });
            assert_eq!(stamp - start, SECOND);
            let stamp = runtime.scope(|_| later.join().unwrap());
            assert_eq!(stamp - start, SECOND + NS);
        }
    });
}

#[test]
fn the_last_thread_that_leaves_lets_time_go_on() {
    on_paused(|runtime| {
        for _ in 0..5 {
            thread::scope(|scope| {
                let other = scope.spawn(|| runtime.run(async { sleep(SECOND).await }));
                // By its end all others sleep, and it waits for nothing.
                runtime.block_on(async { thread::sleep(A_WHILE / 5) });
                other.join().unwrap();
            });
        }
    });
}

#[test]
fn a_spare_that_goes_to_the_bench_lets_time_go_on() {
    let options = |builder: wheelhouse::Builder| builder.start_paused(true).watch(false);
    on_built(WORKERS, options, |runtime, _| {
        runtime.run(async {
            let start = time::now();
            for round in 1..=200 {
                block_in_place(|| spawn(yield_now()).join()).unwrap();
                sleep(SECOND).await;
                assert_eq!(time::now() - start, round * SECOND);
            }
        });
    });
}

#[test]
fn time_stands_still_while_nobody_waits() {
    on_paused(|runtime| {
        let now = || runtime.block_on(async { time::now() });
        let start = now();
        let mut ticks = runtime.spawn(async {
            let mut ticks = interval(HOUR);
            loop {
                ticks.tick().await;
            }
        });
        let sleeper = runtime.spawn(async { sleep(SECOND).await });
        thread::sleep(A_WHILE);
        assert_eq!(now(), start);
        runtime.run(async { sleep(MS).await });
        thread::sleep(A_WHILE);
        assert_eq!(now() - start, MS);
        assert!(!sleeper.is_finished());
        assert!(ticks.join_timeout(A_WHILE).is_none(), "the limit is real");
        assert!(now() - start >= HOUR);
    });
}

#[test]
fn threads_of_the_runtime_that_wait_in_it_hold_nothing() {
    on_paused(|runtime| {
        let handle = runtime.handle().clone();
        let since = |start| time::now() - start;
        runtime.run(async {
            let start = time::now();
            let other = handle.clone();
            let job = spawn_blocking(move || other.block_on(async { sleep(SECOND).await }));
            job.await.unwrap();
            assert_eq!(since(start), SECOND);
            let job = spawn_blocking(|| spawn(sleep(SECOND)).join());
            job.await.unwrap().unwrap();
            assert_eq!(since(start), 2 * SECOND);
            block_in_place(|| handle.block_on(async { sleep(SECOND).await }));
            assert_eq!(since(start), 3 * SECOND);
            block_in_place(|| handle.run_in_scope(SECOND));
            assert_eq!(since(start), 4 * SECOND);
            wheelhouse::scope(|s| drop(s.spawn(sleep(SECOND))));
            assert_eq!(since(start), 5 * SECOND);
        });
        let start = runtime.block_on(async { time::now() });
        runtime.block_on(async {
            block_in_place(|| handle.block_on(async { sleep(SECOND).await }));
            assert_eq!(since(start), SECOND);
        });
        runtime.scope(|s| {
            let nap = s.spawn(sleep(SECOND));
            s.spawn_blocking(|| handle.block_on(sleep(2 * SECOND)));
            nap.join().unwrap();
        });
        let end = runtime.block_on(async { time::now() });
        assert_eq!(end - start, 3 * SECOND);
    });
}

/// A scope inside a scope.
trait RunInScope {
    fn run_in_scope(&self, nap: Duration);
}

impl RunInScope for wheelhouse::Handle {
    fn run_in_scope(&self, nap: Duration) {
        self.scope(|_| self.scope(|s| drop(s.spawn(sleep(nap)))));
    }
}

#[test]
fn a_blocked_worker_is_replaced_by_the_real_clock() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let _sleeper = spawn(sleep(HOUR));
            // It waits for what is queued behind it on its own worker, whatever their number.
            for _ in 0..3 {
                let (sender, receiver) = mpsc::channel();
                let blocked = spawn(async move { receiver.recv() });
                let sent = spawn(async move { sender.send(time::now()) });
                assert_eq!(blocked.await.unwrap(), Ok(start));
                sent.await.unwrap().unwrap();
            }
            sleep(SECOND).await;
            assert_eq!(time::now() - start, SECOND);
        });
    });
}

#[test]
fn a_real_clock_beside_it_is_its_own() {
    watchdog("two clocks", LIMIT, || {
        let paused = Runtime::builder().start_paused(true).worker_threads(2);
        let (paused, real) = (paused.build().unwrap(), Runtime::new().unwrap());
        let racing = paused.spawn(async {
            let mut ticks = interval(HOUR);
            while ticks.period() == HOUR {
                ticks.tick().await;
            }
        });
        let start = Instant::now();
        let waits = thread::spawn(move || {
            let mut racing = racing;
            racing.join_timeout(10 * A_WHILE).is_none()
        });
        real.run(async {
            let start = time::now();
            sleep(A_WHILE).await;
            assert!(time::now() - start >= A_WHILE);
        });
        let elapsed = start.elapsed();
        assert!(elapsed >= A_WHILE && elapsed < LIMIT);
        assert!(waits.join().unwrap());
        // Inside each other, too.
        let begin = paused.block_on(async { time::now() });
        let (inner, outer) = real.block_on(async {
            let outer = time::now();
            let inner = block_in_place(|| {
                paused.block_on(async {
                    sleep(HOUR).await;
                    time::now()
                })
            });
            (inner - begin, time::now() - outer)
        });
        assert_eq!(inner, HOUR);
        assert!(outer < LIMIT);
    });
}

#[test]
fn a_thread_from_outside_may_arm_and_wait() {
    on_paused(|runtime| {
        let handle = runtime.handle().clone();
        let foreign = thread::spawn(move || {
            let _entered = handle.enter();
            let start = time::now();
            // Of this thread the runtime knows nothing.
            futures::executor::block_on(sleep(SECOND));
            time::now() - start
        });
        let mut pending = runtime.spawn(std::future::pending::<()>());
        while !foreign.is_finished() {
            assert!(pending.join_timeout(MS).is_none());
        }
        assert_eq!(foreign.join().unwrap(), SECOND);
    });
}
