//! With a name the future counts as used, so every lint of the compiler is content; it never runs.
#![deny(warnings)]

async fn async_main() {
    panic!("it ran");
}

fn main() {
    let _forgotten = async_main();
}
