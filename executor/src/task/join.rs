//! What the spawner holds: the [`JoinHandle`] and the [`AbortHandle`].

use super::{
    Id, Label, Runnable,
    raw::{self, Header},
    state::Wake,
};
use crate::{
    block_on, budget, error::JoinError, os::fork::Process, scheduler::pool::Pool, unhandled::Place,
};
use std::{
    cell::UnsafeCell,
    fmt,
    future::Future,
    marker::PhantomData,
    panic::{Location, RefUnwindSafe, UnwindSafe},
    pin::Pin,
    ptr::NonNull,
    task::{Context, Poll, Waker},
    time::Duration,
};

/// A spawned task's handle: awaited, it gives what the task returned.
///
/// Dropping it detaches the task, which goes on; [`abort`](Self::abort) ends it. It is one pointer
/// wide, and `Send` and `Sync` if `T` is `Send`.
///
/// # Cancel safety
///
/// Awaiting `&mut handle` can be given up and taken up again at any time; the output stays in the
/// task until it is taken.
///
/// # Panics
///
/// When it is polled again after it gave its output.
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let handle = wheelhouse::spawn(async { 6 * 7 });
///     assert_eq!(handle.await.unwrap(), 42);
/// });
/// ```
#[must_use = "dropping a handle detaches its task; write `drop(handle)` or `let _ =` to say so"]
pub struct JoinHandle<T> {
    /// JOIN_INTEREST's reference. The lowest bit of the address says that the output was taken.
    task: NonNull<Header>,
    output: PhantomData<T>,
}

const TAKEN: usize = 1;

// SAFETY: the handle moves the output between threads, and nothing else of the task's.
unsafe impl<T: Send> Send for JoinHandle<T> {}
// SAFETY: by shared reference it only reads the state word and the header's constants.
unsafe impl<T: Send> Sync for JoinHandle<T> {}
impl<T> Unpin for JoinHandle<T> {}
impl<T> UnwindSafe for JoinHandle<T> {}
impl<T> RefUnwindSafe for JoinHandle<T> {}

impl<T> JoinHandle<T> {
    pub(super) fn new(task: NonNull<Header>) -> Self {
        JoinHandle {
            task,
            output: PhantomData,
        }
    }

    fn task(&self) -> NonNull<Header> {
        self.task.map_addr(|address| {
            // A header's address is a multiple of 16, so it is not zero without the bit either.
            std::num::NonZero::new(address.get() & !TAKEN).unwrap_or(address)
        })
    }

    fn is_taken(&self) -> bool {
        self.task.addr().get() & TAKEN != 0
    }

    #[track_caller]
    fn assert_not_taken(&self) {
        assert!(
            !self.is_taken(),
            "`JoinHandle` polled after it gave its output"
        );
    }

    fn header(&self) -> &Header {
        // SAFETY: JOIN_INTEREST counts as a reference, and `self` stands for it.
        unsafe { &*self.task().as_ptr() }
    }

