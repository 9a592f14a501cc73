//! The page: one self-contained HTML file.

use std::fmt::Write;

use super::chart::{self, Curve, Point};
use super::heartbeat_page;
use super::method;
use super::outcome::{Measured, Outcome};
use super::rows;
use super::runner::{Cell, Results};
use super::style::{CSS, escape, hue, label, stroke};
use super::table::{COLUMNS, figures, preface, remark, title};
use super::way::Way;
use crate::quantity::{count, time};

/// What a chart with curves shows.
struct Figure {
    title: &'static str,
    note: &'static str,
    unit: fn(f64) -> String,
    /// Its value for sleepers of this many nanoseconds.
    value: fn(&Measured, f64) -> f64,
}

const FIGURES: [Figure; 4] = [
    Figure {
        title: "Time beyond one sleep",
        note: "Wall time until the last sleeper was joined, less the duration of one sleep.",
        unit: time,
        value: |measured, sleep| (measured.wall_ns as f64 - sleep).max(1.0),
    },
    Figure {
        title: "CPU time for each sleeper",
        note: "All threads, user and system. At one sleeper it is what any wake-up costs.",
        unit: time,
        value: |measured, _| measured.cpu_ns as f64 / measured.slept as f64,
    },
    Figure {
        title: "Lateness, median",
        note: "From each sleeper's own start + duration until it runs again.",
        unit: time,
        value: |measured, _| measured.late_p50_ns as f64,
    },
    Figure {
        title: "Lateness, 99th percentile",
        note: "One sleeper in a hundred is later than this.",
        unit: time,
        value: |measured, _| measured.late_p99_ns as f64,
    },
];

/// The whole page.
pub(super) fn render(results: &Results) -> String {
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>Blocking sleep against async sleep</title>\n<style>\n{CSS}</style>\n</head>\n<body>\n\
         <h1>Blocking sleep against async sleep</h1>\n<p class=\"lead\">{}</p>\n",
        escape(&preface(results))
    );
    if let Some(warning) = results.noise.warning() {
        let _ = writeln!(page, "<p class=\"warning\">{}</p>", escape(&warning));
    }
    heartbeat_page::write(&mut page, &results.heartbeats);
    if !results.cells.is_empty() {
        page.push_str("<h2>From one sleeper to many</h2>\n");
        write_legend(&mut page, results);
        write_charts(&mut page, results);
        write_table(&mut page, results);
    }
    method::write(&mut page, results);
    page.push_str("</body>\n</html>\n");
    page
}

fn swatch(way: Way) -> String {
    format!(
        "<svg viewBox=\"0 0 34 10\" class=\"{}\" aria-hidden=\"true\">\
         <line class=\"curve {}\" x1=\"2\" x2=\"32\" y1=\"5\" y2=\"5\"/></svg>",
        hue(way),
        stroke(way)
    )
}

fn write_legend(page: &mut String, results: &Results) {
    page.push_str("<ul class=\"legend\">\n");
    for way in &results.options.ways {
        let _ = writeln!(page, "<li>{}{}</li>", swatch(*way), escape(way.title()));
    }
    page.push_str("</ul>\n");
}

fn write_charts(page: &mut String, results: &Results) {
    page.push_str("<div class=\"charts\">\n");
    for figure in &FIGURES {
        let drawing = chart::render(figure.title, &curves(figure, results), figure.unit);
        write_figure(page, figure.title, figure.note, &drawing);
    }
    let reach = "Sleepers that really slept, each way in its own process; a cross where the system \
                 would not give more.";
    write_figure(page, "How far each way goes", reach, &rows::reach(results));
    let memory = "Divided by the sleepers that were asleep at once, where a way had the most of \
                  them. Filled: user memory. Hollow: memory that the kernel holds for the threads \
                  and page tables.";
    write_figure(
        page,
        "Memory for each sleeper",
        memory,
        &rows::memory(results),
    );
    page.push_str("</div>\n");
}

fn write_figure(page: &mut String, title: &str, note: &str, drawing: &str) {
    let _ = writeln!(
        page,
        "<figure><h3>{title}</h3><figcaption>{note}</figcaption>{drawing}</figure>"
    );
}

/// Measured cells only: what was computed, or didn't run, is never drawn.
fn curves(figure: &Figure, results: &Results) -> Vec<Curve> {
    let curve = |way: &Way| {
        let cells = results.cells.iter().filter(|cell| cell.way == *way);
        let points: Vec<Point> = cells
            .filter_map(|cell| point(figure, results, cell))
            .collect();
        let curve = Curve {
            label: label(*way),
            hue: hue(*way),
            stroke: stroke(*way),
            points,
        };
        (!curve.points.is_empty()).then_some(curve)
    };
    results.options.ways.iter().filter_map(curve).collect()
}

fn point(figure: &Figure, results: &Results, cell: &Cell) -> Option<Point> {
    let measured = cell.outcome.measured()?;
    let sleep = results.options.sleep_of(cell.sleepers).as_nanos() as f64;
    let value = |measured: &Measured| (figure.value)(measured, sleep);
    let y = value(measured);
    // A logarithm has no place for nothing.
    let runs = cell.runs.iter().map(value).filter(|value| *value > 0.0);
    let range = runs.fold((y, y), |(low, high), value| {
        (low.min(value), high.max(value))
    });
    let tip = tip(figure, cell.way, measured.slept, y, range);
    let gave_out = matches!(cell.outcome, Outcome::GaveOut(..));
    (y > 0.0).then_some(Point {
        x: measured.slept as f64,
        y,
        range,
        tip,
        gave_out,
    })
}

