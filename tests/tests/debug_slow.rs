//! Debug mode: polls that take long are named on standard error, from the duration on that the builder
//! was given.

use std::thread;
use std::time::Duration;
use wheelhouse::{Runtime, sleep};
use wheelhouse_tests::{LIMIT, printed_by, program};

/// How long the programs' tasks hold their thread: that is what is tested.
const LONG: Duration = Duration::from_millis(120);

/// What the ignored test `name` says on standard error, and on standard output.
fn said_by(name: &str, variable: Option<&str>) -> (Vec<String>, String) {
    let mut command = program(name);
    command.env_remove("WHEELHOUSE_DEBUG");
    command.envs(variable.map(|value| ("WHEELHOUSE_DEBUG", value)));
    let (printed, said) = printed_by(&mut command, LIMIT);
    (said.lines().map(str::to_owned).collect(), printed)
}

/// One task that holds its thread for long, twice.
fn block_twice(runtime: &Runtime) {
    // So that the monitor goes on to look at what it has told of.
    drop(runtime.spawn(async {
        loop {
            sleep(Duration::from_millis(1)).await;
        }
    }));
    for _ in 0..2 {
        let task = runtime.spawn(async { thread::sleep(LONG) });
        println!("site: {}", task.spawn_site());
        println!("id: {}", task.id());
        task.join().unwrap();
        // The end is told when the monitor has seen another poll of the thread, or none.
        while runtime.metrics().stuck_workers > 0 {
            thread::yield_now();
        }
    }
    // Until it has looked twice.
    thread::sleep(LONG / 4);
}

#[test]
#[ignore = "run by the tests below"]
fn blocks_beyond_the_limit() {
    let builder = Runtime::builder().worker_threads(1);
    block_twice(&builder.slow_poll(LONG / 4).build().unwrap());
}

#[test]
#[ignore = "run by the tests below"]
fn blocks_below_the_limit() {
    let builder = Runtime::builder().worker_threads(1);
    block_twice(&builder.slow_poll(LONG * 100).build().unwrap());
}

#[test]
fn a_slow_poll_is_named_while_it_lasts_and_at_its_end() {
    let (said, printed) = said_by("blocks_beyond_the_limit", Some("1"));
    let values = |name: &'static str| {
        printed
            .lines()
            .filter_map(move |line| line.strip_prefix(name))
    };
    let tasks: Vec<_> = values("id: ").zip(values("site: ")).collect();
    assert_eq!((said.len(), tasks.len()), (4, 2), "{said:#?}");
    for (lines, (id, site)) in said.chunks(2).zip(tasks) {
        let begin = format!("wheelhouse: task {id}, spawned at {site}, ");
        assert!(lines[0].starts_with(&format!("{begin}has blocked thread `wheelhouse-")));
        assert!(lines[1].starts_with(&format!("{begin}blocked thread `wheelhouse-")));
        assert!(lines[1].ends_with(" ms: that poll is over"), "{lines:#?}");
    }
}

#[test]
fn nothing_is_said_of_shorter_ones() {
    let (said, _) = said_by("blocks_below_the_limit", Some("1"));
    assert!(said.is_empty(), "{said:#?}");
}

#[test]
fn nothing_is_said_without_debug_mode() {
    let (said, _) = said_by("blocks_beyond_the_limit", None);
    assert!(said.is_empty(), "{said:#?}");
}
