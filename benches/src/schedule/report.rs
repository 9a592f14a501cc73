//! The table.

use std::fmt::Write;

use super::rows::{ROWS, Row, Target, Verdict, WATCH, best_rival};
use super::runner::{Results, Taken};
use super::slack::Slack;
use super::workload::Form;
use wheelhouse_benches::quantity::three_digits;
use wheelhouse_benches::runtime::Which;
use wheelhouse_benches::stats::median;

/// How a workload was run.
type Variant = (Form, Slack);

fn title((form, slack): Variant) -> &'static str {
    match slack {
        Slack::Default => form.title(),
        Slack::Fine => "rivals' slack at 1 ns",
    }
}

/// The width of a runtime's column.
fn width(which: Which) -> usize {
    which.name().len().max(10) + 2
}

/// The whole table.
pub(super) fn render(results: &Results) -> String {
    let options = &results.options;
    let mut text = format!(
        "{} workers, {} rounds; less is better\n",
        options.workers, options.rounds
    );
    write_head(&mut text, &options.runtimes);
    let mut told = None;
    for row in ROWS
        .iter()
        .filter(|row| options.workloads.contains(&row.workload))
    {
        if told.replace(row.workload) != Some(row.workload) {
            let _ = writeln!(text, "\n{}", row.workload.title());
        }
        for variant in options.variants(row.workload) {
            write_row(&mut text, results, row, variant);
        }
    }
    write_failures(&mut text, results);
    text
}

fn write_head(text: &mut String, runtimes: &[Which]) {
    let _ = write!(text, "{:44}", "");
    for which in runtimes {
        let _ = write!(text, "{:>1$}", which.name(), width(*which));
    }
    text.push_str("   ours (lowest – highest)   target\n");
}

fn write_row(text: &mut String, results: &Results, row: &Row, variant: Variant) {
    let label = format!("{}, {}", row.label, title(variant));
    let _ = write!(text, "  {label:<42}");
    for which in &results.options.runtimes {
        let figure = median(&figures(results, *which, row, variant, row.key));
        let shown = figure.map(|figure| three_digits(figure / row.scale));
        let shown = shown.unwrap_or_else(|| "–".to_owned());
        let _ = write!(text, "{shown:>0$}", width(*which));
    }
    let ours = figures(results, Which::Wheelhouse, row, variant, row.key);
    let row = &judged(results, row);
    let rivals = rivals(results, row, variant);
    match row.target.judge(&ours, &rivals) {
        Some(verdict) => write_verdict(text, row, verdict, best_rival(&rivals)),
        None => text.push('\n'),
    }
    write_costs(text, results, row, variant);
}

fn figures(results: &Results, which: Which, row: &Row, variant: Variant, key: &str) -> Vec<f64> {
    let asked = (which, row.workload, variant);
    let same = |taken: &&Taken| (taken.which, taken.workload, (taken.form, taken.slack)) == asked;
    let figure = |taken: &Taken| taken.reading.as_ref().ok()?.get(key);
    results
        .taken
        .iter()
        .filter(same)
        .filter_map(figure)
        .collect()
}

/// The row with the target that it is judged by.
fn judged(results: &Results, row: &Row) -> Row {
    let target = match results.options.judges_the_watch() {
        true => WATCH,
        false => row.target,
    };
    Row { target, ..*row }
}

/// The runtimes that ours is judged against. Ours without its watch is one only where a target
/// names it.
fn rivals(results: &Results, row: &Row, variant: Variant) -> Vec<(Which, Vec<f64>)> {
    let named = |which| matches!(row.target, Target::Of(named, _) if named == which);
    let rivals = Which::ALL.into_iter().filter(|which| match which {
        Which::Wheelhouse => false,
        Which::WheelhouseUnwatched => named(*which),
        Which::Tokio | Which::SmolStatic | Which::Smol => true,
    });
    let figures = rivals.map(|which| (which, figures(results, which, row, variant, row.key)));
    figures.filter(|(_, figures)| !figures.is_empty()).collect()
}

fn write_verdict(text: &mut String, row: &Row, verdict: Verdict, best: Option<Which>) {
    let shown = |value: f64| match row.target {
        Target::AtMost(_) => three_digits(value / row.scale),
        Target::OfBest(_) | Target::Of(..) | Target::Shown => format!("{value:.2}"),
    };
    let spread = verdict.spread;
    let range = format!(
        "{} ({} – {})",
        shown(spread.median),
        shown(spread.min),
        shown(spread.max)
    );
    let met = if verdict.met { "met" } else { "NOT MET" };
    let best = match (row.target, best) {
        (Target::OfBest(_), Some(best)) => format!(" ({})", best.name()),
        _ => String::new(),
    };
    let _ = writeln!(
        text,
        "   {range:<23}   {}{best}: {met}",
        row.target.text(row.scale)
    );
}

