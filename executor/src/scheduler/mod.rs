//! The scheduler: workers, their queues, and who sleeps when.
//!
//! | file | idea |
//! |---|---|
//! | [`worker`] | the loop: find a task, poll it, else park |
//! | [`queue`] | a worker's LIFO slot and deque |
//! | [`pool`] | what all workers share, and how a waker reaches it |
//! | [`idle`] | who searches, who sleeps, who is woken; why no wake-up is lost |
//! | [`timekeeper`] | which worker waits for the next deadline |
//! | [`parker`] | putting one thread to sleep |
//! | [`sleepers`] | the last three together: how a worker sleeps and is woken |
//! | [`pace`] | how often a busy worker looks up from its queue |

pub(crate) mod idle;
mod pace;
pub(crate) mod parker;
pub(crate) mod pool;
pub(crate) mod queue;
mod sleepers;
mod timekeeper;
pub(crate) mod worker;
