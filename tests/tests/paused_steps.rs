//! Moving a paused clock by hand: `advance` and `hold`.

use std::future::pending;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use wheelhouse::time::{self, advance, hold};
use wheelhouse::{
    Runtime, block_in_place, gather, sleep, spawn, spawn_blocking, timeout, yield_now,
};
use wheelhouse_tests::{LIMIT, WORKERS, catch, eventually, noop, on_built, poll_once, watchdog};

const MS: Duration = Duration::from_millis(1);
const SECOND: Duration = Duration::from_secs(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Real time in which what must not happen would happen.
const A_WHILE: Duration = Duration::from_millis(30);

#[track_caller]
fn on_paused(test: impl Fn(Runtime) + Send + Sync + 'static) {
    on_built(
        WORKERS,
        |builder| builder.start_paused(true),
        move |runtime, _| test(runtime),
    );
}

/// Sleeps again and again, and notes when it woke.
async fn nap(times: u32, long: Duration, log: Arc<Mutex<Vec<Duration>>>) {
    let start = time::now();
    for _ in 0..times {
        sleep(long).await;
        log.lock().unwrap().push(time::now() - start);
    }
}

#[test]
fn an_advance_goes_deadline_by_deadline() {
    on_paused(|runtime| {
        runtime.run(async {
            for held in [true, false] {
                let _hold = held.then(hold);
                let (log, start) = (Arc::default(), time::now());
                // Each of its sleeps is armed only when the one before is over.
                let napper = spawn(nap(10, 10 * SECOND, Arc::clone(&log)));
                advance(35 * SECOND).await;
                assert_eq!(time::now() - start, 35 * SECOND);
                assert_eq!(*log.lock().unwrap(), [10, 20, 30].map(Duration::from_secs));
                advance(5 * SECOND).await;
                assert_eq!(log.lock().unwrap().last(), Some(&(40 * SECOND)));
                napper.abort();
                assert!(napper.await.unwrap_err().is_cancelled());
            }
        });
    });
}

#[test]
fn an_advance_is_over_when_all_that_is_due_has_run() {
    on_paused(|runtime| {
        let program = || async {
            let start = time::now();
            let _hold = hold();
            let slow = spawn(async move {
                sleep(SECOND).await;
                for _ in 0..50 {
                    yield_now().await;
                }
                let job = spawn_blocking(|| thread::sleep(5 * MS));
                job.await.unwrap();
                spawn(async { thread::sleep(5 * MS) }).await.unwrap();
                time::now() - start
            });
            advance(SECOND).await;
            assert!(slow.is_finished());
            assert_eq!(slow.await.unwrap(), SECOND);
        };
        runtime.run(program());
        runtime.block_on(program());
    });
}

#[test]
fn an_advance_by_nothing_runs_what_there_is() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let sleeper = spawn(sleep(MS));
            let chain = spawn(async {
                for _ in 0..100 {
                    spawn(yield_now()).await.unwrap();
                }
            });
            advance(Duration::ZERO).await;
            assert!(chain.is_finished() && !sleeper.is_finished());
            assert_eq!(time::now(), start);
        });
    });
}

#[test]
fn a_sleep_in_the_same_task_ends_with_the_advance() {
    on_paused(|runtime| {
        runtime.run(async {
            let mut nap = sleep(300 * MS);
            assert!(poll_once(&mut nap, noop()).is_pending());
            advance(100 * MS).await;
            assert!(poll_once(&mut nap, noop()).is_pending());
            advance(200 * MS).await;
            assert!(poll_once(&mut nap, noop()).is_ready());
            // Odd lengths too.
            let start = time::now();
            advance(Duration::from_nanos(3_141_592_653)).await;
            assert_eq!(time::now() - start, Duration::from_nanos(3_141_592_653));
        });
    });
}

#[test]
fn a_job_may_advance_as_well() {
    on_paused(|runtime| {
        let handle = runtime.handle().clone();
        let (start, end) = runtime.run(async move {
            let start = time::now();
            let other = handle.clone();
            let job = spawn_blocking(move || other.block_on(async { advance(SECOND).await }));
            job.await.unwrap();
            block_in_place(|| handle.block_on(async { advance(SECOND).await }));
            (start, time::now())
        });
        assert_eq!(end - start, 2 * SECOND);
    });
}

#[test]
fn advances_at_once_have_their_own_time() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let by = |long| async move {
                advance(long).await;
                time::now() - start
            };
            let ends = gather!(by(3 * SECOND), by(SECOND), by(2 * SECOND)).await;
            assert_eq!(ends, (3 * SECOND, SECOND, 2 * SECOND));
            // One that is given up leaves time where it is.
            let held = hold();
            let gone = timeout(SECOND, advance(HOUR));
            assert!(gone.await.is_err());
            assert_eq!(time::now() - start, 4 * SECOND);
            drop(held);
        });
    });
}