/// CPU time and switches beside every figure: a wall time that was bought with them shows.
fn write_costs(text: &mut String, results: &Results, row: &Row, variant: Variant) {
    let first = ROWS.iter().find(|other| other.workload == row.workload);
    if first.is_some_and(|first| first.key != row.key) {
        return;
    }
    for (label, key) in [
        ("CPU, ms a run", "cpu_ms"),
        ("context switches a run", "switches"),
        ("threads at most", "threads"),
        ("µs late, p99", "p99_us"),
        ("ms late at most", "max_ms"),
        ("sleeps a second", "sleeps_s"),
        ("ms at longest before the burst", "quiet_ms"),
        ("ms from the deadline to the last", "last_ms"),
        ("timer slack inside a task, ns", "slack_ns"),
    ] {
        let runtimes = results.options.runtimes.iter().copied();
        let cost = |which| (which, median(&figures(results, which, row, variant, key)));
        let costs: Vec<_> = runtimes.map(cost).collect();
        // What has a row of its own stands there.
        let own = |other: &Row| (other.workload, other.key) == (row.workload, key);
        if ROWS.iter().any(own) && !matches!(key, "cpu_ms") {
            continue;
        }
        if costs.iter().all(|(_, cost)| cost.is_none()) {
            continue;
        }
        let _ = write!(text, "    {label:<40}");
        for (which, cost) in costs {
            let shown = cost.map_or_else(|| "–".to_owned(), three_digits);
            let _ = write!(text, "{shown:>0$}", width(which));
        }
        text.push('\n');
    }
}

fn write_failures(text: &mut String, results: &Results) {
    for taken in &results.taken {
        if let Err(why) = &taken.reading {
            let (workload, which) = (taken.workload.name(), taken.which.name());
            let (form, slack) = (taken.form.name(), taken.slack.name());
            let _ = writeln!(
                text,
                "FAILED: {workload}, {which}, {form}, slack {slack}: {why}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::Options;
    use crate::workload::Workload;
    use wheelhouse_benches::reading::Reading;

    fn taken(which: Which, line: &str) -> Taken {
        let reading = Reading::from_line(line).ok_or_else(|| "it broke".to_owned());
        Taken {
            which,
            workload: Workload::ForeignSpawn,
            form: Form::Outside,
            slack: Slack::Default,
            reading,
        }
    }

    fn results(taken: Vec<Taken>) -> Results {
        let mut runtimes: Vec<Which> = taken.iter().map(|taken| taken.which).collect();
        runtimes.dedup();
        let options = Options {
            rounds: 1,
            workloads: vec![Workload::ForeignSpawn],
            runtimes,
            ..Options::new()
        };
        Results { options, taken }
    }

    fn row_of(text: &str) -> &str {
        let mut lines = text.lines();
        lines
            .find(|line| line.contains("ns a task"))
            .expect("the row")
    }

    #[test]
    fn the_watch_is_judged_when_nothing_else_is_asked_for() {
        let with = taken(Which::Wheelhouse, "ns=102");
        let without = taken(Which::WheelhouseUnwatched, "ns=100");
        let text = render(&results(vec![with.clone(), without.clone()]));
        let row = row_of(&text);
        assert!(row.contains("1.02 (1.02 – 1.02)"), "{row}");
        assert!(
            row.ends_with("≤ 1.01 of wheelhouse-unwatched: NOT MET"),
            "{row}"
        );
        // Beside a rival it is none.
        let text = render(&results(vec![
            with,
            without,
            taken(Which::Tokio, "ns=1020"),
        ]));
        let row = row_of(&text);
        assert!(
            row.ends_with("≤ 0.80 of the best rival (tokio): met"),
            "{row}"
        );
    }

    #[test]
    fn a_row_shows_figures_ratio_target_and_verdict() {
        let taken = vec![
            taken(Which::Wheelhouse, "ns=150 cpu_ms=12.3 switches=4"),
            taken(Which::Tokio, "ns=600 cpu_ms=70 switches=9"),
            taken(Which::SmolStatic, "ns=200 cpu_ms=40 switches=7"),
        ];
        let text = render(&results(taken));
        let row = row_of(&text);
        assert!(row.contains("0.75 (0.75 – 0.75)"), "{row}");
        assert!(
            row.ends_with("≤ 0.80 of the best rival (smol-static): met"),
            "{row}"
        );
        let cpu = text
            .lines()
            .find(|line| line.contains("CPU, ms"))
            .expect("the costs");
        assert!(cpu.contains("12.3") && cpu.contains("70.0"), "{cpu}");
    }

    #[test]
    fn a_reading_that_failed_is_told() {
        let text = render(&results(vec![taken(Which::Tokio, "")]));
        assert!(
            text.contains("FAILED: foreign-spawn, tokio, outside, slack default: it broke"),
            "{text}"
        );
    }
}