    /// Asks for the task to end at its next `.await`.
    ///
    /// Its future is dropped by a worker, never on the calling thread while the runtime is up,
    /// and awaiting the handle then gives a [`JoinError`] that
    /// [is cancelled](JoinError::is_cancelled), unless the task was faster. A job of
    /// [`spawn_blocking`](crate::spawn_blocking) that has started can't be aborted.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use wheelhouse::{run, spawn};
    ///
    /// run(async {
    ///     let stuck = spawn(pending::<()>());
    ///     stuck.abort();
    ///     assert!(stuck.await.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn abort(&self) {
        abort(self.task(), self.header());
    }

    /// A handle that can only abort; it may outlive this one.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use wheelhouse::{gather, run, spawn};
    ///
    /// run(async {
    ///     let stuck = spawn(pending::<()>());
    ///     let abort = stuck.abort_handle();
    ///     // The task's own handle is given away.
    ///     let all = gather!(stuck, async move { abort.abort() }).settle();
    ///     assert!(all.await.0.unwrap_err().is_cancelled());
    /// });
    /// ```
    pub fn abort_handle(&self) -> AbortHandle {
        self.header().state.add_reference();
        AbortHandle { task: self.task() }
    }

    /// Whether the task has ended, its future dropped and its output stored.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{run, spawn, yield_now};
    ///
    /// run(async {
    ///     let task = spawn(async { 7 });
    ///     while !task.is_finished() {
    ///         yield_now().await; // something useful, rather
    ///     }
    ///     assert_eq!(task.await.unwrap(), 7);
    /// });
    /// ```
    pub fn is_finished(&self) -> bool {
        self.header().state.is_complete()
    }

    /// The task's id, which its [`JoinError`] has too.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let task = wheelhouse::spawn(async {});
    ///     println!("{} has begun", task.id());
    ///     task.await.unwrap();
    /// });
    /// ```
    pub fn id(&self) -> Id {
        self.header().id()
    }

    /// The line that spawned the task.
    ///
    /// # Examples
    ///
    /// ```
    /// wheelhouse::run(async {
    ///     let task = wheelhouse::spawn(async {});
    ///     println!("waiting for what {} spawned", task.spawn_site()); // src/main.rs:3:16
    ///     task.await.unwrap();
    /// });
    /// ```
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.header().site()
    }

    /// The task's name, if [`task::Builder`](super::Builder) has given it one.
    pub fn name(&self) -> Option<&str> {
        self.header().name().map(|name| &**name)
    }

    /// What the task is called in reports.
    pub(crate) fn label(&self) -> Label {
        self.header().label()
    }

    /// Whether it is a blocking job, which an abort can't end once it has started.
    pub(crate) fn is_blocking(&self) -> bool {
        raw::is_blocking(self.task())
    }

    /// Blocks this thread until the task has ended.
    ///
    /// # Errors
    ///
    /// As awaiting the handle.
    ///
    /// # Panics
    ///
    /// Inside a task or a `block_on`: await the handle there. It is allowed inside
    /// [`block_in_place`](crate::block_in_place), in the closure of a [`scope`](crate::scope()), and
    /// in a blocking job. Also after the output was taken.
    ///
    /// # Examples
    ///
    /// ```
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let handle = runtime.spawn(async { 1 + 1 });
    /// assert_eq!(handle.join().unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn join(self) -> Result<T, JoinError> {
        self.assert_not_taken();
        self.check_process("JoinHandle::join");
        block_on::wait("JoinHandle::join", self.pool(), self)
    }

    /// As [`join`](Self::join), for at most `limit`: `None` if the task has not ended by then.
    ///
    /// # Errors
    ///
    /// As awaiting the handle.
    ///
    /// # Panics
    ///
    /// As [`join`](Self::join).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::pending;
    /// use std::time::Duration;
    ///
    /// let runtime = wheelhouse::Runtime::new().unwrap();
    /// let mut stuck = runtime.spawn(pending::<()>());
    /// assert!(stuck.join_timeout(Duration::from_millis(5)).is_none());
    ///
    /// let mut task = runtime.spawn(async { 1 + 1 });
    /// let output = task.join_timeout(Duration::from_secs(60)).expect("it ends in time");
    /// assert_eq!(output.unwrap(), 2);
    /// ```
    #[track_caller]
    pub fn join_timeout(&mut self, limit: Duration) -> Option<Result<T, JoinError>> {
        self.assert_not_taken();
        self.check_process("JoinHandle::join_timeout");
        block_on::wait_timeout("JoinHandle::join_timeout", self.pool(), self, limit)
    }

    /// The number of the task's pool.
    pub(crate) fn pool(&self) -> u16 {
        self.header().pool()
    }

    /// Before `what` waits for the task.
    ///
    /// # Panics
    ///
    /// If the task will not end, for this process was forked from that of its runtime.
    #[inline]
    #[track_caller]
    fn check_process(&self, what: &str) {
        if Process::is_forked() && !self.is_finished() {
            Pool::by_number(self.pool())
                .process()
                .check(what, Location::caller());
        }
    }

    /// Leaves `waker` for the task's end. False: it has ended.
    fn leave_waker(&self, waker: &Waker) -> bool {
        let state = &self.header().state;
        if state.has_join_waker() && !state.unset_join_waker() {
            return false;
        }
        let slot = self.header().join_waker.get();
        // SAFETY: JOIN_WAKER is clear and the task was not complete when it was cleared, so the
        // slot is the handle's until it sets the bit.
        let slot = unsafe { &mut *slot };
        // The clone first: if it panics, the old waker is still where it was.
        let old = match slot {
            Some(old) if old.will_wake(waker) => None,
            _ => {
                let clone = waker.clone();
                slot.replace(clone)
            }
        };
        let left = state.set_join_waker();
        let stale = if left { None } else { self.take_waker() };
        self.header().contain(Place::Waker, || drop((old, stale)));
        left
    }

    /// Takes the waker back out of its slot. The handle owns the slot.
    fn take_waker(&self) -> Option<Waker> {
        let slot: &UnsafeCell<Option<Waker>> = &self.header().join_waker;
        // SAFETY: JOIN_WAKER is clear, so whoever completes the task leaves the slot alone.
        unsafe { (*slot.get()).take() }
    }

    fn take_output(&mut self) -> Result<T, JoinError> {
        let task = self.task();
        // The bit first: whatever happens, the drop of `self` does not drop the output again.
        self.task = self.task.map_addr(|address| address | TAKEN);
        // SAFETY: the task is complete, JOIN_INTEREST makes the output this handle's, and it has
        // not been taken before. `T` is the future's output since `spawn` made the handle.
        unsafe { raw::take_output(task) }
    }
}

