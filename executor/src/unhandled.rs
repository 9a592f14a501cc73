//! Panics that nobody can collect.
//!
//! A panic takes the place of its task's output, and whoever awaits the handle collects it there as
//! a [`JoinError`](crate::JoinError). Nobody can if the handle was dropped, before or after the panic;
//! if a gather has failed already and drops the error with the rest; or if there is no place for the
//! panic: a task has one output, and a destructor, a waker or a hook has none.
//!
//! All of them arrive at the one [`Unhandled`] of their runtime, each once, and outside every lock.
//! An error that a task leaves behind holds it, so that it is told of even when the runtime is gone.

use crate::{
    builder::PanicOptions,
    context, debug,
    error::JoinError,
    shared::Shared,
    task::{self, Id, Label, OneLine},
};
use parking_lot::Mutex;
use std::{
    any::Any,
    fmt,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, Location, catch_unwind},
    pin::pin,
    sync::{
        Arc, OnceLock, Weak,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    task::Waker,
};

/// A panic that nobody can collect, for [`Builder::on_unhandled_panic`](crate::Builder::on_unhandled_panic).
///
/// Its text is one line, ready for a log.
///
/// # Examples
///
/// ```
/// use std::sync::mpsc;
///
/// let (sender, panics) = mpsc::channel();
/// let runtime = wheelhouse::Runtime::builder()
///     .on_unhandled_panic(move |panic| {
///         sender.send((panic.task_id(), panic.message().map(String::from))).unwrap();
///     })
///     .build()
///     .unwrap();
/// let task = runtime.spawn(async { panic!("oh no") });
/// let id = task.id();
/// drop(task);
/// assert_eq!(panics.recv().unwrap(), (Some(id), Some("oh no".into())));
/// ```
pub struct UnhandledPanic<'a> {
    pub(crate) task: Option<&'a Label>,
    pub(crate) place: Place,
    pub(crate) payload: &'a (dyn Any + Send),
}

/// What panicked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// A task's poll, or the destructor of its future.
    Task,
    /// The destructor of a task's output, or of a panic's payload.
    Output,
    /// A waker that the end of a task has called.
    Waker,
    /// A hook of the builder.
    Hook,
}

/// Where the panics of one runtime arrive.
pub(crate) struct Unhandled {
    options: PanicOptions,
    debug: bool,
    count: AtomicU64,
    shared: Weak<Shared>,
    /// Why the runtime was shut down, if a panic was the reason.
    cause: OnceLock<String>,
    /// Threads in `block_on`, which are to fail then; each has a number.
    waiting: Mutex<Vec<(u64, Waker)>>,
    numbers: AtomicU64,
}

impl UnhandledPanic<'_> {
    /// The task that it concerns; none if a hook has panicked.
    pub fn task_id(&self) -> Option<Id> {
        self.task.map(|task| task.id)
    }

    /// The task's name, if it has one.
    pub fn task_name(&self) -> Option<&str> {
        self.task?.name.as_deref()
    }

    /// The line that spawned the task.
    pub fn spawn_site(&self) -> Option<&'static Location<'static>> {
        self.task.map(|task| task.site)
    }

    /// What was thrown.
    pub fn payload(&self) -> &(dyn Any + Send) {
        self.payload
    }

    /// The payload's text, if it is one.
    pub fn message(&self) -> Option<&str> {
        text_of(self.payload)
    }
}

/// The text of a panic's payload, if it has one.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> Option<&str> {
    let string = payload.downcast_ref::<String>().map(String::as_str);
    string.or_else(|| payload.downcast_ref::<&'static str>().copied())
}

impl fmt::Display for UnhandledPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.task, self.place) {
            (None, Place::Hook) => write!(f, "a hook panicked")?,
            (None, _) => write!(f, "a destructor panicked")?,
            (Some(task), Place::Output) => {
                write!(f, "{task}, left something whose destructor panicked")?;
            }
            (Some(task), Place::Waker) => write!(f, "{task}, woke a waker that panicked")?,
            (Some(task), _) => write!(f, "{task}, panicked, and nobody collected it")?,
        }
        match self.message() {
            Some(message) => write!(f, ": {}", OneLine(message)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for UnhandledPanic<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UnhandledPanic({self})")
    }
}

impl Unhandled {
    pub(crate) fn new(options: PanicOptions, debug: bool, shared: Weak<Shared>) -> Self {
        Unhandled {
            options,
            debug,
            count: AtomicU64::new(0),
            shared,
            cause: OnceLock::new(),
            waiting: Mutex::default(),
            numbers: AtomicU64::new(0),
        }
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.count.load(Relaxed) // Relaxed: a figure.
    }

