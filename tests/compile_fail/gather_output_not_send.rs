//! What a task yields goes from its thread to the one that awaits it.

use std::rc::Rc;
use wheelhouse::gather;

async fn shared() -> Rc<str> {
    Rc::from("text")
}

fn main() {
    wheelhouse::run(async {
        gather!(shared()).await;
    });
}
