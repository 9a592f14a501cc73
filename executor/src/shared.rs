//! What everybody who can spawn on a runtime holds.

use crate::{
    blocking::{self, Blocking, Job, OnThread},
    builder::{Rescue, Settings, TimerOptions},
    context,
    metrics::Metrics,
    os::fork,
    scheduler::pool::{Pool, Pooled},
    scheduler::{
        clock,
        monitor::{self, Monitor},
        queue::LocalQueue,
        worker,
    },
    task::{self, JoinHandle, Site, Stamp, TaskInfo, TaskState},
    threads::{Announced, Options, Threads},
    unhandled::Unhandled,
};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    panic::Location,
    sync::{Arc, Weak},
};
use wheelhouse_timer::{
    Clock,
    driver::{self, Keeper, ShardSet},
};

/// What everybody who can spawn holds: the handles, the threads, and the runtime itself.
pub(crate) struct Shared {
    pool: &'static Pool,
    timers: ShardSet,
    blocking: Blocking,
    threads: Arc<Threads>,
    thread_name: String,
    thread_options: Options,
    rescue: Rescue,
    monitor: Monitor,
    unhandled: Arc<Unhandled>,
    precise_timers: bool,
}

/// Shards for threads outside the pool.
const EXTERNAL_SHARDS: usize = 2;

impl Shared {
    /// What the handles of a new runtime share; it has no workers yet.
    ///
    /// # Errors
    ///
    /// If there are too many runtimes, or no memory.
    pub(crate) fn new(settings: Settings) -> io::Result<Arc<Shared>> {
        let Settings {
            workers,
            thread_name,
            threads,
            blocking,
            rescue,
            panics,
            timers:
                TimerOptions {
                    max_slack,
                    precise,
                    start_paused,
                },
        } = settings;
        fork::watch()?;
        let pool = Pool::acquire(workers, rescue.max_spares)?;
        pool.set_debug_mode(rescue.debug);
        pool.set_paused(start_paused);
        let (clock, keeper): (_, &'static dyn Keeper) = match start_paused {
            true => (driver::paused_clock(), pool.paused_keeper()),
            false => (Clock::monotonic(), pool),
        };
        let mut timers = ShardSet::new(clock, workers, EXTERNAL_SHARDS, keeper);
        if let Some(slack) = max_slack {
            timers.set_max_slack(slack);
        }
        let shared = Arc::new_cyclic(|shared| {
            let unhandled = Unhandled::new(panics, rescue.debug, Weak::clone(shared));
            let unhandled = Arc::new(unhandled);
            Shared {
                pool,
                timers,
                blocking: Blocking::new(blocking),
                threads: Arc::default(),
                thread_name,
                thread_options: Options {
                    unhandled: Some(Arc::clone(&unhandled)),
                    ..threads
                },
                monitor: Monitor::new(rescue.watch),
                unhandled,
                rescue,
                precise_timers: precise,
            }
        });
        pool.set_unhandled(Some(Arc::clone(&shared.unhandled)));
        Ok(shared)
    }

