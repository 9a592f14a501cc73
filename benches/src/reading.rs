//! What one process measured: named numbers, and the line that carries them to its parent.

use crate::process::Usage;

/// Named numbers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading(Vec<(String, f64)>);

impl Reading {
    /// Adds a number, or replaces the one of this name.
    pub fn set(&mut self, name: &str, value: f64) {
        match self.0.iter_mut().find(|(own, _)| own == name) {
            Some((_, old)) => *old = value,
            None => self.0.push((name.to_owned(), value)),
        }
    }

    /// Adds what one of so many repeats used: CPU time and context switches.
    pub fn set_used(&mut self, used: Usage, repeats: usize) {
        let repeats = repeats as f64;
        self.set("cpu_ms", used.cpu.as_secs_f64() * 1e3 / repeats);
        self.set("switches", used.switches as f64 / repeats);
    }

    /// Adds those numbers of `other` whose names it doesn't have yet.
    pub fn add_missing(&mut self, other: &Reading) {
        for (name, value) in &other.0 {
            if self.get(name).is_none() {
                self.set(name, *value);
            }
        }
    }

    /// The number of this name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<f64> {
        self.0
            .iter()
            .find(|(own, _)| own == name)
            .map(|(_, value)| *value)
    }

    /// The names of all numbers.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// As one line.
    #[must_use]
    pub fn to_line(&self) -> String {
        let pair = |(name, value): &(String, f64)| format!("{name}={value}");
        self.0.iter().map(pair).collect::<Vec<_>>().join(" ")
    }

    /// Reads such a line; `None` if it isn't one.
    #[must_use]
    pub fn from_line(line: &str) -> Option<Reading> {
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
    fn a_number_that_is_there_is_not_replaced_by_a_missing_one() {
        let mut reading = Reading::from_line("ns=1 cpu_ms=2").expect("a reading");
        reading.add_missing(&Reading::from_line("cpu_ms=30 switches=4").expect("a reading"));
        assert_eq!(
            Some(reading),
            Reading::from_line("ns=1 cpu_ms=2 switches=4")
        );
    }

    #[test]
    fn other_lines_are_refused() {
        assert_eq!(Reading::from_line(""), None);
        assert_eq!(Reading::from_line("out of memory"), None);
        assert_eq!(Reading::from_line("ns=fast"), None);
    }
}
