//! The options of a runtime.

use crate::{runtime::Runtime, scheduler::pool::MAX_WORKERS, threads::Options};
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
    max_blocking_threads: usize,
    thread_name: String,
    options: Options,
}

/// Enough for programs that wait for slow files and queries, and far below what an operating
/// system refuses.
const DEFAULT_BLOCKING_THREADS: usize = 512;

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
    /// threads for blocking jobs `wheelhouse-b0` and so on. It may not contain NUL.
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

    /// The stack of each thread, in bytes: at least 65,536; by default that of [`std::thread`].
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

    /// Called on each thread of the runtime when it starts. A panic in it is contained.
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

    /// Called on each thread of the runtime when it ends. A panic in it is contained.
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

    /// Starts the workers.
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
    let text = format!("{option}({asked}): it must be at least {least}{bound}{unit}");
    Err(io::Error::new(io::ErrorKind::InvalidInput, text))
}

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("worker_threads", &self.worker_threads)
            .field("max_blocking_threads", &self.max_blocking_threads)
            .field("thread_name", &self.thread_name)
            .finish_non_exhaustive()
    }
}
