//! A task's own variables may end before the tasks that it spawns on the same scope.

use wheelhouse::scope;

fn main() {
    wheelhouse::run(async {
        scope(|s| {
            s.spawn(async {
                let text = String::from("text");
                s.spawn(async { text.len() });
            });
        });
    });
}