impl<T> Future for JoinHandle<T> {
    type Output = Result<T, JoinError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.assert_not_taken();
        if !budget::spend(cx) {
            return Poll::Pending;
        }
        if !self.is_finished() {
            self.check_process("JoinHandle::poll");
            if self.leave_waker(cx.waker()) {
                return Poll::Pending;
            }
        }
        Poll::Ready(self.take_output())
    }
}

impl<T> Drop for JoinHandle<T> {
    fn drop(&mut self) {
        let task = self.task();
        let state = &self.header().state;
        if !state.is_complete() {
            if state.has_join_waker() && state.unset_join_waker() {
                let waker = self.take_waker();
                self.header().contain(Place::Waker, || drop(waker));
            }
            if state.detach() {
                return;
            }
        }
        if !self.is_taken() {
            // SAFETY: the task is complete, and the output is this handle's and was not taken.
            unsafe { raw::drop_output(task) };
        }
        if self.header().state.release_join() {
            // SAFETY: the transition has said that nobody holds the cell any more.
            unsafe { raw::free(task) };
        }
    }
}

impl<T> fmt::Debug for JoinHandle<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "JoinHandle({}, spawned at {})",
            self.id(),
            self.spawn_site()
        )
    }
}

/// Aborts a task, from anywhere and at any time; see [`JoinHandle::abort`].
///
/// # Examples
///
/// ```
/// wheelhouse::run(async {
///     let handle = wheelhouse::spawn(std::future::pending::<()>());
///     let abort = handle.abort_handle();
///     abort.abort();
///     assert!(handle.await.unwrap_err().is_cancelled());
///     assert!(abort.is_finished());
/// });
/// ```
pub struct AbortHandle {
    task: NonNull<Header>,
}

// SAFETY: it only touches the state word and the header's constants.
unsafe impl Send for AbortHandle {}
// SAFETY: as above.
unsafe impl Sync for AbortHandle {}
impl UnwindSafe for AbortHandle {}
impl RefUnwindSafe for AbortHandle {}

impl AbortHandle {
    /// One more holder of a task that the caller holds.
    pub(super) fn of(task: &Header) -> Self {
        task.state.add_reference();
        AbortHandle {
            task: NonNull::from_ref(task),
        }
    }

    fn header(&self) -> &Header {
        // SAFETY: `self` stands for a reference.
        unsafe { &*self.task.as_ptr() }
    }

    /// See [`JoinHandle::abort`].
    pub fn abort(&self) {
        abort(self.task, self.header());
    }

    /// Whether the task has ended.
    pub fn is_finished(&self) -> bool {
        self.header().state.is_complete()
    }

    /// The task's id.
    pub fn id(&self) -> Id {
        self.header().id()
    }

    /// The task's name, if [`task::Builder`](super::Builder) has given it one.
    pub fn name(&self) -> Option<&str> {
        self.header().name().map(|name| &**name)
    }

    /// The line that spawned the task.
    pub fn spawn_site(&self) -> &'static Location<'static> {
        self.header().site()
    }
}

fn abort(task: NonNull<Header>, header: &Header) {
    if header.state.abort() == Wake::Queue {
        raw::schedule(Runnable(task));
    }
}

impl Clone for AbortHandle {
    fn clone(&self) -> Self {
        self.header().state.add_reference();
        AbortHandle { task: self.task }
    }
}

impl Drop for AbortHandle {
    fn drop(&mut self) {
        if self.header().state.drop_reference() {
            // SAFETY: the transition has said that this was the last reference.
            unsafe { raw::free(self.task) };
        }
    }
}

impl fmt::Debug for AbortHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AbortHandle({})", self.id())
    }
}
