//! As `gather_mixed_errors`, for what the tasks behind two handles yield.

use wheelhouse::{spawn, try_gather};

async fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

async fn read() -> Result<String, std::io::Error> {
    std::fs::read_to_string("number")
}

fn main() {
    wheelhouse::run(async {
        let _ = try_gather!(spawn(parse("1")), spawn(read())).await;
    });
}
