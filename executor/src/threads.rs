//! The threads of one runtime: starting them, waiting for their end, and saying what holds them up.

use crate::{
    debug,
    scheduler::polling::Polling,
    stuck::Polled,
    task::{Label, TaskInfo, TaskState, contain},
    unhandled::{Place, Unhandled},
};
use crossbeam_utils::CachePadded;
use parking_lot::{Condvar, Mutex};
use std::{
    fmt, io,
    panic::Location,
    sync::{Arc, OnceLock},
    thread::{self, ThreadId},
    time::{Duration, Instant},
};

/// All threads of a runtime that have not ended.
#[derive(Default)]
pub(crate) struct Threads {
    running: Mutex<Vec<Arc<Running>>>,
    one_ended: Condvar,
    handles: Mutex<Vec<thread::JoinHandle<()>>>,
}

/// One thread, and what it polls.
pub(crate) struct Running {
    name: Arc<str>,
    /// Whether it never runs the program's code, so that nothing can hold it up.
    internal: bool,
    thread: OnceLock<ThreadId>,
    polling: CachePadded<Polling>,
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
            (Some(hook), Some(unhandled)) => unhandled.contain(Place::Hook, None, || hook()),
            (Some(hook), None) => contain(|| hook()),
            (None, _) => {}
        }
    }
}

impl Running {
    pub(crate) fn new(name: &str) -> Self {
        Running {
            name: name.into(),
            internal: false,
            thread: OnceLock::new(),
            polling: CachePadded::default(),
        }
    }

    /// Notes that the current thread is the one.
    fn begin(&self) {
        self.thread.get_or_init(|| thread::current().id());
    }

    pub(crate) fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// What it polls.
    #[inline]
    pub(crate) fn polling(&self) -> &Polling {
        &self.polling
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
        let internal = true;
        self.enter(Running {
            internal,
            ..Running::new(name)
        })
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
        let handles = std::mem::take(&mut *self.handles.lock());
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

    /// Waits until all threads have ended, or `deadline`. True: they have.
    pub(crate) fn wait(&self, deadline: Option<Instant>) -> bool {
        let mut running = self.running.lock();
        while !running.is_empty() {
            match deadline {
                None => self.one_ended.wait(&mut running),
                Some(deadline) if Instant::now() >= deadline => return false,
                Some(deadline) => drop(self.one_ended.wait_until(&mut running, deadline)),
            }
        }
        true
    }

    /// Whether the calling thread is one of them.
    pub(crate) fn is_current(&self) -> bool {
        let current = thread::current().id();
        self.running
            .lock()
            .iter()
            .any(|running| running.thread.get() == Some(&current))
    }

    /// The tasks and jobs that the threads run.
    pub(crate) fn look(&self) -> Vec<TaskInfo> {
        let running = self.running.lock();
        let info = |thread: &Arc<Running>| {
            let poll = thread.polling.now()?;
            let Polled::Task(id) = poll.what() else {
                return None;
            };
            let (name, site) = (None, poll.site);
            Some(TaskInfo {
                label: Label { id, name, site },
                state: TaskState::Running,
                duration: None,
            })
        };
        running.iter().filter_map(info).collect()
    }

    /// The threads that have not ended, and may be held up.
    pub(crate) fn stuck(&self) -> Vec<StuckThread> {
        let running = self.running.lock();
        let stuck = |thread: &Arc<Running>| StuckThread {
            name: thread.name.to_string(),
            spawn_site: thread.polling.site(),
        };
        // An internal thread is named if it ends a task, which others may hold up.
        let held_up = |thread: &&Arc<Running>| !thread.internal || thread.polling.site().is_some();
        running.iter().filter(held_up).map(stuck).collect()
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
        let name = self.running.name.to_string();
        let mut builder = thread::Builder::new().name(name.clone());
        if let Some(size) = options.stack_size {
            builder = builder.stack_size(size);
        }
        let options = options.clone();
        let started = builder.spawn(move || {
            // Declared first, so that it is dropped last.
            let announced = self;
            announced.running.begin();
            let options = options;
            options.call(&options.on_start);
            body(&announced.running);
            options.call(&options.on_stop);
        });
        let handle = started.map_err(|error| {
            let text = format!("could not start thread `{name}`: {error}");
            io::Error::new(error.kind(), text)
        })?;
        let mut handles = threads.handles.lock();
        // Threads for blocking jobs come and go.
        handles.retain(|handle| !handle.is_finished());
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

/// What a shutdown that did not wait any longer left behind.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// let runtime = wheelhouse::Runtime::new().unwrap();
/// let report = runtime.shutdown_timeout(Duration::from_secs(10));
/// assert!(report.is_complete(), "{report}");
/// ```
#[derive(Debug, Clone)]
#[must_use = "the report says which threads are stuck"]
pub struct ShutdownReport {
    pub(crate) stuck: Vec<StuckThread>,
}

/// A thread that was still running when a shutdown stopped waiting for it.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
/// use std::time::Duration;
///
/// let runtime = wheelhouse::Runtime::builder().thread_name("db").build().unwrap();
/// let (running, is_running) = mpsc::channel();
/// let (release, released) = mpsc::channel::<()>();
/// let job = runtime.spawn_blocking(move || {
///     running.send(()).unwrap();
///     released.recv() // for as long as somebody else likes
/// });
/// is_running.recv().unwrap();
///
/// let report = runtime.shutdown_timeout(Duration::from_millis(5));
/// let thread = report.stuck().iter().find(|thread| thread.name() == "db-b0").unwrap();
/// assert_eq!(thread.spawn_site(), Some(job.spawn_site()));
/// assert!(!report.is_complete());
/// drop(release); // and it ends
/// ```
#[derive(Debug, Clone)]
pub struct StuckThread {
    name: String,
    spawn_site: Option<&'static Location<'static>>,
}

impl ShutdownReport {
    /// Whether every thread has ended.
    pub fn is_complete(&self) -> bool {
        self.stuck.is_empty()
    }

    /// The threads that have not.
    pub fn stuck(&self) -> &[StuckThread] {
        &self.stuck
    }
}

impl StuckThread {
    /// The thread's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Where the task or blocking job was spawned that the thread runs; none if it runs none.
    pub fn spawn_site(&self) -> Option<&'static Location<'static>> {
        self.spawn_site
    }
}

impl fmt::Display for StuckThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.spawn_site {
            Some(site) => write!(f, "thread `{}`, which runs what {site} spawned", self.name),
            None => write!(f, "thread `{}`", self.name),
        }
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.stuck.is_empty() {
            return write!(f, "every thread has ended");
        }
        write!(f, "still running: ")?;
        for (index, thread) in self.stuck.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{thread}")?;
        }
        Ok(())
    }
}

/// How long a shutdown without a limit waits before it says what it waits for.
const PATIENCE: Duration = Duration::from_secs(5);

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
