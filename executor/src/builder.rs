//! The options of a runtime.

use crate::{
    debug,
    runtime::Runtime,
    scheduler::pool::{MAX_SPARES, MAX_WORKERS},
    stuck::BlockedReport,
    threads::Options,
};
use std::{fmt, io, sync::Arc, time::Duration};

/// The options of a [`Runtime`], from [`Runtime::builder`].
///
/// # Examples
///
/// ```
/// let runtime = wheelhouse::Runtime::builder()
///     .worker_threads(4)
///     .thread_name("db")
///     .build()
///     .unwrap();
/// assert_eq!(runtime.run(async { "up" }), "up");
/// ```
#[must_use = "`build` makes the runtime"]
pub struct Builder {
    worker_threads: Option<usize>,
    max_blocking_threads: usize,
    thread_name: String,
    options: Options,
    rescue: Rescue,
}

type Hook = Arc<dyn Fn(&BlockedReport) + Send + Sync>;

/// What is done about workers that are held by a poll.
#[derive(Clone)]
pub(crate) struct Rescue {
    pub(crate) watch: bool,
    pub(crate) max_spares: usize,
    pub(crate) on_blocked: Option<Hook>,
    pub(crate) debug: bool,
    pub(crate) slow_poll: Duration,
}

/// Enough for programs that wait for slow files and queries, and far below what an operating
/// system refuses.
const DEFAULT_BLOCKING_THREADS: usize = 512;

impl Rescue {
    /// Whether anybody is told of polls that are stuck.
    pub(crate) fn reports(&self) -> bool {
        self.watch && (self.debug || self.on_blocked.is_some())
    }
}

/// As many tasks can block at once before others wait. Threads that block need little but their
/// stacks.
const DEFAULT_SPARE_THREADS: usize = 512;

/// asyncio's figure.
const DEFAULT_SLOW_POLL: Duration = Duration::from_millis(100);

/// The smallest stack, in bytes. The runtime itself, and the report of a panic with its backtrace,
/// make do with half of it; a quarter overflows, which ends the process.
const MIN_STACK: usize = 64 << 10;

impl Builder {
    pub(crate) fn new() -> Self {
        Builder {
            worker_threads: None,
            max_blocking_threads: DEFAULT_BLOCKING_THREADS,
            thread_name: String::from("wheelhouse"),
            options: Options::default(),
            rescue: Rescue {
                watch: true,
                max_spares: DEFAULT_SPARE_THREADS,
                on_blocked: None,
                debug: debug::asked_for(),
                slow_poll: DEFAULT_SLOW_POLL,
            },
        }
    }

    /// How many threads poll tasks: 1 to 4,096. By default one for each core.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::Runtime;
    ///
    /// let runtime = Runtime::builder().worker_threads(1).build().unwrap();
    /// assert_eq!(runtime.run(async { 1 + 1 }), 2);
    ///
    /// let refused = Runtime::builder().worker_threads(0).build().unwrap_err();
    /// assert!(refused.to_string().starts_with("worker_threads(0): it must be at least 1"));
    /// ```
    pub fn worker_threads(mut self, count: usize) -> Self {
        self.worker_threads = Some(count);
        self
    }

    /// How many threads [`spawn_blocking`](crate::spawn_blocking) may use, at least 1; 512 by
    /// default. They are started as they are needed, and jobs beyond that wait for their turn.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// let runtime = wheelhouse::Runtime::builder().max_blocking_threads(1).build().unwrap();
    /// let one = runtime.spawn_blocking(|| thread::current().name().map(String::from));
    /// let two = runtime.spawn_blocking(|| thread::current().name().map(String::from));
    /// assert_eq!(one.join().unwrap(), two.join().unwrap()); // one after the other
    /// ```
    pub fn max_blocking_threads(mut self, count: usize) -> Self {
        self.max_blocking_threads = count;
        self
    }

