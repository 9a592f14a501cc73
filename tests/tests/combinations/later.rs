//! What a runtime leaves behind is no affair of the next one, which may use its pool again.

use wheelhouse::Runtime;
use wheelhouse_tests::{ON_PURPOSE, quiet};

struct Bad;

impl Drop for Bad {
    fn drop(&mut self) {
        panic!("{ON_PURPOSE}: an output's drop");
    }
}

/// A runtime that would be shut down by a panic of its own, of as many workers as no other test has.
fn strict() -> Runtime {
    let builder = Runtime::builder().worker_threads(3);
    builder.shutdown_on_unhandled_panic(true).build().unwrap()
}

#[test]
fn an_output_that_outlives_its_runtime() {
    quiet();
    let first = Runtime::builder().worker_threads(3).build().unwrap();
    let kept = first.spawn(async { Bad });
    while !kept.is_finished() {
        std::thread::yield_now();
    }
    drop(first);
    let next = strict();
    drop(kept);
    assert_eq!(
        next.metrics().unhandled_panics,
        0,
        "it was another runtime's"
    );
    assert_eq!(next.run(async { 7 }), 7);
}
