//! An `async fn` that was not called is not a future yet.

use wheelhouse::gather;

async fn count() -> usize {
    1
}

fn main() {
    wheelhouse::run(async {
        gather!(count(), count).await;
    });
}
