//! A process that was forked from one with a runtime: it has the runtime's memory, and none of its
//! threads. Whatever it does with that runtime fails loudly, and nothing hangs.
#![cfg(unix)]

use std::any::Any;
use std::fs::File;
use std::future::pending;
use std::io::Read;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;
use wheelhouse::{
    Builder, Handle, JoinHandle, Runtime, block_in_place, sleep, spawn, spawn_blocking, task,
    yield_now,
};
use wheelhouse_tests::{Gate, LIMIT, eventually, watchdog};

/// After so many seconds a child is ended, which fails its test.
const PATIENCE: libc::c_uint = 20;

/// How a child ended that panicked.
const PANICKED: i32 = 101;

/// A forked process, and what it writes to standard error.
struct Child {
    id: libc::pid_t,
    stderr: File,
}

/// How a child ended.
#[derive(Debug)]
struct End {
    code: Option<i32>,
    signal: Option<i32>,
    said: String,
}

/// None in the child, which must not come back to the test's harness.
fn fork() -> Option<Child> {
    let mut ends = [0; 2];
    // SAFETY: there is room for both.
    let failed = unsafe { libc::pipe(ends.as_mut_ptr()) };
    assert_eq!(failed, 0, "a pipe");
    // SAFETY: it was just opened.
    let reader = unsafe { OwnedFd::from_raw_fd(ends[0]) };
    // SAFETY: it was just opened.
    let writer = unsafe { OwnedFd::from_raw_fd(ends[1]) };
    // SAFETY: what the child does here is allowed there; what the tests do in it is what is tested.
    let id = unsafe { libc::fork() };
    assert!(id >= 0, "a process");
    if id > 0 {
        let stderr = reader.into();
        return Some(Child { id, stderr });
    }
    // SAFETY: both are open.
    unsafe { libc::dup2(writer.as_raw_fd(), libc::STDERR_FILENO) };
    // SAFETY: always.
    unsafe { libc::alarm(PATIENCE) };
    None
}

fn exit(code: i32) -> ! {
    // SAFETY: always.
    unsafe { libc::_exit(code) }
}

fn process() -> u32 {
    std::process::id()
}

/// Writes to the pipe that the parent reads, past the harness.
fn say(text: &str) {
    // SAFETY: the pointer and the length are those of a string.
    unsafe { libc::write(libc::STDERR_FILENO, text.as_ptr().cast(), text.len()) };
}

impl Child {
    fn wait(mut self) -> End {
        let mut said = String::new();
        self.stderr.read_to_string(&mut said).unwrap();
        let mut status = 0;
        // SAFETY: there is room for it.
        let waited = unsafe { libc::waitpid(self.id, &mut status, 0) };
        assert_eq!(waited, self.id);
        End {
            code: libc::WIFEXITED(status).then(|| libc::WEXITSTATUS(status)),
            signal: libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status)),
            said,
        }
    }
}

fn text(payload: &(dyn Any + Send)) -> &str {
    let string = payload.downcast_ref::<String>().map(String::as_str);
    string.unwrap_or_else(|| payload.downcast_ref::<&str>().unwrap())
}

/// Calls `body` in a child, and waits for its end.
fn in_child(body: impl FnOnce()) -> End {
    match fork() {
        Some(child) => child.wait(),
        None => match catch_unwind(AssertUnwindSafe(body)) {
            Ok(()) => exit(0),
            Err(payload) => {
                say(text(&*payload));
                exit(PANICKED)
            }
        },
    }
}

impl End {
    #[track_caller]
    fn assert_fine(&self) {
        assert_eq!(self.code, Some(0), "{self:?}");
    }

    #[track_caller]
    fn assert_panicked(&self, words: &[&str]) {
        assert_eq!(self.code, Some(PANICKED), "{self:?}");
        for word in words {
            assert!(self.said.contains(word), "no {word} in: {self:?}");
        }
    }