    /// What the threads' names begin with: by default workers are called `wheelhouse-0` and so on,
    /// threads for blocking jobs `wheelhouse-b0`, spares `wheelhouse-s0`, the thread that watches them
    /// `wheelhouse-monitor`, and the one that calls hooks `wheelhouse-reports`. It may not contain NUL.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::thread;
    ///
    /// let runtime = wheelhouse::Runtime::builder().thread_name("db").build().unwrap();
    /// let name = runtime.run(async { thread::current().name().map(String::from) });
    /// assert!(name.unwrap().starts_with("db-"));
    /// ```
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// The stack of each thread but the one that watches them, in bytes: at least 65,536; by default that of [`std::thread`].
    ///
    /// What the tasks and jobs of a program need comes on top of that minimum.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io::ErrorKind;
    /// use wheelhouse::Runtime;
    ///
    /// let deep = Runtime::builder().thread_stack_size(16 << 20).build().unwrap(); // 16 MiB
    /// assert_eq!(deep.run(async { 1 + 1 }), 2);
    ///
    /// let refused = Runtime::builder().thread_stack_size(1000).build().unwrap_err();
    /// assert_eq!(refused.kind(), ErrorKind::InvalidInput);
    /// ```
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.options.stack_size = Some(bytes);
        self
    }

    /// How many spare threads may stand in for workers that are blocked: 0 to 4,096; 512 by default.
    ///
    /// So many tasks can block their threads at the same time before others have to wait. Spares are
    /// started when they are needed, and leave when they have not been for ten seconds. With 0 only
    /// what other workers can do is done: those that are idle take over what waits for a blocked
    /// one.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{Runtime, spawn};
    ///
    /// let runtime = Runtime::builder().worker_threads(1).max_spare_threads(10).build().unwrap();
    /// let (sender, receiver) = std::sync::mpsc::channel();
    /// runtime.run(async move {
    ///     drop(spawn(async move { sender.send("from a spare thread").unwrap() }));
    ///     assert_eq!(receiver.recv().unwrap(), "from a spare thread"); // blocks the only worker
    /// });
    /// ```
    pub fn max_spare_threads(mut self, count: usize) -> Self {
        self.rescue.max_spares = count;
        self
    }

    /// Whether a thread watches the workers, so that one that is blocked is noticed; it does by
    /// default.
    ///
    /// Without it a blocked worker keeps what only it can run, nothing is reported, and only
    /// [`block_in_place`](crate::block_in_place) hands work on. When the runtime shuts down while all
    /// workers are held up, tasks that wait are dropped only when one comes back.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::builder().watch(false).build().unwrap();
    /// assert_eq!(runtime.run(async { 1 + 1 }), 2);
    /// ```
    pub fn watch(mut self, watch: bool) -> Self {
        self.rescue.watch = watch;
        self
    }

    /// Called when a poll is found to hold its thread, and when that poll has returned; also when
    /// the spare threads don't suffice. A panic in it is contained.
    ///
    /// Polls count as blocked after a few milliseconds off the processor, as computing after 10 ms of
    /// processor time. The hook runs on a thread of its own inside the runtime, for one report after the
    /// other, so it may block, and spawn. Meanwhile up to 1,024 reports wait; what comes beyond that is
    /// lost. A `block_in_place` is not reported on a worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::{sync::mpsc, thread, time::Duration};
    /// use wheelhouse::{BlockedReport, Runtime};
    ///
    /// let (sender, reports) = mpsc::channel();
    /// let runtime = Runtime::builder()
    ///     .on_blocked(move |report| drop(sender.send(report.clone())))
    ///     .build()
    ///     .unwrap();
    /// let task = runtime.spawn(async { thread::sleep(Duration::from_millis(50)) });
    /// let BlockedReport::Began(poll) = reports.recv().unwrap() else { panic!() };
    /// assert_eq!(poll.spawn_site(), task.spawn_site());
    /// println!("{poll}"); // task 1, spawned at src/main.rs:9:20, has blocked thread ..
    /// ```
    pub fn on_blocked(mut self, hook: impl Fn(&BlockedReport) + Send + Sync + 'static) -> Self {
        self.rescue.on_blocked = Some(Arc::new(hook));
        self
    }

    /// Whether the runtime says on standard error what is likely to be a mistake: asyncio's debug
    /// mode. By default it does if `WHEELHOUSE_DEBUG` is set in the environment, to anything but `0` or
    /// nothing.
    ///
    /// It tells of polls that take longer than [`slow_poll`](Self::slow_poll), of a `gather!` that
    /// was dropped without ever being awaited, and of panics that nobody collected.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::builder().debug(true).build().unwrap();
    /// runtime.run(async { std::thread::sleep(std::time::Duration::from_millis(150)) });
    /// // wheelhouse: task 1, spawned at src/main.rs:3:9, has blocked thread `wheelhouse-0` for 100 ms
    /// ```
    pub fn debug(mut self, debug: bool) -> Self {
        self.rescue.debug = debug;
        self
    }

    /// From how long a stuck poll is worth a line in debug mode: 100 ms by default, and as soon as it is
    /// found stuck if it is less than that takes. asyncio's `slow_callback_duration`.
    ///
    /// There is a line when the time is reached, and one at the end.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    /// use wheelhouse::Runtime;
    ///
    /// let strict = Runtime::builder().slow_poll(Duration::from_millis(10)).build().unwrap();
    /// # drop(strict);
    /// ```
    pub fn slow_poll(mut self, duration: Duration) -> Self {
        self.rescue.slow_poll = duration;
        self
    }

    /// Called on each thread of the runtime when it starts, but for the one that watches the others. A
    /// panic in it is contained.
    ///
    /// It runs outside the runtime: [`spawn`](crate::spawn) and
    /// [`Handle::current`](crate::Handle::current) panic there.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::Arc;
    /// use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
    ///
    /// let started = Arc::new(AtomicUsize::new(0));
    /// let count = Arc::clone(&started);
    /// let runtime = wheelhouse::Runtime::builder()
    ///     .worker_threads(2)
    ///     .on_thread_start(move || drop(count.fetch_add(1, Relaxed)))
    ///     .build()
    ///     .unwrap();
    /// drop(runtime); // waits for its threads
    /// assert_eq!(started.load(Relaxed), 2);
    /// ```
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.options.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each thread of the runtime when it ends, but for the one that watches the others. A
    /// panic in it is contained.
    ///
    /// It runs outside the runtime, as [`on_thread_start`](Self::on_thread_start) does.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc;
    /// use std::thread;
    ///
    /// let (sender, names) = mpsc::channel();
    /// let runtime = wheelhouse::Runtime::builder()
    ///     .worker_threads(1)
    ///     .on_thread_stop(move || sender.send(thread::current().name().map(String::from)).unwrap())
    ///     .build()
    ///     .unwrap();
    /// drop(runtime);
    /// assert_eq!(names.recv().unwrap().unwrap(), "wheelhouse-0");
    /// ```
    pub fn on_thread_stop(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.options.on_stop = Some(Arc::new(hook));
        self
    }

    /// Starts the workers, and the thread that watches them.
    ///
    /// # Errors
    ///
    /// `InvalidInput` for an option out of range, with what was asked and what is allowed; else
    /// what the operating system said when a thread could not be started.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::builder().build().unwrap();
    /// assert_eq!(runtime.run(async { 1 + 1 }), 2);
    /// ```
    pub fn build(self) -> io::Result<Runtime> {
        let workers = self.worker_threads.unwrap_or_else(num_cpus::get);
        if self.worker_threads.is_some() {
            in_range("worker_threads", workers, 1, MAX_WORKERS, "")?;
        }
        in_range(
            "max_blocking_threads",
            self.max_blocking_threads,
            1,
            usize::MAX,
            "",
        )?;
        in_range(
            "max_spare_threads",
            self.rescue.max_spares,
            0,
            MAX_SPARES,
            "",
        )?;
        if let Some(size) = self.options.stack_size {
            in_range("thread_stack_size", size, MIN_STACK, usize::MAX, " bytes")?;
        }
        if self.thread_name.contains('\0') {
            let text = format!(
                "thread_name({:?}): a name can't contain NUL",
                self.thread_name
            );
            return Err(io::Error::new(io::ErrorKind::InvalidInput, text));
        }
        let workers = workers.min(MAX_WORKERS);
        Runtime::start(
            workers,
            self.max_blocking_threads,
            self.thread_name,
            self.options,
            self.rescue,
        )
    }
}

fn in_range(option: &str, asked: usize, least: usize, most: usize, unit: &str) -> io::Result<()> {
    if (least..=most).contains(&asked) {
        return Ok(());
    }
    let bound = if most == usize::MAX {
        String::new()
    } else {
        format!(" and at most {most}")
    };
    let text = if least == 0 {
        format!("{option}({asked}): it must be at most {most}{unit}")
    } else {
        format!("{option}({asked}): it must be at least {least}{bound}{unit}")
    };
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("worker_threads", &self.worker_threads)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("thread_name", &self.thread_name)
            .field("max_spare_threads", &self.rescue.max_spares)
            .field("watch", &self.rescue.watch)
            .field("debug", &self.rescue.debug)
            .field("slow_poll", &self.rescue.slow_poll)
            .finish_non_exhaustive()
    }
}
