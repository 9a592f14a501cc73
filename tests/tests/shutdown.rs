//! The end of a runtime: who waits for whom, and what is told about those who don't end.

use futures::channel::oneshot;
use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use wheelhouse::{Handle, Runtime, sleep, spawn};
use wheelhouse_tests::{DropCounter, Gate, LIMIT, WORKERS, on_workers, watchdog};

/// Waits until a runtime accepts nothing any more. By jobs, for its workers may all be stuck.
fn wait_until_closed(handle: &Handle) {
    while handle.spawn_blocking(|| ()).join().is_ok() {
        thread::yield_now();
    }
}

/// A task or job that is stuck until the gate is opened, and sets the flag when it goes on.
fn stuck(inside: &Gate, went_on: &Arc<AtomicBool>) -> impl FnOnce() + Send + 'static {
    let (inside, went_on) = (inside.clone(), Arc::clone(went_on));
    move || {
        inside.block();
        went_on.store(true, SeqCst);
    }
}

#[test]
fn a_drop_waits_for_tasks_and_jobs_that_run() {
    on_workers(WORKERS, |runtime, _| {
        let (inside, task_went_on, job_went_on) = (Gate::new(), Arc::default(), Arc::default());
        let poll = stuck(&inside, &task_went_on);
        let task = runtime.spawn(async move { poll() });
        let job = runtime.spawn_blocking(stuck(&inside, &job_went_on));
        inside.wait_for(2, LIMIT);
        let handle = runtime.handle().clone();
        let dropper = thread::spawn(move || {
            drop(runtime);
            task_went_on.load(SeqCst) && job_went_on.load(SeqCst)
        });
        wait_until_closed(&handle);
        inside.open();
        assert!(
            dropper.join().unwrap(),
            "the drop came back before they went on"
        );
        task.join().unwrap();
        job.join().unwrap();
    });
}

#[test]
fn futures_are_dropped_by_the_workers_before_a_drop_returns() {
    struct Look(mpsc::Sender<String>);
    impl Drop for Look {
        fn drop(&mut self) {
            let name = thread::current().name().unwrap_or_default().to_owned();
            self.0.send(name).unwrap();
        }
    }
    on_workers(WORKERS, |runtime, _| {
        let ((sender, names), gate) = (mpsc::channel(), Gate::new());
        for _ in 0..100 {
            let (look, gate) = (Look(sender.clone()), gate.clone());
            drop(runtime.spawn(async move {
                let _look = look;
                gate.wait().await;
                sleep(Duration::MAX).await;
            }));
        }
        gate.wait_for(100, LIMIT);
        drop((runtime, sender));
        let names: Vec<_> = names.iter().collect();
        assert_eq!(names.len(), 100);
        for name in names {
            assert!(name.starts_with("wheelhouse-"), "dropped by `{name}`");
        }
    });
}

#[test]
fn a_long_sleep_holds_nothing_up() {
    on_workers(WORKERS, |runtime, _| {
        let (started, start) = (Gate::new(), Instant::now());
        for _ in 0..10 {
            let started = started.clone();
            drop(runtime.spawn(async move {
                started.wait().await;
                sleep(Duration::from_secs(1000)).await;
            }));
        }
        started.wait_for(10, LIMIT);
        started.open();
        drop(runtime);
        assert!(start.elapsed() < Duration::from_secs(30));
    });
}

#[test]
fn a_drop_in_a_task_does_not_wait() {
    on_workers(WORKERS, |runtime, workers| {
        let inside = Gate::new();
        let elsewhere = workers > 1;
        if elsewhere {
            let block = inside.clone();
            drop(runtime.spawn(async move { block.block() }));
        } else {
            let block = inside.clone();
            drop(runtime.spawn_blocking(move || block.block()));
        }
        inside.wait_for(1, LIMIT);
        let (sender, receiver) = mpsc::channel();
        let (give, take) = oneshot::channel::<Runtime>();
        let handle = runtime.handle().clone();
        drop(runtime.spawn(async move {
            drop(take.await);
            sender.send(()).unwrap();
        }));
        assert!(give.send(runtime).is_ok());
        receiver
            .recv()
            .expect("the drop came back, and its task went on");
        wait_until_closed(&handle);
        inside.open();
    });
}

#[test]
fn a_drop_in_a_blocking_job_does_not_wait() {
    on_workers(WORKERS, |runtime, _| {
        let handle = runtime.handle().clone();
        let (sender, receiver) = mpsc::channel();
        let job = handle.spawn_blocking(move || {
            drop(runtime);
            sender.send(()).unwrap();
            9
        });
        receiver.recv().unwrap();
        assert_eq!(job.join().unwrap(), 9);
    });
}

