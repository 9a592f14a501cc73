//! The tutorial's programs: each is run and what it prints is checked; what the compiler must say
//! to its mistakes is checked too.

mod examples;

use examples::{EXAMPLE_LIMIT, lines_of, programs, workspace};
use std::fs;
use std::time::{Duration, Instant};

/// Seconds since midnight, of a time like `15:34:02 UTC`.
fn seconds(time: &str) -> Option<u64> {
    let mut parts = time
        .strip_suffix(" UTC")?
        .split(':')
        .map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    (time.len() == 12 && parts.next().is_none()).then_some((hour * 60 + minute) * 60 + second)
}

/// The number in front of ` ms in all`.
fn millis(line: &str) -> u64 {
    let number = line
        .trim()
        .strip_suffix(" ms in all")
        .unwrap_or_else(|| panic!("{line:?}"));
    number
        .parse()
        .unwrap_or_else(|error| panic!("{line:?}: {error}"))
}

#[test]
fn a_plain_function() {
    assert_eq!(lines_of("01_plain"), ["9"]);
}

#[test]
fn an_async_function_runs_when_awaited() {
    let made = "the future is made, and nothing was added yet";
    assert_eq!(lines_of("02_async"), [made, "adding", "9"]);
}

#[test]
fn run_gather_and_sleep_with_the_time() {
    programs();
    let start = Instant::now();
    let lines = lines_of("03_gather");
    assert!(
        start.elapsed() >= Duration::from_millis(500),
        "it sleeps for half a second"
    );
    let [started, hello, world, finished] = &lines[..] else {
        panic!("{lines:#?}")
    };
    assert_eq!((hello.as_str(), world.as_str()), (r#"["Hello"]"#, "World"));
    let from = started.strip_prefix("Time started at:  ").and_then(seconds);
    let to = finished
        .strip_prefix("Time finished at:  ")
        .and_then(seconds);
    let (Some(from), Some(to)) = (from, to) else {
        panic!("{lines:#?}")
    };
    const DAY: u64 = 24 * 60 * 60; // midnight may lie between the two
    assert!(
        (to + DAY - from) % DAY <= EXAMPLE_LIMIT.as_secs(),
        "{lines:#?}"
    );
}

#[test]
fn thread_sleep_holds_the_thread_and_sleep_gives_way() {
    let lines = lines_of("04_two_sleeps");
    let [title, held @ .., held_ms] = &lines[..6] else {
        panic!("{lines:#?}")
    };
    assert_eq!(title, "thread::sleep, one after the other:");
    assert_eq!(
        held,
        [
            "  first starts",
            "  first ends",
            "  second starts",
            "  second ends"
        ]
    );
    assert!(millis(held_ms) >= 200, "{held_ms}");
    let [title, gave_way @ .., gave_way_ms] = &lines[6..] else {
        panic!("{lines:#?}")
    };
    assert_eq!(title, "sleep, both at once:");
    let (starts, ends) = gave_way.split_at(2);
    assert_eq!(starts, ["  first starts", "  second starts"]);
    // Both wake at the same time: which of them goes on first is open.
    let [first, second] = ["  first ends", "  second ends"].map(str::to_owned);
    let both = ends.len() == 2 && ends.contains(&first) && ends.contains(&second);
    assert!(both, "{lines:#?}");
    assert!(millis(gave_way_ms) >= 100, "{gave_way_ms}");
}

#[test]
fn a_future_polled_by_hand() {
    let lines = lines_of("05_by_hand");
    let object = lines[0]
        .strip_prefix("a future of ")
        .and_then(|rest| rest.split_once(" bytes at 0x"));
    let (bytes, address) = object.unwrap_or_else(|| panic!("{lines:#?}"));
    assert!(
        bytes.parse::<usize>().is_ok_and(|bytes| bytes > 0),
        "{lines:#?}"
    );
    assert!(
        usize::from_str_radix(address, 16).is_ok_and(|address| address > 0),
        "{lines:#?}"
    );
    let rest = [
        "  alone: 1 of 1",
        "first poll: Pending",
        "second poll: Ready(1)",
        "a loop over two of them, on one thread:",
        "  a: 1 of 2",
        "  b: 1 of 3",
        "  a: 2 of 2",
        "  b: 2 of 3",
        "  b: 3 of 3",
        "both are done; their results add up to 5",
    ];
    assert_eq!(lines[1..], rest);
}

#[test]
fn a_future_that_nobody_awaits_does_nothing() {
    let lines = [
        "async_main(); was called, and nothing ran",
        "let _forgotten = async_main(); was called, and nothing ran",
        "this line is printed once, by `run`",
    ];
    assert_eq!(lines_of("06_never_awaited"), lines);
}

#[test]
fn await_outside_async_and_the_ways_out() {
    let lines = lines_of("07_await_outside");
    assert!(
        lines[0].starts_with("error[E0728]: `await` is only allowed inside"),
        "{lines:#?}"
    );
    assert_eq!(lines[lines.len() - 2..], ["run: 42", "block_on: 42"]);
}

#[test]
fn who_ran_where() {
    let lines = lines_of("08_who_ran_where");
    let [main, reports @ .., last] = &lines[..] else {
        panic!("{lines:#?}")
    };
    let worker = main
        .strip_prefix("main            runs on ")
        .expect("main's line");
    let pool = worker.trim_end_matches(|c: char| c.is_ascii_digit());
    assert!(
        pool != "main" && !pool.starts_with("os-thread"),
        "run polls on a worker: {main}"
    );
    let who: Vec<&str> = reports.iter().map(|line| line[..16].trim_end()).collect();
    let order = [
        "first future",
        "os-thread-1",
        "spawned task",
        "os-thread-2",
        "second future",
    ];
    assert_eq!(who, order, "in argument order");
    for (who, line) in who.iter().zip(reports) {
        let places = line[16..]
            .strip_prefix("ran on ")
            .and_then(|rest| rest.split_once(", then on "));
        let (before, after) = places.unwrap_or_else(|| panic!("{line:?}"));
        if who.starts_with("os-thread") {
            assert_eq!((before, after), (*who, *who), "a thread is its own");
        } else {
            assert!(
                before.starts_with(pool) && after.starts_with(pool),
                "on workers: {line}"
            );
        }
    }
    assert_eq!(last, "the program's main thread was main all the time");
}

#[test]
fn the_timers_on_another_executor() {
    let lines = lines_of("09_other_executor");
    assert!(
        lines[0].starts_with("1000 sleeps of 50 ms ended together, after "),
        "{lines:#?}"
    );
    assert!(
        lines[1].starts_with("a future that never ends: "),
        "{lines:#?}"
    );
    assert_eq!(lines[2], "a future that is ready: 9");
    assert_eq!(
        lines[3..5],
        ["fast: tick 1", "slow: tick 1"],
        "the first tick comes at once"
    );
    for name in ["fast", "slow"] {
        let ticks = lines[3..].iter().filter(|line| line.starts_with(name));
        let expected = (1..=3).map(|n| format!("{name}: tick {n}"));
        assert!(ticks.eq(&expected.collect::<Vec<_>>()), "{lines:#?}");
    }
}

#[test]
fn a_blocked_worker_is_reported_and_others_go_on() {
    let lines = lines_of("10_blocked");
    let source = include_str!("../../../examples/examples/10_blocked.rs");
    let guilty = source
        .lines()
        .position(|line| line.contains("spawn(async { nap() })"));
    let site = format!("examples/10_blocked.rs:{}:", guilty.expect("the line") + 1);
    let announced = "the same nap, announced:";
    let at = lines.iter().position(|line| line == announced);
    let (unsaid, announced) = lines.split_at(at.expect("the second nap"));
    assert_eq!(unsaid[0], "a nap that nobody was told of:");
    for said in [
        "has blocked thread `wheelhouse-0` for ",
        " ms: that poll is over",
    ] {
        let mut reports = unsaid
            .iter()
            .filter(|line| line.starts_with("  report: task "));
        assert!(
            reports.any(|line| line.contains(&site) && line.contains(said)),
            "no {said:?}: {lines:#?}"
        );
    }
    assert!(beats(unsaid) > 0, "{lines:#?}");
    assert!(beats(announced) > 0, "{lines:#?}");
    assert_eq!(announced.len(), 2, "nothing to report: {lines:#?}");
}

#[test]
fn the_ways_in_which_a_task_ends() {
    let lines = lines_of("11_ends");
    let [group, pages @ .., failed] = &lines[..6] else {
        panic!("{lines:#?}")
    };
    assert_eq!(group, "a group in which one task fails:");
    let closed = [
        "  index.html is closed",
        "  the first page has 10 letters",
        "  missing.html is closed",
        "  huge.html is closed",
    ];
    assert_eq!(pages, closed, "one after the other");
    let child = site("group.spawn(fetch(Page(\"missing.html\")");
    assert!(failed.starts_with("  the group failed: task "), "{failed}");
    assert!(failed.contains(&child), "{failed}");
    assert!(failed.ends_with(", failed: no missing.html"), "{failed}");

    let [detached, told, scope, sum] = &lines[6..] else {
        panic!("{lines:#?}")
    };
    assert_eq!(detached, "a task whose handle was dropped:");
    let backup = site("backup.spawn_on(");
    assert!(told.contains(" `backup`, spawned at "), "{told}");
    assert!(told.contains(&backup), "{told}");
    assert!(told.ends_with(": the disk is full"), "{told}");
    assert_eq!(scope, "a scope that lends a list to two tasks:");
    assert_eq!(sum, "  its sum is 31");

    /// The place of the only line of the program that has this text, as reports name it.
    fn site(text: &str) -> String {
        let source = include_str!("../../../examples/examples/11_ends.rs");
        let line = source.lines().position(|line| line.contains(text));
        format!("examples/11_ends.rs:{}:", line.expect(text) + 1)
    }
}

/// The heartbeats that the last line tells of.
fn beats(lines: &[String]) -> u32 {
    let line = lines.last().expect("a line");
    let number = line.strip_suffix(" heartbeats meanwhile").map(str::trim);
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("{line:?}"))
}

#[test]
fn each_example_is_short_listed_and_tested() {
    let folder = workspace().join("examples");
    let list = fs::read_to_string(folder.join("src/lib.rs")).expect("the list");
    let mut names: Vec<String> = Vec::new();
    for entry in fs::read_dir(folder.join("examples")).expect("the examples") {
        let path = entry.expect("an entry").path();
        let name = path
            .file_stem()
            .and_then(|name| name.to_str())
            .expect("a name")
            .to_owned();
        let length = fs::read_to_string(&path).expect("text").lines().count();
        assert!(length < 80, "{name} has {length} lines; 79 are allowed");
        assert!(
            list.contains(&format!("--example {name}`")),
            "src/lib.rs doesn't list {name}"
        );
        let test = format!("lines_of(\"{name}\")");
        assert!(
            include_str!("main.rs").contains(&test),
            "{name} isn't run by a test"
        );
        names.push(name);
    }
    assert_eq!(names.len(), 11, "{names:?}");
}

#[test]
fn what_the_compiler_says() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tutorial/never_awaited.rs");
    cases.compile_fail("tutorial/never_awaited_sleep.rs");
    cases.pass("tutorial/never_awaited_with_a_name.rs");
    cases.compile_fail("tutorial/await_outside_async.rs");
}
