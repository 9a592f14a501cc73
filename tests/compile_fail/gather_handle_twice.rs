//! A handle is moved into the gather: unlike Python's, one task can't fill two places.

use wheelhouse::{gather, spawn};

fn main() {
    wheelhouse::run(async {
        let task = spawn(async { 1 });
        gather!(task, task).await;
    });
}
