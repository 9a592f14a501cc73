//! Lateness over time as SVG: time runs evenly, lateness by powers of ten, each line labelled.

use std::fmt::Write;
use std::time::Duration;

use super::chart::{Axis, draw_rows};
use super::labels::{self, Frame, LINE};
use super::style::escape;
use crate::heartbeat::{Beat, Timing};
use crate::quantity::{three_digits, time};

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 330.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 92.0;
const TOP: f64 = 22.0;
const BOTTOM: f64 = 44.0;

/// Less than this is drawn as this: nobody cares, and a logarithm has no place for nothing.
const FLOOR: f64 = 10e3;

/// A line whose worst is beyond this has a stall, and its name goes where that ends.
const STALL: u64 = 20_000_000;

/// One runtime's lateness, beat by beat.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) label: &'static str,
    pub(super) hue: &'static str,
    pub(super) stroke: &'static str,
    pub(super) beats: Vec<Beat>,
    /// The words shown when the pointer rests on it.
    pub(super) tip: String,
}

impl Track {
    fn lacks_some(&self) -> bool {
        self.beats.iter().any(|beat| !beat.came)
    }
}

/// An upright axis for all of these beats, so that several drawings can share one.
pub(super) fn upright<'a>(beats: impl Iterator<Item = &'a Beat>) -> Axis {
    Axis::around(beats.map(height), HEIGHT - BOTTOM, TOP)
}

fn height(beat: &Beat) -> f64 {
    (beat.late as f64).max(FLOOR)
}

/// The level axis: from zero to the end of the span.
#[derive(Clone, Copy, Debug)]
struct Level {
    span: f64,
}

impl Level {
    fn at(self, nanos: u64) -> f64 {
        LEFT + nanos as f64 / self.span * (WIDTH - RIGHT - LEFT)
    }

    /// Round times, at most six of them.
    fn ticks(self) -> Vec<Duration> {
        const STEPS: [u64; 7] = [10, 20, 50, 100, 200, 500, 1_000];
        let span = (self.span / 1e6) as u64;
        let step = STEPS.into_iter().find(|step| span / step <= 5);
        let step = step.unwrap_or(span);
        (0..=span / step)
            .map(|tick| Duration::from_millis(tick * step))
            .collect()
    }
}

/// Draws the tracks.
pub(super) fn render(title: &str, tracks: &[Track], timing: &Timing, y: Axis) -> String {
    let x = Level {
        span: timing.span.as_nanos() as f64,
    };
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(title)
    );
    draw_grid(&mut svg, x, y);
    draw_onset(&mut svg, x.at(timing.onset.as_nanos() as u64));
    let missing = tracks.iter().filter(|track| track.lacks_some()).count();
    let mut turn = missing;
    // Ours comes first, and is drawn last: over the others.
    for track in tracks.iter().rev() {
        turn -= usize::from(track.lacks_some());
        draw_track(&mut svg, track, &dashes(turn, missing), x, y);
    }
    draw_labels(&mut svg, tracks, x, y);
    svg.push_str("</svg>\n");
    svg
}

fn draw_grid(svg: &mut String, x: Level, y: Axis) {
    let (left, right, bottom) = (LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM);
    draw_rows(svg, y, left, right, time);
    for tick in x.ticks() {
        let at = x.at(tick.as_nanos() as u64);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            seconds(tick),
        );
    }
    let _ = writeln!(
        svg,
        "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">when the beat was due, in seconds</text>",
        f64::midpoint(left, right),
        HEIGHT - 6.0,
    );
}

/// `0`, `0.5`, `2`.
pub(super) fn seconds(tick: Duration) -> String {
    let text = three_digits(tick.as_secs_f64());
    match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text,
    }
}

fn draw_onset(svg: &mut String, at: f64) {
    let (top, bottom) = (TOP - 6.0, HEIGHT - BOTTOM);
    let _ = writeln!(
        svg,
        "<line class=\"onset\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{top}\" y2=\"{bottom}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\">the tasks start</text>",
        at + 5.0,
        top + 2.0,
    );
}

fn place(beat: &Beat, x: Level, y: Axis) -> (f64, f64) {
    (x.at(beat.due), y.at(height(beat)))
}

/// Beats that haven't come lie on one line for all: each track shows a dash of it in turn.
fn dashes(turn: usize, tracks: usize) -> String {
    const DASH: usize = 7;
    let gap = DASH * tracks.saturating_sub(1).max(1);
    let offset = DASH * turn;
    format!(" stroke-dasharray=\"{DASH} {gap}\" stroke-dashoffset=\"-{offset}\"")
}