fn tip(figure: &Figure, way: Way, slept: u64, y: f64, (low, high): (f64, f64)) -> String {
    let mut tip = format!("{}, {}: {}", way.title(), count(slept), (figure.unit)(y));
    if low < high {
        let (low, high) = ((figure.unit)(low), (figure.unit)(high));
        let _ = write!(tip, " ({low} to {high})");
    }
    tip
}

fn write_table(page: &mut String, results: &Results) {
    page.push_str("<h2>All figures</h2>\n<div class=\"scroll\"><table>\n<thead><tr><th></th>");
    for column in COLUMNS {
        let _ = write!(page, "<th>{column}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let columns = COLUMNS.len();
    for sleepers in results.options.sizes() {
        let span = columns + 1;
        let title = title(&results.options, sleepers);
        let _ = writeln!(page, "<tr><th colspan=\"{span}\">{title}</th></tr>");
        for cell in results
            .cells
            .iter()
            .filter(|cell| cell.sleepers == sleepers)
        {
            write_row(page, cell, results.kernel_stack);
        }
    }
    page.push_str("</tbody>\n</table></div>\n");
    page.push_str(
        "<p class=\"note\">Wall, lateness and CPU are those of the run with the median wall time. \
         “At once” is the largest number that slept at the same time, and memory is divided by it; \
         – where there are too few sleepers for the kernel's counters, or where memory was also \
         that of many that had not slept yet or had ended. “Computed” is arithmetic, and not \
         drawn above.</p>\n",
    );
}

fn write_row(page: &mut String, cell: &Cell, kernel_stack: u64) {
    let _ = write!(
        page,
        "<tr><td>{} {}</td>",
        swatch(cell.way),
        escape(cell.way.title())
    );
    let measured = cell.outcome.measured();
    if let Some(measured) = measured {
        for figure in figures(cell.way, measured, kernel_stack) {
            let _ = write!(page, "<td>{figure}</td>");
        }
    }
    if let Some(remark) = remark(&cell.outcome) {
        let bad = matches!(cell.outcome, Outcome::GaveOut(..) | Outcome::Failed(_));
        let class = if bad { "remark bad" } else { "remark" };
        let columns = COLUMNS.len();
        // Behind figures, the remark gets a row of its own.
        let row = if measured.is_some() {
            "</tr>\n<tr><td></td>"
        } else {
            ""
        };
        let remark = escape(&remark);
        let _ = write!(
            page,
            "{row}<td class=\"{class}\" colspan=\"{columns}\">{remark}</td>"
        );
    }
    page.push_str("</tr>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    use crate::args::Args;
    use crate::runtime::Which;
    use crate::sleep::machine::Machine;
    use crate::sleep::noise::Noise;
    use crate::sleep::options::{Asked, Options};
    use crate::sleep::outcome::GaveOut;

    fn measured(slept: u64, wall_ns: u64) -> Measured {
        Measured {
            slept,
            wall_ns,
            cpu_ns: 7_650,
            late_p50_ns: 61,
            late_p99_ns: 72,
            ..Measured::default()
        }
    }

    fn results() -> Results {
        let asked = Options::parse(Args::new(["--max=1000".to_owned()]));
        let Ok(Asked::Report(options)) = asked else {
            panic!("no report: {asked:?}")
        };
        let tokio = Way::Async(Which::Tokio);
        let crash = GaveOut {
            at: 777,
            after_ns: 5,
            why: "no <more>".into(),
            fatal: true,
        };
        let cell = |way, sleepers, outcome| Cell {
            way,
            sleepers,
            outcome,
            runs: Vec::new(),
        };
        let computed = Outcome::Computed(Duration::from_secs(100), "1,000 × 100 ms".into());
        let gave_out = Outcome::GaveOut(crash, Some(measured(777, 150_000_000)));
        let mut cells = vec![
            cell(tokio, 1, Outcome::Measured(measured(1, 101_230_000))),
            cell(
                tokio,
                1_000,
                Outcome::Measured(measured(1_000, 345_600_000)),
            ),
            cell(Way::InTurn, 1_000, computed),
            cell(Way::ThreadEach, 1_000, gave_out),
        ];
        let runs = [345_600_000, 300_000_000, 400_000_000];
        cells[1].runs = runs.map(|wall| measured(1_000, wall)).to_vec();
        Results {
            options,
            machine: Machine::this(),
            noise: Noise::default(),
            kernel_stack: 16_384,
            heartbeats: Vec::new(),
            cells,
        }
    }

    #[test]
    fn the_page_contains_the_measured_values() {
        let page = render(&results());
        assert!(page.contains("<td>101 ms</td>") && page.contains("<td>346 ms</td>"));
        assert!(
            page.contains("tokio sleep().await, 1,000: 246 ms (200 ms to 300 ms)</title>"),
            "beyond one sleep"
        );
        assert!(
            page.contains("gave out at 777 after 5.00 ns, and the process died: no &lt;more&gt;")
        );
    }

    #[test]
    fn what_was_computed_is_told_and_not_drawn() {
        let results = results();
        let page = render(&results);
        assert!(page.contains("computed: 100 s (1,000 × 100 ms)"));
        for figure in &FIGURES {
            let drawn = curves(figure, &results);
            assert!(drawn.iter().all(|curve| curve.label != label(Way::InTurn)));
            assert_eq!(drawn.len(), 2);
        }
    }

    #[test]
    fn a_busy_machine_is_told_on_the_page() {
        let mut results = results();
        assert!(!render(&results).contains("class=\"warning\""));
        results.noise.others = Some(1.5);
        assert!(render(&results).contains("<p class=\"warning\">The machine was busy"));
    }

    #[test]
    fn the_page_needs_nothing_from_elsewhere() {
        let page = render(&results());
        for word in ["http:", "https:", "<script", "<link", "url(", "@import"] {
            assert!(!page.contains(word), "{word}");
        }
    }
}
