//! What the workers of one runtime share, and every waker reaches.
//!
//! A waker knows its task's pool by number alone and holds nothing that would keep the pool alive:
//! it may outlive the runtime. So pools are never freed. They are leaked, kept in a table, and
//! used again by a later runtime with as many workers.
//!
//! # Why a recycled pool does no harm
//!
//! A pool is given back when nobody is left who could spawn on it: the runtime, its handles and its
//! threads are gone. By then each of its tasks has ended ([`Registry::shut_down`] and the draining
//! of the queues have dropped the future of every one that had not). A waker may still be between
//! setting SCHEDULED and pushing, so a task that has ended may turn up in the injector of a later
//! runtime. There it is only a reference: whoever takes it from the queue gives it back.

use super::{
    clock::Paused,
    crew::Crew,
    idle::{self, Idle},
    queue::{LocalQueue, SharedQueue, retry},
    quiescence::Quiescence,
    sleepers::Sleepers,
    waits::Waits,
};
use crate::{
    context,
    os::fork::{self, Process},
    task::{Epoch, Registry, Runnable, Schedule},
    unhandled::Unhandled,
};
use crossbeam_deque::{Injector, Steal};
use crossbeam_utils::CachePadded;
use parking_lot::{Mutex, MutexGuard};
use std::{
    cell::Cell,
    io,
    sync::{
        Arc, OnceLock,
        atomic::{
            AtomicBool,
            Ordering::{Acquire, Relaxed, Release},
        },
    },
    time::Duration,
};
use wheelhouse_timer::driver::Keeper;

pub(crate) struct Pool {
    number: u16,
    /// Where its threads are.
    process: Process,
    injector: Injector<Runnable>,
    sleepers: Sleepers,
    crew: Crew,
    /// One for each seat; a spare's is made when somebody first sits there.
    queues: Box<[OnceLock<Box<CachePadded<SharedQueue>>>]>,
    registry: Registry,
    /// Whether its present runtime has a paused clock.
    is_paused: AtomicBool,
    paused: Paused,
    /// Whether its present runtime is in debug mode.
    debug: AtomicBool,
    /// Whether it is closed, for those who ask for each task: apart from the idle word, which changes all
    /// the time.
    was_closed: AtomicBool,
    /// Where its present runtime's panics arrive that nobody collects.
    unhandled: Mutex<Option<Arc<Unhandled>>>,
}

/// The most runtimes that can exist at a time.
const MAX_POOLS: usize = 4096;

/// The most workers that a runtime can have.
pub(crate) const MAX_WORKERS: usize = idle::MAX_SEATS - MAX_SPARES;

/// The most spare threads that a runtime can have.
pub(crate) const MAX_SPARES: usize = 4096;

