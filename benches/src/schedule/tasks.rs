//! What is done with tasks: the same body for every runtime. Each checks its result and answers
//! with the nanoseconds of one operation.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use futures::channel::oneshot;

use super::workload::Form;
use wheelhouse_benches::runtime::Runtime;

fn nanos_each(start: Instant, operations: u64) -> f64 {
    start.elapsed().as_nanos() as f64 / operations as f64
}

/// 0 + 1 + .. of this many numbers.
fn sum_below(count: u64) -> u64 {
    count * (count - 1) / 2
}

/// Spawns all, then joins all.
pub(super) async fn spawn_join<R: Runtime>(count: u64) -> f64 {
    let start = Instant::now();
    let mut tasks = Vec::with_capacity(count as usize);
    tasks.extend((0..count).map(|number| R::spawn(async move { number })));
    let mut sum = 0;
    for task in tasks {
        sum += task.await;
    }
    assert_eq!(sum, sum_below(count));
    nanos_each(start, count)
}

/// Spawns one and waits for it, again and again.
pub(super) async fn spawn_await<R: Runtime>(count: u64) -> f64 {
    let start = Instant::now();
    let mut sum = 0;
    for number in 0..count {
        sum += R::spawn(async move { number }).await;
    }
    assert_eq!(sum, sum_below(count));
    nanos_each(start, count)
}

/// A thread outside the pool parks for every single task, so fewer of them will do.
pub(super) fn awaits(form: Form) -> u64 {
    match form {
        Form::Spawned => 100_000,
        Form::Main => 10_000,
        Form::Outside => 5_000,
    }
}

/// Tasks that do nothing but let others run.
pub(super) async fn yields<R: Runtime>(count: u64, each: u64) -> f64 {
    let start = Instant::now();
    let spinner = || async move {
        for _ in 0..each {
            R::yield_now().await;
        }
        each
    };
    let tasks: Vec<_> = (0..count).map(|_| R::spawn(spinner())).collect();
    let mut yielded = 0;
    for task in tasks {
        yielded += task.await;
    }
    assert_eq!(yielded, count * each);
    nanos_each(start, yielded)
}

/// Pairs of tasks: one sends a number, the other sends its successor back.
pub(super) async fn pairs<R: Runtime>(count: u64) -> f64 {
    let start = Instant::now();
    let mut askers = Vec::with_capacity(count as usize);
    let mut answerers = Vec::with_capacity(count as usize);
    for number in 0..count {
        let (ask, asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        answerers.push(R::spawn(async move {
            let number: u64 = asked.await.expect("its partner asks");
            answer.send(number + 1).expect("its partner listens");
        }));
        askers.push(R::spawn(async move {
            ask.send(number).expect("its partner listens");
            answered.await.expect("its partner answers")
        }));
    }
    for answerer in answerers {
        answerer.await;
    }
    let mut sum = 0;
    for asker in askers {
        sum += asker.await;
    }
    assert_eq!(sum, sum_below(count) + count);
    nanos_each(start, count)
}

/// As [`pairs`], but each asker spawns its own answerer: a task and its helper.
pub(super) async fn own_pairs<R: Runtime>(count: u64) -> f64 {
    let start = Instant::now();
    let pair = |number: u64| async move {
        let (ask, asked) = oneshot::channel();
        let (answer, answered) = oneshot::channel();
        let answerer = R::spawn(async move {
            let number: u64 = asked.await.expect("its partner asks");
            answer.send(number + 1).expect("its partner listens");
        });
        ask.send(number).expect("its partner listens");
        let successor = answered.await.expect("its partner answers");
        answerer.await;
        successor
    };
    let askers: Vec<_> = (0..count).map(|number| R::spawn(pair(number))).collect();
    let mut sum = 0;
    for asker in askers {
        sum += asker.await;
    }
    assert_eq!(sum, sum_below(count) + count);
    nanos_each(start, count)
}

const CHILDREN: u64 = 10;

/// A tree of tasks: each node spawns ten and adds up what they say.
pub(super) async fn tree<R: Runtime>(leaves: u64) -> f64 {
    let start = Instant::now();
    let sum = node::<R>(0, leaves).await;
    assert_eq!(sum, sum_below(leaves));
    nanos_each(start, tasks_in_tree(leaves))
}

/// Leaves and the nodes above them, without the root, which is the caller.
fn tasks_in_tree(leaves: u64) -> u64 {
    let levels = std::iter::successors(Some(leaves), |level| Some(level / CHILDREN));
    levels.take_while(|level| *level > 1).sum()
}

/// Boxed, since a future can't contain itself.
fn node<R: Runtime>(first: u64, leaves: u64) -> Pin<Box<dyn Future<Output = u64> + Send>> {
    Box::pin(async move {
        let below = leaves / CHILDREN;
        let numbers = (0..CHILDREN).map(|child| first + child * below);
        let children: Vec<_> = if below == 1 {
            numbers
                .map(|number| R::spawn(async move { number }))
                .collect()
        } else {
            numbers
                .map(|number| R::spawn(node::<R>(number, below)))
                .collect()
        };
        let mut sum = 0;
        for child in children {
            sum += child.await;
        }
        sum
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::runtime::Which;
    use wheelhouse_benches::with_runtime;

    fn all_bodies<R: Runtime>() {
        let runtime = R::start(2).expect("two workers start");
        runtime.run_spawned(async {
            assert!(spawn_join::<R>(100).await > 0.0);
            assert!(spawn_await::<R>(100).await > 0.0);
            assert!(yields::<R>(5, 20).await > 0.0);
            assert!(pairs::<R>(50).await > 0.0);
            assert!(own_pairs::<R>(50).await > 0.0);
            assert!(tree::<R>(1_000).await > 0.0);
        });
        assert!(runtime.block_on(spawn_join::<R>(100)) > 0.0);
        assert!(runtime.run_main(tree::<R>(100)) > 0.0);
    }

    /// The bodies check their results themselves.
    #[test]
    fn every_body_has_the_right_result_on_every_runtime() {
        for which in Which::ALL {
            with_runtime!(which, R => all_bodies::<R>());
        }
    }

    #[test]
    fn a_trees_tasks_are_counted_without_its_root() {
        assert_eq!(tasks_in_tree(10), 10);
        assert_eq!(tasks_in_tree(1_000), 1_110);
        assert_eq!(tasks_in_tree(1_000_000), 1_111_110);
    }
}
