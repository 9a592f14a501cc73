//! What nobody should ask for, and the answer: a clear error or panic, and nothing left behind.

use std::future::pending;
use std::io::ErrorKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::{Duration, Instant};
use wheelhouse::{Builder, Handle, Runtime, interval, run, sleep, spawn, spawn_blocking};
use wheelhouse_tests::{Caught, LIMIT, WORKERS, catch, on_workers, watchdog};

#[track_caller]
fn assert_refused(builder: Builder, words: &[&str]) {
    let error = builder.build().map(|_| ()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert_words(&error.to_string(), words);
}

#[track_caller]
fn assert_words(text: &str, words: &[&str]) {
    for word in words {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

#[test]
fn numbers_of_threads() {
    let builder = Runtime::builder;
    assert_refused(
        builder().worker_threads(0),
        &["worker_threads", "(0)", "at least 1", "4096"],
    );
    assert_refused(
        builder().worker_threads(4097),
        &["worker_threads", "(4097)", "at most 4096"],
    );
    assert_refused(
        builder().worker_threads(usize::MAX),
        &["worker_threads", "at most 4096"],
    );
    let no_jobs = builder().worker_threads(1).max_blocking_threads(0);
    assert_refused(no_jobs, &["max_blocking_threads", "(0)", "at least 1"]);
    let endless = builder().worker_threads(1).max_blocking_threads(usize::MAX);
    assert_eq!(
        endless
            .build()
            .unwrap()
            .spawn_blocking(|| 1)
            .join()
            .unwrap(),
        1
    );
}

#[test]
fn a_name_with_a_nul() {
    let builder = Runtime::builder().worker_threads(1).thread_name("a\0b");
    assert_refused(builder, &["thread_name", "a\\0b", "NUL"]);
    let odd = Runtime::builder().worker_threads(1).thread_name("");
    assert_eq!(odd.build().unwrap().run(async { 1 }), 1);
}

/// Stacks that no machine has: the workers can't be started.
#[test]
fn threads_that_can_not_be_started() {
    watchdog("huge stacks", LIMIT, || {
        for size in [1 << 46, 1 << 60, usize::MAX / 2, usize::MAX] {
            let started = Arc::new(AtomicUsize::new(0));
            let count = Arc::clone(&started);
            let builder = Runtime::builder().thread_name("huge").worker_threads(3);
            let builder = builder.on_thread_start(move || {
                count.fetch_add(1, SeqCst);
            });
            let error = builder
                .thread_stack_size(size)
                .build()
                .map(|_| ())
                .unwrap_err();
            assert_words(&error.to_string(), &["`huge-0`"]);
            assert_eq!(started.load(SeqCst), 0);
            assert_eq!(Arc::strong_count(&started), 1, "nothing is left behind");
        }
        assert_eq!(run(async { 1 }), 1, "other runtimes start");
    });
}

#[test]
fn a_tiny_stack_is_refused() {
    let builder = |size| {
        let builder = Runtime::builder().worker_threads(1);
        builder.thread_stack_size(size)
    };
    for size in [0, 1, 16 << 10, (64 << 10) - 1] {
        let asked = format!("({size})");
        assert_refused(
            builder(size),
            &["thread_stack_size", &asked, "at least 65536 bytes"],
        );
    }
}

/// All that the runtime does fits in the smallest stack; an overflow would end the process.
#[test]
fn the_smallest_stack_is_large_enough() {
    watchdog("smallest stack", LIMIT, || {
        let builder = Runtime::builder().worker_threads(2);
        let runtime = builder.thread_stack_size(64 << 10).build().unwrap();
        let sums = runtime.run(async {
            let job = spawn_blocking(|| 1);
            let nap = async { sleep(Duration::from_millis(1)).await };
            let failed = spawn(async { panic!("{:?}", vec!["with a backtrace"; 9]) });
            assert!(failed.await.unwrap_err().is_panic());
            wheelhouse::gather!(async { 1 }, job, nap).await
        });
        assert_eq!(sums, (1, 1, ()));
        assert_eq!(
            runtime.block_on(async { spawn(async { 1 }).await.unwrap() }),
            1
        );
    });
}

#[test]
fn outside_a_runtime() {
    let told = |caught: Caught, line, what| {
        caught.assert_names(line);
        assert_words(&caught.text, &[what, "outside a runtime", "run(async"]);
    };
    let line = line!() + 1;
    told(catch(|| spawn(async {})), line, "spawn");
    let line = line!() + 1;
    told(catch(|| spawn_blocking(|| ())), line, "spawn_blocking");
    let line = line!() + 1;
    told(catch(|| drop(Handle::current())), line, "Handle::current");
    assert!(Handle::try_current().is_none());
    futures::executor::block_on(sleep(Duration::from_millis(1)));
}

#[test]
fn hooks_run_outside_the_runtime() {
    watchdog("hooks", LIMIT, || {
        let (inside, calls) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let hook = || {
            let (inside, calls) = (Arc::clone(&inside), Arc::clone(&calls));
            move || {
                calls.fetch_add(1, SeqCst);
                inside.fetch_add(usize::from(Handle::try_current().is_some()), SeqCst);
            }
        };
        let builder = Runtime::builder().worker_threads(1);
        let builder = builder.on_thread_start(hook()).on_thread_stop(hook());
        let runtime = builder.build().unwrap();
        runtime.spawn_blocking(|| ()).join().unwrap();
        drop(runtime);
        assert_eq!(calls.load(SeqCst), 4, "a worker's and a blocking thread's");
        assert_eq!(inside.load(SeqCst), 0);
    });
}

/// Blocks in every way there is, and checks that each panics with the right line and words.
fn assert_no_blocking() {
    let told = |caught: Caught, line, what| {
        caught.assert_names(line);
        assert_words(&caught.text, &[what, "inside", "block_on", ".await"]);
    };
    let other = Runtime::builder().worker_threads(1).build().unwrap();
    let line = line!() + 1;
    told(catch(|| run(async {})), line, "run");
    let line = line!() + 1;
    told(catch(|| other.run(async {})), line, "run");
    let line = line!() + 1;
    told(catch(|| other.block_on(async {})), line, "block_on");
    let line = line!() + 1;
    let caught = catch(|| other.handle().block_on(async {}));
    told(caught, line, "block_on");
    let task = other.spawn(async {});
    let line = line!() + 1;
    told(catch(|| task.join()), line, "join");
    let mut task = other.spawn(pending::<()>());
    let line = line!() + 1;
    let caught = catch(|| task.join_timeout(Duration::ZERO));
    told(caught, line, "join_timeout");
}

#[test]
fn blocking_inside_a_task() {
    on_workers(WORKERS, |runtime, _| {
        runtime.run(async { assert_no_blocking() });
        runtime.run(async { spawn(async { assert_no_blocking() }).await.unwrap() });
        runtime.block_on(async { assert_no_blocking() });
        assert_eq!(runtime.run(async { 1 }), 1);
        assert_eq!(runtime.block_on(async { 1 }), 1, "the mark is gone");
    });
}

#[test]
fn an_interval_of_nothing() {
    let line = line!() + 1;
    let caught = catch(|| interval(Duration::ZERO));
    caught.assert_names(line);
    assert_words(&caught.text, &["zero"]);
    let line = line!() + 1;
    let caught = catch(|| wheelhouse::time::interval_at(Instant::now(), Duration::ZERO));
    caught.assert_names(line);
    on_workers(&[1], |runtime, _| {
        let task = runtime.spawn(async { drop(catch(|| interval(Duration::ZERO))) });
        task.join().unwrap();
    });
}

#[test]
fn guards_in_the_wrong_order() {
    watchdog("guards", LIMIT, || {
        let one = || Runtime::builder().worker_threads(1).build().unwrap();
        let (first, second) = (one(), one());
        let (outer, inner) = (first.enter(), second.enter());
        let caught = catch(|| drop(outer));
        assert_words(&caught.text, &["order"]);
        drop(inner);
        assert!(Handle::try_current().is_none(), "the thread has left both");
    });
}
