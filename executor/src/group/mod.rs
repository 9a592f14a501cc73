//! Task groups: children that end before, or with, whoever has spawned them.
//!
//! [`task_group`] runs a body that spawns children, and returns when all of them have ended. If one
//! fails, the others are cancelled. Nothing that was started in it goes on behind its back.
//!
//! ```
//! use wheelhouse::{sleep, task_group};
//! use std::time::Duration;
//!
//! async fn fetch(page: u64) -> Result<String, String> {
//!     sleep(Duration::from_millis(page)).await;
//!     if page < 9 { Ok(format!("page {page}")) } else { Err(format!("no page {page}")) }
//! }
//!
//! wheelhouse::run(async {
//!     let pages = task_group(async |group| {
//!         group.spawn(fetch(2));
//!         group.spawn(fetch(1));
//!         Ok("two pages")
//!     });
//!     let (title, pages) = pages.await.unwrap();
//!     assert_eq!((title, pages), ("two pages", vec!["page 2".into(), "page 1".into()]));
//!
//!     let error = task_group(async |group| {
//!         group.spawn(fetch(9));
//!         group.spawn(fetch(1_000_000)); // cancelled
//!         Ok(())
//!     });
//!     assert_eq!(error.await.unwrap_err().first().error().unwrap(), "no page 9");
//! });
//! ```
//!
//! [`TaskGroup::new`] makes a group that is an ordinary value, for servers: it cancels nothing by
//! itself, and [`next`](TaskGroup::next) gives each result as soon as it is there.
//!
//! ```
//! use wheelhouse::TaskGroup;
//!
//! wheelhouse::run(async {
//!     let group = TaskGroup::<u32, String>::new();
//!     for number in [3, 1, 2] {
//!         group.spawn(async move { Ok(number) });
//!     }
//!     let mut sum = 0;
//!     while let Some(result) = group.next().await {
//!         sum += result.unwrap();
//!     }
//!     assert_eq!(sum, 6);
//! });
//! ```
//!
//! # Beside others
//!
//! | | asyncio's `TaskGroup` | tokio's `JoinSet` | [`task_group`] | [`TaskGroup::new`] |
//! |---|---|---|---|---|
//! | its end | waits for all | aborts all | waits for all | aborts all |
//! | when a child fails | the others are cancelled, and the body at its `await` | nothing | the others are cancelled, and the body at its `.await` | nothing |
//! | what it gives then | `ExceptionGroup` of all failures | each `JoinError` from `join_next` | [`GroupError`] of all failures | each [`Failure`] from `next` |
//! | values | in the tasks | as they finish | in the order of spawn, or as they finish | as they finish |
//! | a child that was cancelled by itself | no failure | a `JoinError` | no failure | a `Failure` |
//! | its owner is cancelled | the children are cancelled, and waited for | aborted, not waited for | aborted, not waited for | aborted, not waited for |
//! | children that spawn siblings | yes | no, spawning takes `&mut` | by a [`Spawner`] | by a [`Spawner`] |
//! | what a finished child leaves | nothing | its task, until it is joined | its value | its result |
//!
//! The owner that is cancelled is where it differs from asyncio: a future that is dropped can't wait.
//! So what the children hold may be in use for a moment longer, on other threads.
//!
//! # What a finished child leaves
//!
//! Its value and a number of eight bytes, until the value is taken; if values have no size, like
//! `()`, nothing at all. So a server whose accept loop runs for months in the body of a `task_group`
//! may have its children return `Ok(())`, and never calls [`next`](TaskGroup::next). The group
//! remembers the space that it needed for the most children and results at a time.
//!
//! The group has a child's result when the child's future has been dropped. Its task ends a moment
//! later, so [`is_finished`](crate::AbortHandle::is_finished) may lag behind.
//!
//! # Cost
//!
//! A child costs what [`spawn`](crate::spawn) costs, one allocation, and three short visits to the
//! lock of its group.

mod body;
mod child;
mod failure;
mod results;
mod slots;
mod spawner;
mod state;
mod task_group;
mod wait;

pub use body::task_group;
pub use failure::{Failure, GroupError};
pub use spawner::Spawner;
pub use task_group::TaskGroup;
pub use wait::{Next, Shutdown};

use crate::task::AbortHandle;
use parking_lot::{Mutex, MutexGuard};
use state::{End, Kind, State};
use std::panic::{RefUnwindSafe, UnwindSafe};

/// What a group, its spawners and its children hold.
struct Inner<T, E> {
    state: Mutex<State<T, E>>,
}

impl<T, E> Inner<T, E> {
    fn new(kind: Kind) -> Self {
        Inner {
            state: Mutex::new(State::new(kind)),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T, E>> {
        self.state.lock()
    }

    /// The child in this slot has ended.
    fn end_child(&self, key: usize, end: End<T, E>) {
        let ended = self.lock().end_child(key, end);
        match ended {
            Ok(effects) => effects.carry_out(),
            Err(unwanted) => unwanted.discard(),
        }
    }

    /// The body has failed.
    fn fail(&self, error: E) {
        let effects = self.lock().fail(Failure::body(error), None);
        effects.carry_out();
    }

    /// From now on everything is cancelled.
    fn close(&self) {
        let children = self.lock().close();
        children.iter().for_each(AbortHandle::abort);
    }

    /// The owner is gone.
    fn end(&self) {
        let (children, results, due) = self.lock().end();
        for child in children {
            child.abort();
            drop(child);
        }
        results.discard();
        due.wake();
    }

    fn counts(&self) -> (usize, usize) {
        self.lock().counts()
    }
}

// No user code runs under the lock, so nobody unwinds through it.
impl<T, E> UnwindSafe for Inner<T, E> {}
impl<T, E> RefUnwindSafe for Inner<T, E> {}
