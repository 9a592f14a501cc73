//! `try_gather!` is for what may fail.

use wheelhouse::{spawn, try_gather};

async fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

async fn count() -> usize {
    1
}

fn main() {
    wheelhouse::run(async {
        let _ = try_gather!(parse("1"), count()).await;
        let _ = try_gather!(spawn(count())).await;
    });
}
