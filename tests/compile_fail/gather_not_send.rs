//! A task may move to another thread; what it holds across an `.await` must be able to.

use std::rc::Rc;
use wheelhouse::gather;

async fn count() -> usize {
    1
}

async fn local() -> usize {
    let counter = Rc::new(1);
    count().await + *counter
}

fn main() {
    wheelhouse::run(async {
        gather!(count(), local()).await;
    });
}
