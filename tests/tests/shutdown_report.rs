//! What a shutdown says about the threads that do not end.

use std::future::pending;
use std::sync::Arc;
use std::task::{Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::task::{TaskInfo, TaskState};
use wheelhouse::{Handle, JoinHandle, Runtime, ShutdownReport, StuckThread, block_in_place, sleep};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, WORKERS, eventually, on_unwatched_workers, on_workers, poll_once,
    printed_by, program,
};

#[track_caller]
fn assert_tells(report: &ShutdownReport, thread: &str, line: u32) {
    // On a busy machine others may still be on their way out.
    let (stuck, _) = busy(report);
    assert!(!report.is_complete());
    assert_eq!(stuck.name(), thread);
    let site = stuck.spawn_site().expect("it runs something");
    assert_eq!((site.file(), site.line()), (file!(), line));
    let text = report.to_string();
    let runs = format!("thread `{thread}`, which has run what {site} spawned for ");
    assert!(text.contains(&runs) && text.ends_with(" s"), "{text}");
}

#[test]
fn the_report_names_a_stuck_job() {
    on_workers(WORKERS, |runtime, _| {
        let inside = Gate::new();
        let block = inside.clone();
        let job = runtime.spawn_blocking(move || block.block());
        let line = line!() - 1;
        inside.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(Duration::from_millis(10));
        assert_tells(&report, "wheelhouse-b0", line);
        inside.open();
        job.join().unwrap();
    });
}

#[test]
fn the_report_names_a_stuck_poll() {
    on_workers(&[1], |runtime, _| {
        let (inside, drops) = (Gate::new(), DropCounter::new());
        let (block, token) = (inside.clone(), drops.token());
        let future = async move {
            let _token = token;
            block.block();
            pending::<()>().await
        };
        let task = runtime.spawn(future);
        let line = line!() - 1;
        inside.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(Duration::ZERO);
        assert_tells(&report, "wheelhouse-0", line);
        assert_eq!(drops.dropped(), 0, "its own thread will drop it");
        inside.open();
        assert!(task.join().unwrap_err().is_cancelled());
        drops.assert_each_dropped_once();
    });
}

#[test]
fn a_complete_shutdown_says_so() {
    on_workers(WORKERS, |runtime, _| {
        drop(runtime.spawn(pending::<()>()));
        runtime.spawn_blocking(|| ()).join().unwrap();
        let report = runtime.shutdown_timeout(Duration::MAX);
        assert!(
            report.is_complete() && report.stuck().is_empty(),
            "{report}"
        );
    });
}

/// The program of the test below: a runtime whose drop takes over five seconds.
#[test]
#[ignore = "run by `a_slow_drop_says_what_it_waits_for`"]
fn slow_drop() {
    let runtime = Runtime::builder()
        .thread_name("slow")
        .worker_threads(1)
        .build()
        .unwrap();
    let inside = Gate::new();
    let block = inside.clone();
    drop(runtime.spawn_blocking(move || block.block()));
    inside.wait_for(1, LIMIT);
    let opener = thread::spawn(move || {
        thread::sleep(Duration::from_millis(5500));
        inside.open();
    });
    drop(runtime);
    opener.join().unwrap();
}

#[test]
fn a_slow_drop_says_what_it_waits_for() {
    let (_, said) = printed_by(&mut program("slow_drop"), LIMIT);
    for word in ["wheelhouse", "slow-b0", file!(), "spawned for 5."] {
        assert!(said.contains(word), "no {word} in: {said}");
    }
}

/// The only thread in the report that runs anything, and for how long it has.
#[track_caller]
fn busy(report: &ShutdownReport) -> (&StuckThread, Duration) {
    let busy = |thread: &'_ &StuckThread| thread.duration().is_some();
    let [thread] = &report.stuck().iter().filter(busy).collect::<Vec<_>>()[..] else {
        panic!("one thread runs something: {report}");
    };
    (thread, thread.duration().unwrap())
}

/// Lets time pass, which is all that it is for.
fn pass(time: Duration) {
    thread::sleep(time);
}

