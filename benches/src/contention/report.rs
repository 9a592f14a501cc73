//! The curves as a table, and every reading as CSV.

use std::fmt::Write;

use super::cell::Task;
use super::entrant::Entrant;
use super::options::Options;
use super::runner::Point;
use wheelhouse_benches::quantity::three_digits;
use wheelhouse_benches::stats::median;

const FIGURES: [(&str, &str); 2] = [
    ("ns", "ns of wall time a timer, all threads together"),
    ("cpu_ns", "ns of CPU time a timer"),
];

/// A table for each figure: a curve a line.
pub(super) fn table(options: &Options, points: &[Point]) -> String {
    let mut text = format!("{} rounds; less is better\n", options.rounds);
    for (key, title) in FIGURES {
        let _ = write!(text, "\n{title}\n{:28}", "  threads");
        for threads in &options.threads {
            let _ = write!(text, "{threads:>10}");
        }
        text.push('\n');
        for drops in &options.drops {
            let _ = writeln!(text, "  {drops} % dropped on another thread");
            for entrant in &options.entrants {
                write_curve(&mut text, options, points, (*entrant, *drops), key);
            }
        }
    }
    for point in points {
        if let Err(why) = &point.reading {
            let _ = writeln!(text, "FAILED: {}: {why}", point.task.to_args().join(", "));
        }
    }
    text
}

fn write_curve(
    text: &mut String,
    options: &Options,
    points: &[Point],
    (entrant, drops): (Entrant, u64),
    key: &str,
) {
    let _ = write!(text, "    {:24}", entrant.name());
    for threads in options.threads.iter().copied() {
        let task = Task {
            entrant,
            threads,
            drops,
        };
        let same = points.iter().filter(|point| point.task == task);
        let figures = same.filter_map(|point| point.reading.as_ref().ok()?.get(key));
        let figure = median(&figures.collect::<Vec<_>>());
        let shown = figure.map_or_else(|| "–".to_owned(), three_digits);
        let _ = write!(text, "{shown:>10}");
    }
    text.push('\n');
}

/// Every reading; one that failed has no figures.
pub(super) fn csv(points: &[Point]) -> String {
    let mut text = "round,runtime,threads,drops_percent,wall_ns,cpu_ns,switches\n".to_owned();
    for Point {
        task,
        round,
        reading,
    } in points
    {
        let figure = |key| reading.as_ref().ok().and_then(|reading| reading.get(key));
        let shown = |key| figure(key).map_or_else(String::new, |figure| figure.to_string());
        let (name, threads, drops) = (task.entrant.name(), task.threads, task.drops);
        let figures = ["ns", "cpu_ns", "switches"].map(shown).join(",");
        let _ = writeln!(text, "{},{name},{threads},{drops},{figures}", round + 1);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use wheelhouse_benches::reading::Reading;

    fn points() -> Vec<Point> {
        let point = |(round, line)| Point {
            task: Task {
                entrant: Entrant::Tokio,
                threads: 4,
                drops: 50,
            },
            round,
            reading: Reading::from_line(line).ok_or_else(|| "it broke".to_owned()),
        };
        let lines = [
            "ns=100 cpu_ns=210 switches=0.5",
            "ns=300 cpu_ns=230 switches=0.5",
            "",
        ];
        lines.into_iter().enumerate().map(point).collect()
    }

    #[test]
    fn a_table_has_medians_by_threads() {
        let options = Options {
            threads: vec![1, 4],
            drops: vec![50],
            entrants: vec![Entrant::Tokio],
            ..Options::new()
        };
        let text = table(&options, &points());
        let curves = text.lines().filter(|line| line.starts_with("    tokio"));
        let words: Vec<_> = curves.flat_map(str::split_whitespace).collect();
        assert_eq!(words, ["tokio", "–", "200", "tokio", "–", "220"], "{text}");
        assert!(text.contains("FAILED: tokio, 4, 50: it broke"), "{text}");
    }

    #[test]
    fn every_reading_has_a_line_of_its_own() {
        let csv = csv(&points());
        let lines: Vec<_> = csv.lines().skip(1).collect();
        assert_eq!(
            lines,
            [
                "1,tokio,4,50,100,210,0.5",
                "2,tokio,4,50,300,230,0.5",
                "3,tokio,4,50,,,"
            ]
        );
    }
}