    /// It has gone on as a thread of a runtime.
    #[track_caller]
    fn assert_aborted(&self) {
        assert_eq!(self.signal, Some(libc::SIGABRT), "{self:?}");
        assert!(self.said.contains("has forked and returned"), "{self:?}");
    }
}

/// One test at a time: what the others' threads hold at the moment of a fork stays locked in the child.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn alone(name: &str, test: impl FnOnce() + Send + 'static) {
    let _one = one_at_a_time();
    watchdog(name, LIMIT, test);
}

fn small() -> Builder {
    Runtime::builder().worker_threads(2)
}

#[test]
fn whatever_uses_the_runtime_panics() {
    type Use = fn(&Runtime);
    let uses: &[(&str, Use)] = &[
        ("`spawn`", |runtime| drop(runtime.spawn(async {}))),
        ("`spawn`", |runtime| drop(runtime.handle().spawn(async {}))),
        ("`spawn`", |runtime| {
            drop(task::Builder::new().spawn_on(async {}, runtime.handle()));
        }),
        ("`spawn_blocking`", |runtime| {
            drop(runtime.spawn_blocking(|| ()));
        }),
        ("`block_on`", |runtime| runtime.block_on(async {})),
        ("`Runtime::run`", |runtime| runtime.run(async {})),
        ("`enter`", |runtime| drop(runtime.enter())),
        ("`tasks`", |runtime| drop(runtime.handle().tasks())),
        ("`metrics`", |runtime| {
            drop(format!("{:?}", runtime.metrics()))
        }),
    ];
    alone("uses", move || {
        let runtime = small().build().unwrap();
        for (what, uses) in uses {
            let end = in_child(|| uses(&runtime));
            let fork = "forked from the one that started the runtime";
            end.assert_panicked(&[what, fork, "start a new runtime", file!()]);
        }
        assert_eq!(runtime.spawn(async { 9 }).join().unwrap(), 9);
    });
}

#[test]
fn a_guard_from_before_does_not_help() {
    alone("guard", || {
        let runtime = small().build().unwrap();
        let _entered = runtime.enter();
        let spawns: [fn(); 2] = [|| drop(spawn(async {})), || drop(spawn_blocking(|| ()))];
        for spawns in spawns {
            in_child(spawns).assert_panicked(&["forked from", file!()]);
        }
    });
}

#[test]
fn a_task_of_the_parents_is_not_waited_for() {
    let waits: [fn(JoinHandle<()>); 4] = [
        |task| drop(task.join()),
        |mut task| drop(task.join_timeout(Duration::from_secs(1000))),
        |task| drop(futures::executor::block_on(task)),
        |task| drop(small().build().unwrap().run(task)),
    ];
    alone("waits", move || {
        let runtime = small().build().unwrap();
        for wait in waits {
            let task = runtime.spawn(pending::<()>());
            in_child(|| wait(task)).assert_panicked(&["`JoinHandle::", "forked from"]);
        }
    });
}

#[test]
fn the_output_of_a_task_that_had_ended_is_there() {
    alone("output", || {
        let runtime = small().build().unwrap();
        let task = runtime.spawn(async { String::from("nine") });
        eventually("it ends", LIMIT, || task.is_finished());
        in_child(|| assert_eq!(task.join().unwrap(), "nine")).assert_fine();
    });
}

#[test]
fn no_shutdown_waits() {
    // And how many of them there are.
    let ends: [(fn(Runtime), usize); 3] = [
        (drop, 1),
        (
            |runtime| {
                let report = runtime.shutdown_timeout(Duration::from_secs(1000));
                assert!(
                    report.is_complete(),
                    "none of its threads is here: {report}"
                );
            },
            1,
        ),
        (|runtime| runtime.handle().shutdown_background(), 2),
    ];
    alone("shutdown", move || {
        for (shut_down, count) in ends {
            let runtime = small().build().unwrap();
            let gate = Gate::new();
            let block = gate.clone();
            let task = runtime.spawn(async move { block.block() });
            gate.wait_for(1, LIMIT);
            let mut runtime = Some(runtime);
            let end = in_child(|| shut_down(runtime.take().unwrap()));
            end.assert_fine();
            assert!(end.said.contains("nobody is waited for"), "{end:?}");
            assert_eq!(end.said.lines().count(), count, "{end:?}");
            assert!(!task.is_finished());
            gate.open();
            task.join().unwrap();
        }
    });
}

