//! [`gather!`](crate::gather!): many futures, tasks and threads at once, all their values together.
//!
//! ```
//! use wheelhouse::gather;
//!
//! async fn fetch(page: u32) -> String {
//!     wheelhouse::yield_now().await;
//!     format!("page {page}")
//! }
//!
//! wheelhouse::run(async {
//!     let task = wheelhouse::spawn(fetch(2));
//!     let thread = std::thread::spawn(|| 6 * 7);
//!
//!     // A future, a task's handle and a thread's handle, side by side.
//!     let (one, two, answer) = gather!(fetch(1), task, thread).await;
//!     assert_eq!((one.as_str(), two.as_str(), answer), ("page 1", "page 2", 42));
//!
//!     // Python's `gather(*pages)`.
//!     let pages = gather!(..(0..100).map(fetch)).await;
//!     assert_eq!(pages[99], "page 99");
//! });
//! ```
//!
//! * The arguments start **at the call**, each future as a task of its own, on every core; the
//!   `.await` only waits for them. So a future must be `Send` and `'static`, as for
//!   [`spawn`](crate::spawn). To wait for futures that borrow, [`join!`](crate::join!) them.
//! * The values come in the order of the arguments, whichever ends first. Up to 16 arguments give
//!   a tuple (one gives a tuple of one, none gives `()`); `gather!(..iterator)` gives a `Vec`,
//!   empty if the iterator is.
//! * A [`JoinHandle`](crate::JoinHandle) or [`std::thread::JoinHandle`] yields the value of its task
//!   or thread, not a `Result`. A gather with threads starts one more, which waits for them.
//! * `let pages = gather!(..);` is an ordinary value: it can be stored, sent and awaited later. It is
//!   `Send`, `Unpin` and `'static`.
//!
//! # When something fails
//!
//! A panic in an argument goes on in the task that awaits the gather, as soon as it happens and
//! not when the argument's turn comes; awaiting a handle whose task was aborted panics and names the
//! line that spawned it. In [`try_gather!`](crate::try_gather!) the first `Err` in time is what
//! the gather yields. Before that, the arguments that still run are cancelled:
//!
//! | | a sibling fails | the gather is dropped |
//! |---|---|---|
//! | future, task handle | aborted, waited for | aborted, not waited for |
//! | blocking job that has not started | aborted, not waited for | aborted, not waited for |
//! | thread handle, running blocking job | detached (can't be cancelled) | detached |
//!
//! "Waited for" means that nothing that the arguments hold is in use any more when the awaiting
//! task learns of the failure. A second failure meanwhile is dropped; if it was a panic,
//! [`on_unhandled_panic`](crate::Builder::on_unhandled_panic) is told. Here
//! Wheelhouse leaves asyncio on purpose: there, siblings run on as orphans.
//!
//! With [`settle()`](Gather::settle), asyncio's `return_exceptions=True`, nothing is cancelled: every
//! argument runs to its end and gives a `Result<T, JoinError>`. (A gather that was polled before, and
//! was failing already, gives the siblings that it has cancelled as such.)
//!
//! ```
//! wheelhouse::run(async {
//!     let panics = async { if true { panic!("oh no") } };
//!     let (one, two) = wheelhouse::gather!(panics, async { 2 }).settle().await;
//!     assert!(one.unwrap_err().is_panic());
//!     assert_eq!(two.unwrap(), 2);
//! });
//! ```
//!
//! Nobody hears from a thread when it ends: the joiner waits for one at a time, first for those
//! that have ended, else in the order of the arguments. So a thread's failure may be noticed only
//! when the one that the joiner waits for has ended.
//!
//! # Cancel safety
//!
//! Polling a gather and going on with it later loses nothing: `&mut gather` may be used in a
//! [`timeout`](crate::timeout). Dropping it cancels what it started, and the values that were there
//! already are lost. Under `settle()` too. One that is dropped without ever being polled is likely to
//! be a mistake, and debug mode names its line; not if its task is cancelled, or panics, before
//! it comes to the `.await`.
//!
//! # In generic code
//!
//! The macro tells handles from futures by their types, where it stands. In code that is generic
//! over a future, `F` is a future and nothing more: if it happens to be a `JoinHandle`, it is
//! awaited in a task of its own and yields a `Result<T, JoinError>`, and aborting that task leaves
//! the task behind the handle alone.
//!
//! ```
//! async fn both<F>(first: F, second: F) -> (F::Output, F::Output)
//! where
//!     F: Future<Output: Send> + Send + 'static,
//! {
//!     wheelhouse::gather!(first, second).await
//! }
//!
//! wheelhouse::run(async {
//!     let handles = both(wheelhouse::spawn(async { 1 }), wheelhouse::spawn(async { 2 }));
//!     assert!(matches!(handles.await, (Ok(1), Ok(2))));
//! });
//! ```
//!
//! # Cost
//!
//! A gather of futures allocates nothing beside their tasks if it is a tuple, and once for
//! `..iterator`. A handle whose task still runs at the first poll costs a small allocation. Each
//! argument is looked at once, and once more for each time that the gather is woken, which is a few
//! times for a thousand futures and not once for each.

mod alarm;
mod arg;
mod call;
mod child;
mod engine;
mod future;
mod macros;
mod outputs;
mod start;
mod threads;
mod watched;

pub use future::{Gather, Settle, TryGather};
pub use outputs::Outputs;

/// A line of the caller's.
type Site = &'static std::panic::Location<'static>;

/// What the macros expand to; nothing here is meant to be used by hand.
#[doc(hidden)]
pub mod expansion {
    pub use super::{
        arg::{ErrorType, SortRest, argument, spread},
        start::{gather, gather_all, try_gather, try_gather_all},
    };
}
