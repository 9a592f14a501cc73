//! What one process measured: named numbers, and the line that carries them to its parent.

/// Named numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Reading(Vec<(String, f64)>);

impl Reading {
    /// Adds a number, or replaces the one of this name.
    pub(super) fn set(&mut self, name: &str, value: f64) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// The number of this name.
    pub(super) fn get(&self, name: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| *value)
    }

    /// The names of all numbers.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// As one line.
    pub(super) fn to_line(&self) -> String {
        let pair = |(name, value): &(String, f64)| format!("{name}={value}");
        self.0.iter().map(pair).collect::<Vec<_>>().join(" ")
    }

    /// Reads such a line; `None` if it isn't one.
    pub(super) fn from_line(line: &str) -> Option<Reading> {
        let mut reading = Reading::default();
        for word in line.split_whitespace() {
            let (name, value) = word.split_once('=')?;
            reading.set(name, value.parse().ok()?);
        }
        (!reading.0.is_empty()).then_some(reading)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_read_back() {
        let mut reading = Reading::default();
        reading.set("ns", 123.456);
        reading.set("cpu_ms", 1.0);
        reading.set("ns", 100.25);
        assert_eq!(
            Reading::from_line(&reading.to_line()),
            Some(reading.clone())
        );
        assert_eq!(reading.get("ns"), Some(100.25));
        assert_eq!(reading.get("wall"), None);
    }

    #[test]
    fn other_lines_are_refused() {
        assert_eq!(Reading::from_line(""), None);
        assert_eq!(Reading::from_line("out of memory"), None);
        assert_eq!(Reading::from_line("ns=fast"), None);
    }
}
