//! Every combination of what panics, who is interested in the output, when the handle goes, when the task
//! is aborted, who spawned it, whether it is a task or a blocking job, whether its runtime is shut
//! down, and what holds it last; on every number of workers.
//!
//! `case.rs` has the axes and the rule by which combinations are left out, `expect.rs` what has to come of
//! each, `parts.rs` the futures, outputs and wakers, `site.rs` the course of a case. `later.rs` is about the
//! runtime that comes after.
//!
//! After each: the future, the output and the join waker were dropped once; the output, or who asked for
//! it, got what was due; the panics that were nobody's were told of, with the task's id; the task's
//! memory was freed; and the pool runs another task.

mod case;
mod expect;
mod later;
mod memory;
mod parts;
mod site;

use case::{Case, Runtime};
use site::Site;
use wheelhouse_tests::{LIMIT, quiet, watchdog};

fn all_on<const W: usize>(workers: usize) {
    quiet();
    watchdog(&format!("{workers} workers"), 5 * LIMIT, move || {
        let lives = |case: &Case| case.runtime == Runtime::Lives;
        let (live, die): (Vec<_>, Vec<_>) = case::all().into_iter().partition(lives);
        println!("{} + {} cases", live.len(), die.len());
        let mut site = Site::<W>::new(workers);
        live.into_iter().for_each(|case| site.run(case));
        site.end();
        for case in die {
            let mut site = Site::<W>::new(workers);
            site.run(case);
            site.end();
        }
        assert_eq!(memory::live(W), 0, "tasks that were not freed");
    });
}

#[test]
fn one_worker() {
    all_on::<{ memory::WEIGHTS[0] }>(1);
}

#[test]
fn two_workers() {
    all_on::<{ memory::WEIGHTS[1] }>(2);
}

#[test]
fn four_workers() {
    all_on::<{ memory::WEIGHTS[2] }>(4);
}

#[test]
fn sixteen_workers() {
    all_on::<{ memory::WEIGHTS[3] }>(16);
}
