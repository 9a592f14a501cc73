//! Values that belong to a task and are inherited by those that it spawns.
//!
//! A thread knows the set of values around what it runs; a task that has values brings its own set. A
//! set never changes: to give a key another value is to make another set, so that a child shares
//! its parent's for the price of a reference count, and neither sees what the other sets afterwards.

use pin_project_lite::pin_project;
use std::{
    any::Any,
    cell::Cell,
    fmt,
    future::Future,
    marker::PhantomData,
    pin::Pin,
    ptr,
    sync::Arc,
    task::{Context, Poll, ready},
};

/// A value that each task can have for itself, and that its children inherit: Python's
/// `ContextVar`.
///
/// It is declared as a `static`, and given a value for the length of a future or of a closure. What
/// is spawned meanwhile, by whatever function of this crate, begins with the values of that moment:
/// tasks, children of groups, blocking jobs, and the future of a [`run`](crate::run). A plain
/// thread does not. (tokio's `task_local!` is not inherited.) Tasks that were given no value pay
/// nothing.
///
/// Those who inherit a value share it, so it is `Send` and `Sync`, and what may change lies in a `Mutex`
/// or an atomic. It is dropped when nobody has it any more, on whichever thread that is. A task has it until
/// its last handle is gone, so also while somebody keeps the
/// [`AbortHandle`](super::AbortHandle) of one that has ended.
///
/// # Examples
///
/// ```
/// use wheelhouse::{run, spawn, task::TaskLocal};
///
/// static REQUEST: TaskLocal<u64> = TaskLocal::new();
///
/// async fn log(line: &str) -> String {
///     format!("[{}] {line}", REQUEST.get().unwrap_or(0))
/// }
///
/// run(async {
///     let handled = REQUEST.scope(7, async { spawn(log("from a child")).await.unwrap() });
///     assert_eq!(handled.await, "[7] from a child");
///     assert_eq!(log("outside").await, "[0] outside");
/// });
/// ```
#[doc(alias("task_local", "LocalKey", "ContextVar", "contextvars"))]
pub struct TaskLocal<T: 'static> {
    /// Statics of size zero may share an address, which is the key.
    _own_address: u8,
    value: PhantomData<fn() -> T>,
}

/// A set of values; what a task inherits.
#[derive(Clone)]
pub(super) struct Values(Arc<[Entry]>);

#[derive(Clone)]
struct Entry {
    /// The address of the `TaskLocal`.
    key: usize,
    value: Arc<dyn Any + Send + Sync>,
}

thread_local! {
    /// Whether there are values, for whoever only wants to know that.
    static ANY: Cell<bool> = const { Cell::new(false) };
    /// The values around what this thread runs.
    static AROUND: Cell<Option<Values>> = const { Cell::new(None) };
}

impl Values {
    /// The values around what this thread runs.
    #[inline]
    pub(super) fn current() -> Option<Values> {
        if ANY.get() { Values::copy() } else { None }
    }

    #[cold]
    fn copy() -> Option<Values> {
        let copy = |around: &Cell<Option<Values>>| {
            let values = around.take();
            around.set(values.clone());
            values
        };
        // A thread-local's destructor has no values.
        AROUND.try_with(copy).ok().flatten()
    }

    /// Calls `f` with these values around it.
    pub(super) fn enter<R>(values: Option<Values>, f: impl FnOnce() -> R) -> R {
        struct Leave(Option<Values>);
        impl Drop for Leave {
            fn drop(&mut self) {
                drop(put(self.0.take()));
            }
        }
        let _leave = Leave(put(values));
        f()
    }

    fn with(around: Option<&Values>, key: usize, value: Arc<dyn Any + Send + Sync>) -> Values {
        let others = around.map_or(&[][..], |values| &values.0);
        let others = others.iter().filter(|entry| entry.key != key).cloned();
        Values(others.chain([Entry { key, value }]).collect())
    }

    fn get(&self, key: usize) -> Option<&Arc<dyn Any + Send + Sync>> {
        let entry = self.0.iter().find(|entry| entry.key == key);
        entry.map(|entry| &entry.value)
    }

    fn is(&self, other: &Values) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

/// Puts values around this thread, and returns those that were.
fn put(values: Option<Values>) -> Option<Values> {
    let any = values.is_some();
    let Ok(old) = AROUND.try_with(|around| around.replace(values)) else {
        return None;
    };
    ANY.set(any);
    old
}

impl<T: Send + Sync + 'static> TaskLocal<T> {
    /// A key without a value, for a `static`.
    #[expect(clippy::new_without_default, reason = "only a static makes sense")]
    pub const fn new() -> Self {
        TaskLocal {
            _own_address: 0,
            value: PhantomData,
        }
    }

    fn key(&'static self) -> usize {
        ptr::from_ref(self).addr()
    }

    /// `future`, in which this key has `value`.
    ///
    /// # Cancel safety
    ///
    /// That of `future`, which is dropped with the value still around it.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{run, task::TaskLocal};
    ///
    /// static DEPTH: TaskLocal<u32> = TaskLocal::new();
    ///
    /// run(DEPTH.scope(1, async {
    ///     let inner = DEPTH.scope(2, async { DEPTH.get() });
    ///     assert_eq!((DEPTH.get(), inner.await, DEPTH.get()), (Some(1), Some(2), Some(1)));
    /// }));
    /// ```
    pub fn scope<F: Future>(&'static self, value: T, future: F) -> Scoped<T, F> {
        Scoped {
            key: self.key(),
            value: Arc::new(value),
            inside: None,
            future: Some(future),
        }
    }

