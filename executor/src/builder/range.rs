//! Options that are out of range: what was asked, and what is allowed.

use std::io;

pub(super) fn in_range(
    option: &str,
    asked: usize,
    least: usize,
    most: usize,
    unit: &str,
) -> io::Result<()> {
    if (least..=most).contains(&asked) {
        return Ok(());
    }
    let bound = if most == usize::MAX {
        String::new()
    } else {
        format!(" and at most {most}")
    };
    let text = if least == 0 {
        format!("{option}({asked}): it must be at most {most}{unit}")
    } else {
        format!("{option}({asked}): it must be at least {least}{bound}{unit}")
    };
    Err(invalid(text))
}

pub(super) fn invalid(text: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}