    pub(crate) fn pool(&self) -> &'static Pool {
        self.pool
    }

    /// Whether its threads are in this process.
    #[inline]
    pub(crate) fn is_here(&self) -> bool {
        self.pool.process().is_current()
    }

    /// Before `what`, a public function, uses this runtime.
    ///
    /// # Panics
    ///
    /// In a process that was forked from the runtime's own.
    #[inline]
    #[track_caller]
    pub(crate) fn check_process(&self, what: &str) {
        self.pool.process().check(what, Location::caller());
    }

    pub(crate) fn timers(&self) -> &ShardSet {
        &self.timers
    }

    pub(crate) fn has_precise_timers(&self) -> bool {
        self.precise_timers
    }

    pub(crate) fn blocking(&self) -> &Blocking {
        &self.blocking
    }

    pub(crate) fn threads(&self) -> &Threads {
        &self.threads
    }

    #[inline]
    pub(crate) fn spawn<F>(&self, future: F, site: Site) -> JoinHandle<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let (task, handle) = task::new::<F, Pooled>(future, self.pool.number(), site);
        self.queue(task);
        handle
    }

    pub(crate) fn queue(&self, task: task::Runnable) {
        if let Err(task) = context::push_local(self.pool.number(), task, LocalQueue::push_new) {
            self.pool.inject_new(task);
        }
    }

    #[track_caller]
    pub(crate) fn spawn_blocking<F, R>(
        self: &Arc<Self>,
        f: F,
        site: Site,
    ) -> io::Result<JoinHandle<R>>
    where
        F: FnOnce() -> R + Send + 'static,
        R: Send + 'static,
    {
        self.pool.process().check("spawn_blocking", site.0);
        let (job, handle) = task::new::<_, OnThread>(Job::new(f), self.pool.number(), site);
        self.blocking.push(self, job)?;
        Ok(handle)
    }

    /// Enters a thread that is about to be started.
    pub(crate) fn announce_thread(&self, number: &str) -> Announced {
        self.threads
            .announce(&format!("{}-{number}", self.thread_name))
    }

    pub(crate) fn thread_options(&self) -> &Options {
        &self.thread_options
    }

    pub(crate) fn metrics(&self) -> Metrics {
        let (stuck_workers, spare_threads, spare_threads_started) = self.pool.crew().figures();
        let (blocked_polls, computing_polls, spare_limit_hits) = self.monitor.figures();
        Metrics {
            workers: self.pool.workers(),
            stuck_workers,
            spare_threads,
            spare_threads_started,
            blocked_polls,
            computing_polls,
            spare_limit_hits,
            unhandled_panics: self.unhandled.count(),
            ..self.blocking.metrics()
        }
    }

    pub(crate) fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    pub(crate) fn unhandled(&self) -> &Arc<Unhandled> {
        &self.unhandled
    }

    pub(crate) fn rescue(&self) -> &Rescue {
        &self.rescue
    }

    /// What the tasks and jobs of this runtime are doing, by their ids. The places where one can be are
    /// looked at in the order in which it comes through them, so that none that stays is missed;
    /// one that is seen twice counts as it is seen last.
    pub(crate) fn tasks(&self) -> Vec<TaskInfo> {
        let now = Stamp::of(driver::monotonic_nanos());
        let mut infos = BTreeMap::new();
        let mut see = |mut info: TaskInfo| {
            let before = infos.get(&info.id());
            if info.state == TaskState::Running && info.duration.is_none() {
                // The registry does not know since when, but its thread may have told.
                info.duration = before.and_then(TaskInfo::running_for);
            }
            infos.insert(info.id(), info);
        };
        self.blocking.look(|job| see(job.look(now)));
        self.pool.look(|task| see(task.look(now)));
        self.threads.look().into_iter().for_each(&mut see);
        self.pool.registry().look(now).into_iter().for_each(see);
        infos.into_values().collect()
    }

    /// Makes this runtime the thread's current one.
    pub(crate) fn enter(self: &Arc<Self>) -> Entered {
        let timers = self.timers.enter_external();
        Entered {
            _timers: timers,
            _context: context::enter(Arc::clone(self)),
        }
    }

    /// Starts the thread of a worker, or of a spare if the seat is behind the workers'.
    pub(crate) fn start_worker(self: &Arc<Self>, seat: usize) -> io::Result<()> {
        let shared = Arc::clone(self);
        let spare = seat.checked_sub(self.pool.workers());
        let number = spare.map_or_else(|| seat.to_string(), |spare| format!("s{spare}"));
        let thread = self.announce_thread(&number);
        thread.start(&self.thread_options, move |running| {
            worker::run(&shared, seat, running);
            if spare.is_some() {
                shared.pool.crew().left(seat);
            }
            if shared.pool.is_closed() {
                shared.worker_left();
            }
        })
    }

    /// Starts the thread that watches the workers, unless the builder has said not to.
    pub(crate) fn start_monitor(self: &Arc<Self>) -> io::Result<()> {
        if !self.rescue.watch {
            return Ok(());
        }
        let shared = Arc::clone(self);
        // No hooks: none of the program's code runs there.
        let options = Options::default();
        let name = format!("{}-monitor", self.thread_name);
        let thread = self.threads.announce_internal(&name);
        thread.start(&options, move |running| monitor::run(&shared, running))
    }

    /// Starts the thread of the clock, if that is paused.
    pub(crate) fn start_clock(self: &Arc<Self>) -> io::Result<()> {
        if self.pool.quiescence().is_none() {
            return Ok(());
        }
        let shared = Arc::clone(self);
        let thread = self.announce_thread("clock");
        thread.start(&self.thread_options, move |running| {
            clock::run(&shared, running)
        })
    }

    /// Starts the thread that hands reports over.
    pub(crate) fn start_reporter(self: &Arc<Self>) -> io::Result<()> {
        let shared = Arc::clone(self);
        let thread = self.announce_thread("reports");
        thread.start(&self.thread_options, move |running| {
            let _entered = shared.enter();
            let reports = shared.monitor().reports();
            reports.hand_over(&shared.rescue, running);
        })
    }

    /// When a worker has left, another may be stuck in a poll, and nobody serves the timers:
    /// sleeps that others still wait for move elsewhere.
    fn worker_left(&self) {
        self.pool.drain();
        self.timers.close();
    }

    /// Begins the shutdown. In a process where the runtime's threads are not, there is nothing to shut
    /// down.
    pub(crate) fn close(&self) {
        if !self.is_here() {
            return;
        }
        // Before the pool, so that no job is taken from the queue once anybody can tell that the runtime is
        // closed.
        let jobs = self.blocking.close();
        self.pool.close();
        self.monitor.end();
        blocking::cancel(self, jobs);
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if !self.is_here() {
            // Nor are there any threads to detach.
            return std::mem::forget(Arc::clone(&self.threads));
        }
        self.close();
        self.pool.drain();
        self.timers.close();
        self.pool.set_unhandled(None);
        self.pool.recycle();
    }
}

/// The guard of [`Shared::enter`].
pub(crate) struct Entered {
    _timers: driver::Entered,
    _context: context::Entered,
}
