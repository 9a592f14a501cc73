//! What finished children leave behind in a group: nothing but their values.

use std::sync::atomic::{AtomicIsize, Ordering::Relaxed};
use wheelhouse::{Runtime, TaskGroup, task_group, yield_now};
use wheelhouse_tests::{Allocations, LIMIT, watchdog};

/// Bytes that are in use.
static BYTES: AtomicIsize = AtomicIsize::new(0);

#[global_allocator]
static ALLOCATIONS: Allocations = Allocations(|layout, by| {
    BYTES.fetch_add(by * layout.size() as isize, Relaxed); // Relaxed: a figure.
});

const CHILDREN: usize = 100_000;
/// What may come and go beside the children: threads' queues, for one.
const SLACK: isize = 64 * 1024;

fn bytes() -> isize {
    BYTES.load(Relaxed) // Relaxed: a figure.
}

/// Each child holds a kilobyte while it runs.
async fn child<T>(value: T) -> Result<T, ()> {
    let ballast = [0_u8; 1024];
    yield_now().await;
    std::hint::black_box(&ballast);
    Ok(value)
}

/// Spawns children, no more than a hundred at a time; gives how many bytes are more in use then.
async fn grown<T: Copy + Send + 'static>(group: &TaskGroup<T, ()>, value: T, take: bool) -> isize {
    let mut before = 0;
    for number in 0..CHILDREN {
        let child = group.spawn(child(value));
        while number % 100 == 99 && !child.is_finished() {
            yield_now().await;
        }
        while take && group.len() > 100 {
            group.next().await.unwrap().unwrap();
        }
        if number == CHILDREN / 10 {
            before = bytes();
        }
    }
    bytes() - before
}

// One test, since the bytes are counted for the whole process.
#[test]
fn a_finished_child_leaves_its_value_and_a_number() {
    watchdog("memory", LIMIT, || {
        let runtime = Runtime::builder().worker_threads(1).build().unwrap();
        // Values without a size, never taken.
        let ended = runtime.run(task_group(async |group| Ok(grown(&group, (), false).await)));
        let (bytes, values) = ended.unwrap();
        assert!(bytes < SLACK, "{bytes} bytes for nothing");
        assert_eq!(values.len(), CHILDREN);
        // Values that are taken.
        let ended = runtime.run(task_group(async |group| {
            Ok(grown(&group, 7_u64, true).await)
        }));
        assert!(
            ended.unwrap().0 < SLACK,
            "values that were taken are not kept"
        );
        let group = TaskGroup::new();
        let bytes = runtime.run(grown(&group, 7_u64, true));
        assert!(
            bytes < SLACK,
            "values that were taken are not kept: {bytes}"
        );
        // Values that are not: a value and a number each, in lists that double.
        let ended = runtime.run(task_group(async |group| {
            Ok(grown(&group, 7_u64, false).await)
        }));
        let (bytes, values) = ended.unwrap();
        let most = (CHILDREN * 16 * 2) as isize + SLACK;
        assert!((CHILDREN as isize..most).contains(&bytes), "{bytes}");
        assert_eq!(values.len(), CHILDREN);
    });
}
