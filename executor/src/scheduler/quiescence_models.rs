//! Loom models of quiescence: the shipped counter and idle word, with a number in the place of the queue.
//! Whoever is told that nothing can run finds everything done.

use super::*;
use crate::scheduler::idle::Idle;
use loom::{
    sync::{
        Arc,
        atomic::{
            AtomicUsize,
            Ordering::{Relaxed, Release},
        },
    },
    thread,
};

/// A pool whose tasks are a number.
struct Model {
    quiescence: Quiescence,
    idle: Idle,
    tasks: AtomicUsize,
    /// How many tasks have been run.
    done: AtomicUsize,
    /// Whether a thread that waits has been woken.
    woken: AtomicUsize,
}

impl Model {
    fn new(seats: usize) -> Arc<Model> {
        let model = Model {
            quiescence: Quiescence::new(),
            idle: Idle::new(seats),
            tasks: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            woken: AtomicUsize::new(0),
        };
        model.idle.open();
        Arc::new(model)
    }

    fn all_idle(&self, seats: usize) -> bool {
        self.woken.load(Acquire) == 0
            && (0..seats).all(|seat| self.idle.is_parked(seat))
            && self.quiescence.under_way() == 0
            && self.tasks.load(Acquire) == 0
    }

    /// What the thread of the clock asks. `tasks`: how many there are in all.
    fn check(&self, seats: usize, tasks: usize) -> bool {
        let there = self.quiescence.is_there(|| self.all_idle(seats));
        if there {
            // Relaxed: that it is seen is what is checked.
            assert_eq!(self.done.load(Relaxed), tasks, "something could run");
        }
        there
    }

    fn push(&self) {
        // AcqRel, as a queue's push.
        self.tasks.fetch_add(1, AcqRel);
    }

    /// Takes a task, if there is one, and runs it.
    fn run_one(&self) {
        let pop = |tasks: usize| tasks.checked_sub(1);
        // AcqRel, as a queue's pop.
        if self.tasks.fetch_update(AcqRel, Relaxed, pop).is_ok() {
            // Relaxed: the counter of changes publishes it.
            self.done.fetch_add(1, Relaxed);
        }
    }

    /// As a worker that parks.
    fn rest(&self, seat: usize, seats: usize) {
        self.quiescence.turns_idle();
        self.idle.park(seat, false);
        self.quiescence.ring_if(|| self.all_idle(seats));
    }

    /// As a worker that gets up.
    fn get_up(&self, seat: usize) {
        self.idle.withdraw(seat);
        self.quiescence.is_back();
    }
}

/// A worker parks, finds that there is a task, gets up and takes it out of the queue: between that and its
/// end the queue is empty, and the other worker sleeps.
#[test]
fn loom_quiescence_against_a_worker_that_gets_up() {
    loom::model(|| {
        let model = Model::new(1);
        model.push();
        let other = Arc::clone(&model);
        let worker = thread::spawn(move || {
            other.rest(0, 1);
            other.get_up(0);
            other.run_one();
            other.rest(0, 1);
        });
        model.check(1, 1);
        worker.join().unwrap();
        assert!(model.check(1, 1), "all is done");
    });
}

/// The last thing that a worker does is to wake a thread that waits, which was seen asleep before.
#[test]
fn loom_quiescence_against_a_thread_that_is_woken() {
    loom::model(|| {
        let model = Model::new(1);
        let other = Arc::clone(&model);
        let worker = thread::spawn(move || {
            // Release, as a waker.
            other.woken.store(1, Release);
            other.rest(0, 1);
        });
        assert!(
            !model.quiescence.is_there(|| model.all_idle(1)),
            "a thread could run"
        );
        worker.join().unwrap();
    });
}

/// What is no worker's moves a task from one queue to another: meanwhile it is in neither.
#[test]
fn loom_quiescence_against_a_task_between_two_queues() {
    loom::model(|| {
        let model = Model::new(1);
        model.push();
        let other = Arc::clone(&model);
        let mover = thread::spawn(move || {
            other.quiescence.begin();
            // AcqRel, as a queue's pop.
            other.tasks.fetch_sub(1, AcqRel);
            other.push();
            other.quiescence.end();
        });
        // The worker sleeps all the time, which no real one would: nobody ever runs the task.
        model.rest(0, 1);
        model.check(1, 1);
        mover.join().unwrap();
        assert!(!model.check(1, 1));
    });
}

/// Two turn idle at the same time: one of them rings, or else nobody would.
#[test]
fn loom_the_last_one_rings() {
    loom::model(|| {
        let model = Model::new(2);
        model.quiescence.begin();
        let workers = [0, 1].map(|seat| {
            let model = Arc::clone(&model);
            thread::spawn(move || model.rest(seat, 2))
        });
        model.quiescence.adopt();
        model.quiescence.end();
        model.quiescence.ring_if(|| model.all_idle(2));
        while !model.check(2, 0) {
            model.quiescence.wait();
        }
        workers
            .into_iter()
            .for_each(|worker| worker.join().unwrap());
    });
}
