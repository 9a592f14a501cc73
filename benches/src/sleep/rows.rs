//! Charts with one row for each way: how far it goes, and the memory that a sleeper takes.

use std::fmt::Write;

use super::chart::{Axis, short_count};
use super::outcome::Outcome;
use super::runner::{Cell, Results};
use super::style::{escape, hue, stroke};
use super::table::BytesEach;
use super::way::Way;
use crate::quantity::{bytes, count, counted};

const WIDTH: f64 = 560.0;
const LEFT: f64 = 196.0;
const ROW: f64 = 40.0;
const TOP: f64 = 10.0;

/// One row: the way, and what is drawn behind its name.
struct Row {
    way: Way,
    drawing: String,
}

fn render(title: &str, rows: &[Row], axis: Axis, unit: fn(f64) -> String) -> String {
    let bottom = TOP + ROW * rows.len() as f64;
    let height = bottom + 24.0;
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {height}\" role=\"img\" aria-label=\"{}\">\n",
        escape(title)
    );
    for value in axis.ticks() {
        let at = axis.at(value);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 16.0,
            unit(value),
        );
    }
    for (index, row) in rows.iter().enumerate() {
        let _ = writeln!(
            svg,
            "<g class=\"series {}\" transform=\"translate(0 {:.1})\">\
             <text class=\"label\" x=\"{:.1}\" y=\"4\" text-anchor=\"end\">{}</text>{}</g>",
            hue(row.way),
            TOP + ROW * (index as f64 + 0.5),
            LEFT - 12.0,
            escape(short_title(row.way)),
            row.drawing,
        );
    }
    svg.push_str("</svg>\n");
    svg
}

fn short_title(way: Way) -> &'static str {
    match way {
        Way::Blocking(_) => way.title().strip_prefix("thread::").unwrap_or(way.title()),
        Way::SpawnBlocking(_) => way.title().strip_suffix(" jobs").unwrap_or(way.title()),
        _ => way.title(),
    }
}

/// How many sleepers each way really had, and why not more.
pub(super) fn reach(results: &Results) -> String {
    let axis = Axis::around(
        [1.0, results.options.max as f64].into_iter(),
        LEFT,
        WIDTH - 12.0,
    );
    let row = |way: &Way| {
        let drawing = reach_row(cells_of(results, *way), axis)?;
        Some(Row { way: *way, drawing })
    };
    let rows: Vec<Row> = results.options.ways.iter().filter_map(row).collect();
    render("How far each way goes", &rows, axis, short_count)
}

fn cells_of(results: &Results, way: Way) -> Vec<&Cell> {
    results
        .cells
        .iter()
        .filter(|cell| cell.way == way)
        .collect()
}

fn reach_row(cells: Vec<&Cell>, axis: Axis) -> Option<String> {
    let gave_out = cells.iter().find_map(|cell| match &cell.outcome {
        Outcome::GaveOut(gave_out, _) => Some(gave_out.at),
        _ => None,
    });
    let measured = cells
        .iter()
        .filter_map(|cell| Some(cell.outcome.measured()?.slept))
        .max();
    let most = gave_out.or(measured)?;
    let unfinished = cells
        .iter()
        .any(|cell| matches!(cell.outcome, Outcome::Computed(..)));
    let (from, end) = (axis.at(1.0), axis.at(most.max(1) as f64));
    let stroke = stroke(cells.first()?.way);
    let mut drawing = format!(
        "<line class=\"curve {stroke}\" x1=\"{from:.1}\" x2=\"{end:.1}\" y1=\"0\" y2=\"0\"/>"
    );
    let text = match gave_out {
        Some(at) => {
            let _ = write!(
                drawing,
                "<path class=\"cross\" d=\"M{:.1} -5l10 10m0 -10l-10 10\"/>",
                end - 5.0
            );
            format!("gave out at {}", count(at))
        }
        None => {
            let _ = write!(
                drawing,
                "<circle class=\"dot\" cx=\"{end:.1}\" cy=\"0\" r=\"5\"/>"
            );
            let why = if unfinished {
                ", then too slow to run"
            } else {
                ""
            };
            format!("{}{why}", count(most))
        }
    };
    // Behind the end while there is room, above the line where there is none.
    let (x, y, anchor) = if end < 380.0 {
        (end + 12.0, 4.0, "start")
    } else {
        (end, -8.0, "end")
    };
    let _ = write!(
        drawing,
        "<text class=\"value\" x=\"{x:.1}\" y=\"{y}\" text-anchor=\"{anchor}\">{text}</text>"
    );
    Some(drawing)
}

/// User and kernel memory of a sleeper.
pub(super) fn memory(results: &Results) -> String {
    let figures: Vec<Memory> = results
        .options
        .ways
        .iter()
        .filter_map(|way| Memory::of(results, *way))
        .collect();
    let values = figures
        .iter()
        .flat_map(|memory| [memory.each.user, memory.each.kernel]);
    let axis = Axis::around(
        values.map(|value| value.max(1.0)),
        LEFT + 12.0,
        WIDTH - 40.0,
    );
    let draw = |memory: &Memory| Row {
        way: memory.way,
        drawing: memory.draw(axis),
    };
    let rows: Vec<Row> = figures.iter().map(draw).collect();
    render("Memory for each sleeper", &rows, axis, bytes_tick)
}

/// Powers of ten, so no binary units.
fn bytes_tick(value: f64) -> String {
    format!("{}B", short_count(value))
}

