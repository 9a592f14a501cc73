//! Without an argument there is no error type.

use wheelhouse::try_gather;

fn main() {
    wheelhouse::run(async {
        let _ = try_gather!().await;
    });
}
