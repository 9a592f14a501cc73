//! Curves as SVG: both axes logarithmic, each curve labelled at its end.

use std::fmt::Write;

use super::labels::{self, Frame, LINE};
use super::style::escape;
use crate::quantity::count;

const WIDTH: f64 = 560.0;
const HEIGHT: f64 = 360.0;
const LEFT: f64 = 62.0;
const RIGHT: f64 = 128.0;
const TOP: f64 = 12.0;
const BOTTOM: f64 = 44.0;
/// A point of a curve, with the words shown when the pointer rests on it.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) x: f64,
    pub(super) y: f64,
    /// The smallest and the largest value of several runs.
    pub(super) range: (f64, f64),
    pub(super) tip: String,
    /// Whether the way gave out here.
    pub(super) gave_out: bool,
}

/// One curve.
#[derive(Clone, Debug)]
pub(super) struct Curve {
    pub(super) label: &'static str,
    pub(super) hue: &'static str,
    pub(super) stroke: &'static str,
    pub(super) points: Vec<Point>,
}

/// A logarithmic axis between two powers of ten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    /// An axis for these values, drawn between two coordinates.
    pub(super) fn around(values: impl Iterator<Item = f64>, from: f64, to: f64) -> Axis {
        let logs = values.filter(|value| *value > 0.0).map(f64::log10);
        let (low, high) = logs.fold((f64::MAX, f64::MIN), |(low, high), log| {
            (low.min(log), high.max(log))
        });
        if low > high {
            return Axis {
                low: 0.0,
                high: 1.0,
                from,
                to,
            };
        }
        let low = low.floor();
        // The smallest and the largest value may be the same power of ten.
        Axis {
            low,
            high: high.ceil().max(low + 1.0),
            from,
            to,
        }
    }

    /// Where this value is drawn.
    pub(super) fn at(&self, value: f64) -> f64 {
        let part = (value.log10() - self.low) / (self.high - self.low);
        self.from + part * (self.to - self.from)
    }

    /// The powers of ten on it.
    pub(super) fn ticks(&self) -> Vec<f64> {
        (self.low as i32..=self.high as i32)
            .map(|power| 10_f64.powi(power))
            .collect()
    }
}

/// Draws the curves; `unit` writes the numbers of the upright axis.
pub(super) fn render(title: &str, curves: &[Curve], unit: fn(f64) -> String) -> String {
    let points = || curves.iter().flat_map(|curve| &curve.points);
    let x = Axis::around(points().map(|point| point.x), LEFT, WIDTH - RIGHT);
    let values = points().flat_map(|point| [point.range.0, point.y, point.range.1]);
    let y = Axis::around(values, HEIGHT - BOTTOM, TOP);
    let mut svg = format!(
        "<svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" aria-label=\"{}\">\n",
        escape(title)
    );
    draw_grid(&mut svg, x, y, unit);
    for curve in curves {
        draw_curve(&mut svg, curve, x, y);
    }
    draw_labels(&mut svg, curves, x, y);
    svg.push_str("</svg>\n");
    svg
}

fn draw_labels(svg: &mut String, curves: &[Curve], x: Axis, y: Axis) {
    let place = |point: &Point| (x.at(point.x), y.at(point.y));
    let line = |curve: &Curve| {
        Some(labels::Line {
            text: curve.label,
            hue: curve.hue,
            points: curve.points.iter().map(place).collect(),
            end: place(curve.points.last()?),
        })
    };
    let lines: Vec<labels::Line> = curves.iter().filter_map(line).collect();
    let room = Frame {
        left: LEFT,
        right: WIDTH,
        top: TOP - LINE / 2.0,
        bottom: HEIGHT - BOTTOM,
    };
    labels::draw(svg, &lines, room);
}

/// A line across the drawing for each tick of its upright axis, with the tick's value before it.
pub(super) fn draw_rows(svg: &mut String, y: Axis, left: f64, right: f64, unit: fn(f64) -> String) {
    for value in y.ticks() {
        let (at, text) = (y.at(value), unit(value));
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{left}\" x2=\"{right}\" y1=\"{at:.1}\" y2=\"{at:.1}\"/>\
             <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"end\">{text}</text>",
            left - 8.0,
            at + 4.0,
        );
    }
}

fn draw_grid(svg: &mut String, x: Axis, y: Axis, unit: fn(f64) -> String) {
    let (left, right, bottom) = (LEFT, WIDTH - RIGHT, HEIGHT - BOTTOM);
    draw_rows(svg, y, left, right, unit);
    for value in x.ticks() {
        let at = x.at(value);
        let _ = writeln!(
            svg,
            "<line class=\"grid\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{TOP}\" y2=\"{bottom}\"/>\
             <text x=\"{at:.1}\" y=\"{:.1}\" text-anchor=\"middle\">{}</text>",
            bottom + 18.0,
            short_count(value),
        );
    }
    let _ = writeln!(
        svg,
        "<line class=\"axis\" x1=\"{left}\" x2=\"{right}\" y1=\"{bottom}\" y2=\"{bottom}\"/>\
         <text x=\"{:.1}\" y=\"{:.1}\" text-anchor=\"middle\">sleepers</text>",
        f64::midpoint(left, right),
        HEIGHT - 6.0,
    );
}