#[test]
fn a_hold_ends_the_jumps_and_its_drop_begins_them_again() {
    on_paused(|runtime| {
        runtime.run(async {
            let start = time::now();
            let sleeper = spawn(async {
                sleep(SECOND).await;
                time::now()
            });
            let (first, second) = (hold(), hold());
            let holder = thread::spawn(move || {
                thread::sleep(A_WHILE);
                drop(first);
                thread::sleep(A_WHILE);
                drop(second);
            });
            // The runtime does not know of the thread.
            let ((), stamp) = gather!(holder, sleeper).await;
            assert_eq!(stamp - start, SECOND);
        });
    });
}

#[test]
fn a_hold_holds_all_that_waits() {
    on_paused(|runtime| {
        let (held, start) = runtime.block_on(async { (hold(), time::now()) });
        let mut sleeper = runtime.spawn(async {
            sleep(SECOND).await;
            time::now()
        });
        assert!(sleeper.join_timeout(A_WHILE).is_none());
        drop(held);
        assert_eq!(sleeper.join().unwrap() - start, SECOND);
    });
}

#[test]
fn a_dropped_hold_is_noticed_though_all_sleep() {
    on_paused(|runtime| {
        for _ in 0..100 {
            let held = runtime.block_on(async { hold() });
            let drops = thread::spawn(move || drop(held));
            runtime.run(async { sleep(SECOND).await });
            drops.join().unwrap();
        }
    });
}

#[test]
fn an_advance_from_outside_is_noticed_though_all_sleep() {
    on_paused(|runtime| {
        for _ in 0..100 {
            let start = runtime.block_on(async { time::now() });
            let handle = runtime.handle().clone();
            let outside = thread::spawn(move || {
                let _entered = handle.enter();
                futures::executor::block_on(advance(SECOND));
                time::now()
            });
            assert_eq!(outside.join().unwrap() - start, SECOND);
        }
    });
}

#[test]
fn what_outlives_the_runtime_does_no_harm() {
    on_paused(|runtime| {
        let (held, mut moves) = runtime.block_on(async {
            let mut moves = advance(HOUR);
            assert!(poll_once(&mut moves, noop()).is_pending());
            (hold(), moves)
        });
        let handle = runtime.handle().clone();
        let (mut waits, waiter) = (advance_on(&handle, HOUR), handle.clone());
        let waiting = thread::spawn(move || waiter.block_on(&mut waits));
        waiting.join().unwrap();
        let sleeper = runtime.spawn(async { pending::<()>().await });
        drop(runtime);
        assert!(sleeper.join().unwrap_err().is_cancelled());
        assert!(poll_once(&mut moves, noop()).is_ready());
        drop(held);
        // The pool is another runtime's now, perhaps, with a real clock.
        let next = Runtime::builder().worker_threads(2).build().unwrap();
        next.run(async { sleep(MS).await });
    });
}

fn advance_on(handle: &wheelhouse::Handle, by: Duration) -> time::Advancing {
    let _entered = handle.enter();
    advance(by)
}

#[test]
fn a_closed_runtime_lets_go_of_those_who_advance() {
    on_paused(|runtime| {
        let handle = runtime.handle().clone();
        // A task that is never idle: the advance does not get on.
        let busy = runtime.spawn(async {
            loop {
                yield_now().await;
            }
        });
        let (sent, started) = std::sync::mpsc::channel();
        let waiting = thread::spawn(move || {
            handle.block_on(async {
                let mut moves = advance(HOUR);
                assert!(poll_once(&mut moves, noop()).is_pending());
                sent.send(()).unwrap();
                moves.await;
            });
        });
        started.recv().unwrap();
        drop(runtime);
        waiting.join().unwrap();
        assert!(busy.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn without_a_paused_clock_they_panic_and_say_what_to_do() {
    watchdog("panics", LIMIT, || {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        let moves = || drop(advance(SECOND));
        let holds = || drop(hold());
        let inside = |what: fn()| runtime.block_on(async move { catch(what) });
        for caught in [catch(moves), catch(holds), inside(moves), inside(holds)] {
            let message = caught.text;
            assert!(
                message.contains("`Builder::start_paused(true)`"),
                "{message}"
            );
            assert!(caught.place.contains("paused_steps.rs"), "{}", caught.place);
        }
    });
}

#[test]
fn a_ticker_that_nobody_waits_for_does_not_run_away() {
    on_paused(|runtime| {
        let start = runtime.block_on(async { time::now() });
        let ticks = Arc::new(Mutex::new(0));
        let count = Arc::clone(&ticks);
        let ticker = runtime.spawn(async move {
            let mut ticks = time::interval(MS);
            loop {
                ticks.tick().await;
                *count.lock().unwrap() += 1;
            }
        });
        eventually("the first tick", LIMIT, || *ticks.lock().unwrap() == 1);
        thread::sleep(A_WHILE);
        assert_eq!(*ticks.lock().unwrap(), 1);
        runtime.block_on(async { sleep(10 * MS).await });
        let end = runtime.block_on(async { time::now() });
        assert_eq!(end - start, 10 * MS);
        ticker.abort();
    });
}
