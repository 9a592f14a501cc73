//! As `gather_borrowed`, for a block.

use wheelhouse::gather;

fn main() {
    wheelhouse::run(async {
        let text = String::from("text");
        gather!(async { text.len() }).await;
    });
}
