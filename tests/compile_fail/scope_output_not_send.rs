//! What a task gives moves to the thread that takes it.

use std::rc::Rc;
use wheelhouse::scope;

fn main() {
    wheelhouse::run(async {
        scope(|s| {
            s.spawn(async { Rc::new(1) });
            s.spawn_blocking(|| Rc::new(1));
        });
    });
}
