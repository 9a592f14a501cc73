//! Debug mode: what a runtime says on standard error about gathers that nobody awaited and panics
//! that nobody collected, and when it says nothing.
//!
//! Each test runs a program in a process of its own, one of the ignored tests of this file. The
//! program prints what it expects; all of its standard error has to be that, in that order.

use std::convert::Infallible;
use std::env;
use std::future::pending;
use std::panic::resume_unwind;
use std::pin::Pin;
use std::process::Command;
use std::task::{Context, Poll};
use std::thread;
use std::time::Duration;
use wheelhouse::{JoinHandle, Runtime, gather, spawn, spawn_blocking, timeout, try_gather};
use wheelhouse_tests::{
    CountWaker, Gate, LIMIT, ON_PURPOSE, PanicOnDrop, catch, noop, poll_once, printed_by, program,
    quiet,
};

/// What an expected line begins with on the program's standard output.
const EXPECTED: &str = "expected: ";

/// Who asks for debug mode: the environment's WHEELHOUSE_DEBUG, and the builder of the program's
/// [`runtime`].
type Asked = (Option<&'static str>, Option<&'static str>);

const BY_ENVIRONMENT: Asked = (Some("1"), None);
const BY_BUILDER: Asked = (None, Some("true"));

/// The program `name`, run as a process.
fn command(name: &str, (variable, built): Asked) -> Command {
    let mut command = program(name);
    command.env_remove("WHEELHOUSE_DEBUG");
    command.envs(variable.map(|value| ("WHEELHOUSE_DEBUG", value)));
    command.envs(built.map(|debug| ("BUILDER_DEBUG", debug)));
    command
}

/// A runtime as [`Asked`] for, in a program without noise about panics on purpose.
fn runtime() -> Runtime {
    quiet();
    let mut builder = Runtime::builder().worker_threads(2);
    if let Ok(debug) = env::var("BUILDER_DEBUG") {
        builder = builder.debug(debug.parse().unwrap());
    }
    builder.build().unwrap()
}

/// Runs it to its good end: what it expected to be said, and what was.
#[track_caller]
fn run(command: &mut Command) -> (Vec<String>, Vec<String>) {
    let (printed, said) = printed_by(command, LIMIT);
    assert!(printed.contains("1 passed"), "{printed}");
    let expected = printed
        .lines()
        .filter_map(|line| line.strip_prefix(EXPECTED));
    let expected = expected.map(str::to_owned).collect();
    (expected, said.lines().map(str::to_owned).collect())
}

/// Whether `text` is `pattern`, in which a `*` stands for anything.
fn fits(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text
            .strip_prefix(start)
            .is_some_and(|text| (0..=text.len()).any(|at| fits(rest, &text[at..]))),
    }
}

#[track_caller]
fn assert_says_what_it_expects(program: &str, asked: &[Asked]) {
    for &asked in asked {
        let (expected, said) = run(&mut command(program, asked));
        assert!(!expected.is_empty(), "{program} expects something");
        let mut pairs = expected.iter().zip(&said);
        assert!(
            expected.len() == said.len() && pairs.all(|(pattern, line)| fits(pattern, line)),
            "expected {expected:#?}\nbut it said {said:#?}"
        );
    }
}

#[track_caller]
fn assert_is_silent(program: &str) {
    let (expected, said) = run(&mut command(program, BY_ENVIRONMENT));
    assert!(expected.is_empty() && said.is_empty(), "{said:#?}");
}

/// The program expects that this line of it is named for a gather.
fn expect_gather(name: &str, line: u32) {
    let place = format!("{}:{line}:*", file!());
    println!("\n{EXPECTED}wheelhouse: the `{name}` at {place} was dropped without ever being *");
}

/// The program expects to be told of a panic of this task.
fn expect_panic<T>(task: &JoinHandle<T>, text: &str) {
    let (id, site) = (task.id(), task.spawn_site());
    println!(
        "\n{EXPECTED}{}",
        told(&id.to_string(), &site.to_string(), text)
    );
}

/// The program expects to be told of a panic of a task that a gather spawned at `line`.
fn expect_panic_at(line: u32, text: &str) {
    println!(
        "\n{EXPECTED}{}",
        told("*", &format!("{}:{line}:*", file!()), text)
    );
}

