//! What every measured body is written against, so that each workload exists once.

use std::fmt::Debug;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

mod smol;
mod smol_static;
mod smol_time;
mod tokio;
mod wheelhouse;

pub use self::smol::Smol;
pub use self::smol_static::SmolStatic;
pub use self::tokio::Tokio;
pub use self::wheelhouse::{MaybeWatched, Wheelhouse, WheelhouseUnwatched};

/// An async runtime as its users see it: public API only.
///
/// `spawn`, `sleep` and the rest are called inside the runtime, on one of its workers or inside
/// [`block_on`](Runtime::block_on).
pub trait Runtime: Sized + 'static {
    /// What `spawn` returns; it yields the task's output.
    type Task<T: Send + 'static>: Future<Output = T> + Send + 'static;

    /// Starts the runtime with this many worker threads and nothing else tuned.
    ///
    /// # Errors
    ///
    /// When a thread can't be started.
    fn start(workers: usize) -> io::Result<Self>;

    /// Runs a program's main future the way the runtime's own guide has it.
    fn run_main<F>(&self, main: F) -> F::Output
    where
        F: Future + Send,
        F::Output: Send;

    /// Polls a future on the calling thread, which is not a worker.
    fn block_on<F: Future>(&self, future: F) -> F::Output;

    /// Spawns a task.
    fn spawn<F>(future: F) -> Self::Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static;

    /// Lets other tasks run first.
    fn yield_now() -> impl Future<Output = ()> + Send;

    /// Waits for this long without holding a thread.
    fn sleep(duration: Duration) -> impl Future<Output = ()> + Send;

    /// Waits until then without holding a thread.
    fn sleep_until(deadline: Instant) -> impl Future<Output = ()> + Send;

    /// Polls `future` without a limit on what one poll of its task may do: nobody but tokio has
    /// one for timers that aren't due.
    fn unconstrained<F: Future + Send>(future: F) -> impl Future<Output = F::Output> + Send {
        future
    }

    /// Waits for `future`, but not longer than this; `None` when time was up.
    fn timeout<F>(duration: Duration, future: F) -> impl Future<Output = Option<F::Output>> + Send
    where
        F: Future + Send,
        F::Output: Send;

    /// Runs `main` as a spawned task while the calling thread waits for it.
    fn run_spawned<F>(&self, main: F) -> F::Output
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        self.block_on(async { Self::spawn(main).await })
    }
}

/// A runtime with threads of its own for closures that block.
pub trait Blocking: Runtime {
    /// Runs a closure on one of those threads; called where `spawn` may be called.
    fn spawn_blocking<F, T>(f: F) -> Self::Task<T>
    where
        F: FnOnce() -> T + Send + 'static,
        T: Send + 'static;
}

/// Lets every part of the runtime that starts late start now: workers, timers, their threads.
pub async fn settle<R: Runtime>(workers: usize) {
    let nap = || R::spawn(R::sleep(Duration::from_millis(2)));
    for task in (0..4 * workers).map(|_| nap()).collect::<Vec<_>>() {
        task.await;
    }
}

/// The runtimes that are measured, ours first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Which {
    /// This project's runtime.
    Wheelhouse,
    /// The same without the watch for blocked workers.
    WheelhouseUnwatched,
    /// tokio's multi-thread runtime.
    Tokio,
    /// async-executor's `StaticExecutor` with async-io: no registry of live tasks.
    SmolStatic,
    /// async-executor's ordinary `Executor` with async-io.
    Smol,
}

impl Which {
    /// Every runtime, ours first.
    pub const ALL: [Which; 5] = [
        Which::Wheelhouse,
        Which::WheelhouseUnwatched,
        Which::Tokio,
        Which::SmolStatic,
        Which::Smol,
    ];

    /// Those that are compared unless others are asked for: each as it comes, ours first.
    pub const COMPARED: [Which; 4] = [
        Which::Wheelhouse,
        Which::Tokio,
        Which::SmolStatic,
        Which::Smol,
    ];

