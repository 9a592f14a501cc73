//! Aborting tasks, wherever they are at that moment.

use futures::channel::oneshot;
use std::future::{Future, pending, poll_fn};
use std::sync::mpsc;
use std::task::{Poll, Waker};
use std::thread;
use wheelhouse::{spawn, yield_now};
use wheelhouse_tests::{
    DropCounter, Gate, LIMIT, WORKERS, hold_workers, on_unwatched_workers, on_workers,
};

/// Tells the name of the thread that drops it.
struct NameOnDrop(mpsc::Sender<String>);

impl Drop for NameOnDrop {
    fn drop(&mut self) {
        let name = thread::current().name().unwrap_or_default().to_owned();
        let _ = self.0.send(name);
    }
}

/// A future that holds a `NameOnDrop` and then does `rest`, and where the name comes out.
fn tells<F: Future>(rest: F) -> (impl Future<Output = F::Output>, mpsc::Receiver<String>) {
    let (sender, name) = mpsc::channel();
    let held = NameOnDrop(sender);
    let future = async move {
        let _held = held;
        rest.await
    };
    (future, name)
}

#[track_caller]
fn assert_worker(name: mpsc::Receiver<String>) {
    let name = name.recv().unwrap();
    let number = name.strip_prefix("wheelhouse-").unwrap_or_default();
    assert!(number.parse::<usize>().is_ok(), "dropped by `{name}`");
}

#[test]
fn before_it_starts() {
    on_unwatched_workers(WORKERS, |runtime, workers| {
        let busy = hold_workers(&runtime, workers);
        let (future, name) = tells(poll_fn(|_| -> Poll<()> { unreachable!("it was aborted") }));
        let task = runtime.spawn(future);
        task.abort();
        assert!(
            !task.is_finished(),
            "nothing is dropped on the calling thread"
        );
        busy.open();
        assert!(task.join().unwrap_err().is_cancelled());
        assert_worker(name);
    });
}

#[test]
fn while_it_waits() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let (future, name) = tells(gate.wait());
        let task = runtime.spawn(future);
        gate.wait_for(1, LIMIT);
        task.abort();
        assert!(task.join().unwrap_err().is_cancelled());
        assert_eq!(
            gate.waiting(),
            0,
            "the future is gone when the handle says so"
        );
        assert_worker(name);
    });
}

#[test]
fn while_it_runs() {
    on_workers(WORKERS, |runtime, _| {
        for ends in [false, true] {
            let (inside, drops) = (Gate::new(), DropCounter::new());
            let (block, token) = (inside.clone(), drops.token());
            let (future, name) = tells(async move {
                let _token = token;
                block.block();
                if !ends {
                    pending::<()>().await;
                }
            });
            let task = runtime.spawn(future);
            inside.wait_for(1, LIMIT);
            task.abort();
            assert!(!task.is_finished());
            assert_eq!(drops.dropped(), 0);
            inside.open();
            let result = task.join();
            drops.assert_each_dropped_once();
            assert_worker(name);
            match result {
                Ok(()) => assert!(ends, "it was to be cancelled at its next await"),
                Err(error) => assert!(error.is_cancelled() && !ends, "it had ended: {error}"),
            }
        }
    });
}

#[test]
fn after_its_end() {
    on_workers(WORKERS, |runtime, _| {
        let task = runtime.spawn(async { "done" });
        while !task.is_finished() {
            thread::yield_now();
        }
        task.abort();
        task.abort_handle().abort();
        assert_eq!(task.join().unwrap(), "done");
    });
}

#[test]
fn by_itself() {
    on_workers(WORKERS, |runtime, _| {
        let (sender, handle) = oneshot::channel::<wheelhouse::AbortHandle>();
        let task = runtime.spawn(async {
            handle.await.unwrap().abort();
            yield_now().await;
            unreachable!("it was aborted");
        });
        sender.send(task.abort_handle()).unwrap();
        assert!(task.join().unwrap_err().is_cancelled());
    });
}

#[test]
fn from_a_task_and_detached() {
    on_workers(WORKERS, |runtime, _| {
        let gate = Gate::new();
        let (future, name) = tells(gate.wait());
        let abort = runtime.run(async {
            let abort = spawn(future).abort_handle();
            yield_now().await;
            spawn(async move {
                abort.abort();
                abort
            })
            .await
            .unwrap()
        });
        assert_worker(name);
        while !abort.is_finished() {
            thread::yield_now();
        }
    });
}

#[test]
fn an_aborted_task_is_not_polled_again() {
    on_workers(WORKERS, |runtime, _| {
        let (sender, wakers) = mpsc::channel::<Waker>();
        let task = runtime.spawn(poll_fn(move |cx| {
            sender.send(cx.waker().clone()).expect("it is polled once");
            Poll::<()>::Pending
        }));
        let waker = wakers.recv().unwrap();
        drop(wakers);
        task.abort();
        (0..100).for_each(|_| waker.wake_by_ref());
        let error = task.join().unwrap_err();
        assert!(error.is_cancelled(), "{error}");
        waker.wake();
    });
}

#[test]
fn racing_the_end() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        for _ in 0..500 {
            let (sender, receiver) = oneshot::channel::<()>();
            let (held, output) = (drops.token(), drops.token());
            let task = runtime.spawn(async move {
                let _held = held;
                receiver.await.unwrap();
                output
            });
            let abort = task.abort_handle();
            let racer = runtime.spawn(async move { abort.abort() });
            // The task may be gone with its receiver.
            let _ = sender.send(());
            if let Err(error) = task.join() {
                assert!(error.is_cancelled(), "{error}");
            }
            racer.join().unwrap();
        }
        drops.assert_each_dropped_once();
    });
}

#[test]
fn by_many_at_once() {
    on_workers(WORKERS, |runtime, _| {
        for _ in 0..50 {
            let gate = Gate::new();
            let (future, name) = tells(gate.wait());
            let task = runtime.spawn(future);
            thread::scope(|scope| {
                for _ in 0..4 {
                    let abort = task.abort_handle();
                    scope.spawn(move || abort.clone().abort());
                }
            });
            assert!(task.join().unwrap_err().is_cancelled());
            assert_worker(name);
        }
    });
}

#[test]
fn an_abort_handle_outlives_everything() {
    on_workers(WORKERS, |runtime, _| {
        let drops = DropCounter::new();
        let token = drops.token();
        let task = runtime.spawn(async move {
            let _token = token;
            pending::<()>().await
        });
        let (abort, id) = (task.abort_handle(), task.id());
        drop(task);
        drop(runtime);
        drops.assert_each_dropped_once();
        assert!(abort.is_finished());
        abort.abort();
        assert_eq!(abort.clone().id(), id);
    });
}