fn told(id: &str, site: &str, text: &str) -> String {
    format!(
        "wheelhouse: task {id}, spawned at {site}, panicked, and nobody collected it: \
         {ON_PURPOSE}: {text}"
    )
}

fn until_finished<T>(task: &JoinHandle<T>) {
    while !task.is_finished() {
        thread::yield_now();
    }
}

async fn fail(text: &str) {
    panic!("{ON_PURPOSE}: {text}");
}

#[test]
fn each_gather_that_is_never_awaited() {
    assert_says_what_it_expects(
        "program_gathers_never_awaited",
        &[BY_ENVIRONMENT, BY_BUILDER],
    );
}

#[test]
#[ignore = "a program"]
fn program_gathers_never_awaited() {
    runtime().run(async {
        expect_gather("gather!", line!() + 1);
        drop(gather!(pending::<()>(), async { 1 }));
        expect_gather("gather!", line!() + 1);
        let _gather = gather!(..[pending::<()>(), pending::<()>()]);
        drop(_gather);
        expect_gather("try_gather!", line!() + 1);
        drop(try_gather!(async { Ok::<_, Infallible>(1) }));
        expect_gather("try_gather!", line!() + 1);
        drop(try_gather!(..[async { Err::<(), _>("no") }]));
        expect_gather("gather!", line!() + 1);
        drop(gather!(pending::<()>()).settle());
        expect_gather("gather!", line!() + 1);
        drop(gather!(thread::spawn(|| 1)));
        expect_gather("gather!", line!() + 1);
        drop(gather!(spawn(pending::<()>())));
        // In a future that is given up before it comes to the `.await`.
        expect_gather("gather!", line!() + 2);
        let early = async {
            let later = gather!(async {});
            pending::<()>().await;
            later.await
        };
        assert!(timeout(Duration::ZERO, early).await.is_err());
    });
}

#[test]
fn a_gather_that_was_polled_or_is_not_to_blame() {
    assert_is_silent("program_gathers_not_to_blame");
}

#[test]
#[ignore = "a program"]
fn program_gathers_not_to_blame() {
    let runtime = runtime();
    runtime.run(async {
        gather!(async {}).await;
        let _ = gather!(..[fail("settled")]).settle().await;
        let _ = try_gather!(async { Ok::<_, Infallible>(1) }).await;
        let mut polled = gather!(pending::<()>());
        assert!(poll_once(&mut polled, noop()).is_pending());
        drop(polled.settle());
        let mut polled = gather!(pending::<()>()).settle();
        assert!(poll_once(&mut polled, noop()).is_pending());
    });
    // Its task is cancelled before it comes to the `.await`: by an abort, by the shutdown.
    let (gate, tasks) = (Gate::new(), 0..2);
    let tasks = tasks.map(|_| {
        let waits = gate.clone();
        runtime.spawn(async move {
            let later = gather!(async {});
            waits.wait().await;
            later.await
        })
    });
    let tasks: Vec<_> = tasks.collect();
    gate.wait_for(2, LIMIT);
    tasks[0].abort();
    until_finished(&tasks[0]);
    // Its task panics before it comes to the `.await`.
    let task = runtime.spawn(async {
        let _later = gather!(async {});
        fail("in between").await;
    });
    assert!(task.join().unwrap_err().is_panic());
    drop(runtime);
    assert!(tasks.iter().all(JoinHandle::is_finished));
}

/// Panics when it is polled and when it is dropped.
struct PanicTwice(#[expect(dead_code, reason = "it is held")] PanicOnDrop);

impl Future for PanicTwice {
    type Output = ();
    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        panic!("{ON_PURPOSE}: the first");
    }
}

#[test]
fn each_panic_that_nobody_collects() {
    assert_says_what_it_expects("program_panics", &[BY_ENVIRONMENT, BY_BUILDER]);
}

