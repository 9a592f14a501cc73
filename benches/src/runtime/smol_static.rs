//! async-executor's fastest form with async-io, wired up as the smol crate wires its own.

use std::future::{Future, pending};
use std::io;
use std::time::{Duration, Instant};

use super::Runtime;

static EXECUTOR: async_executor::StaticExecutor = async_executor::StaticExecutor::new();

/// `StaticExecutor`, which keeps no registry of live tasks.
///
/// Its threads outlive this value: the executor is a static and has no end.
#[derive(Debug)]
pub struct SmolStatic(());

impl Runtime for SmolStatic {
    type Task<T: Send + 'static> = async_executor::Task<T>;

    fn start(workers: usize) -> io::Result<Self> {
        for _ in 0..workers {
            // `async_io::block_on` lets an idle worker wait in the reactor itself.
            let work = || async_io::block_on(EXECUTOR.run(pending::<()>()));
            std::thread::Builder::new().spawn(work)?;
        }
        Ok(SmolStatic(()))
    }

    fn run_main<F>(&self, main: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send,
    {
        async_io::block_on(main)
    }

    fn block_on<F: Future>(&self, future: F) -> F::Output {
        async_io::block_on(future)
    }

    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        EXECUTOR.spawn(future)
    }

    fn yield_now() -> impl Future<Output = ()> + Send {
        super::smol_time::yield_now()
    }

    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send {
        super::smol_time::sleep(duration)
    }

    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send {
        super::smol_time::sleep_until(deadline)
    }

    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send,
    {
        super::smol_time::timeout(duration, future)
    }
}
