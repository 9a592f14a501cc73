//! Wheelhouse itself.

use std::future::Future;
use std::io;
use std::time::{Duration, Instant};

use super::{Blocking, Joined, Runtime};

/// Wheelhouse with nothing tuned, except that the watch for blocked workers can be off.
#[derive(Debug)]
pub struct MaybeWatched<const WATCHED: bool>(wheelhouse::Runtime);

/// Wheelhouse as it comes.
pub type Wheelhouse = MaybeWatched<true>;

/// Wheelhouse without the watch: nobody takes over from a blocked worker.
pub type WheelhouseUnwatched = MaybeWatched<false>;

impl<const WATCHED: bool> Runtime for MaybeWatched<WATCHED> {
    type Task<T: Send + 'static> = Joined<wheelhouse::JoinHandle<T>>;

    fn start(workers: usize) -> io::Result<Self> {
        let builder = wheelhouse::Runtime::builder().worker_threads(workers);
        Ok(MaybeWatched(builder.watch(WATCHED).build()?))
    }

    fn run_main<F>(&self, main: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        self.0.run(main)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.0.block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        Joined(wheelhouse::spawn(future))
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        wheelhouse::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        wheelhouse::sleep(duration)
    }

    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send {
        wheelhouse::sleep_until(deadline)
    }

    async fn timeout<F>(duration: Duration, future: F) -> Option<F::Output>
    where
        F: Future + Send,
        F::Output: Send,
    {
        wheelhouse::timeout(duration, future).await.ok()
    }
}

impl<const WATCHED: bool> Blocking for MaybeWatched<WATCHED> {
    fn spawn_blocking<F, T>(f: F) -> Self::Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static,
    {
        Joined(wheelhouse::spawn_blocking(f))
    }
}
