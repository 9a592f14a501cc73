//! A task may outlive the function that starts it, so it can't borrow from it.

use wheelhouse::gather;

async fn length(text: &str) -> usize {
    text.len()
}

fn main() {
    wheelhouse::run(async {
        let text = String::from("text");
        gather!(length("constant"), length(&text)).await;
    });
}
