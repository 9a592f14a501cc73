//! A future that nobody awaits does nothing, and what tells you so.
//!
//! Run it: `cargo run -p wheelhouse-examples --example 06_never_awaited`
//!
//! Python finds out at run time: `RuntimeWarning: coroutine 'main' was never awaited`. Rust finds
//! out earlier, when it compiles, but not in every case.

async fn async_main() {
    println!("this line is printed once, by `run`");
}

fn main() {
    // The mistake. The compiler sees it, without being asked:
    //
    //     warning: unused implementer of `Future` that must be used
    //     note: futures do nothing unless you `.await` or poll them
    //
    // (`expect` is here because the mistake is on purpose; if the compiler ever stopped warning,
    // it would complain about the `expect`.)
    #[expect(unused_must_use, reason = "this is what the example shows")]
    {
        async_main();
    }
    println!("async_main(); was called, and nothing ran");

    // The same mistake with a name. To the compiler `_forgotten` is in use until the block ends,
    // so it says nothing, and again nothing runs. Its arguments are freed when it is dropped.
    let _forgotten = async_main();
    println!("let _forgotten = async_main(); was called, and nothing ran");

    // Python starts a task at `create_task`; so does `spawn` here. But a bare future, in both
    // languages, is a plan and not yet an action. This acts:
    wheelhouse::run(async_main());
}