#[test]
fn a_drop_inside_another_runtime_comes_back() {
    on_workers(WORKERS, |runtime, _| {
        let outer = Runtime::builder().worker_threads(1).build().unwrap();
        let drops = DropCounter::new();
        let token = drops.token();
        drop(runtime.spawn(async move {
            let _token = token;
            pending::<()>().await
        }));
        outer.run(async move { drop(runtime) });
        drops.wait_for(1, LIMIT);
    });
}

#[test]
fn the_background_form_does_not_wait() {
    on_workers(WORKERS, |runtime, _| {
        let (inside, waits) = (Gate::new(), Gate::new());
        let block = inside.clone();
        let job = runtime.spawn_blocking(move || block.block());
        let gate = waits.clone();
        let task = runtime.spawn(async move { gate.wait().await });
        inside.wait_for(1, LIMIT);
        waits.wait_for(1, LIMIT);
        runtime.handle().shutdown_background();
        runtime.handle().shutdown_background();
        assert!(task.join().unwrap_err().is_cancelled());
        let late = runtime.spawn(pending::<()>());
        assert!(late.join().unwrap_err().is_cancelled());
        inside.open();
        job.join().unwrap();
    });
}

#[test]
fn a_stuck_worker_does_not_hold_up_other_threads_sleeps() {
    on_workers(&[2, 4], |runtime, _| {
        let inside = Gate::new();
        let block = inside.clone();
        let task = runtime.spawn(async move { block.block() });
        inside.wait_for(1, LIMIT);
        runtime.block_on(async {
            runtime.handle().shutdown_background();
            for _ in 0..20 {
                sleep(Duration::from_millis(5)).await;
            }
        });
        inside.open();
        task.join().unwrap();
    });
}

#[test]
fn thread_locals_are_gone_when_a_drop_returns() {
    struct Slow(Arc<AtomicBool>, Duration);
    impl Drop for Slow {
        fn drop(&mut self) {
            // Not to wait for anything: it widens the gap that a drop could slip through.
            thread::sleep(self.1);
            self.0.store(true, SeqCst);
        }
    }
    thread_local!(static KEPT: std::cell::RefCell<Option<Slow>> = const { std::cell::RefCell::new(None) });
    on_workers(&[1, 4], |runtime, _| {
        let (job_gone, task_gone) = (Arc::new(AtomicBool::new(false)), Arc::default());
        // The longer one, so that waiting for the workers alone is not enough.
        let slow = Slow(Arc::clone(&job_gone), Duration::from_millis(60));
        runtime
            .spawn_blocking(move || KEPT.set(Some(slow)))
            .join()
            .unwrap();
        let slow = Slow(Arc::clone(&task_gone), Duration::from_millis(10));
        runtime
            .spawn(async move { KEPT.set(Some(slow)) })
            .join()
            .unwrap();
        drop(runtime);
        assert!(task_gone.load(SeqCst), "a worker's thread-locals");
        assert!(job_gone.load(SeqCst), "a blocking thread's thread-locals");
    });
}

#[test]
fn a_runtime_ends_while_block_on_waits_in_it() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (handle, gate) = (runtime.handle().clone(), gate.clone());
                thread::spawn(move || {
                    handle.block_on(async {
                        let task = spawn(pending::<()>());
                        gate.wait().await;
                        task.await.unwrap_err().is_cancelled()
                    })
                })
            })
            .collect();
        gate.wait_for(4, LIMIT);
        drop(runtime);
        gate.open();
        assert!(threads.into_iter().all(|thread| thread.join().unwrap()));
    });
}

#[test]
fn a_mutex_may_be_taken_in_a_drop_at_shutdown() {
    struct Locks(Arc<std::sync::Mutex<usize>>, mpsc::Sender<()>);
    impl Drop for Locks {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
            let _ = self.1.send(());
        }
    }
    watchdog("locks", LIMIT, || {
        let (count, (sender, receiver)) = (Arc::new(std::sync::Mutex::new(0)), mpsc::channel());
        let runtime = Runtime::builder().worker_threads(2).build().unwrap();
        for _ in 0..100 {
            let locks = Locks(Arc::clone(&count), sender.clone());
            drop(runtime.spawn(async move {
                let _locks = locks;
                pending::<()>().await
            }));
        }
        drop((runtime, sender));
        assert_eq!(
            (receiver.iter().count(), *count.lock().unwrap()),
            (100, 100)
        );
    });
}