#[test]
#[ignore = "a program"]
fn program_panics() {
    let runtime = runtime();
    let task = runtime.spawn(fail("the handle goes after it"));
    expect_panic(&task, "the handle goes after it");
    until_finished(&task);
    drop(task);

    let twice = runtime.spawn(PanicTwice(PanicOnDrop("the second")));
    expect_panic(&twice, "the second");
    assert!(twice.join().unwrap_err().to_string().contains("the first"));

    let gate = Gate::new();
    let (bad, waits) = (PanicOnDrop("aborted"), gate.clone());
    let aborted = runtime.spawn(async move {
        let _bad = bad;
        waits.wait().await;
    });
    gate.wait_for(1, LIMIT);
    expect_panic(&aborted, "aborted");
    aborted.abort();
    until_finished(&aborted);
    drop(aborted);

    let any: JoinHandle<()> = runtime.spawn(async { resume_unwind(Box::new(7)) });
    let (id, site) = (any.id(), any.spawn_site());
    println!(
        "\n{EXPECTED}wheelhouse: task {id}, spawned at {site}, panicked, and nobody collected it"
    );
    until_finished(&any);
    drop(any);
}

#[test]
fn a_panic_after_its_handle_is_gone() {
    assert_says_what_it_expects("program_detached_panics", &[BY_ENVIRONMENT, BY_BUILDER]);
}

#[test]
#[ignore = "a program"]
fn program_detached_panics() {
    for blocking in [false, true] {
        let (runtime, gate) = (runtime(), Gate::new());
        let block = gate.clone();
        let body = move || -> () {
            block.block();
            panic!("{ON_PURPOSE}: detached");
        };
        let task = match blocking {
            false => runtime.spawn(async move { body() }),
            true => runtime.spawn_blocking(body),
        };
        expect_panic(&task, "detached");
        gate.wait_for(1, LIMIT);
        drop(task);
        gate.open();
        drop(runtime); // waits for what has begun
    }
}

#[test]
fn a_panic_that_a_gather_drops() {
    assert_says_what_it_expects("program_gathers_with_panics", &[BY_ENVIRONMENT, BY_BUILDER]);
}

#[test]
#[ignore = "a program"]
fn program_gathers_with_panics() {
    let runtime = runtime();
    // A sibling's, after the gather has failed.
    let gate = Gate::new();
    let (bad, waits) = (PanicOnDrop("a sibling"), gate.clone());
    let sibling = async move {
        let _bad = bad;
        waits.wait().await;
    };
    let first = async move {
        gate.wait_for(1, LIMIT);
        fail("collected").await;
    };
    let task = runtime.spawn(async { gather!(sibling, first).await });
    expect_panic_at(line!() - 1, "a sibling");
    assert!(task.join().unwrap_err().to_string().contains("collected"));

    // One that the gather has taken already, and one that it has not, when it is dropped.
    let failed = || {
        let task = runtime.spawn(fail("had failed"));
        until_finished(&task);
        task
    };
    let (taken, left) = (failed(), failed());
    expect_panic(&left, "had failed");
    expect_panic(&taken, "had failed");
    let waits = runtime.spawn(pending::<()>());
    let mut gather = gather!(left, waits, taken).settle();
    assert!(poll_once(&mut gather, noop()).is_pending());
    drop(gather);

    // A thread's, once the gather has taken it.
    let (_entered, gate, ended) = (runtime.enter(), Gate::new(), CountWaker::new());
    let block = gate.clone();
    let thread = thread::spawn(move || {
        block.block();
        panic!("{ON_PURPOSE}: a thread")
    });
    let mut gather = gather!(pending::<()>(), thread).settle();
    expect_panic_at(line!() - 1, "a thread");
    assert!(poll_once(&mut gather, &ended.waker()).is_pending());
    gate.open();
    ended.wait_for(1, LIMIT);
    assert!(poll_once(&mut gather, noop()).is_pending());
    drop(gather);

    // One that went on in the task that awaited the gather is that task's.
    let outer = runtime.spawn(async { gather!(fail("goes on")).await });
    expect_panic(&outer, "goes on");
    until_finished(&outer);
    drop(outer);
}

#[test]
fn a_panic_that_somebody_collects() {
    assert_is_silent("program_collected_panics");
}

