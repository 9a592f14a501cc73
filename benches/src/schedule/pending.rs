//! Arming and cancelling while many other timers are pending.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use super::timers;
use wheelhouse_benches::process::Usage;
use wheelhouse_benches::random::Random;
use wheelhouse_benches::reading::Reading;
use wheelhouse_benches::runtime::Runtime;
use wheelhouse_benches::stats::median;

/// Timers that are pending lie from here on: none comes while anything is measured.
const FROM: Duration = Duration::from_secs(10 * 60);
const TO: Duration = Duration::from_secs(2 * 60 * 60);

/// So many are armed in one poll, lest it hold its worker for seconds.
const CHUNK: usize = 1_000;

/// Arms `pending` timers at random times, then does as [`timers::timeouts`] does, with so many
/// repeats; nanoseconds of one, in the middle of all repeats, and what a repeat used.
pub(super) async fn timeouts<R: Runtime>(pending: usize, each: u64, repeats: usize) -> Reading {
    let mut sleeps = R::unconstrained(arm::<R>(pending)).await;
    // The first one warms up.
    timers::timeouts::<R>(each).await;
    let before = Usage::now();
    let mut nanos = Vec::with_capacity(repeats);
    for _ in 0..repeats {
        nanos.push(timers::timeouts::<R>(each).await);
    }
    let used = Usage::now() - before;
    let still = R::unconstrained(count_pending(&mut sleeps)).await;
    assert_eq!(
        still, pending,
        "of so many timers, each {FROM:?} or more away, still pending"
    );
    // The process ends here, which frees them at once; some take longer to be dropped one by one
    // than all of the above.
    std::mem::forget(sleeps);
    let mut reading = Reading::default();
    reading.set("ns", median(&nanos).unwrap_or(f64::NAN));
    reading.set_used(used, repeats);
    reading
}

/// Sleeps, each polled once.
async fn arm<R: Runtime>(pending: usize) -> Vec<Pin<Box<impl Future<Output = ()> + Send>>> {
    let mut random = Random::new(0);
    let mut sleeps = Vec::with_capacity(pending);
    while sleeps.len() < pending {
        let chunk = CHUNK.min(pending - sleeps.len());
        poll_fn(|cx| {
            for _ in 0..chunk {
                let mut sleep = Box::pin(R::sleep(random.between(FROM, TO)));
                assert!(sleep.as_mut().poll(cx).is_pending(), "a timer fired early");
                sleeps.push(sleep);
            }
            Poll::Ready(())
        })
        .await;
        R::yield_now().await;
    }
    sleeps
}

/// How many of them still wait, as a second poll of each tells.
async fn count_pending<F: Future<Output = ()>>(sleeps: &mut [Pin<Box<F>>]) -> usize {
    let mut pending = 0;
    for chunk in sleeps.chunks_mut(CHUNK) {
        pending += poll_fn(|cx| {
            let polls = chunk.iter_mut().map(|sleep| sleep.as_mut().poll(cx));
            Poll::Ready(polls.filter(Poll::is_pending).count())
        })
        .await;
    }
    pending
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::runtime::Which;
    use wheelhouse_benches::with_runtime;

    #[test]
    fn many_timers_stay_pending_on_every_runtime() {
        for which in Which::ALL {
            let reading = with_runtime!(which, R => {
                let runtime = R::start(2).expect("two workers start");
                // More than one poll's budget, and more than one chunk.
                runtime.run_spawned(timeouts::<R>(CHUNK + 500, 50, 3))
            });
            assert!(
                reading.get("ns") > Some(0.0),
                "{}: {reading:?}",
                which.name()
            );
        }
    }
}
