//! Scheduling and timers, ours against rivals:
//! `cargo run --release -p wheelhouse-benches --bin schedule`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(wheelhouse_benches::schedule::main(
        std::env::args().skip(1).collect(),
    ))
}