#[test]
#[ignore = "a program"]
fn program_collected_panics() {
    let runtime = runtime();
    assert!(runtime.spawn(fail("joined")).join().is_err());
    runtime.run(async {
        assert!(spawn(fail("awaited")).await.is_err());
        let job: JoinHandle<()> = spawn_blocking(|| panic!("{ON_PURPOSE}: a job"));
        drop(job.await); // whoever has the error has the panic, whatever becomes of it
        let (failed, _) = gather!(fail("settled"), async {}).settle().await;
        assert!(failed.unwrap_err().is_panic());
        let outer = spawn(async { gather!(fail("goes on"), pending::<()>()).await });
        assert!(outer.await.unwrap_err().is_panic());
        let handles = gather!(..[spawn(fail("a handle"))]).settle().await;
        assert!(handles[0].is_err());
    });
    assert_eq!(catch(|| runtime.run(fail("run"))).text, "on purpose: run");
    assert_eq!(
        catch(|| runtime.block_on(fail("block_on"))).text,
        "on purpose: block_on"
    );
    // Cancelled tasks have not panicked.
    let aborted = runtime.spawn(pending::<()>());
    aborted.abort();
    drop(aborted);
    drop(runtime.spawn(pending::<()>()));
    drop(runtime);
}

#[test]
fn the_builder_decides_else_the_environment() {
    for (asked, debug) in [
        ((None, None), false),
        ((Some(""), None), false),
        ((Some("0"), None), false),
        ((Some("1"), None), true),
        ((Some("1"), Some("false")), false),
        ((None, Some("true")), true),
    ] {
        let (expected, said) = run(&mut command("program_mistakes", asked));
        assert_eq!(expected.len(), 2);
        let count = if debug { 2 } else { 0 };
        assert_eq!(
            said.len(),
            count,
            "environment, builder: {asked:?}: {said:#?}"
        );
    }
}

/// A gather that is never awaited, and a panic that nobody collects.
#[test]
#[ignore = "a program"]
fn program_mistakes() {
    let runtime = runtime();
    let _entered = runtime.enter();
    expect_gather("gather!", line!() + 1);
    drop(gather!(pending::<()>()));
    let task = runtime.spawn(fail("a mistake"));
    expect_panic(&task, "a mistake");
    until_finished(&task);
}

/// Runtimes one after the other, which use the same pool again, and two at a time.
#[test]
fn each_runtime_has_a_mode_of_its_own() {
    assert_says_what_it_expects("program_runtimes", &[BY_ENVIRONMENT]);
}

#[test]
#[ignore = "a program"]
fn program_runtimes() {
    quiet();
    let new = |debug| Runtime::builder().worker_threads(3).debug(debug).build();
    for debug in [true, false, true] {
        let runtime = new(debug).unwrap();
        let (other, task) = (new(!debug).unwrap(), runtime.spawn(fail("one of two")));
        until_finished(&task);
        if debug {
            expect_panic(&task, "one of two");
        }
        other.block_on(async { drop(task) });
        drop((runtime, other));
        let runtime = new(debug).unwrap();
        let task = runtime.spawn(fail("alone"));
        until_finished(&task);
        if debug {
            expect_panic(&task, "alone");
        }
        drop(runtime);
        drop(new(!debug).unwrap()); // another runtime has its pool before the handle is dropped
        drop(task);
    }
}

/// The environment decides for a gather of threads where no runtime is.
#[test]
fn a_gather_outside_any_runtime() {
    assert_says_what_it_expects("program_outside", &[BY_ENVIRONMENT]);
    let (expected, said) = run(&mut command("program_outside", (None, None)));
    assert_eq!((expected.len(), said.len()), (1, 0), "{said:#?}");
}

#[test]
#[ignore = "a program"]
fn program_outside() {
    expect_gather("gather!", line!() + 1);
    drop(gather!(thread::spawn(|| 1)));
}

#[test]
#[cfg(target_os = "linux")]
fn a_standard_error_that_takes_nothing_does_no_harm() {
    let program = command("program_mistakes", (None, None));
    let mut shell = Command::new("sh");
    shell.args(["-c", "exec \"$0\" \"$@\" 2> /dev/full"]);
    shell.arg(program.get_program()).args(program.get_args());
    shell.env("WHEELHOUSE_DEBUG", "1");
    let (expected, said) = run(&mut shell);
    assert_eq!((expected.len(), said.len()), (2, 0));
}
