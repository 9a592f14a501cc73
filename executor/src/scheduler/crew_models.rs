//! Loom models of who stands in for whom.

use super::*;
use crate::scheduler::parker::Parker;
use loom::{
    sync::{Arc, atomic::AtomicBool},
    thread,
};

const POLL: u64 = 2;
const NEXT_POLL: u64 = 4;

/// A worker announces that it will block while the monitor finds the same poll stuck; then the poll
/// returns, and the monitor sees that it is over. The worker is counted once, and given back once.
#[test]
fn loom_announced_noticed_and_over() {
    loom::model(|| {
        let shared = Arc::new((Crew::new(1, 1), Mark::new()));
        let theirs = Arc::clone(&shared);
        let monitor = thread::spawn(move || {
            let (crew, mark) = &*theirs;
            crew.replace(mark, POLL);
            crew.has_returned(mark, POLL);
        });
        let (crew, mark) = &*shared;
        crew.replace(mark, POLL);
        crew.returned(mark);
        crew.replace(mark, NEXT_POLL);
        monitor.join().unwrap();
        // At the end of its poll the worker clears a mark that came late.
        crew.returned(mark);
        assert_eq!(crew.surplus(), 0);
        assert!(!mark.is_set());
    });
}

/// A pool of one worker, with one spare at work and so one too many.
struct Model {
    crew: Crew,
    mark: Mark,
    parker: Parker,
    closed: AtomicBool,
}

impl Model {
    fn with_spare() -> Arc<Model> {
        let model = Model {
            crew: Crew::new(1, 2),
            mark: Mark::new(),
            parker: Parker::new(),
            closed: AtomicBool::new(false),
        };
        assert_eq!(model.crew.call(), Call::Start(1));
        Arc::new(model)
    }

    /// What the monitor does about a worker that is blocked. True: a new thread was started.
    fn worker_blocks(&self) -> bool {
        self.crew.replace(&self.mark, POLL);
        if self.crew.surplus() >= 0 {
            return false;
        }
        match self.crew.call() {
            Call::Bench(_) => self.parker.unpark(),
            Call::Start(_) => return true,
            Call::NotYet | Call::Limit => unreachable!("there are two"),
        }
        false
    }
}

/// The spare goes to the bench while a worker blocks: one of them is at work afterwards, or somebody
/// new.
#[test]
fn loom_bench_against_call() {
    loom::model(|| {
        let model = Model::with_spare();
        let spare = Arc::clone(&model);
        let spare = thread::spawn(move || {
            spare.parker.adopt();
            if !spare.crew.retire() {
                return true;
            }
            spare.crew.sit(1);
            while !spare.crew.is_called(1) && !spare.closed.load(Acquire) {
                spare.parker.park();
            }
            spare.crew.is_called(1)
        });
        let started = model.worker_blocks();
        if started {
            model.closed.store(true, Release);
            model.parker.unpark();
        }
        assert!(spare.join().unwrap() != started, "one stands in");
        assert_eq!(model.crew.surplus(), 0);
    });
}

/// The spare ends, after long on the bench, while a worker blocks: if it was called, it stays.
#[test]
fn loom_leave_against_call() {
    loom::model(|| {
        let model = Model::with_spare();
        assert!(model.crew.retire());
        model.crew.sit(1);
        let spare = Arc::clone(&model);
        let spare = thread::spawn(move || {
            let leaves = spare.crew.leave(1);
            if leaves {
                spare.crew.left(1);
            }
            leaves
        });
        let called = model.crew.call();
        let left = spare.join().unwrap();
        assert_eq!(called == Call::Bench(1), !left, "{called:?}");
    });
}