/// `1`, `10k`, `1M`.
pub(super) fn short_count(value: f64) -> String {
    match value {
        v if v >= 1e6 => format!("{}M", count((v / 1e6) as u64)),
        v if v >= 1e3 => format!("{}k", count((v / 1e3) as u64)),
        v => count(v as u64),
    }
}

fn draw_curve(svg: &mut String, curve: &Curve, x: Axis, y: Axis) {
    let _ = writeln!(svg, "<g class=\"series {}\">", curve.hue);
    let place = |point: &Point| format!("{:.1},{:.1}", x.at(point.x), y.at(point.y));
    let path: Vec<String> = curve.points.iter().map(place).collect();
    let _ = writeln!(
        svg,
        "<polyline class=\"curve {}\" points=\"{}\"/>",
        curve.stroke,
        path.join(" ")
    );
    for point in &curve.points {
        draw_range(svg, point, x, y);
        draw_point(svg, point, x.at(point.x), y.at(point.y));
    }
    svg.push_str("</g>\n");
}

fn draw_range(svg: &mut String, point: &Point, x: Axis, y: Axis) {
    let (low, high) = point.range;
    if low < high {
        let (at, from, to) = (x.at(point.x), y.at(low), y.at(high));
        let _ = write!(
            svg,
            "<line class=\"range\" x1=\"{at:.1}\" x2=\"{at:.1}\" y1=\"{from:.1}\" y2=\"{to:.1}\"/>"
        );
    }
}

fn draw_point(svg: &mut String, point: &Point, x: f64, y: f64) {
    let tip = escape(&point.tip);
    if point.gave_out {
        let _ = write!(
            svg,
            "<path class=\"cross\" d=\"M{:.1} {:.1}l10 10m0 -10l-10 10\"><title>{tip}</title></path>",
            x - 5.0,
            y - 5.0
        );
    } else {
        let _ = write!(
            svg,
            "<circle class=\"dot\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3.6\"><title>{tip}</title></circle>"
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::quantity::time;

    fn curve(label: &'static str, points: &[(f64, f64)]) -> Curve {
        let point = |(x, y): &(f64, f64)| Point {
            x: *x,
            y: *y,
            range: (*y, *y),
            tip: format!("tip {y}"),
            gave_out: false,
        };
        let points = points.iter().map(point).collect();
        Curve {
            label,
            hue: "tokio",
            stroke: "solid",
            points,
        }
    }

    #[test]
    fn an_axis_reaches_from_power_to_power_of_ten() {
        let axis = Axis::around([30.0, 4_000.0].into_iter(), 0.0, 300.0);
        assert_eq!(axis.ticks(), [10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(axis.at(10.0), 0.0);
        assert_eq!(axis.at(10_000.0), 300.0);
        let upside_down = Axis::around([1.0, 10.0].into_iter(), 100.0, 0.0);
        assert_eq!(upside_down.at(10.0), 0.0);
    }

    #[test]
    fn an_axis_of_one_value_or_none_is_still_an_axis() {
        assert_eq!(
            Axis::around([100.0].into_iter(), 0.0, 9.0).ticks(),
            [100.0, 1_000.0]
        );
        assert_eq!(Axis::around([].into_iter(), 0.0, 9.0).ticks(), [1.0, 10.0]);
    }

    #[test]
    fn every_point_is_drawn_where_its_value_says() {
        let curves = [curve("only", &[(1.0, 1e3), (10.0, 1e6)])];
        let svg = render("a title", &curves, time);
        assert_eq!(svg.matches("<circle").count(), 2);
        assert!(svg.contains("points=\"62.0,316.0 432.0,12.0\""), "{svg}");
        assert!(svg.contains("<title>tip 1000000</title>"));
        assert!(svg.contains(">1.00 ms</text>"));
    }

    #[test]
    fn the_range_of_several_runs_is_drawn_and_fits() {
        let mut curves = [curve("only", &[(1.0, 50.0), (10.0, 50.0)])];
        assert!(!render("a title", &curves, time).contains("class=\"range\""));
        curves[0].points[1].range = (50.0, 1e3);
        let svg = render("a title", &curves, time);
        let range = "<line class=\"range\" x1=\"432.0\" x2=\"432.0\" y1=\"209.8\" y2=\"12.0\"/>";
        assert!(svg.contains(range), "{svg}");
    }
}