fn draw_track(svg: &mut String, track: &Track, dashes: &str, x: Level, y: Axis) {
    let _ = writeln!(
        svg,
        "<g class=\"series {}\"><title>{}</title>",
        track.hue,
        escape(&track.tip)
    );
    for run in track.beats.chunk_by(|a, b| a.came == b.came) {
        let points = run.iter().map(|beat| {
            let (x, y) = place(beat, x, y);
            format!("{x:.1},{y:.1}")
        });
        let points = points.collect::<Vec<_>>().join(" ");
        let (class, dashes) = match run[0].came {
            true => (track.stroke, ""),
            false => ("missing", dashes),
        };
        let _ = writeln!(
            svg,
            "<polyline class=\"curve track {class}\"{dashes} points=\"{points}\"/>"
        );
    }
    svg.push_str("</g>\n");
}

/// Where the name of a track belongs: at the end of its stall, if it has one.
fn end(beats: &[Beat]) -> Option<&Beat> {
    let worst = beats.iter().map(|beat| beat.late).max()?;
    let stalled = |beat: &&Beat| worst >= STALL && beat.late >= worst / 8;
    beats.iter().rfind(stalled).or(beats.last())
}

fn draw_labels(svg: &mut String, tracks: &[Track], x: Level, y: Axis) {
    let line = |track: &Track| {
        Some(labels::Line {
            text: track.label,
            hue: track.hue,
            points: track.beats.iter().map(|beat| place(beat, x, y)).collect(),
            end: place(end(&track.beats)?, x, y),
        })
    };
    let lines: Vec<labels::Line> = tracks.iter().filter_map(line).collect();
    let room = Frame {
        left: LEFT,
        right: WIDTH,
        top: TOP - LINE / 2.0,
        bottom: HEIGHT - BOTTOM,
    };
    labels::draw(svg, &lines, room);
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: u64 = 1_000_000;

    fn timing() -> Timing {
        Timing {
            span: Duration::from_millis(100),
            onset: Duration::from_millis(10),
            hold: Duration::from_millis(50),
        }
    }

    fn beat(due: u64, late: u64, came: bool) -> Beat {
        let (due, late) = (due * MILLI, late * MILLI);
        Beat { due, late, came }
    }

    fn track(beats: Vec<Beat>) -> Track {
        Track {
            label: "tokio",
            hue: "tokio",
            stroke: "solid",
            beats,
            tip: "tokio: <worst>".to_owned(),
        }
    }

    #[test]
    fn every_beat_is_drawn_where_it_was_due_and_as_late_as_it_was() {
        let track = track(vec![beat(0, 1, true), beat(100, 100, true)]);
        let y = upright(track.beats.iter());
        let svg = render("a title", &[track], &timing(), y);
        assert!(
            svg.contains("solid\" points=\"62.0,286.0 468.0,22.0\""),
            "{svg}"
        );
        assert!(svg.contains("<title>tokio: &lt;worst&gt;</title>"), "{svg}");
        assert!(
            svg.contains(">1.00 ms</text>") && svg.contains(">100 ms</text>"),
            "{svg}"
        );
    }

    #[test]
    fn beats_that_have_not_come_are_drawn_apart() {
        let came = vec![beat(10, 1, true), beat(20, 1, true)];
        let missing = vec![beat(30, 70, false), beat(40, 60, false)];
        let track = track([came, missing].concat());
        let y = upright(track.beats.iter());
        let svg = render("a title", &[track.clone(), track], &timing(), y);
        assert_eq!(svg.matches("class=\"curve track solid\"").count(), 2);
        for offset in [0, 7] {
            let dashes = format!("stroke-dasharray=\"7 7\" stroke-dashoffset=\"-{offset}\"");
            assert_eq!(svg.matches(&dashes).count(), 1, "{svg}");
        }
    }

    #[test]
    fn a_stall_is_named_where_it_ends() {
        let mut beats = vec![beat(10, 1, true), beat(20, 50, true), beat(60, 10, true)];
        beats.extend([beat(70, 1, true), beat(80, 1, true)]);
        assert_eq!(end(&beats), Some(&beat(60, 10, true)));
        // Lateness as usual has no end but its last beat.
        let usual = [beat(10, 3, true), beat(20, 1, true)];
        assert_eq!(end(&usual), Some(&beat(20, 1, true)));
        assert_eq!(end(&[]), None);
    }

    #[test]
    fn nothing_late_is_still_drawn() {
        let beats = [beat(10, 0, true)];
        assert_eq!(upright(beats.iter()).ticks(), [1e4, 1e5]);
    }

    #[test]
    fn times_on_the_axis_are_round() {
        let ticks = |millis: u64| {
            let span = (millis * MILLI) as f64;
            Level { span }
                .ticks()
                .into_iter()
                .map(seconds)
                .collect::<Vec<_>>()
        };
        assert_eq!(ticks(2_200), ["0", "0.5", "1", "1.5", "2"]);
        assert_eq!(ticks(150), ["0", "0.05", "0.1", "0.15"]);
    }
}
