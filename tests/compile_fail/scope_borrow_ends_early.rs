//! A task may run until the scope returns; what ends with the closure ends before.

use wheelhouse::scope;

fn main() {
    wheelhouse::run(async {
        scope(|s| {
            let text = String::from("text");
            s.spawn(async { text.len() });
        });
    });
}
