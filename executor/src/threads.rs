//! The threads of one runtime: starting them, waiting for their end, and saying what holds them up.

mod report;
mod running;

pub use report::{ShutdownReport, StuckThread};
pub(crate) use running::Running;

use crate::{
    debug,
    stuck::Polled,
    task::{Label, TaskInfo, TaskState, contain},
    unhandled::{Place, Unhandled},
};
use parking_lot::{Condvar, Mutex};
use std::{
    io,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

/// All threads of a runtime that have not ended.
#[derive(Default)]
pub(crate) struct Threads {
    running: Mutex<Vec<Arc<Running>>>,
    one_ended: Condvar,
    handles: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// How threads are made.
#[derive(Clone, Default)]
pub(crate) struct Options {
    pub(crate) stack_size: Option<usize>,
    pub(crate) on_start: Option<Hook>,
    pub(crate) on_stop: Option<Hook>,
    /// Where a hook's panic goes.
    pub(crate) unhandled: Option<Arc<Unhandled>>,
}

type Hook = Arc<dyn Fn() + Send + Sync>;

impl Options {
    fn call(&self, hook: &Option<Hook>) {
        match (hook, &self.unhandled) {
            (Some(hook), Some(unhandled)) => unhandled.contain(Place::Hook, || hook()),
            (Some(hook), None) => contain(|| hook()),
            (None, _) => {}
        }
    }
}

impl Threads {
    /// Enters a thread that is about to be started: from now on a shutdown waits for it.
    pub(crate) fn announce(self: &Arc<Self>, name: &str) -> Announced {
        self.enter(Running::new(name))
    }

    /// As [`announce`](Self::announce), for a thread that runs none of the program's code: no report
    /// names it.
    pub(crate) fn announce_internal(self: &Arc<Self>, name: &str) -> Announced {
        self.enter(Running::internal(name))
    }

    fn enter(self: &Arc<Self>, running: Running) -> Announced {
        let running = Arc::new(running);
        self.running.lock().push(Arc::clone(&running));
        Announced {
            threads: Arc::clone(self),
            running,
        }
    }

    /// Waits for the destructors of the thread-locals of threads that have ended.
    pub(crate) fn join(&self) {
        join(std::mem::take(&mut *self.handles.lock()));
    }

    /// Waits until all threads have ended, or `deadline`. True: they have.
    ///
    /// Before a deadline it looks at what they run, at once and then after pauses that double, so that
    /// a report can say how long they have been in it.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let begin = Instant::now();
        let mut running = self.running.lock();
        while !running.is_empty() {
            let now = Instant::now();
            match deadline {
                None => self.one_ended.wait(&mut running),
                Some(deadline) if now >= deadline => return false,
                Some(deadline) => {
                    running.iter().for_each(|thread| thread.look());
                    let look = now + (now - begin).max(FIRST_PAUSE);
                    let _late = self.one_ended.wait_until(&mut running, deadline.min(look));
                }
            }
        }
        true
    }

    /// Whether the calling thread is one of them.
    pub(crate) fn is_current(&self) -> bool {
        self.running
            .lock()
            .iter()
            .any(|running| running.is_current())
    }

    /// The tasks and jobs that the threads run.
    pub(crate) fn look(&self) -> Vec<TaskInfo> {
        let running = self.running.lock();
        let info = |thread: &Arc<Running>| {
            let poll = thread.polling().now()?;
            let Polled::Task(id) = poll.what() else {
                return None;
            };
            let (name, site) = (thread.task_name(poll), poll.site);
            Some(TaskInfo {
                label: Label { id, name, site },
                state: TaskState::Running,
                duration: thread.duration(poll),
            })
        };
        running.iter().filter_map(info).collect()
    }

    /// The threads that have not ended, and may be held up.
    pub(crate) fn stuck(&self) -> Vec<StuckThread> {
        let running = self.running.lock();
        running.iter().filter_map(|thread| thread.stuck()).collect()
    }
}

/// Waits for the very end of threads.
fn join(handles: Vec<thread::JoinHandle<()>>) {
    let current = thread::current().id();
    // A thread-local's destructor may end the runtime of its own thread.
    for handle in handles
        .into_iter()
        .filter(|handle| handle.thread().id() != current)
    {
        // A panic there has been printed, and has no other receiver.
        let _ = handle.join();
    }
}

/// A thread in the list. Leaves the list when the thread ends, or could not be started.
pub(crate) struct Announced {
    threads: Arc<Threads>,
    running: Arc<Running>,
}

impl Announced {
    /// Starts the thread, which runs `body` between the two hooks.
    ///
    /// # Errors
    ///
    /// If the operating system refuses: with the thread's name.
    pub(crate) fn start(
        self,
        options: &Options,
        body: impl FnOnce(&Arc<Running>) + Send + 'static,
    ) -> io::Result<()> {
        let threads = Arc::clone(&self.threads);
        let name = self.running.name().to_string();
        let mut builder = thread::Builder::new().name(name.clone());
        if let Some(size) = options.stack_size {
            builder = builder.stack_size(size);
        }
        let options = options.clone();
        // Locked until the handle is in the list: whoever joins all finds it there.
        let mut handles = threads.handles.lock();
        // Threads for blocking jobs come and go.
        let all = std::mem::take(&mut *handles).into_iter();
        let (ended, others): (Vec<_>, _) = all.partition(|handle| handle.is_finished());
        *handles = others;
        let started = builder.spawn(move || {
            // Declared first, so that it is dropped last.
            let announced = self;
            announced.running.begin();
            let options = options;
            let running = &announced.running;
            running.in_hook(|| options.call(&options.on_start));
            body(running);
            running.in_hook(|| options.call(&options.on_stop));
            // Their thread-locals may still be on their way out, and a shutdown waits for those as well.
            join(ended);
        });
        let handle = started.map_err(|error| {
            let text = format!("could not start thread `{name}`: {error}");
            io::Error::new(error.kind(), text)
        })?;
        handles.push(handle);
        Ok(())
    }
}

impl Drop for Announced {
    fn drop(&mut self) {
        let mut running = self.threads.running.lock();
        running.retain(|other| !Arc::ptr_eq(other, &self.running));
        drop(running);
        self.threads.one_ended.notify_all();
    }
}

/// How long a shutdown without a limit waits before it says what it waits for.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a shutdown waits at least before it looks again at what the threads run.
const FIRST_PAUSE: Duration = Duration::from_millis(1);

impl Threads {
    /// Waits for every thread; after [`PATIENCE`] it says on standard error which ones are stuck.
    pub(crate) fn wait_and_complain(&self) {
        if !self.wait(Some(Instant::now() + PATIENCE)) {
            let report = ShutdownReport {
                stuck: self.stuck(),
            };
            debug::say(format_args!(
                "shutting down has taken {} s; {report}",
                PATIENCE.as_secs()
            ));
            self.wait(None);
        }
        self.join();
    }
}
