//! As `gather_not_send`, for the futures of an iterator.

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
        gather!(..[local(), local()]).await;
    });
}
