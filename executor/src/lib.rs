//! An async runtime: a work-stealing worker on every core, sleeps by the million on a hashed timer
//! wheel, and [`gather!`], which joins futures, tasks and threads alike.
//!
//! ```
//! use std::time::Duration;
//! use wheelhouse::{gather, sleep};
//!
//! async fn greet(name: &'static str) -> String {
//!     sleep(Duration::from_millis(5)).await;
//!     format!("hello, {name}")
//! }
//!
//! let (task, thread) = wheelhouse::run(async {
//!     let thread = std::thread::spawn(|| String::from("hello, thread"));
//!     gather!(greet("task"), thread).await
//! });
//! assert_eq!((task.as_str(), thread.as_str()), ("hello, task", "hello, thread"));
//! ```
//!
//! # Where to begin
//!
//! | to do this | use |
//! |---|---|
//! | run an async program | [`run`] in an ordinary `main`, or a [`Runtime`] from its [`Builder`] |
//! | start something that goes on by itself | [`spawn`] |
//! | start tasks that borrow, and wait for them on this thread | [`scope()`] |
//! | do several things at once and have all results | [`gather!`], [`try_gather!`] |
//! | start children that end with their owner, and fail together | [`task_group`], [`TaskGroup`] |
//! | the same inside one task, borrowing from it | [`join!`], [`try_join!`] |
//! | wait for a time | [`sleep`], [`timeout`], [`interval`], and the rest of [`time`] |
//! | call code that blocks | [`spawn_blocking`], or [`block_in_place`] inside a task |
//! | learn which task blocks its thread | [`Builder::on_blocked`], or `WHEELHOUSE_DEBUG=1` |
//! | hear of panics that nobody awaits | [`Builder::on_unhandled_panic`] |
//! | name tasks, give them values that their children inherit | [`task::Builder`], [`task::TaskLocal`] |
//! | see what all tasks are doing | [`Handle::tasks`], [`Handle::metrics`] |
//! | have no more blocking jobs wait than you can serve | [`Builder::max_blocking_queue`] |
//! | have timers as exact, or share wake-ups as much, as you like | [`Sleep::with_slack`](time::Sleep::with_slack), [`Builder::max_timer_slack`], [`Builder::precise_timers`] |
//! | let others run in a long loop | [`consume_budget`], [`yield_now`] |
//! | spawn from a thread outside | [`Handle`] |
//! | test what waits for hours, in no time | [`Builder::start_paused`] |
//!
//! There is no `#[wheelhouse::main]`. Guides: [coming from asyncio](asyncio); [cancel, drop, abort,
//! detach](cancel); [when a task blocks](blocked); [shutting down](shutdown); and [paused time](testing), for tests.
//!
//! # Promises
//!
//! * A timer never fires early. A woken task is polled. A future and its output are each dropped
//!   exactly once.
//! * No code of yours runs while the runtime holds a lock.
//! * A panic ends its task and nothing else; whoever joins the task receives it.
//! * A task that blocks its thread delays only itself and what waits for it, after the few
//!   milliseconds in which that is noticed, and for up to 512 tasks that block at the same time.
//!   [When a task blocks](blocked) has the details, and the limits.
//! * Fairness: a task in a worker's queue waits for those before it in the queue and for at most
//!   three polls from the LIFO slot for each of them, unless another worker takes it sooner. A busy
//!   worker looks at the timers and at what other threads have spawned after at most 16 polls; if
//!   polls are long, after about 200 µs. It never looks during a poll; if that takes long, others
//!   take over.
//! * Nothing ticks: while there is nothing to do and no timer is armed, no thread wakes. (A thread
//!   that was needed for blocking jobs, or as a spare, wakes once, to end.)
//!
//! # What the types promise
//!
//! Checked at compile time; `T` is what the future gives.
//!
//! | type | `Send` | `Sync` | `Unpin` | `UnwindSafe` |
//! |---|---|---|---|---|
//! | [`JoinHandle<T>`] | if `T: Send` | if `T: Send` | yes | yes |
//! | [`AbortHandle`], [`JoinError`] | yes | yes | yes | yes |
//! | [`Runtime`], [`Handle`] | yes | yes | yes | yes |
//! | [`Builder`] | yes | yes | yes | no |
//! | [`task::Task`], [`task::Builder`], [`task::Id`] | yes | yes | yes | yes |
//! | [`task::TaskInfo`], [`task::TaskState`] | yes | yes | yes | yes |
//! | [`task::TaskLocal<T>`] | yes | yes | yes | yes |
//! | [`task::Scoped<T, F>`](task::Scoped) | as `F` | as `F` | as `F` | no |
//! | [`Scope`] | yes | yes | yes | yes |
//! | [`ScopedJoinHandle<T>`] | if `T: Send` | if `T: Send` | yes | yes |
//! | [`EnterGuard`] | no | no | yes | no |
//! | [`StuckPoll`], [`StuckKind`], [`Metrics`] | yes | yes | yes | yes |
//! | [`ShutdownReport`], [`StuckThread`] | yes | yes | yes | yes |
//! | [`BlockedReport`] | yes | yes | yes | no |
//! | [`UnhandledPanic`] | no | no | yes | no |
//! | [`YieldNow`], [`ConsumeBudget`] | yes | yes | yes | yes |
//! | [`Gather`](gather::Gather), [`Settle`](gather::Settle), [`TryGather`](gather::TryGather) | yes | if the values are | yes | yes |
//! | [`TaskGroup<T, E>`], [`Spawner`], [`group::Next`], [`group::Shutdown`] | if `T: Send` and `E: Send` | if `T: Send` and `E: Send` | yes | yes |
//! | [`group::Failure<E>`], [`GroupError<E>`] | as `E` | as `E` | as `E` | as `E` |
//! | [`task_group`]'s future | if the body's future and what that gives are | no | no | no |
//! | [`Sleep`](time::Sleep) | yes | yes | yes | yes |
//! | [`Timeout<F>`](time::Timeout) | as `F` | as `F` | as `F` | as `F` |
//! | [`Interval`](time::Interval), [`Elapsed`](time::Elapsed), [`MissedTickBehavior`](time::MissedTickBehavior) | yes | yes | yes | yes |
//! | [`Tick`](time::Tick) | yes | yes | yes | no |
//! | [`Clock`](time::Clock), [`ManualClock`](time::ManualClock) | yes | yes | yes | yes |
//! | [`Wheel<T>`](time::Wheel) | as `T` | as `T` | as `T` | as `T` |
//! | [`Drain<T>`](time::Drain) | as `T` | as `T` | yes | no |
//! | [`Key`](time::Key), [`Advance`](time::Advance) | yes | yes | yes | yes |
//! | [`DelayQueue<T>`](time::DelayQueue) | as `T` | as `T` | yes | as `T` |
//! | [`Expired<T>`](time::Expired) | as `T` | as `T` | as `T` | as `T` |
//! | [`time::Next<T>`](time::Next) | as `T` | as `T` | yes | no |
//! | [`Advancing`](time::Advancing), [`Hold`](time::Hold) | yes | yes | yes | yes |

