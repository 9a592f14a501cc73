//! What is dropped with a task's memory, or after it, finds no current task: that one is gone.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, mpsc};
use std::task::{Wake, Waker};
use wheelhouse::task::{self, TaskLocal};
use wheelhouse::yield_now;
use wheelhouse_tests::{
    Gate, LIMIT, WORKERS, on_unwatched_workers, on_workers, poll_once, quiet, stubborn_waker,
};

/// Tells at its end which task it found.
struct Asks(mpsc::Sender<Option<u64>>);

impl Drop for Asks {
    fn drop(&mut self) {
        // What was freed a moment ago is written over.
        let over: Vec<Vec<u64>> = (8..320)
            .map(|words| vec![0x5a5a_5a5a_5a5a_5a5a; words / 8])
            .collect();
        let found = task::try_current().map(|task| task.id().as_u64());
        drop(over);
        let _ = self.0.send(found);
    }
}

impl Wake for Asks {
    fn wake(self: Arc<Self>) {}
}

/// The task is the last to hold its inherited values.
#[test]
fn an_inherited_value() {
    static VALUE: TaskLocal<Asks> = TaskLocal::new();
    on_workers(WORKERS, |runtime, _| {
        let (gate, (tell, told)) = (Gate::new(), mpsc::channel());
        let waits = gate.clone();
        let task = VALUE.sync_scope(Asks(tell), || {
            runtime.spawn(async move { waits.wait().await })
        });
        let id = task.id().as_u64();
        gate.wait_for(1, LIMIT);
        drop(task);
        gate.open();
        let found = told.recv_timeout(LIMIT).unwrap();
        assert!(found.is_none_or(|found| found == id), "{found:?}, not {id}");
    });
}

/// Whoever frees another task is still itself.
#[test]
fn by_a_task() {
    // Alone: the worker has let go of the one before it polls the other again.
    on_unwatched_workers(&[1], |runtime, _| {
        runtime.run(async {
            let own = task::id();
            let other = task::Builder::new().name("other").spawn(async {});
            let abort = other.abort_handle();
            while !other.is_finished() {
                yield_now().await;
            }
            drop(other);
            assert_eq!(abort.name(), Some("other"), "not freed yet");
            drop(abort);
            assert_eq!(task::try_current().map(|task| task.id()), Some(own));
        });
    });
}

/// What is left of a joiner whose next waker can't be cloned goes with the task.
#[test]
fn a_joiners_waker() {
    quiet();
    on_workers(WORKERS, |runtime, _| {
        let (gate, (tell, told)) = (Gate::new(), mpsc::channel());
        let waits = gate.clone();
        let mut task = runtime.spawn(async move { waits.wait().await });
        let id = task.id().as_u64();
        gate.wait_for(1, LIMIT);
        assert!(poll_once(&mut task, &Waker::from(Arc::new(Asks(tell)))).is_pending());
        let again = catch_unwind(AssertUnwindSafe(|| poll_once(&mut task, &stubborn_waker())));
        assert!(again.is_err());
        drop(task);
        gate.open();
        let found = told.recv_timeout(LIMIT).unwrap();
        assert!(found.is_none_or(|found| found == id), "{found:?}, not {id}");
    });
}
