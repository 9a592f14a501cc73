//! Command lines of this package's programs: `--option value` or `--option=value`, each error
//! naming what was asked and what is allowed.

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use crate::quantity::count;

/// What is wrong with a command line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArgError(String);

impl ArgError {
    /// An option that the program doesn't have.
    #[must_use]
    pub fn unknown(asked: &str, allowed: &[&str]) -> ArgError {
        ArgError(format!(
            "unknown argument `{asked}`; allowed are {}",
            allowed.join(", ")
        ))
    }

    /// Any other complaint.
    #[must_use]
    pub fn other(message: String) -> ArgError {
        ArgError(message)
    }
}

impl fmt::Display for ArgError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for ArgError {}

/// Reads a command line, option by option.
#[derive(Debug)]
pub struct Args {
    rest: std::vec::IntoIter<String>,
    /// What stood behind the `=` of the option read last.
    attached: Option<String>,
}

impl Args {
    /// Reads these arguments, the program's own name left out.
    pub fn new(args: impl IntoIterator<Item = String>) -> Args {
        Args {
            rest: args.into_iter().collect::<Vec<_>>().into_iter(),
            attached: None,
        }
    }

    /// The next option, without its value; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the option before this one was given a value that it doesn't take.
    pub fn next_option(&mut self) -> Result<Option<String>, ArgError> {
        if let Some(value) = self.attached.take() {
            return Err(ArgError(format!(
                "`={value}` follows an option that takes no value"
            )));
        }
        let Some(argument) = self.rest.next() else {
            return Ok(None);
        };
        match argument.split_once('=') {
            Some((option, value)) if option.starts_with("--") => {
                self.attached = Some(value.to_owned());
                Ok(Some(option.to_owned()))
            }
            _ => Ok(Some(argument)),
        }
    }

    /// The value of `option`, described by `expected` should it be missing.
    ///
    /// # Errors
    ///
    /// When the command line ends here.
    pub fn value(&mut self, option: &str, expected: &str) -> Result<String, ArgError> {
        let value = self.attached.take().or_else(|| self.rest.next());
        value.ok_or_else(|| ArgError(format!("`{option}` needs a value: {expected}")))
    }

    /// A whole number within `allowed`; digits may be grouped by `_` or `,`.
    ///
    /// # Errors
    ///
    /// When the value is missing, no number, or outside.
    pub fn number<N>(&mut self, option: &str, allowed: RangeInclusive<N>) -> Result<N, ArgError>
    where
        N: FromStr + PartialOrd + Copy + TryInto<u64>,
    {
        let shown = |number: N| number.try_into().map(count).unwrap_or_default();
        let expected = format!(
            "a whole number from {} to {}",
            shown(*allowed.start()),
            shown(*allowed.end())
        );
        let value = self.value(option, &expected)?;
        match value.replace(['_', ','], "").parse() {
            Ok(number) if allowed.contains(&number) => Ok(number),
            _ => Err(ArgError(format!("`{option} {value}`: expected {expected}"))),
        }
    }

    /// Names out of `allowed`, separated by commas.
    ///
    /// # Errors
    ///
    /// When the value is missing or one of its names isn't allowed.
    pub fn names<T: Copy>(
        &mut self,
        option: &str,
        allowed: &[T],
        name: impl Fn(T) -> &'static str,
    ) -> Result<Vec<T>, ArgError> {
        let all = allowed
            .iter()
            .map(|item| name(*item))
            .collect::<Vec<_>>()
            .join(", ");
        let value = self.value(option, &format!("one or more of {all}"))?;
        let find = |asked: &str| {
            let found = allowed.iter().copied().find(|item| name(*item) == asked);
            found.ok_or_else(|| ArgError(format!("`{option} {asked}`: allowed are {all}")))
        };
        value.split(',').map(|asked| find(asked.trim())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(line: &str) -> Args {
        Args::new(line.split_whitespace().map(str::to_owned))
    }

    fn names(args: &mut Args) -> Result<Vec<char>, ArgError> {
        let name = |letter| if letter == 'a' { "alpha" } else { "beta" };
        args.names("--only", &['a', 'b'], name)
    }

    #[test]
    fn both_forms_of_a_value_are_read() {
        let mut args = args("--max 10 --max=1,000 --help");
        for expected in [10_u64, 1_000] {
            assert_eq!(args.next_option(), Ok(Some("--max".to_owned())));
            assert_eq!(args.number("--max", 1..=1_000_000), Ok(expected));
        }
        assert_eq!(args.next_option(), Ok(Some("--help".to_owned())));
        assert_eq!(args.next_option(), Ok(None));
    }

    #[test]
    fn a_bad_number_is_told_with_its_range() {
        for bad in ["0", "12x", "-3", "2000000", "1.5"] {
            let error = args(bad)
                .number("--max", 1_u64..=1_000_000)
                .expect_err("refused");
            let expected = format!("`--max {bad}`: expected a whole number from 1 to 1,000,000");
            assert_eq!(error.to_string(), expected);
        }
    }

    #[test]
    fn a_missing_value_is_told() {
        let error = args("")
            .number("--max", 1_u64..=9)
            .expect_err("nothing there");
        assert_eq!(
            error.to_string(),
            "`--max` needs a value: a whole number from 1 to 9"
        );
    }

    #[test]
    fn names_are_looked_up_and_refused_by_name() {
        assert_eq!(names(&mut args("beta,alpha")), Ok(vec!['b', 'a']));
        let error = names(&mut args("alpha,gamma")).expect_err("gamma isn't allowed");
        assert_eq!(error.to_string(), "`--only gamma`: allowed are alpha, beta");
    }

    #[test]
    fn a_value_that_nobody_asked_for_is_an_error() {
        let mut args = args("--help=yes");
        assert_eq!(args.next_option(), Ok(Some("--help".to_owned())));
        let error = args.next_option().expect_err("`=yes` is left over");
        assert_eq!(
            error.to_string(),
            "`=yes` follows an option that takes no value"
        );
    }

    #[test]
    fn an_unknown_argument_is_told_with_what_is_allowed() {
        let error = ArgError::unknown("--onyl", &["--only", "--max"]);
        assert_eq!(
            error.to_string(),
            "unknown argument `--onyl`; allowed are --only, --max"
        );
    }
}