const A_WHILE: Duration = Duration::from_millis(40);

#[test]
fn a_jobs_time_is_exact() {
    on_workers(WORKERS, |runtime, _| {
        let (inside, before) = (Gate::new(), Instant::now());
        let block = inside.clone();
        let job = runtime.spawn_blocking(move || block.block());
        inside.wait_for(1, LIMIT);
        let since = Instant::now();
        pass(A_WHILE);
        let least = since.elapsed();
        let report = runtime.shutdown_timeout(Duration::ZERO);
        let (thread, time) = busy(&report);
        assert_eq!(thread.spawn_site(), Some(job.spawn_site()));
        assert!(
            least <= time && time <= before.elapsed(),
            "{time:?}, {least:?}"
        );
        inside.open();
        job.join().unwrap();
    });
}

fn look(handle: &Handle, task: &JoinHandle<()>) -> Option<TaskInfo> {
    let tasks = handle.tasks();
    tasks.into_iter().find(|info| info.id() == task.id())
}

/// Waits until it is known that the task has been running for so long.
fn wait_until_it_has_run(handle: &Handle, task: &JoinHandle<()>, time: Duration) {
    eventually("the task runs for long", LIMIT, || {
        let info = look(handle, task).expect("it is there");
        let running = info.state() == TaskState::Running;
        running && info.duration().is_some_and(|known| known >= time)
    });
}

#[test]
fn a_poll_is_timed_from_when_it_was_noticed() {
    for in_place in [false, true] {
        on_workers(WORKERS, move |runtime, _| {
            let (inside, before) = (Gate::new(), Instant::now());
            let block = inside.clone();
            let task = runtime.spawn(async move {
                match in_place {
                    true => block_in_place(|| block.block()),
                    false => block.block(),
                }
            });
            inside.wait_for(1, LIMIT);
            wait_until_it_has_run(runtime.handle(), &task, A_WHILE);
            let report = runtime.shutdown_timeout(Duration::ZERO);
            let (thread, time) = busy(&report);
            assert_eq!(thread.spawn_site(), Some(task.spawn_site()));
            assert!(A_WHILE <= time && time <= before.elapsed(), "{time:?}");
            inside.open();
            task.join().unwrap();
        });
    }
}

#[test]
fn a_job_is_timed_among_the_tasks() {
    on_unwatched_workers(WORKERS, |runtime, _| {
        let inside = Gate::new();
        let block = inside.clone();
        let job = runtime.spawn_blocking(move || block.block());
        inside.wait_for(1, LIMIT);
        wait_until_it_has_run(runtime.handle(), &job, A_WHILE);
        inside.open();
        job.join().unwrap();
    });
}

#[test]
fn a_poll_that_nobody_watched_is_timed_while_the_shutdown_waits() {
    on_unwatched_workers(WORKERS, |runtime, _| {
        let inside = Gate::new();
        let block = inside.clone();
        let task = runtime.spawn(async move { block.block() });
        inside.wait_for(1, LIMIT);
        assert_eq!(look(runtime.handle(), &task).unwrap().duration(), None);
        let begin = Instant::now();
        let report = runtime.shutdown_timeout(A_WHILE);
        let (thread, time) = busy(&report);
        assert_eq!(thread.spawn_site(), Some(task.spawn_site()));
        assert!(A_WHILE / 2 <= time && time <= begin.elapsed(), "{time:?}");
        inside.open();
        task.join().unwrap();
    });
}

