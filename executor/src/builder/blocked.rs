//! What is done about polls that hold their worker.

use super::{Builder, range::in_range};
use crate::{debug, scheduler::pool::MAX_SPARES, stuck::BlockedReport};
use std::{io, sync::Arc, time::Duration};

type Hook = Arc<dyn Fn(&BlockedReport) + Send + Sync>;

/// What is done about workers that are held by a poll.
#[derive(Clone)]
pub(crate) struct Rescue {
    pub(crate) watch: bool,
    pub(crate) max_spares: usize,
    pub(crate) on_blocked: Option<Hook>,
    pub(crate) debug: bool,
    pub(crate) slow_poll: Duration,
    /// How many threads can compute at the same time. It is asked for here, and on no thread of the runtime's:
    /// the answer is prepared once in a process, and the copy of a process that was forked in the midst of that
    /// would wait for its end for ever.
    pub(crate) cores: usize,
}

/// As many tasks can block at once before others wait. Threads that block need little but their
/// stacks.
const DEFAULT_SPARE_THREADS: usize = 512;

/// asyncio's figure.
const DEFAULT_SLOW_POLL: Duration = Duration::from_millis(100);

impl Default for Rescue {
    fn default() -> Self {
        Rescue {
            watch: true,
            max_spares: DEFAULT_SPARE_THREADS,
            on_blocked: None,
            debug: debug::asked_for(),
            slow_poll: DEFAULT_SLOW_POLL,
            cores: num_cpus::get(),
        }
    }
}

impl Rescue {
    /// Whether anybody is told of polls that are stuck.
    pub(crate) fn reports(&self) -> bool {
        self.watch && (self.debug || self.on_blocked.is_some())
    }

    pub(super) fn check(&self) -> io::Result<()> {
        in_range("max_spare_threads", self.max_spares, 0, MAX_SPARES, "")
    }
}

impl Builder {
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
        self.settings.rescue.max_spares = count;
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
        self.settings.rescue.watch = watch;
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
        self.settings.rescue.on_blocked = Some(Arc::new(hook));
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
        self.settings.rescue.debug = debug;
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
        self.settings.rescue.slow_poll = duration;
        self
    }
}
