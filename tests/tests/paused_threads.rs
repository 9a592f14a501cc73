//! The thread of a paused clock: that it is there and ends, what is said if a waker holds it up, and the
//! thread that waits inside another wait.

use futures::channel::oneshot;
use std::env;
use std::future::poll_fn;
use std::pin::pin;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;
use wheelhouse::{BlockedReport, Builder, Runtime, block_in_place, join, sleep, time};
use wheelhouse_tests::{
    Dice, Gate, LIMIT, Reports, WORKERS, eventually, on_built, on_workers, output_within,
    threads_named, watchdog,
};

const SECOND: Duration = Duration::from_secs(1);

fn paused(name: &str) -> Builder {
    let builder = Runtime::builder().start_paused(true);
    builder.worker_threads(2).thread_name(name)
}

#[test]
fn the_clock_has_a_thread_only_if_it_is_paused() {
    watchdog("threads", LIMIT, || {
        for (name, paused_clock) in [("tick", true), ("tock", false)] {
            let runtime = paused(name).start_paused(paused_clock).build().unwrap();
            runtime.run(async {});
            let clock = format!("{name}-clock");
            let threads = || threads_named(&clock).len();
            if cfg!(target_os = "linux") {
                eventually("it starts", LIMIT, || {
                    threads() == usize::from(paused_clock)
                });
            }
            drop(runtime);
            assert_eq!(threads(), 0);
        }
    });
}

#[test]
fn a_runtime_with_armed_timers_ends_at_once() {
    on_built(
        WORKERS,
        |builder| builder.start_paused(true),
        |runtime, _| {
            let tasks: Vec<_> = (0..100)
                .map(|n| runtime.spawn(async move { sleep(n * SECOND + SECOND).await }))
                .collect();
            let last = runtime.shutdown_timeout(LIMIT);
            assert!(last.stuck().is_empty(), "{last}");
            for task in tasks {
                assert!(task.join().unwrap_err().is_cancelled());
            }
        },
    );
}

/// Blocks whoever calls it.
struct Blocks {
    called: Gate,
}

impl Wake for Blocks {
    fn wake(self: Arc<Self>) {
        self.called.block();
    }
}

#[test]
fn a_waker_that_blocks_the_clock_is_reported() {
    watchdog("a stuck clock", LIMIT, || {
        let (reports, called) = (Reports::new(), Gate::new());
        let builder = paused("held").on_blocked(reports.hook());
        let runtime = builder.build().unwrap();
        let blocks = called.clone();
        let handle = runtime.handle().clone();
        let sleeper = thread::spawn(move || {
            handle.block_on(async {
                let mut nap = pin!(sleep(SECOND));
                let waker = Waker::from(Arc::new(Blocks { called: blocks }));
                let polled = nap.as_mut().poll(&mut Context::from_waker(&waker));
                assert!(polled.is_pending());
                sleep(2 * SECOND).await;
            });
        });
        called.wait_for(1, LIMIT);
        let stuck = reports.wait_for(LIMIT, |reports| {
            reports.iter().find_map(|report| match report {
                BlockedReport::Began(poll) => Some(poll.clone()),
                _ => None,
            })
        });
        assert_eq!(stuck.thread_name(), "held-clock");
        assert_eq!(stuck.task_id(), None);
        let report = runtime.shutdown_timeout(Duration::from_millis(20));
        let names: Vec<_> = report.stuck().iter().map(|one| one.name()).collect();
        assert_eq!(names, ["held-clock"], "{report}");
        called.open();
        sleeper.join().unwrap();
    });
}

#[test]
fn a_wait_inside_a_wait_takes_no_wake_up_of_the_other() {
    let inside = |runtime: Runtime| {
        let handle = runtime.handle().clone();
        runtime.block_on(async {
            let (sender, receiver) = oneshot::channel();
            let wakes = async {
                let (done, polled) = (Arc::new(AtomicBool::new(false)), AtomicBool::new(false));
                let mut sender = Some(sender);
                block_in_place(|| {
                    handle.block_on(poll_fn(|context| {
                        if let Some(sender) = sender.take() {
                            let (done, waker) = (Arc::clone(&done), context.waker().clone());
                            thread::spawn(move || {
                                sender.send(()).unwrap();
                                // Waits until that wake-up could have been taken.
                                thread::sleep(Duration::from_millis(5));
                                done.store(true, SeqCst);
                                waker.wake();
                            });
                        }
                        match done.load(SeqCst) {
                            true => Poll::Ready(()),
                            false => Poll::Pending,
                        }
                    }));
                });
                // The outer one is polled again only if it is woken.
                poll_fn(|_| match polled.swap(true, SeqCst) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
            };
            let (received, ()) = join!(receiver, wakes);
            received.unwrap();
        });
    };
    on_workers(&[1, 2], move |runtime, _| inside(runtime));
}

#[test]
#[ignore = "a program for the test below"]
fn waits_by_other_means() {
    let runtime = paused("alone").build().unwrap();
    let (sender, receiver) = mpsc::channel();
    drop(runtime.spawn(async move {
        sleep(SECOND).await;
        sender.send(())
    }));
    assert!(receiver.recv_timeout(Duration::from_secs(7)).is_err());
}

#[test]
fn that_time_stands_still_since_nobody_waits_is_said_once() {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--exact",
        "waits_by_other_means",
        "--ignored",
        "--nocapture",
    ]);
    let output = output_within(&mut command, LIMIT);
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{said}");
    assert_eq!(said.matches("its time stands still").count(), 1, "{said}");
}

/// Calls `f` over and over, each time a little later in what else goes on.
fn at_odd_moments(mut f: impl FnMut()) {
    let mut dice = Dice(5);
    for _ in 0..5_000 {
        (0..dice.roll(2_000)).for_each(|_| std::hint::spin_loop());
        f();
    }
}

/// A thread that begins to wait is no leave to jump, for it polls its future first.
#[test]
fn no_time_passes_under_a_wait_that_begins() {
    watchdog("no time passes under a wait that begins", LIMIT, || {
        let runtime = Runtime::builder().start_paused(true).build().unwrap();
        drop(runtime.spawn(async {
            loop {
                sleep(Duration::from_secs(60)).await;
            }
        }));
        at_odd_moments(|| {
            let took = runtime.block_on(async {
                let start = time::now();
                sleep(Duration::from_secs(10)).await;
                time::now() - start
            });
            assert_eq!(took, Duration::from_secs(10));
        });
    });
}

/// Nor while another thread waits, which has time jump.
#[test]
fn no_time_passes_under_a_second_wait_that_begins() {
    watchdog("no time passes under a second wait", LIMIT, || {
        let runtime = Runtime::builder().start_paused(true).build().unwrap();
        let (over, handle) = (Arc::new(AtomicBool::new(false)), runtime.handle().clone());
        let ends = Arc::clone(&over);
        let other = thread::spawn(move || {
            handle.block_on(async {
                while !ends.load(SeqCst) {
                    sleep(Duration::from_secs(60)).await;
                }
            });
        });
        at_odd_moments(|| {
            runtime.block_on(async {
                let start = time::now();
                (0..300).for_each(|_| std::hint::spin_loop());
                assert_eq!(time::now(), start);
            });
        });
        over.store(true, SeqCst);
        other.join().unwrap();
    });
}
