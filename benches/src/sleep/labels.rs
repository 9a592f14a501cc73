//! Where the name of each curve goes: near where it belongs, and off every other curve if there is room.

use std::fmt::Write;

/// The height of a label's line, and the width of a letter on average.
pub(super) const LINE: f64 = 14.0;
const LETTER: f64 = 7.4;

/// A label may be this far above or below the end of its curve, in steps.
const STEPS: i32 = 18;
const STEP: f64 = 7.0;

/// Words are further apart than that.
const AIR: f64 = 7.0;

/// What a label would rather not do, in pixels that it would move to avoid it.
const ON_A_LABEL: f64 = 2_000.0;
const ON_A_CURVE: f64 = 90.0;
const LEAD_ON_A_CURVE: f64 = 25.0;

/// A curve as drawn, and its name.
#[derive(Clone, Debug)]
pub(super) struct Line {
    pub(super) text: &'static str,
    pub(super) hue: &'static str,
    pub(super) points: Vec<(f64, f64)>,
    /// Where the name belongs: mostly the last of the points.
    pub(super) end: (f64, f64),
}

/// A rectangle; `y` grows downwards.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Frame {
    pub(super) left: f64,
    pub(super) right: f64,
    pub(super) top: f64,
    pub(super) bottom: f64,
}

impl Frame {
    fn holds(&self, inner: &Frame) -> bool {
        self.left <= inner.left
            && inner.right <= self.right
            && self.top <= inner.top
            && inner.bottom <= self.bottom
    }

    fn overlaps(&self, other: &Frame) -> bool {
        self.left < other.right
            && other.left < self.right
            && self.top < other.bottom
            && other.top < self.bottom
    }

    /// Whether any of the straight line from `a` to `b` is inside.
    fn crossed_by(&self, a: (f64, f64), b: (f64, f64)) -> bool {
        let (dx, dy) = (b.0 - a.0, b.1 - a.1);
        let sides = [
            (-dx, a.0 - self.left),
            (dx, self.right - a.0),
            (-dy, a.1 - self.top),
            (dy, self.bottom - a.1),
        ];
        // The part of the line, from 0 to 1, that is on the inner side of all four.
        let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
        for (slope, room) in sides {
            if slope == 0.0 {
                if room < 0.0 {
                    return false;
                }
            } else if slope < 0.0 {
                enters = enters.max(room / slope);
            } else {
                leaves = leaves.min(room / slope);
            }
        }
        enters <= leaves
    }

    /// With some air on both sides.
    fn with_air(&self) -> Frame {
        Frame {
            left: self.left - AIR,
            right: self.right + AIR,
            ..*self
        }
    }

    /// The point of it that is nearest to this one.
    fn nearest(&self, to: (f64, f64)) -> (f64, f64) {
        (
            to.0.clamp(self.left, self.right),
            to.1.clamp(self.top, self.bottom),
        )
    }
}

/// A placed label.
#[derive(Clone, Debug)]
pub(super) struct Label {
    text: &'static str,
    hue: &'static str,
    end: (f64, f64),
    /// Which end of the frame the text is fixed to, since letters may be narrower than thought.
    anchor: Anchor,
    pub(super) frame: Frame,
}

#[derive(Clone, Copy, Debug)]
enum Anchor {
    Left,
    Middle,
    Right,
}

impl Label {
    pub(super) fn draw(&self, svg: &mut String) {
        let Frame {
            left,
            right,
            top,
            bottom,
        } = self.frame;
        let (x, anchor) = match self.anchor {
            Anchor::Left => (left, "start"),
            Anchor::Middle => (f64::midpoint(left, right), "middle"),
            Anchor::Right => (right, "end"),
        };
        let _ = write!(svg, "<g class=\"{}\">", self.hue);
        let (end, near) = (self.end, self.frame.nearest(self.end));
        let _ = write!(
            svg,
            "<line class=\"lead\" x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\"/>",
            end.0, end.1, near.0, near.1
        );
        // A third below the middle, where the letters stand.
        let _ = writeln!(
            svg,
            "<text class=\"label\" x=\"{x:.1}\" y=\"{:.1}\" text-anchor=\"{anchor}\">{}</text></g>",
            f64::midpoint(top, bottom) + 4.0,
            self.text
        );
    }
}

/// Draws a label for every line within `room`.
pub(super) fn draw(svg: &mut String, lines: &[Line], room: Frame) {
    for label in place(lines, room) {
        label.draw(svg);
    }
}

/// Places a label for every line within `room`.
fn place(lines: &[Line], room: Frame) -> Vec<Label> {
    let drawn: Vec<&Line> = lines
        .iter()
        .filter(|line| !line.points.is_empty())
        .collect();
    let mut labels: Vec<Label> = Vec::with_capacity(drawn.len());
    for line in &drawn {
        let label = best(line, &drawn, &labels, room);
        labels.push(label);
    }
    // The first ones knew nothing of the last ones.
    for _ in 0..4 {
        for (index, line) in drawn.iter().enumerate() {
            let others: Vec<Label> = without(&labels, index);
            labels[index] = best(line, &drawn, &others, room);
        }
    }
    labels
}

fn without(labels: &[Label], index: usize) -> Vec<Label> {
    let mut others = labels.to_vec();
    others.remove(index);
    others
}

