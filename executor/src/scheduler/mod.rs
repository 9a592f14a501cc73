//! The scheduler: workers, their queues, who sleeps when, and who stands in for a worker that is
//! stuck.
//!
//! | file | idea |
//! |---|---|
//! | [`worker`] | the loop: find a task, poll it, else park |
//! | [`queue`] | a worker's LIFO slot and deque |
//! | [`lifo`] | the slot |
//! | [`pool`] | what all workers share, and how a waker reaches it |
//! | [`idle`] | who searches, who sleeps, who is woken; why no wake-up is lost |
//! | [`timekeeper`] | which worker waits for the next deadline |
//! | [`parker`] | putting one thread to sleep |
//! | [`sleepers`] | the last three together: how a worker sleeps and is woken |
//! | [`pace`] | how often a busy worker looks up from its queue |
//! | [`polling`] | what a thread polls, published |
//! | [`quiescence`] | whether anything can run, for a paused clock |
//! | [`waits`] | the threads that wait in the runtime, for the same |
//! | [`clock`] | the thread of a paused clock |
//! | [`watch`] | a worker's side of the watching |
//! | [`monitor`] | the thread that watches: who is stuck, and what is done about it |
//! | [`looks`] | its looks, one by one |
//! | [`watched`] | a thread that it watches |
//! | [`suspect`] | telling a poll that is stuck from one that is busy |
//! | [`doze`] | the monitor's sleep |
//! | [`mark`] | the mark of a worker that is stuck |
//! | [`crew`] | spare threads: how many are at work, and who is one too many |
//! | [`bench`] | bringing a spare to work, and where it waits |
//! | [`calls`] | how many spares are called, and when |
//! | [`shortage`] | too few spares |
//! | [`reports`] | what the monitor tells the program |

pub(crate) mod bench;
mod calls;
pub(crate) mod clock;
pub(crate) mod crew;
mod doze;
pub(crate) mod idle;
mod lifo;
mod looks;
pub(crate) mod mark;
pub(crate) mod monitor;
mod pace;
pub(crate) mod parker;
pub(crate) mod polling;
pub(crate) mod pool;
pub(crate) mod queue;
mod quiescence;
pub(crate) mod reports;
mod shortage;
mod sleepers;
mod stint;
mod suspect;
mod timekeeper;
pub(crate) mod waits;
mod watch;
mod watched;
pub(crate) mod worker;
