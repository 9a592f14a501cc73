//! Loom models of the jobs and the threads that come for them.

use super::*;
use loom::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread::{self, JoinHandle},
};

/// A queue, and how many jobs were run, cancelled, and announced a thread for.
struct Model {
    queue: Queue<fn(&Model)>,
    ran: AtomicUsize,
    cancelled: AtomicUsize,
    announced: AtomicUsize,
    /// How many jobs have met.
    met: Mutex<usize>,
    one_came: Condvar,
}

/// A job that nobody waits for.
fn plain(_: &Model) {}

/// A job that needs another one beside it.
fn meet(model: &Model) {
    *model.met.lock().unwrap() += 1;
    model.one_came.notify_all();
    model.wait_for_both();
}

impl Model {
    fn new(max_threads: usize, keep_alive: Duration) -> Arc<Model> {
        let options = BlockingOptions {
            max_threads,
            max_queue: 9,
            keep_alive,
        };
        Arc::new(Model {
            queue: Queue::new(&options),
            ran: AtomicUsize::new(0),
            cancelled: AtomicUsize::new(0),
            announced: AtomicUsize::new(0),
            met: Mutex::new(0),
            one_came: Condvar::new(),
        })
    }

    fn wait_for_both(&self) {
        let mut met = self.met.lock().unwrap();
        while *met < 2 {
            met = self.one_came.wait(met).unwrap();
        }
    }

    fn cancel<J>(&self, jobs: impl IntoIterator<Item = J>) {
        // Relaxed: read when the threads have been joined.
        self.cancelled.fetch_add(jobs.into_iter().count(), Relaxed);
    }

    /// What became of the jobs.
    fn ended(&self) -> usize {
        // Relaxed: the threads have been joined.
        self.ran.load(Relaxed) + self.cancelled.load(Relaxed)
    }

    fn announce(&self) {
        self.announced.fetch_add(1, Relaxed); // Relaxed: the queue's lock orders it, if it is held.
    }
}

fn start(model: &Arc<Model>) -> JoinHandle<()> {
    let model = Arc::clone(model);
    thread::spawn(move || {
        model.queue.serve(|job| {
            job(&model);
            model.ran.fetch_add(1, Relaxed); // Relaxed: read when the thread has been joined.
        });
    })
}

fn push(model: &Arc<Model>, job: fn(&Model)) -> Option<JoinHandle<()>> {
    match model.queue.push(job, |_| model.announce()) {
        Pushed::Queued => None,
        Pushed::Start(()) => Some(start(model)),
        Pushed::Refuse(_) => unreachable!("few wait"),
        Pushed::Cancel(job) => {
            model.cancel([job]);
            None
        }
    }
}

/// A job comes while the only thread leaves: that one takes it, or another is started.
#[test]
fn loom_claim_against_spawn() {
    loom::model(|| {
        let model = Model::new(1, Duration::ZERO);
        let mut threads = vec![push(&model, plain)];
        let pusher = Arc::clone(&model);
        let pusher = thread::spawn(move || push(&pusher, plain));
        threads.push(push(&model, plain));
        threads.push(pusher.join().unwrap());
        for thread in threads.into_iter().flatten() {
            thread.join().unwrap();
        }
        assert_eq!(model.ended(), 3, "no job is stranded");
        assert_eq!(model.queue.figures().threads, 0);
    });
}

/// Two jobs that need each other come at once, for a thread that is about to be idle: that one is counted on
/// once.
#[test]
fn loom_two_jobs_for_one_thread() {
    loom::model(|| {
        let model = Model::new(2, Duration::MAX);
        let mut threads = vec![push(&model, plain)];
        let pusher = Arc::clone(&model);
        let pusher = thread::spawn(move || push(&pusher, meet));
        threads.push(push(&model, meet));
        threads.push(pusher.join().unwrap());
        model.wait_for_both();
        let late = model.queue.close();
        model.cancel(late);
        for thread in threads.into_iter().flatten() {
            thread.join().unwrap();
        }
        assert_eq!(model.ended(), 3);
        assert!(model.announced.load(Relaxed) <= 2); // Relaxed: all is over.
    });
}

/// A queue is closed while a job comes: whoever closes it knows of the thread, and the thread leaves.
#[test]
fn loom_push_against_close() {
    loom::model(|| {
        let model = Model::new(1, Duration::MAX);
        let pusher = Arc::clone(&model);
        let pusher = thread::spawn(move || push(&pusher, plain));
        let late = model.queue.close();
        let known = model.announced.load(Relaxed); // Relaxed: the queue's lock orders it.
        model.cancel(late);
        if let Some(thread) = pusher.join().unwrap() {
            thread.join().unwrap();
        }
        assert_eq!(model.ended(), 1);
        assert_eq!(known, model.announced.load(Relaxed)); // Relaxed: all is over.
    });
}

/// A job comes while the only thread, which was started for another job, is refused by the system.
#[test]
fn loom_push_against_a_refused_thread() {
    loom::model(|| {
        let model = Model::new(1, Duration::ZERO);
        let pushed = model.queue.push(plain, |_| ());
        assert!(matches!(pushed, Pushed::Start(())));
        let pusher = Arc::clone(&model);
        let pusher = thread::spawn(move || push(&pusher, plain));
        match model.queue.not_started() {
            NotStarted::Cancel(jobs) => model.cancel(jobs),
            NotStarted::Refuse(_) => unreachable!("there is no other thread"),
        }
        if let Some(thread) = pusher.join().unwrap() {
            thread.join().unwrap();
        }
        assert_eq!(model.ended(), 2, "no job is stranded");
    });
}
