//! A handle is of no use outside: by then the scope has waited for its task.

use wheelhouse::scope;

fn main() {
    wheelhouse::run(async {
        let handle = scope(|s| s.spawn(async { 1 }));
        handle.await.unwrap();

        let mut kept = None;
        scope(|s| kept = Some(s.spawn(async { 1 })));
        kept.unwrap().await.unwrap();
    });
}
