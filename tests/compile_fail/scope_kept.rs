//! Nor can the scope itself be kept, to spawn on it later.

use wheelhouse::{Scope, scope};

fn main() {
    wheelhouse::run(async {
        let mut kept: Option<&Scope<'_, '_>> = None;
        scope(|s| kept = Some(s));
        kept.unwrap().spawn(async {});

        let text = String::from("text");
        scope(|s| {
            wheelhouse::spawn(async {
                s.spawn(async { text.len() });
            });
        });
    });
}