#[cfg(test)]
mod auto_traits;
mod block_in_place;
mod block_on;

mod blocking;
mod budget;
mod builder;
mod context;
mod debug;
mod error;
pub mod gather;
pub mod group;
mod handle;
#[doc(hidden)]
pub mod join;
mod linger;
mod metrics;
mod os;
mod runtime;
mod scheduler;
mod scope;
mod shared;
mod signal;
mod spawn;
mod stuck;
mod sync;
pub mod task;
mod threads;
mod unhandled;

pub use block_in_place::block_in_place;
pub use budget::{ConsumeBudget, YieldNow, consume_budget, yield_now};
pub use builder::Builder;
pub use error::JoinError;
#[doc(inline)]
pub use group::{GroupError, Spawner, TaskGroup, task_group};
pub use handle::{EnterGuard, Handle};
pub use metrics::Metrics;
pub use runtime::{Runtime, run};
pub use scope::{Scope, ScopedJoinHandle, scope};
pub use spawn::{spawn, spawn_blocking};
pub use stuck::{BlockedReport, StuckKind, StuckPoll};
#[doc(inline)]
pub use task::{AbortHandle, JoinHandle};
pub use threads::{ShutdownReport, StuckThread};
#[doc(inline)]
pub use time::{interval, sleep, sleep_until, timeout};
pub use unhandled::UnhandledPanic;
#[doc(inline)]
pub use wheelhouse_timer as time;

// The first definition of a link counts. `links.md` says where the guides' links lead in rustdoc;
// where they lead in the repository is said at the end of each guide.
#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/asyncio.md")]
pub mod asyncio {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/cancel.md")]
pub mod cancel {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/blocked.md")]
pub mod blocked {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/shutdown.md")]
pub mod shutdown {}

#[doc = include_str!("../docs/links.md")]
#[doc = include_str!("../docs/testing.md")]
pub mod testing {}
