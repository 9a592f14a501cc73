//! The call alone: the compiler sees that nobody will ever await the future.
#![deny(unused_must_use)]

async fn async_main() {
    println!("never printed");
}

fn main() {
    async_main();
}
