//! The first argument's error type is that of all.

use wheelhouse::try_gather;

async fn parse(text: &str) -> Result<u8, std::num::ParseIntError> {
    text.parse()
}

async fn read() -> Result<String, std::io::Error> {
    std::fs::read_to_string("number")
}

fn main() {
    wheelhouse::run(async {
        let _ = try_gather!(parse("1"), read()).await;
    });
}