#[test]
fn what_is_left_of_an_ended_runtime_goes() {
    alone("left", || {
        let runtime = small().build().unwrap();
        let handle = runtime.handle().clone();
        drop(runtime);
        in_child(|| drop(handle)).assert_fine();
    });
}

/// All that a runtime of the child's own can do.
fn works(runtime: &Runtime) {
    let outputs = runtime.run(async {
        let task = spawn(async {
            sleep(Duration::from_millis(2)).await;
            1
        });
        let job = spawn_blocking(|| 2);
        block_in_place(|| ());
        (task.await.unwrap(), job.await.unwrap())
    });
    assert_eq!(outputs, (1, 2));
    assert_eq!(runtime.block_on(async { 3 }), 3);
}

#[test]
fn a_new_runtime_works() {
    alone("new", || {
        let old = small().build().unwrap();
        let enough = Arc::new(AtomicBool::new(false));
        for _ in 0..4 {
            let enough = Arc::clone(&enough);
            drop(old.spawn(async move {
                while !enough.load(SeqCst) {
                    sleep(Duration::from_micros(100)).await;
                }
            }));
        }
        // One to recycle, which the child had better not.
        drop(small().build().unwrap());
        for _ in 0..50 {
            let end = in_child(|| {
                let new = small().build().unwrap();
                works(&new);
                let report = new.shutdown_timeout(Duration::from_secs(10));
                assert!(report.is_complete(), "{report}");
                works(&small().build().unwrap());
            });
            end.assert_fine();
        }
        enough.store(true, SeqCst);
    });
}

#[test]
fn a_childs_child() {
    alone("generations", || {
        let first = small().build().unwrap();
        let end = in_child(|| {
            let second = small().build().unwrap();
            let end = in_child(|| drop(second.spawn(async {})));
            end.assert_panicked(&["forked from"]);
            let end = in_child(|| drop(first.spawn(async {})));
            end.assert_panicked(&["forked from"]);
            in_child(|| works(&small().build().unwrap())).assert_fine();
            works(&second);
        });
        end.assert_fine();
    });
}

/// Sends the end of the child that `forks` has made.
fn forks(ends: mpsc::Sender<End>) -> impl Fn() + Send + Sync + 'static {
    let (parent, once) = (process(), AtomicBool::new(false));
    let ends = Mutex::new(ends);
    move || {
        if process() != parent {
            say("ran once more");
        } else if !once.swap(true, SeqCst)
            && let Some(child) = fork()
        {
            ends.lock().unwrap().send(child.wait()).unwrap();
        }
    }
}

/// What forks and returns in the child: the child ends, and the parent goes on.
fn returns(options: fn(Builder) -> Builder, place: fn(&Runtime, Box<dyn Fn() + Send + Sync>)) {
    alone("returns", move || {
        let (sender, ends) = mpsc::channel();
        // Nobody else could run what is queued.
        let runtime = options(Runtime::builder().worker_threads(1))
            .build()
            .unwrap();
        place(&runtime, Box::new(forks(sender)));
        let end = ends.recv().unwrap();
        end.assert_aborted();
        assert!(!end.said.contains("ran once more"), "{end:?}");
        assert_eq!(runtime.spawn(async { 9 }).join().unwrap(), 9);
        assert_eq!(runtime.spawn_blocking(|| 9).join().unwrap(), 9);
    });
}

