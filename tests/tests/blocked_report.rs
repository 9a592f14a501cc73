//! What is reported of polls that hold their thread: each once when it is noticed, once when it ends,
//! and nothing of those who merely wait.

use std::hint::spin_loop;
use std::panic::Location;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::task::{Wake, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::{
    BlockedReport, Builder, JoinHandle, Runtime, StuckKind, StuckPoll, block_in_place, sleep,
};
use wheelhouse_tests::{
    Gate, LIMIT, Place, Reports, WORKERS, armed_with, block_until_fed, on_built,
};

/// Runs `test` on runtimes whose reports are collected, a list for each.
#[track_caller]
fn reported(test: impl Fn(Runtime, usize, &Reports) + Send + Sync + 'static) {
    let test = Arc::new(test);
    for &workers in WORKERS {
        let (reports, test) = (Reports::new(), Arc::clone(&test));
        on_built(
            &[workers],
            reporting_to(&reports),
            move |runtime, workers| test(runtime, workers, &reports),
        );
    }
}

fn reporting_to(reports: &Reports) -> impl Fn(Builder) -> Builder + use<> {
    let reports = reports.clone();
    move |builder| builder.on_blocked(reports.hook())
}

/// A task whose poll blocks at the gate.
#[track_caller]
fn blocks(runtime: &Runtime, gate: &Gate) -> JoinHandle<()> {
    let gate = gate.clone();
    runtime.spawn(async move { gate.block() })
}

#[track_caller]
fn assert_is_of(poll: &StuckPoll, task: &JoinHandle<()>, kind: StuckKind) {
    assert_eq!(poll.task_id(), Some(task.id()));
    assert_eq!(poll.spawn_site(), task.spawn_site());
    assert_eq!(poll.kind(), kind);
    let text = poll.to_string();
    for word in [
        &format!("task {}", task.id()),
        &task.spawn_site().to_string(),
        &format!("`{}`", poll.thread_name()),
        &format!("{} ms", poll.duration().as_millis()),
    ] {
        assert!(text.contains(word), "no `{word}` in: {text}");
    }
}

/// Exactly one of each for `task`, in their order, and nothing else with its id.
#[track_caller]
fn assert_told_once(reports: &Reports, task: &JoinHandle<()>) {
    let of_task = |report: &BlockedReport| match report {
        BlockedReport::Began(poll) if poll.task_id() == Some(task.id()) => Some("began"),
        BlockedReport::Ended(poll) if poll.task_id() == Some(task.id()) => Some("ended"),
        _ => None,
    };
    let told: Vec<_> = reports.all().iter().filter_map(of_task).collect();
    assert_eq!(told, ["began", "ended"], "of task {}", task.id());
}

#[test]
fn a_poll_that_blocks() {
    reported(|runtime, _, reports| {
        let gate = Gate::new();
        let task = blocks(&runtime, &gate);
        let began = reports.wait_for_begin(task.id(), LIMIT);
        assert_is_of(&began, &task, StuckKind::Blocked);
        assert!(!began.has_ended() && began.thread_name().starts_with("wheelhouse-"));
        gate.open();
        let ended = reports.wait_for_end(task.id(), LIMIT);
        assert_is_of(&ended, &task, StuckKind::Blocked);
        assert!(ended.has_ended() && ended.duration() >= began.duration());
        assert_eq!(ended.thread_name(), began.thread_name());
        drop(runtime);
        assert_told_once(reports, &task);
    });
}

#[test]
fn a_poll_that_computes() {
    reported(|runtime, _, reports| {
        let enough = Arc::new(AtomicBool::new(false));
        let own = Arc::clone(&enough);
        let task = runtime.spawn(async move {
            while !own.load(SeqCst) {
                spin_loop();
            }
        });
        let began = reports.wait_for_begin(task.id(), LIMIT);
        assert_is_of(&began, &task, StuckKind::Computing);
        assert!(began.duration() >= Duration::from_millis(8), "{began}");
        enough.store(true, SeqCst);
        let ended = reports.wait_for_end(task.id(), LIMIT);
        assert_is_of(&ended, &task, StuckKind::Computing);
        drop(runtime);
        assert_told_once(reports, &task);
    });
}

/// One goes on through all the time in which others come and go, each noticed and over again.
#[test]
fn a_long_one_is_told_of_once() {
    reported(|runtime, _, reports| {
        let gate = Gate::new();
        let long = blocks(&runtime, &gate);
        reports.wait_for_begin(long.id(), LIMIT);
        let short = |_| {
            let gate = Gate::new();
            let task = blocks(&runtime, &gate);
            reports.wait_for_begin(task.id(), LIMIT);
            gate.open();
            reports.wait_for_end(task.id(), LIMIT);
            task
        };
        let tasks: Vec<_> = (0..10).map(short).collect();
        gate.open();
        reports.wait_for_end(long.id(), LIMIT);
        drop(runtime);
        assert_told_once(reports, &long);
        tasks
            .iter()
            .for_each(|task| assert_told_once(reports, task));
    });
}

/// Each poll of a task counts by itself.
#[test]
fn every_stuck_poll_of_a_task() {
    reported(|runtime, _, reports| {
        let gates: Vec<_> = (0..5).map(|_| Gate::new()).collect();
        let own = gates.clone();
        let task = runtime.spawn(async move {
            for gate in own {
                gate.block();
                wheelhouse::yield_now().await;
            }
        });
        for (index, gate) in gates.iter().enumerate() {
            let told = |count| reports.wait_for(LIMIT, |all| (all.len() >= count).then_some(()));
            told(2 * index + 1);
            gate.open();
            told(2 * index + 2);
        }
        let id = task.id();
        task.join().unwrap();
        drop(runtime);
        let (began, ended) = (reports.begun(), reports.ended());
        assert_eq!((began.len(), ended.len()), (5, 5));
        let mut polls = began.iter().chain(&ended);
        assert!(polls.all(|poll| poll.task_id() == Some(id)));
    });
}

#[test]
fn all_at_once_and_the_figures() {
    reported(|runtime, workers, reports| {
        let (gate, count) = (Gate::new(), 3 * workers);
        let tasks: Vec<_> = (0..count).map(|_| blocks(&runtime, &gate)).collect();
        tasks
            .iter()
            .for_each(|task| drop(reports.wait_for_begin(task.id(), LIMIT)));
        assert_eq!(runtime.metrics().blocked_polls, count as u64);
        gate.open();
        tasks
            .iter()
            .for_each(|task| drop(reports.wait_for_end(task.id(), LIMIT)));
        let metrics = runtime.metrics();
        assert_eq!(
            (metrics.blocked_polls, metrics.computing_polls),
            (count as u64, 0)
        );
        drop(runtime);
        tasks
            .iter()
            .for_each(|task| assert_told_once(reports, task));
        assert_eq!(reports.all().len(), 2 * count);
    });
}

#[test]
fn the_main_future() {
    reported(|runtime, _, reports| {
        let gate = Gate::new();
        thread::scope(|scope| {
            let line = line!() + 1;
            scope.spawn(|| runtime.run(async { gate.block() }));
            let poll = reports.wait_for(LIMIT, first_begun);
            assert!(poll.task_id().is_some(), "it is polled like any task");
            assert_names(&poll, line);
            gate.open();
        });
    });
}

#[test]
fn the_future_of_block_on() {
    reported(|runtime, _, reports| {
        let gate = Gate::new();
        thread::scope(|scope| {
            let outer = thread::Builder::new().name("outer".to_owned());
            let line = line!() + 1;
            let block = || runtime.block_on(async { gate.block() });
            outer.spawn_scoped(scope, block).unwrap();
            let poll = reports.wait_for(LIMIT, first_begun);
            assert_eq!((poll.task_id(), poll.thread_name()), (None, "outer"));
            assert_names(&poll, line);
            assert!(poll.to_string().contains("`block_on`"), "{poll}");
            gate.open();
        });
        let told = |all: &[BlockedReport]| (all.len() == 2).then(|| all[1].clone());
        let BlockedReport::Ended(poll) = reports.wait_for(LIMIT, told) else {
            panic!("it has ended");
        };
        assert_eq!((poll.task_id(), poll.thread_name()), (None, "outer"));
        assert_eq!(
            runtime.metrics().spare_threads_started,
            0,
            "it held no worker"
        );
    });
}

fn first_begun(all: &[BlockedReport]) -> Option<StuckPoll> {
    match all.first()? {
        BlockedReport::Began(poll) => Some(poll.clone()),
        other => panic!("the first report: {other}"),
    }
}

#[track_caller]
fn assert_names(poll: &StuckPoll, line: u32) {
    let site: &Location<'_> = poll.spawn_site();
    assert_eq!((site.file(), site.line()), (file!(), line));
}

/// A waker that a timer calls is somebody's code too. It holds the thread that serves the timers.
#[test]
fn a_waker_that_blocks() {
    struct Blocks(Gate);
    impl Wake for Blocks {
        fn wake(self: Arc<Self>) {
            self.0.block();
        }
    }
    reported(|runtime, workers, reports| {
        let (gate, done) = (Gate::new(), Gate::new());
        let waker = Waker::from(Arc::new(Blocks(gate.clone())));
        let finish = done.clone();
        // Armed on a worker, so that a worker serves it.
        let task = runtime.spawn(async move {
            let _timer = armed_with(&waker);
            done.wait().await;
        });
        gate.wait_for(1, LIMIT);
        let poll = reports.wait_for(LIMIT, |all| {
            let begun = all.iter().filter_map(|report| match report {
                BlockedReport::Began(poll) => Some(poll.clone()),
                _ => None,
            });
            begun.rev().find(|poll| poll.task_id().is_none())
        });
        assert_eq!(poll.kind(), StuckKind::Blocked);
        block_until_fed(&runtime, workers, Place::Timer, |stuck| stuck());
        gate.open();
        finish.open();
        task.join().unwrap();
    });
}

/// None of these hold a thread that others need, however long they take.
#[test]
fn nothing_is_told_of_those_who_wait() {
    reported(|runtime, _, reports| {
        let gate = Gate::new();
        let (in_job, in_task, in_place) = (gate.clone(), gate.clone(), gate.clone());
        let job = runtime.spawn_blocking(move || in_job.block());
        let task = runtime.spawn(async move { in_task.wait().await });
        let announced = runtime.spawn(async move { block_in_place(|| in_place.block()) });
        gate.wait_for(3, LIMIT);
        // As long as it takes to notice one that does hold its thread, several times over.
        runtime.block_on(sleep(Duration::from_millis(30)));
        let real = Gate::new();
        let told = blocks(&runtime, &real);
        reports.wait_for_begin(told.id(), LIMIT);
        real.open();
        reports.wait_for_end(told.id(), LIMIT);
        gate.open();
        job.join().unwrap();
        task.join().unwrap();
        announced.join().unwrap();
        drop(runtime);
        assert_eq!(reports.all().len(), 2, "{:?}", reports.all());
    });
}