struct Memory {
    way: Way,
    slept: u64,
    at_once: u64,
    each: BytesEach,
}

impl Memory {
    /// Where the most of them slept at once.
    fn of(results: &Results, way: Way) -> Option<Memory> {
        let all = cells_of(results, way).into_iter().filter_map(|cell| {
            let measured = cell.outcome.measured()?;
            Some(Memory {
                way,
                slept: measured.slept,
                at_once: measured.asleep_at_once,
                each: BytesEach::of(way, measured, results.kernel_stack)?,
            })
        });
        all.max_by_key(|memory| memory.slept)
    }

    fn draw(&self, axis: Axis) -> String {
        let (user, kernel) = (
            axis.at(self.each.user.max(1.0)),
            axis.at(self.each.kernel.max(1.0)),
        );
        let tip = format!(
            "{}, {} at once: {} of user memory and {} in the kernel for each of these",
            counted(self.slept, "sleeper"),
            count(self.at_once),
            bytes(self.each.user),
            bytes(self.each.kernel)
        );
        let (user_at, kernel_at) = anchors(user, kernel);
        format!(
            "<title>{tip}</title>\
             <text class=\"small\" x=\"{:.1}\" y=\"17\" text-anchor=\"end\">{}</text>\
             <line class=\"lead\" x1=\"{user:.1}\" x2=\"{kernel:.1}\" y1=\"0\" y2=\"0\"/>\
             <circle class=\"ring\" cx=\"{kernel:.1}\" cy=\"0\" r=\"5\"/>\
             <circle class=\"dot\" cx=\"{user:.1}\" cy=\"0\" r=\"5.5\"/>\
             <text class=\"value\" x=\"{kernel:.1}\" y=\"-9\" text-anchor=\"{kernel_at}\">{}</text>\
             <text class=\"value\" x=\"{user:.1}\" y=\"-9\" text-anchor=\"{user_at}\">{}</text>",
            LEFT - 12.0,
            self.at_once_text(),
            bytes(self.each.kernel),
            bytes(self.each.user),
        )
    }

    fn at_once_text(&self) -> String {
        let slept = count(self.slept);
        match self.at_once * 100 >= self.slept * 99 {
            true => format!("{slept} at once"),
            false => format!("{slept}, {} at once", count(self.at_once)),
        }
    }
}

/// How the numbers over two dots are anchored, so that they run neither into each other nor into
/// the names on the left.
fn anchors(first: f64, second: f64) -> (&'static str, &'static str) {
    match first - second {
        _ if first.min(second) < LEFT + 40.0 => ("start", "start"),
        apart if apart.abs() > 60.0 => ("middle", "middle"),
        right if right >= 0.0 => ("start", "end"),
        _ => ("end", "start"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::args::Args;
    use crate::runtime::Which;
    use crate::sleep::machine::Machine;
    use crate::sleep::noise::Noise;
    use crate::sleep::options::{Asked, Options};
    use crate::sleep::outcome::{GaveOut, Measured};

    const TOKIO: Way = Way::Async(Which::Tokio);
    const POOL: Way = Way::SpawnBlocking(Which::Tokio);

    fn cell(way: Way, slept: u64, at_once: u64, user_bytes: u64) -> Cell {
        let measured = Measured {
            slept,
            asleep_at_once: at_once,
            user_bytes,
            ..Measured::default()
        };
        Cell {
            way,
            sleepers: slept,
            outcome: Outcome::Measured(measured),
            runs: Vec::new(),
        }
    }

    fn results(cells: Vec<Cell>) -> Results {
        let asked = Options::parse(Args::new([]));
        let Ok(Asked::Report(options)) = asked else {
            panic!("no report: {asked:?}")
        };
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
    fn memory_is_shown_where_most_slept_at_once() {
        let results = results(vec![
            cell(TOKIO, 1_000, 1_000, 900_000),
            cell(TOKIO, 10_000, 10_000, 4_000_000),
            cell(TOKIO, 100_000, 30_000, 44_000_000),
            cell(POOL, 1_000, 512, 5_120_000),
            cell(POOL, 10_000, 512, 10_240_000),
        ]);
        let tokio = Memory::of(&results, TOKIO).expect("measured");
        assert_eq!((tokio.slept, tokio.each.user), (10_000, 400.0));
        let pool = Memory::of(&results, POOL).expect("measured");
        assert_eq!(pool.each.user, 10_000.0);
        assert_eq!(pool.at_once_text(), "1,000, 512 at once");
        assert!(memory(&results).contains("10,000 at once</text>"));
    }

    #[test]
    fn a_way_reaches_as_far_as_it_was_measured() {
        let why = Outcome::Computed(std::time::Duration::from_secs(9), "9 × 1 s".to_owned());
        let gave_out = GaveOut {
            at: 777,
            after_ns: 1,
            why: "no".into(),
            fatal: true,
        };
        let results = results(vec![
            cell(Way::InTurn, 10, 1, 0),
            Cell {
                way: Way::InTurn,
                sleepers: 100,
                outcome: why,
                runs: Vec::new(),
            },
            cell(Way::ThreadEach, 100, 100, 0),
            Cell {
                way: Way::ThreadEach,
                sleepers: 1_000,
                outcome: Outcome::GaveOut(gave_out, None),
                runs: Vec::new(),
            },
        ]);
        let svg = reach(&results);
        assert!(svg.contains(">10, then too slow to run</text>"), "{svg}");
        assert!(svg.contains(">gave out at 777</text>"), "{svg}");
    }
}
