//! Blocking sleep against async sleep: `cargo run --release -p wheelhouse-benches`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ExitCode::from(wheelhouse_benches::sleep::main(
        std::env::args().skip(1).collect(),
    ))
}