#[test]
fn a_task_that_returns_ends_its_process() {
    returns(
        |builder| builder,
        |runtime, fork| {
            let fork = Arc::new(fork);
            let again = Arc::clone(&fork);
            drop(runtime.spawn(async move {
                // Queued behind: the child would run it too.
                drop(spawn(async move { again() }));
                fork();
            }));
        },
    );
}

#[test]
fn a_task_that_waits_ends_its_process() {
    returns(
        |builder| builder,
        |runtime, fork| {
            drop(runtime.spawn(async move {
                fork();
                yield_now().await;
                fork();
            }));
        },
    );
}

#[test]
fn a_task_that_forks_in_place_ends_its_process() {
    // Nobody stands in, so that what is queued stays there.
    let options: [fn(Builder) -> Builder; 2] = [
        |builder| builder.max_spare_threads(0),
        |builder| builder.max_spare_threads(0).watch(false),
    ];
    for options in options {
        returns(options, |runtime, fork| {
            let fork = Arc::new(fork);
            let again = Arc::clone(&fork);
            drop(runtime.spawn(async move {
                drop(spawn(async move { again() }));
                block_in_place(&*fork);
            }));
        });
    }
}

#[test]
fn a_job_that_returns_ends_its_process() {
    returns(
        |builder| builder.max_blocking_threads(1),
        |runtime, fork| {
            let fork = Arc::new(fork);
            let again = Arc::clone(&fork);
            let handle = runtime.handle().clone();
            drop(runtime.spawn_blocking(move || {
                drop(handle.spawn_blocking(move || again()));
                fork();
            }));
        },
    );
}

/// A runtime with a hook that forks when it is called first.
fn hook(set: impl FnOnce(Builder, Box<dyn Fn() + Send + Sync>) -> Builder, calls: fn(&Runtime)) {
    let (sender, ends) = mpsc::channel();
    let runtime = set(small(), Box::new(forks(sender))).build().unwrap();
    calls(&runtime);
    drop(runtime);
    let end = ends.recv().unwrap();
    end.assert_aborted();
    assert!(!end.said.contains("ran once more"), "{end:?}");
}

#[test]
fn a_hook_that_returns_ends_its_process() {
    alone("hooks", || {
        hook(|builder, hook| builder.on_thread_start(hook), |_| {});
        hook(|builder, hook| builder.on_thread_stop(hook), |_| {});
        hook(
            |builder, hook| builder.on_blocked(move |_| hook()),
            |runtime| {
                // Long enough to be noticed.
                let stuck = runtime.spawn(async { thread::sleep(Duration::from_millis(50)) });
                stuck.join().unwrap();
            },
        );
        hook(
            |builder, hook| builder.on_unhandled_panic(move |_| hook()),
            |runtime| {
                let gate = Gate::new();
                let wait = gate.wait();
                let task = runtime.spawn(async move {
                    wait.await;
                    panic!("on purpose")
                });
                let abort = task.abort_handle();
                drop(task);
                // Now nobody but the worker can find the panic.
                gate.open();
                eventually("it panics", LIMIT, || abort.is_finished());
            },
        );
    });
}

#[test]
fn the_child_of_a_task_is_outside_the_runtime() {
    alone("task", || {
        let runtime = small().build().unwrap();
        let handle = runtime.handle().clone();
        let ends = runtime.run(async move {
            [
                in_child(|| drop(spawn(async {}))),
                in_child(|| drop(Handle::current())),
                in_child(|| drop(handle.spawn(async {}))),
                in_child(|| assert_eq!(block_in_place(|| 9), 9)),
                in_child(|| works(&small().build().unwrap())),
                in_child(|| {
                    assert!(Handle::try_current().is_none());
                    drop(small().build().unwrap());
                }),
            ]
        });
        ends[0].assert_panicked(&["outside a runtime", "was forked", file!()]);
        ends[1].assert_panicked(&["outside a runtime", "was forked", file!()]);
        ends[2].assert_panicked(&["forked from", file!()]);
        ends[3..].iter().for_each(End::assert_fine);
    });
}

