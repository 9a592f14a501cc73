//! The function returns a number, and not a future.

use wheelhouse::gather;

async fn count() -> usize {
    1
}

fn at_once() -> usize {
    1
}

fn main() {
    wheelhouse::run(async {
        gather!(count(), at_once()).await;
    });
}