fn best(line: &Line, lines: &[&Line], others: &[Label], room: Frame) -> Label {
    let places = candidates(line);
    let cost = |place: &(Label, f64)| place.1 + penalty(&place.0, lines, others, room);
    let best = places
        .into_iter()
        .map(|place| (cost(&place), place.0))
        .min_by(|a, b| a.0.total_cmp(&b.0));
    best.expect("there are always candidates").1
}

/// Places to the right of the curve's end, around it and to its left, each with what it costs to
/// be that far off.
fn candidates(line: &Line) -> Vec<(Label, f64)> {
    let end = line.end;
    let width = line.text.chars().count() as f64 * LETTER;
    let sides = [
        (Anchor::Left, end.0 + 10.0, 0.0),
        (Anchor::Middle, end.0 - width / 2.0, 12.0),
        (Anchor::Right, end.0 - width - 10.0, 18.0),
    ];
    let mut places = Vec::new();
    for (anchor, left, far) in sides {
        for step in -STEPS..=STEPS {
            let middle = end.1 + f64::from(step) * STEP;
            let frame = Frame {
                left,
                right: left + width,
                top: middle - LINE / 2.0,
                bottom: middle + LINE / 2.0,
            };
            let (text, hue) = (line.text, line.hue);
            let label = Label {
                text,
                hue,
                end,
                anchor,
                frame,
            };
            places.push((label, far + (middle - end.1).abs()));
        }
    }
    places
}

fn penalty(label: &Label, lines: &[&Line], others: &[Label], room: Frame) -> f64 {
    if !room.holds(&label.frame) {
        return 10.0 * ON_A_LABEL;
    }
    let airy = label.frame.with_air();
    let labels = others
        .iter()
        .filter(|other| other.frame.overlaps(&airy))
        .count();
    let covered = lines.iter().filter(|line| lies_on(&label.frame, line));
    let near = label.frame.nearest(label.end);
    let crossed = lines
        .iter()
        .filter(|line| line.text != label.text && crosses(line, label.end, near));
    labels as f64 * ON_A_LABEL
        + covered.count() as f64 * ON_A_CURVE
        + crossed.count() as f64 * LEAD_ON_A_CURVE
}

/// Whether a label here would lie on this line or one of its points.
pub(super) fn lies_on(frame: &Frame, line: &Line) -> bool {
    let point = line.points[0];
    frame.crossed_by(point, point)
        || line
            .points
            .windows(2)
            .any(|pair| frame.crossed_by(pair[0], pair[1]))
}

fn crosses(line: &Line, a: (f64, f64), b: (f64, f64)) -> bool {
    let side = |p: (f64, f64), q: (f64, f64), r: (f64, f64)| {
        (q.0 - p.0) * (r.1 - p.1) - (q.1 - p.1) * (r.0 - p.0)
    };
    line.points.windows(2).any(|pair| {
        let (c, d) = (pair[0], pair[1]);
        side(a, b, c) * side(a, b, d) < 0.0 && side(c, d, a) * side(c, d, b) < 0.0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOM: Frame = Frame {
        left: 0.0,
        right: 500.0,
        top: 0.0,
        bottom: 300.0,
    };

    fn line(text: &'static str, points: &[(f64, f64)]) -> Line {
        Line {
            text,
            hue: "tokio",
            points: points.to_vec(),
            end: points[points.len() - 1],
        }
    }

    #[test]
    fn a_frame_knows_what_crosses_it() {
        let frame = Frame {
            left: 10.0,
            right: 20.0,
            top: 10.0,
            bottom: 20.0,
        };
        assert!(frame.crossed_by((0.0, 15.0), (30.0, 15.0)));
        assert!(frame.crossed_by((0.0, 0.0), (30.0, 30.0)));
        assert!(frame.crossed_by((15.0, 15.0), (15.0, 15.0)));
        assert!(!frame.crossed_by((0.0, 0.0), (30.0, 5.0)));
        assert!(!frame.crossed_by((0.0, 15.0), (9.0, 15.0)));
        assert!(!frame.crossed_by((0.0, 25.0), (25.0, 51.0)));
    }

    #[test]
    fn a_label_alone_stands_right_behind_its_curve() {
        let labels = place(&[line("only", &[(0.0, 100.0), (200.0, 100.0)])], ROOM);
        assert_eq!(labels[0].frame.left, 210.0);
        assert_eq!((labels[0].frame.top, labels[0].frame.bottom), (93.0, 107.0));
    }

    #[test]
    fn labels_of_curves_that_end_together_do_not_overlap() {
        let lines = ["a", "b", "c"].map(|text| line(text, &[(0.0, 5.0), (400.0, 295.0)]));
        let labels = place(&lines, ROOM);
        for (index, label) in labels.iter().enumerate() {
            assert!(ROOM.holds(&label.frame));
            for other in &labels[..index] {
                assert!(!label.frame.overlaps(&other.frame), "{labels:?}");
            }
        }
    }

    #[test]
    fn a_label_keeps_off_the_curves_that_go_on() {
        let lines = [
            line("a short one", &[(0.0, 150.0), (100.0, 150.0)]),
            line("level", &[(0.0, 152.0), (450.0, 152.0)]),
            line("rising", &[(0.0, 180.0), (450.0, 100.0)]),
        ];
        for label in place(&lines, ROOM) {
            for line in &lines {
                assert!(!lies_on(&label.frame, line), "{label:?} lies on {line:?}");
            }
        }
    }
}
