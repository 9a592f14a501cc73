//! Debug mode: what is likely to be a mistake is said on standard error.

use std::{
    env, fmt,
    io::{self, Write},
};

/// Whether the environment asks for it.
pub(crate) fn asked_for() -> bool {
    env::var_os("WHEELHOUSE_DEBUG").is_some_and(|value| !value.is_empty() && value != "0")
}

/// Says a line on standard error. Whether anybody reads it is no concern of the runtime's.
pub(crate) fn say(line: fmt::Arguments<'_>) {
    let _ = writeln!(io::stderr().lock(), "wheelhouse: {line}");
}
