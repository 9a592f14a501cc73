//! The slip that everybody makes once: a `sleep` that is called and not awaited.
#![deny(unused_must_use)]

use std::time::Duration;
use wheelhouse::{run, sleep};

fn main() {
    run(async {
        sleep(Duration::from_millis(500));
    });
}