static TABLE: [OnceLock<&'static Pool>; MAX_POOLS] = [const { OnceLock::new() }; MAX_POOLS];
static FREE: Mutex<Pools> = Mutex::new(Pools {
    made: 0,
    free: Vec::new(),
});

struct Pools {
    made: usize,
    free: Vec<&'static Pool>,
}

/// How long a forked process waits for the lock of all pools, which a thread may have held that is not
/// there.
const PATIENCE: Duration = Duration::from_secs(1);

impl Pool {
    /// An open pool with this many workers, and seats for as many spares.
    pub(crate) fn acquire(workers: usize, spares: usize) -> io::Result<&'static Pool> {
        let pool = Pool::find_or_make(workers, spares)?;
        pool.crew.reset();
        pool.made_queues()
            .for_each(|queue| _ = queue.mark().clear());
        pool.registry.open();
        pool.was_closed.store(false, Relaxed); // Relaxed: nobody else has the pool yet.
        pool.sleepers.idle().open();
        Ok(pool)
    }

    fn find_or_make(workers: usize, spares: usize) -> io::Result<&'static Pool> {
        let mut pools = Pool::lock_all()?;
        // Another process may have been about to use those that were free when it was forked.
        pools.free.retain(|pool| pool.process.is_current());
        let fits =
            |pool: &&'static Pool| pool.workers() == workers && pool.seats() == workers + spares;
        if let Some(index) = pools.free.iter().position(fits) {
            return Ok(pools.free.swap_remove(index));
        }
        let number = pools.made;
        if number == MAX_POOLS {
            let text = format!("a process can have at most {MAX_POOLS} runtimes at a time");
            return Err(io::Error::other(text));
        }
        pools.made += 1;
        let new = || Box::leak(Box::new(Pool::new(number as u16, workers, spares)));
        Ok(TABLE[number].get_or_init(|| new()))
    }

    fn lock_all() -> io::Result<MutexGuard<'static, Pools>> {
        if !Process::is_forked() {
            return Ok(FREE.lock());
        }
        FREE.try_lock_for(PATIENCE).ok_or_else(|| {
            let text =
                "the process was forked while another of its threads started or ended a runtime";
            io::Error::other(text)
        })
    }

    fn new(number: u16, workers: usize, spares: usize) -> Self {
        let seats = workers + spares;
        Pool {
            number,
            process: Process::current(),
            injector: Injector::new(),
            sleepers: Sleepers::new(seats),
            crew: Crew::new(workers, spares),
            queues: (0..seats).map(|_| OnceLock::new()).collect(),
            registry: Registry::new(workers),
            is_paused: AtomicBool::new(false),
            paused: Paused::new(number),
            debug: AtomicBool::new(false),
            was_closed: AtomicBool::new(false),
            unhandled: Mutex::new(None),
        }
    }

    /// Gives a closed pool back for a later runtime. The module says why that is safe.
    pub(crate) fn recycle(&'static self) {
        debug_assert!(self.is_closed());
        FREE.lock().free.push(self);
    }

    pub(crate) fn by_number(number: u16) -> &'static Pool {
        TABLE[usize::from(number)]
            .get()
            .expect("a task's pool is in the table")
    }

    /// The pool with this number, if there is one.
    pub(crate) fn find(number: u16) -> Option<&'static Pool> {
        TABLE.get(usize::from(number))?.get().copied()
    }

    /// Says whether the runtime that has just acquired it has a paused clock.
    pub(crate) fn set_paused(&self, paused: bool) {
        // Relaxed: set before the runtime's threads exist, and before anybody has a handle.
        self.is_paused.store(paused, Relaxed);
    }

    /// Who is told of timers under a paused clock.
    pub(crate) fn paused_keeper(&'static self) -> &'static dyn Keeper {
        &self.paused
    }

    /// If its present runtime has a paused clock: whether anything of it can run.
    pub(crate) fn quiescence(&self) -> Option<&Quiescence> {
        // Relaxed: as above.
        self.is_paused.load(Relaxed).then(|| self.its_quiescence())
    }

    /// For those who know that it has a paused clock.
    pub(super) fn its_quiescence(&self) -> &Quiescence {
        &self.paused.quiescence
    }

    pub(super) fn waits(&self) -> &Waits {
        &self.paused.waits
    }

    pub(crate) fn set_debug_mode(&self, debug: bool) {
        // Relaxed: set before the first task exists, and only a hint whether to report.
        self.debug.store(debug, Relaxed);
    }

    /// Whether the runtime that has the pool with this number is in debug mode. None: no such pool.
    pub(crate) fn is_in_debug_mode(number: u16) -> Option<bool> {
        let pool = Pool::find(number)?;
        // Relaxed: as above.
        Some(pool.debug.load(Relaxed))
    }

    pub(crate) fn set_unhandled(&self, unhandled: Option<Arc<Unhandled>>) {
        let old = std::mem::replace(&mut *self.unhandled.lock(), unhandled);
        drop(old); // Outside the lock: it holds the program's hook.
    }

    /// Where panics arrive of the runtime that has the pool with this number, if it is the one that is
    /// meant. None: that is gone.
    pub(crate) fn unhandled(
        number: u16,
        is_meant: impl FnOnce(Epoch) -> bool,
    ) -> Option<Arc<Unhandled>> {
        let pool = Pool::find(number)?;
        let unhandled = pool.unhandled.lock();
        // Under the lock: a runtime leaves its own here after its epoch has begun, and takes it away before
        // the next one can.
        is_meant(pool.registry.epoch()).then(|| unhandled.clone())?
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The process in which its threads are.
    #[inline]
    pub(crate) fn process(&self) -> Process {
        self.process
    }

    pub(crate) fn workers(&self) -> usize {
        self.crew.workers()
    }

    /// For workers and spares.
    fn seats(&self) -> usize {
        self.queues.len()
    }

    pub(crate) fn crew(&self) -> &Crew {
        &self.crew
    }

    pub(super) fn queue(&self, seat: usize) -> &SharedQueue {
        self.queues[seat].get_or_init(|| Box::new(CachePadded::new(SharedQueue::new())))
    }

    /// The queues that can hold tasks.
    fn queues_in_use(&self) -> impl Iterator<Item = &SharedQueue> {
        (0..self.crew.seats_in_use()).map(|seat| self.queue(seat))
    }

    /// The queues of all seats that were ever taken.
    pub(super) fn made_queues(&self) -> impl Iterator<Item = &SharedQueue> {
        let queues = self.queues.iter().filter_map(OnceLock::get);
        queues.map(|queue| &***queue)
    }

    pub(crate) fn sleepers(&self) -> &Sleepers {
        &self.sleepers
    }

    pub(super) fn idle(&self) -> &Idle {
        self.sleepers.idle()
    }

    pub(super) fn injector(&self) -> &Injector<Runnable> {
        &self.injector
    }

    pub(crate) fn registry(&self) -> &Registry {
        &self.registry
    }

    /// Whether [`close`](Self::close) has returned, or is about to. Whoever spawns after that is sure to
    /// see it, and so is whoever takes the task from a queue.
    #[inline]
    pub(crate) fn was_closed(&self) -> bool {
        // Acquire pairs with `close`.
        self.was_closed.load(Acquire)
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.idle().is_closed()
    }

    /// Every place where a task can be for anyone to take, and the order to leave. Timers are the
    /// timekeeper's.
    pub(super) fn has_work(&self) -> bool {
        !self.injector.is_empty()
            || self.queues_in_use().any(|queue| !queue.is_empty())
            || self.is_closed()
    }

    /// How many tasks wait for anyone to take them, roughly.
    pub(super) fn work(&self) -> usize {
        self.injector.len() + self.queues_in_use().map(SharedQueue::len).sum::<usize>()
    }

    /// As [`has_work`](Self::has_work), with one worker's deque instead of all, for whoever looks
    /// often.
    pub(super) fn has_work_at(&self, seat: usize) -> bool {
        !self.injector.is_empty()
            || !self.queue(seat % self.crew.seats_in_use()).is_empty()
            || self.is_closed()
    }

    /// A task from any worker's LIFO slot, when the pool is closed.
    pub(super) fn steal_lifo(&self) -> Option<Runnable> {
        self.queues_in_use().find_map(SharedQueue::take_lifo)
    }

    /// As [`has_work`](Self::has_work), for one who is about to sleep, and has shown it.
    pub(super) fn has_work_or_rings(&self, called: bool) -> bool {
        let work = called || self.has_work();
        if !work {
            self.ring_if_idle();
        }
        work
    }

    /// Shows what is queued to `see`, for whoever wants to know. Nobody can look into a queue without
    /// taking from it; so each task goes from its own to the injector, once.
    ///
    /// Of a closed pool it shows none: they are about to be ended, and whoever passed one on might have to
    /// end it.
    pub(crate) fn look(&'static self, mut see: impl FnMut(&Runnable)) {
        if self.is_closed() {
            return;
        }
        let _under_way = self.under_way();
        let mut pass_on = |task: Option<Runnable>| {
            let Some(task) = task else { return false };
            see(&task);
            self.inject_new(task);
            true
        };
        let injected = self.injector.len();
        (0..injected).all(|_| pass_on(retry(|| self.injector.steal())));
        for queue in self.queues_in_use() {
            pass_on(queue.take_lifo());
            let queued = queue.len();
            (0..queued).all(|_| pass_on(queue.steal_one()));
        }
    }

    /// Ends the tasks that are queued anywhere, and those that wait, when the pool is closed.
    pub(super) fn end_tasks(&self, publish: impl Fn(&Runnable)) {
        self.registry.shut_down(&publish);
        self.drain();
        for queue in self.queues_in_use() {
            while let Some(task) = queue.take_lifo().or_else(|| queue.steal_one()) {
                publish(&task);
                task.shut_down(&self.registry);
            }
        }
    }

    /// Wakes a worker for something that was just pushed, if one is needed.
    #[inline]
    pub(super) fn notify(&self) {
        self.sleepers.notify();
    }

    /// Queues a new task from a thread that is not one of the pool's workers. If the pool is closed,
    /// the task is cancelled, here and now.
    ///
    /// # Panics
    ///
    /// If the pool's threads are in another process: also on what was a worker of it.
    pub(crate) fn inject_new(&self, task: Runnable) {
        if !self.process.is_current() {
            fork::used_elsewhere("spawn", task.site());
        }
        if self.was_closed() {
            // Not queued: whoever empties the queue would never come to an end if others kept spawning.
            self.drain_after(Some(task));
            return;
        }
        self.inject(task);
        if self.is_closed() {
            self.drain();
        }
    }

    /// Queues a woken task from a thread that is not one of the pool's workers. If the pool is
    /// closed, others see to its end: it is in the registry, or being polled. So a wake never runs
    /// anybody's destructors. If the task was ended after it was claimed for the queue and before it got
    /// there, and nobody empties the queue any more, what is left of it (its memory) stays there until
    /// somebody spawns, or gives the last handle back.
    pub(super) fn inject(&self, task: Runnable) {
        self.injector.push(task);
        self.notify();
    }

    /// Empties the injector of a closed pool. The workers do so as they leave, and whoever spawned
    /// and found the pool closed does so after them.
    pub(crate) fn drain(&self) {
        self.drain_after(None);
    }

    /// As [`drain`](Self::drain), after a task that has not been queued.
    fn drain_after(&self, first: Option<Runnable>) {
        thread_local!(static DRAINING: Cell<Option<u16>> = const { Cell::new(None) });
        // A destructor below may spawn. What it spawned is taken by the loop that is running.
        if DRAINING.get() == Some(self.number) {
            first.into_iter().for_each(|task| self.inject(task));
            return;
        }
        let outer = DRAINING.replace(Some(self.number));
        first
            .into_iter()
            .for_each(|task| task.shut_down(&self.registry));
        while self.idle().is_closed_then_fence() {
            match self.injector.steal() {
                Steal::Success(task) if self.is_closed() => task.shut_down(&self.registry),
                // A later runtime has opened the pool meanwhile: the task may be its own.
                Steal::Success(task) => self.inject(task),
                Steal::Retry => {}
                Steal::Empty => break,
            }
        }
        DRAINING.set(outer);
    }

    /// Closes the pool: nothing more is accepted, and every worker leaves.
    pub(crate) fn close(&self) {
        self.sleepers.close();
        // Release pairs with `was_closed`. Afterwards, so that it implies `is_closed`.
        self.was_closed.store(true, Release);
        if let Some(quiescence) = self.quiescence() {
            quiescence.ring();
        }
    }
}

impl Keeper for Pool {
    fn earlier(&self, deadline: u64) {
        self.sleepers.deadline_lowered(deadline);
    }
}

/// The scheduler of ordinary tasks: the worker on this thread if it is of the task's pool, else the
/// pool's injector.
pub(crate) struct Pooled;

impl Schedule for Pooled {
    #[inline]
    fn schedule(task: Runnable) {
        let pool = task.pool();
        if let Err(task) = context::push_local(pool, task, LocalQueue::push_woken) {
            Pool::by_number(pool).inject(task);
        }
    }
}
