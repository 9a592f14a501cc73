//! A future that fails tells its gather a moment before its task has ended. The gather that looks in
//! that moment must not forget it.

use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Poll, Wake, Waker};
use wheelhouse::{try_gather, yield_now};
use wheelhouse_tests::{CountWaker, Gate, LIMIT, eventually, on_workers, poll_once};

/// Holds up whoever wakes it.
struct Holds {
    woken: mpsc::Sender<()>,
    go_on: Mutex<mpsc::Receiver<()>>,
}

impl Wake for Holds {
    fn wake(self: Arc<Self>) {
        let _ = self.woken.send(());
        let _ = self.go_on.lock().unwrap().recv();
    }
}

#[test]
fn a_failure_that_is_looked_at_too_early_is_not_forgotten() {
    on_workers(&[2], |runtime, _| {
        let gate = Gate::new();
        let waits = gate.clone();
        let fails = async move {
            waits.wait().await;
            Err::<(), _>("no")
        };
        let entered = runtime.enter();
        let mut gather = try_gather!(fails, pending::<Result<(), _>>());
        drop(entered);
        let ((woken, wakes), (let_go, go_on)) = (mpsc::channel(), mpsc::channel());
        let go_on = Mutex::new(go_on);
        let holds = Waker::from(Arc::new(Holds { woken, go_on }));
        assert!(poll_once(&mut gather, &holds).is_pending());
        gate.open();
        // From now on its future is gone, and its task has not ended.
        wakes.recv_timeout(LIMIT).unwrap();
        let count = CountWaker::new();
        assert!(poll_once(&mut gather, &count.waker()).is_pending());
        let_go.send(()).unwrap();
        count.wait_for(1, LIMIT);
        let mut result = Poll::Pending;
        eventually("the gather fails", LIMIT, || {
            result = poll_once(&mut gather, &count.waker());
            result.is_ready()
        });
        assert_eq!(result, Poll::Ready(Err("no")));
        // The worker that was held up is all right.
        runtime.run(yield_now());
    });
}