    /// Its name in tables and on command lines.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Which::Wheelhouse => "wheelhouse",
            Which::WheelhouseUnwatched => "wheelhouse-unwatched",
            Which::Tokio => "tokio",
            Which::SmolStatic => "smol-static",
            Which::Smol => "smol",
        }
    }

    /// The runtime of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Which> {
        Which::ALL.into_iter().find(|which| which.name() == name)
    }
}

/// Evaluates an expression with `$R` standing for the type of the runtime that `$which` names.
#[macro_export]
macro_rules! with_runtime {
    ($which:expr, $R:ident => $body:expr) => {
        match $which {
            $crate::runtime::Which::Wheelhouse => {
                type $R = $crate::runtime::Wheelhouse;
                $body
            }
            $crate::runtime::Which::WheelhouseUnwatched => {
                type $R = $crate::runtime::WheelhouseUnwatched;
                $body
            }
            $crate::runtime::Which::Tokio => {
                type $R = $crate::runtime::Tokio;
                $body
            }
            $crate::runtime::Which::SmolStatic => {
                type $R = $crate::runtime::SmolStatic;
                $body
            }
            $crate::runtime::Which::Smol => {
                type $R = $crate::runtime::Smol;
                $body
            }
        }
    };
}

/// A join handle whose task isn't expected to panic: it yields the output itself.
#[derive(Debug)]
pub struct Joined<H>(H);

impl<H, T, E> Future for Joined<H>
where
    H: Future<Output = Result<T, E>> + Unpin,
    E: Debug,
{
    type Output = T;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        Pin::new(&mut self.0)
            .poll(cx)
            .map(|output| output.expect("a measured task ended badly"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same few steps on every runtime: an adapter that drops one of them would measure
    /// something else under its name.
    fn behaves<R: Runtime>() {
        let runtime = R::start(2).expect("two workers start");
        let spawned = runtime.run_spawned(async { R::spawn(async { 7 }).await });
        assert_eq!(spawned, 7);
        let slept = runtime.run_main(async {
            let start = Instant::now();
            R::sleep(Duration::from_millis(5)).await;
            R::yield_now().await;
            start.elapsed()
        });
        assert!(slept >= Duration::from_millis(5), "slept only {slept:?}");
        let deadline = Instant::now() + Duration::from_millis(5);
        runtime.run_main(async { R::unconstrained(R::sleep_until(deadline)).await });
        assert!(Instant::now() >= deadline, "slept not long enough");
        let in_time = runtime.block_on(R::timeout(Duration::from_secs(60), async { 3 }));
        assert_eq!(in_time, Some(3));
        let never = std::future::pending::<()>();
        assert_eq!(
            runtime.block_on(R::timeout(Duration::from_millis(5), never)),
            None
        );
    }

    fn runs_what_blocks<R: Blocking>() {
        let runtime = R::start(1).expect("a worker starts");
        let (asked, asking) = std::sync::mpsc::channel();
        let answer = runtime.run_spawned(async move {
            // On the only worker, this job would wait for itself.
            let job = R::spawn_blocking(move || asking.recv());
            R::yield_now().await;
            asked.send(7).expect("the job waits");
            job.await
        });
        assert_eq!(answer, Ok(7));
    }

    #[test]
    fn blocking_jobs_leave_the_workers_alone() {
        runs_what_blocks::<Wheelhouse>();
        runs_what_blocks::<Tokio>();
    }

    #[test]
    fn every_adapter_spawns_sleeps_and_times_out() {
        for which in Which::ALL {
            with_runtime!(which, R => behaves::<R>());
        }
    }

    #[test]
    fn names_are_read_back() {
        for which in Which::ALL {
            assert_eq!(Which::from_name(which.name()), Some(which));
        }
        assert_eq!(Which::from_name("async-std"), None);
    }
}
