//! The tasks have been started, and end with the statement.

#![deny(unused_must_use)]

use std::future::ready;
use wheelhouse::gather;

fn main() {
    wheelhouse::run(async {
        gather!(ready(1), ready(2));
        gather!(ready(1), ready(2)).settle();
    });
}