#[test]
fn the_future_of_a_block_on() {
    alone("block_on", || {
        for reported in [false, true] {
            let options = match reported {
                true => small().on_blocked(|_| {}),
                false => small(),
            };
            let runtime = options.build().unwrap();
            let forked = runtime.block_on(async { fork() });
            let Some(child) = forked else { exit(7) };
            assert_eq!(child.wait().code, Some(7), "it comes back from `block_on`");
            let waits = in_child_of_future(&runtime);
            waits.assert_panicked(&["`block_on`", "forked from"]);
        }
    });
}

/// The child goes on to wait in the `block_on`.
fn in_child_of_future(runtime: &Runtime) -> End {
    let mut child = None;
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            child = fork();
            if child.is_none() {
                sleep(Duration::from_secs(1000)).await;
            }
        });
    }));
    match (child, outcome) {
        (Some(child), _) => child.wait(),
        (None, Ok(())) => exit(0),
        (None, Err(payload)) => {
            say(text(&*payload));
            exit(PANICKED)
        }
    }
}

/// Both ways in which std starts a program: with `posix_spawn`, and, for the sake of the closure, with a
/// fork.
fn commands() -> [Command; 2] {
    let mut echo = [Command::new("echo"), Command::new("echo")];
    for echo in &mut echo {
        echo.arg("hello");
    }
    // SAFETY: it does nothing.
    unsafe { echo[1].pre_exec(|| Ok(())) };
    echo
}

#[test]
fn other_programs_are_started_anywhere() {
    alone("programs", || {
        fn start() {
            for mut command in commands() {
                assert_eq!(command.output().unwrap().stdout, b"hello\n");
            }
            let mut nothing = Command::new("/no/such/program");
            // SAFETY: it does nothing.
            unsafe { nothing.pre_exec(|| Ok(())) };
            assert!(nothing.output().is_err());
        }
        let runtime = small().build().unwrap();
        for _ in 0..20 {
            runtime.run(async {
                let tasks: Vec<_> = (0..4).map(|_| spawn(async { start() })).collect();
                let jobs: Vec<_> = (0..4).map(|_| spawn_blocking(start)).collect();
                block_in_place(start);
                for handle in tasks.into_iter().chain(jobs) {
                    handle.await.unwrap();
                }
            });
            runtime.block_on(async { start() });
        }
    });
}

#[test]
fn wakers_and_aborts_do_nothing() {
    alone("wakers", || {
        let runtime = small().build().unwrap();
        let gate = Gate::new();
        let waits = gate.clone();
        let task = runtime.spawn(async move { waits.wait().await });
        gate.wait_for(1, LIMIT);
        let abort = task.abort_handle();
        in_child(|| {
            gate.open();
            abort.abort();
            assert!(!abort.is_finished());
        })
        .assert_fine();
        gate.open();
        task.join().unwrap();
    });
}

/// A scope's tasks will not end there, so it can't return.
#[test]
fn the_closure_of_a_scope() {
    alone("the closure of a scope", || {
        let runtime = small().build().unwrap();
        for in_task in [false, true] {
            let ends = || {
                runtime.handle().scope(|s| {
                    let waits = s.spawn(std::future::pending::<()>());
                    let child = fork();
                    if child.is_some() {
                        waits.abort();
                    }
                    child
                })
            };
            let child = match in_task {
                false => ends(),
                true => runtime.run(async { ends() }),
            };
            // The new process has not come here.
            child.unwrap().wait().assert_aborted();
        }
        // Nothing is outstanding.
        let child = runtime.scope(|_| fork());
        let Some(child) = child else { exit(0) };
        child.wait().assert_fine();
        for job in [false, true] {
            let end = runtime.scope(|s| {
                in_child(|| match job {
                    false => drop(s.spawn(async {})),
                    true => drop(s.spawn_blocking(|| ())),
                })
            });
            end.assert_panicked(&["forked", file!()]);
        }
    });
}