    /// Counts a panic, and tells whoever wants to know. The caller holds no lock.
    #[cold]
    fn tell(&self, panic: &UnhandledPanic<'_>) {
        self.count.fetch_add(1, Relaxed); // Relaxed: a figure.
        if self.debug {
            debug::say(format_args!("{panic}"));
        }
        if let Some(hook) = &self.options.hook
            && let Err(second) = catch_unwind(AssertUnwindSafe(|| hook(panic)))
        {
            self.count.fetch_add(1, Relaxed); // Relaxed: a figure.
            task::forget_panic(second);
        }
        if self.options.shut_down {
            self.shut_down(panic);
        }
    }

    /// Calls `f`, which is no task's doing; if it panics, tells of it.
    pub(crate) fn contain(&self, place: Place, f: impl FnOnce()) {
        if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
            self.lost(None, place, payload);
        }
    }

    /// Tells of a panic, and drops its payload, whose destructor may panic in its turn.
    #[cold]
    pub(crate) fn lost(&self, task: Option<&Label>, place: Place, payload: Box<dyn Any + Send>) {
        let tell = |place, payload: &Box<dyn Any + Send>| {
            self.tell(&UnhandledPanic {
                task,
                place,
                payload: &**payload,
            });
        };
        tell(place, &payload);
        if let Err(second) = catch_unwind(AssertUnwindSafe(|| drop(payload))) {
            tell(Place::Output, &second);
            task::forget_panic(second);
        }
    }

    fn shut_down(&self, panic: &UnhandledPanic<'_>) {
        if self.cause.set(panic.to_string()).is_err() {
            return;
        }
        if let Some(shared) = self.shared.upgrade() {
            shared.close();
        }
        let waiting = std::mem::take(&mut *self.waiting.lock());
        for (_, waker) in waiting {
            waker.wake();
        }
    }

    /// Whether a panic has shut the runtime down.
    pub(crate) fn has_shut_down(&self) -> bool {
        self.cause.get().is_some()
    }

    /// Panics if a panic has shut the runtime down.
    #[track_caller]
    pub(crate) fn check(&self) {
        if let Some(cause) = self.cause.get() {
            panic!("the runtime was shut down: {cause}");
        }
    }

    /// Whether a panic can shut the runtime down.
    pub(crate) fn shuts_down(&self) -> bool {
        self.options.shut_down
    }

    /// `future`, that panics when a panic shuts the runtime down.
    pub(crate) async fn or_fail<F: Future>(&self, future: F) -> F::Output {
        let number = self.numbers.fetch_add(1, Relaxed); // Relaxed: only uniqueness counts.
        let _waiting = Waiting {
            unhandled: self,
            number,
        };
        let mut future = pin!(future);
        poll_fn(|context| {
            self.wait(number, context.waker());
            // After the waker has been left, so that no cause comes unseen.
            self.check();
            future.as_mut().poll(context)
        })
        .await
    }

    /// Leaves a waker in the place of the last one with this number.
    fn wait(&self, number: u64, waker: &Waker) {
        let new = waker.clone();
        let mut waiting = self.waiting.lock();
        let old = match waiting.iter_mut().find(|(other, _)| *other == number) {
            Some((_, waker)) => Some(std::mem::replace(waker, new)),
            None => {
                waiting.push((number, new));
                None
            }
        };
        drop(waiting);
        drop(old);
    }
}

struct Waiting<'a> {
    unhandled: &'a Unhandled,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut waiting = self.unhandled.waiting.lock();
        let place = waiting
            .iter()
            .position(|(number, _)| *number == self.number);
        let left = place.map(|place| waiting.swap_remove(place));
        drop(waiting);
        drop(left);
    }
}

/// Drops what a task gave; nobody has asked for it.
pub(crate) fn discard<T>(result: Result<T, JoinError>) {
    match result {
        Ok(value) => contain(Place::Output, || drop(value)),
        Err(error) => error.nobody_collects(),
    }
}

/// Calls `f`; a panic in it is told of where those of the runtime around this thread are.
pub(crate) fn contain(place: Place, f: impl FnOnce()) {
    contain_as(place, f, || {
        let unhandled = |shared: &Arc<Shared>| Arc::clone(shared.unhandled());
        (context::with_current(|shared| shared.map(unhandled)), None)
    });
}

/// Calls `f`; if it panics, `whose` says where that arrives, and whose doing it is.
pub(crate) fn contain_as(
    place: Place,
    f: impl FnOnce(),
    whose: impl FnOnce() -> (Option<Arc<Unhandled>>, Option<Label>),
) {
    if let Err(payload) = catch_unwind(AssertUnwindSafe(f)) {
        match whose() {
            (Some(unhandled), task) => unhandled.lost(task.as_ref(), place, payload),
            (None, _) => task::forget_panic(payload),
        }
    }
}