#[test]
fn what_begins_while_a_shutdown_waits_is_timed_from_then_on() {
    struct Blocks(Gate);
    impl Drop for Blocks {
        fn drop(&mut self) {
            self.0.block();
        }
    }
    on_unwatched_workers(&[1], |runtime, _| {
        let (inside, drops, begins) = (Gate::new(), Gate::new(), Gate::new());
        let (block, held, began) = (inside.clone(), Blocks(drops.clone()), begins.clone());
        let waits = runtime.spawn(async move {
            let _held = held;
            began.open();
            pending::<()>().await
        });
        futures::executor::block_on(begins.wait());
        drop(runtime.spawn(async move { block.block() }));
        inside.wait_for(1, LIMIT);
        let opener = thread::spawn(move || {
            pass(A_WHILE);
            let before = Instant::now();
            inside.open();
            before
        });
        let report = runtime.shutdown_timeout(8 * A_WHILE);
        let (thread, time) = busy(&report);
        assert_eq!(thread.spawn_site(), Some(waits.spawn_site()));
        let since = opener.join().unwrap();
        assert!(A_WHILE <= time && time <= since.elapsed(), "{time:?}");
        drops.open();
        assert!(waits.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn a_poll_is_not_mistaken_for_an_earlier_one() {
    on_workers(&[1], |runtime, _| {
        let [first, second] = [Gate::new(), Gate::new()];
        let blocks = [first.clone(), second.clone()];
        let task = runtime.spawn(async move {
            for block in blocks {
                block.block();
                wheelhouse::yield_now().await;
            }
        });
        first.wait_for(1, LIMIT);
        wait_until_it_has_run(runtime.handle(), &task, A_WHILE);
        let before = Instant::now();
        first.open();
        second.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(Duration::ZERO);
        let time = report
            .stuck()
            .iter()
            .filter_map(StuckThread::duration)
            .max();
        assert!(time.unwrap() <= before.elapsed(), "{report}");
        second.open();
        let _ = task.join();
    });
}

/// The only thread that does not end is in a hook.
fn in_a_hook(runtime: Runtime, inside: &Gate, name: &str) {
    let report = runtime.shutdown_timeout(4 * A_WHILE);
    let (thread, time) = busy(&report);
    assert_eq!(
        (thread.name(), thread.spawn_site()),
        (name, None),
        "{report}"
    );
    assert!(time >= A_WHILE, "{time:?}");
    let text = format!("thread `{name}`, which has been in a hook for 0.");
    assert!(report.to_string().contains(&text), "{report}");
    inside.open();
}

/// A hook that blocks on the first worker.
fn blocks_first(inside: &Gate) -> impl Fn() + Send + Sync + 'static {
    let block = inside.clone();
    move || {
        if thread::current().name() == Some("wheelhouse-0") {
            block.block();
        }
    }
}

#[test]
fn threads_in_hooks_are_named() {
    on_workers(&[1, 2], |_, workers| {
        let builder = || Runtime::builder().worker_threads(workers);
        let inside = Gate::new();
        let runtime = builder().on_thread_start(blocks_first(&inside)).build();
        inside.wait_for(1, LIMIT);
        in_a_hook(runtime.unwrap(), &inside, "wheelhouse-0");

        let inside = Gate::new();
        let runtime = builder().on_thread_stop(blocks_first(&inside)).build();
        in_a_hook(runtime.unwrap(), &inside, "wheelhouse-0");

        let inside = Gate::new();
        let block = inside.clone();
        let runtime = builder()
            .on_blocked(move |_| block.block())
            .build()
            .unwrap();
        let stuck = runtime.spawn(async { pass(A_WHILE) });
        inside.wait_for(1, LIMIT);
        stuck.join().unwrap();
        in_a_hook(runtime, &inside, "wheelhouse-reports");
    });
}

/// Blocks whoever wakes it.
struct Blocks(Gate);

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        self.0.block();
    }
}

#[test]
fn a_thread_in_a_timers_waker_is_named() {
    on_workers(WORKERS, |runtime, _| {
        let inside = Gate::new();
        let waker = Waker::from(Arc::new(Blocks(inside.clone())));
        let nap = runtime.run(async move {
            let mut nap = sleep(A_WHILE);
            assert!(poll_once(&mut nap, &waker).is_pending());
            (nap,)
        });
        inside.wait_for(1, LIMIT);
        let report = runtime.shutdown_timeout(4 * A_WHILE);
        let (thread, time) = busy(&report);
        assert_eq!(thread.spawn_site(), None);
        assert!(time >= A_WHILE, "{time:?}");
        let text = "which has been in a waker that a timer called for ";
        assert!(report.to_string().contains(text), "{report}");
        inside.open();
        drop(nap);
    });
}
