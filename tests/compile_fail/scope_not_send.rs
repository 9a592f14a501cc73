//! A task may move to another thread; what it holds across an `.await` must be able to.

use std::rc::Rc;
use wheelhouse::{scope, yield_now};

fn main() {
    wheelhouse::run(async {
        let number = 1;
        scope(|s| {
            s.spawn(async {
                let counter = Rc::new(&number);
                yield_now().await;
                **counter
            });
        });
    });
}
