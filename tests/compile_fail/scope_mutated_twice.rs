//! What a task borrows is borrowed until the scope returns, even if the task was joined.

use wheelhouse::scope;

fn main() {
    wheelhouse::run(async {
        let mut text = String::from("text");
        scope(|s| {
            let task = s.spawn(async { text.push('s') });
            task.join().unwrap();
            text.push('!');
        });
    });
}
