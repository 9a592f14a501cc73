//! The options of a runtime.

mod blocked;
mod blocking;
mod panics;
mod paused;
mod range;
mod timers;

pub(crate) use blocked::Rescue;
pub(crate) use blocking::BlockingOptions;
pub(crate) use panics::PanicOptions;
pub(crate) use timers::TimerOptions;

use crate::{runtime::Runtime, scheduler::pool::MAX_WORKERS, threads::Options};
use range::{in_range, invalid};
use std::{fmt, io, sync::Arc};

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
    settings: Settings,
}

/// What a runtime is made of, all checked.
#[derive(Default)]
pub(crate) struct Settings {
    pub(crate) workers: usize,
    pub(crate) thread_name: String,
    pub(crate) threads: Options,
    pub(crate) blocking: BlockingOptions,
    pub(crate) rescue: Rescue,
    pub(crate) panics: PanicOptions,
    pub(crate) timers: TimerOptions,
}

/// The smallest stack, in bytes. The runtime itself, and the report of a panic with its backtrace,
/// make do with half of it; a quarter overflows, which ends the process.
const MIN_STACK: usize = 64 << 10;

impl Builder {
    pub(crate) fn new() -> Self {
        Builder {
            worker_threads: None,
            settings: Settings {
                thread_name: String::from("wheelhouse"),
                ..Settings::default()
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

    /// What the threads' names begin with: by default workers are called `wheelhouse-0` and so on,
    /// threads for blocking jobs `wheelhouse-b0`, spares `wheelhouse-s0`, the thread that watches them
    /// `wheelhouse-monitor`, the one that calls hooks `wheelhouse-reports`, and that of a [paused
    /// clock](Self::start_paused) `wheelhouse-clock`. It may not contain NUL.
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
        self.settings.thread_name = name.into();
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
        self.settings.threads.stack_size = Some(bytes);
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
        self.settings.threads.on_start = Some(Arc::new(hook));
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
        self.settings.threads.on_stop = Some(Arc::new(hook));
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
        let mut settings = self.settings;
        settings.workers = match self.worker_threads {
            Some(asked) => {
                in_range("worker_threads", asked, 1, MAX_WORKERS, "")?;
                asked
            }
            None => settings.rescue.cores.min(MAX_WORKERS),
        };
        settings.blocking.check()?;
        settings.rescue.check()?;
        if let Some(size) = settings.threads.stack_size {
            in_range("thread_stack_size", size, MIN_STACK, usize::MAX, " bytes")?;
        }
        let name = &settings.thread_name;
        if name.contains('\0') {
            let text = format!("thread_name({name:?}): a name can't contain NUL");
            return Err(invalid(text));
        }
        Runtime::start(settings)
    }
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Settings {
            thread_name,
            blocking,
            rescue,
            panics,
            timers,
            ..
        } = &self.settings;
        f.debug_struct("Builder")
            .field("worker_threads", &self.worker_threads)
            .field("thread_name", thread_name)
            .field("max_blocking_threads", &blocking.max_threads)
            .field("max_blocking_queue", &blocking.max_queue)
            .field("thread_keep_alive", &blocking.keep_alive)
            .field("max_spare_threads", &rescue.max_spares)
            .field("watch", &rescue.watch)
            .field("debug", &rescue.debug)
            .field("slow_poll", &rescue.slow_poll)
            .field("shutdown_on_unhandled_panic", &panics.shut_down)
            .field("precise_timers", &timers.precise)
            .field("max_timer_slack", &timers.max_slack)
            .field("start_paused", &timers.start_paused)
            .finish_non_exhaustive()
    }
}
