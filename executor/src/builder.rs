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
    pub fn worker_threads(mut self, count: usize) -> Self {
        self.worker_threads = Some(count);
        self
    }

    /// How many threads [`spawn_blocking`](crate::spawn_blocking) may use, at least 1; 512 by
    /// default. They are started as they are needed.
    pub fn max_blocking_threads(mut self, count: usize) -> Self {
        self.max_blocking_threads = count;
        self
    }

    /// What the threads' names begin with: by default workers are called `wheelhouse-0` and so on,
    /// threads for blocking jobs `wheelhouse-b0` and so on.
    pub fn thread_name(mut self, name: impl Into<String>) -> Self {
        self.thread_name = name.into();
        self
    }

    /// The stack of each thread, in bytes; by default that of [`std::thread`].
    pub fn thread_stack_size(mut self, bytes: usize) -> Self {
        self.options.stack_size = Some(bytes);
        self
    }

    /// Called on each thread of the runtime when it starts. A panic in it is contained.
    pub fn on_thread_start(mut self, hook: impl Fn() + Send + Sync + 'static) -> Self {
        self.options.on_start = Some(Arc::new(hook));
        self
    }

    /// Called on each thread of the runtime when it ends. A panic in it is contained.
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
    pub fn build(self) -> io::Result<Runtime> {
        let workers = self.worker_threads.unwrap_or_else(num_cpus::get);
        if self.worker_threads.is_some() {
            in_range("worker_threads", workers, 1, MAX_WORKERS)?;
        }
        in_range(
            "max_blocking_threads",
            self.max_blocking_threads,
            1,
            usize::MAX,
        )?;
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

fn in_range(option: &str, asked: usize, least: usize, most: usize) -> io::Result<()> {
    if (least..=most).contains(&asked) {
        return Ok(());
    }
    let bound = if most == usize::MAX {
        String::new()
    } else {
        format!(" and at most {most}")
    };
    let text = format!("{option}({asked}): it must be at least {least}{bound}");
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
