//! Python's `gather(*counts)` is `gather!(..counts)`.

use wheelhouse::gather;

async fn count() -> usize {
    1
}

fn main() {
    wheelhouse::run(async {
        let counts = vec![count(), count()];
        gather!(counts).await;
    });
}
