//! `task_group`: a body, its children, and one end for all of them.

use super::{
    GroupError, Inner, TaskGroup,
    results::Results,
    state::{Kind, Phase, State},
    wait::{Until, Wait},
};
use crate::unhandled::{self, Place};
use std::{
    any::Any,
    future::{Future, poll_fn},
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    pin::{Pin, pin},
    sync::Arc,
    task::{Poll, ready},
};

/// Runs `body`, an `async |group| { .. }` that can spawn children on its group, and waits for all of
/// them: asyncio's `async with TaskGroup() as group`.
///
/// Gives what the body returned, and the values of the children in the order in which they were
/// spawned, without those that the body has taken with [`next`](TaskGroup::next). A child that
/// was aborted through its [`AbortHandle`](crate::AbortHandle) gives none.
///
/// The body owns its handle of the group, not the group: moved out of the body, the handle is of no
/// use once this has returned.
///
/// The children may spawn siblings, through a [`Spawner`](super::Spawner), for as long as one of
/// them runs.
///
/// Where the compiler asks for types, say them at the body's argument:
/// `async |group: TaskGroup<u32, String>| { .. }`, values first, then errors.
///
/// # Errors
///
/// The first failure cancels the rest. It is the `Err` or the panic of a child, a child that was
/// lost since its runtime shut down or refused it, or the `Err` of the body. The
/// children are aborted, the body is dropped at the `.await` at which it waits, and what is spawned
/// from then on is cancelled before its first poll. When all have ended, the error holds every
/// failure, the earliest first; values are dropped. A blocking job that runs can't be cancelled, and is
/// waited for.
///
/// # Panics
///
/// If the body does: the children are cancelled and waited for, then the panic goes on.
///
/// # Cancel safety
///
/// When it is dropped, the body is dropped first, and the children are aborted and not waited for.
/// What they have given is lost, but a panic among it is
/// [reported](crate::Builder::on_unhandled_panic).
///
/// # Examples
///
/// ```
/// use wheelhouse::{run, task_group};
///
/// async fn fetch(page: u32) -> Result<String, std::io::Error> {
///     Ok(format!("page {page}"))
/// }
///
/// let (count, pages) = run(async {
///     let (first, last) = (1, 3);
///     task_group(async |group| {
///         for page in first..=last {
///             group.spawn(fetch(page)); // the body may borrow, a child may not
///         }
///         Ok(last - first + 1)
///     })
///     .await
///     .unwrap()
/// });
/// assert_eq!((count, pages[2].as_str()), (3, "page 3"));
/// ```
///
/// It is `Send` if the body's future is, so that a group can be a task:
///
/// ```
/// use wheelhouse::{run, spawn, task_group};
///
/// run(async {
///     let service = spawn(task_group(async |group| {
///         group.spawn(async { Err::<(), _>("no such page") });
///         std::future::pending::<Result<(), _>>().await // dropped here when the child fails
///     }));
///     let error = service.await.unwrap().unwrap_err();
///     assert_eq!(error.first().error(), Some(&"no such page"));
/// });
/// ```
#[doc(alias("nursery", "TaskGroup", "JoinSet", "structured concurrency"))]
pub fn task_group<T, E, R, B, F>(
    body: B,
) -> impl Future<Output = Result<(R, Vec<T>), GroupError<E>>>
where
    B: FnOnce(TaskGroup<T, E>) -> F,
    F: Future<Output = Result<R, E>>,
    T: Send + 'static,
    E: Send + 'static,
{
    // Not `AsyncFnOnce(&TaskGroup<T, E>)`: whether the future of that is `Send` can't be told inside
    // an outer `async` block, as soon as `T` or `E` is something like `&'static str`.
    let group = TaskGroup::of(Kind::Bound);
    let owner = Owner(group.clone_inner());
    own(owner, body(group))
}

/// Ends its group when it is dropped.
struct Owner<T, E>(Arc<Inner<T, E>>);

impl<T, E> Drop for Owner<T, E> {
    fn drop(&mut self) {
        self.0.end();
    }
}

async fn own<T, E, R>(
    owner: Owner<T, E>,
    body: impl Future<Output = Result<R, E>>,
) -> Result<(R, Vec<T>), GroupError<E>> {
    let group = &*owner.0;
    let body = run_body(group, body).await;
    if let Body::Panicked(_) = &body {
        group.close();
    }
    let results = all_ended(group).await;
    match body {
        Body::Panicked(payload) => {
            results.discard();
            resume_unwind(payload)
        }
        Body::Gave(value) => finish(Some(value), results),
        Body::Failed => finish(None, results),
    }
}

/// How the body ended.
enum Body<R> {
    Gave(R),
    /// It returned an error, which the group has, or it was dropped since a child failed.
    Failed,
    Panicked(Box<dyn Any + Send>),
}

/// Polls the body until it ends or something fails; it is gone then.
async fn run_body<T, E, R>(
    group: &Inner<T, E>,
    body: impl Future<Output = Result<R, E>>,
) -> Body<R> {
    let mut body = pin!(Some(body));
    let mut failure = Wait::new(group);
    poll_fn(|context| {
        // First, so that the waker is left before the body can spawn a child that fails.
        let failed = |state: &mut State<T, E>| state.has_failed().then_some(());
        if failure.poll(context, Until::Failure, failed).is_ready() {
            return Poll::Ready(let_go(body.as_mut(), Body::Failed));
        }
        let Some(future) = body.as_mut().as_pin_mut() else {
            unreachable!("a body is not polled after its end")
        };
        let ended = match catch_unwind(AssertUnwindSafe(|| future.poll(context))) {
            Ok(polled) => match ready!(polled) {
                Ok(value) => Body::Gave(value),
                Err(error) => {
                    group.fail(error);
                    Body::Failed
                }
            },
            Err(payload) => Body::Panicked(payload),
        };
        Poll::Ready(let_go(body.as_mut(), ended))
    })
    .await
}

/// Drops what is left of the body. A panic in that counts as the body's own, unless that has
/// panicked already.
fn let_go<F, R>(mut body: Pin<&mut Option<F>>, ended: Body<R>) -> Body<R> {
    let Err(payload) = catch_unwind(AssertUnwindSafe(|| body.set(None))) else {
        return ended;
    };
    if let Body::Panicked(_) = ended {
        unhandled::contain(Place::Output, || resume_unwind(payload));
        return ended;
    }
    unhandled::contain(Place::Output, || drop(ended));
    Body::Panicked(payload)
}

/// Waits until no child is left; then the group has ended.
async fn all_ended<T, E>(group: &Inner<T, E>) -> Results<T, E> {
    let mut idle = Wait::new(group);
    let results = |state: &mut State<T, E>| {
        state.is_idle().then(|| {
            state.phase = Phase::Returned;
            state.take_results()
        })
    };
    poll_fn(|context| idle.poll(context, Until::Idle, results)).await
}

fn finish<T, E, R>(value: Option<R>, results: Results<T, E>) -> Result<(R, Vec<T>), GroupError<E>> {
    let (values, failures) = results.into_parts();
    match value {
        Some(value) if failures.is_empty() => Ok((value, values)),
        value => {
            // Whatever the destructors do, the failures come through.
            unhandled::contain(Place::Output, || drop(value));
            for value in values {
                unhandled::contain(Place::Output, || drop(value));
            }
            Err(GroupError::new(failures))
        }
    }
}