    /// Calls `f` while this key has `value`.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::{Runtime, task::TaskLocal};
    ///
    /// static WHO: TaskLocal<&str> = TaskLocal::new();
    ///
    /// let runtime = Runtime::new().unwrap();
    /// let task = WHO.sync_scope("main", || runtime.spawn(async { WHO.get() }));
    /// assert_eq!(task.join().unwrap(), Some("main"));
    /// ```
    pub fn sync_scope<R>(&'static self, value: T, f: impl FnOnce() -> R) -> R {
        let around = Values::current();
        let values = Values::with(around.as_ref(), self.key(), Arc::new(value));
        Values::enter(Some(values), f)
    }

    /// Calls `f` with the value.
    ///
    /// # Panics
    ///
    /// Where this key has no value, naming the caller's line.
    #[track_caller]
    pub fn with<R>(&'static self, f: impl FnOnce(&T) -> R) -> R {
        match self.value() {
            Some(value) => f(&value),
            None => panic!(
                "`TaskLocal::with` was called at {} where the key has no value: give it one with \
                 `scope` around the task, or ask with `try_with`",
                std::panic::Location::caller()
            ),
        }
    }

    /// Calls `f` with the value; `None` where there is none.
    ///
    /// # Examples
    ///
    /// ```
    /// use wheelhouse::task::TaskLocal;
    ///
    /// static NAMES: TaskLocal<Vec<String>> = TaskLocal::new();
    ///
    /// assert_eq!(NAMES.try_with(Vec::len), None);
    /// NAMES.sync_scope(vec!["ada".into()], || assert_eq!(NAMES.with(Vec::len), 1));
    /// ```
    pub fn try_with<R>(&'static self, f: impl FnOnce(&T) -> R) -> Option<R> {
        Some(f(&*self.value()?))
    }

    /// A copy of the value, if there is one.
    pub fn get(&'static self) -> Option<T>
    where
        T: Clone,
    {
        self.try_with(T::clone)
    }

    fn value(&'static self) -> Option<Arc<T>> {
        let value = Arc::clone(Values::current()?.get(self.key())?);
        value.downcast().ok()
    }
}

impl<T> fmt::Debug for TaskLocal<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TaskLocal<{}>", std::any::type_name::<T>())
    }
}

/// The values inside a [`Scoped`], and those outside, from which they were made.
struct Inside {
    outside: Option<Values>,
    values: Values,
}

pin_project! {
    /// The future of [`TaskLocal::scope`].
    ///
    /// # Panics
    ///
    /// When it is polled again after it was ready.
    #[must_use = "futures do nothing unless awaited"]
    pub struct Scoped<T, F>
    where
        T: Send,
        T: Sync,
        T: 'static,
    {
        key: usize,
        value: Arc<T>,
        inside: Option<Inside>,
        #[pin]
        future: Option<F>,
    }

    impl<T, F> PinnedDrop for Scoped<T, F>
    where
        T: Send,
        T: Sync,
        T: 'static,
    {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let inside = match this.inside.take() {
                Some(inside) => inside.values,
                // It was never polled.
                None => Values::with(Values::current().as_ref(), *this.key, this.value.clone()),
            };
            Values::enter(Some(inside), || this.future.set(None));
        }
    }
}

impl<T: Send + Sync + 'static, F: Future> Future for Scoped<T, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let outside = Values::current();
        let made_here =
            this.inside
                .as_ref()
                .is_some_and(|inside| match (&inside.outside, &outside) {
                    (Some(old), Some(new)) => old.is(new),
                    (old, new) => old.is_none() && new.is_none(),
                });
        if !made_here {
            let value = Arc::clone(this.value);
            let values = Values::with(outside.as_ref(), *this.key, value);
            *this.inside = Some(Inside { outside, values });
        }
        let values = this.inside.as_ref().map(|inside| inside.values.clone());
        Values::enter(values, || {
            let Some(future) = this.future.as_mut().as_pin_mut() else {
                panic!("`Scoped` polled after it was ready");
            };
            let output = ready!(future.poll(context));
            this.future.set(None);
            Poll::Ready(output)
        })
    }
}

impl<T: Send + Sync + 'static, F: fmt::Debug> fmt::Debug for Scoped<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scoped")
            .field("future", &self.future)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_is_the_one_that_it_was_copied_from() {
        let make = || Values::with(None, 1, Arc::new("one"));
        let values = make();
        assert!(values.is(&values.clone()));
        assert!(!values.is(&make()), "its values are the same, not itself");
    }

    #[test]
    fn a_set_has_the_others_values_and_one_more() {
        let one = Values::with(None, 1, Arc::new("one"));
        let two = Values::with(Some(&one), 2, Arc::new("two"));
        let other = Values::with(Some(&two), 1, Arc::new("other"));
        let get = |values: &Values, key| {
            let value = values.get(key)?.downcast_ref::<&str>();
            value.copied()
        };
        assert_eq!((get(&one, 1), get(&one, 2)), (Some("one"), None));
        assert_eq!((get(&two, 1), get(&two, 2)), (Some("one"), Some("two")));
        assert_eq!(
            (get(&other, 1), get(&other, 2)),
            (Some("other"), Some("two"))
        );
    }

    #[test]
    fn a_scope_has_its_value_and_gives_the_one_before_back() {
        static KEY: TaskLocal<u8> = TaskLocal::new();
        assert_eq!(KEY.get(), None);
        KEY.sync_scope(1, || {
            KEY.sync_scope(2, || assert_eq!(KEY.try_with(|value| *value), Some(2)));
            assert_eq!(KEY.get(), Some(1));
        });
        assert_eq!(KEY.get(), None);
    }
}
