//! The page's section on the heartbeat experiment: lateness over time, and the figures beside it.

use std::fmt::Write;

use super::heartbeats::{
    COLUMNS, LEGEND, at_least, by_case, figures, hue, label, name, remark, stroke, title, unseen,
};
use super::style::escape;
use super::timeline::{self, Track};
use crate::heartbeat::case::{BEAT, HEARTS, WORKERS};
use crate::heartbeat::{Beat, Outcome, Taken, Task};
use crate::quantity::chosen;

/// The section of the page; nothing if there is nothing to show.
pub(super) fn write(page: &mut String, taken: &[Taken]) {
    let cases = by_case(taken);
    if cases.is_empty() {
        return;
    }
    let hearts = HEARTS;
    let beat = chosen(BEAT);
    let _ = write!(
        page,
        "<h2>What tasks that block do to all others</h2>\n\
         <p>{hearts} tasks want to run every {beat}, on {WORKERS} worker threads. Then other tasks \
         hold their threads without an await, as any slow call does that isn't async. The lines \
         show how late the latest of the {hearts} was at each beat. While a thread is held, what \
         only it could run waits: lateness jumps to the length of the stall and shrinks towards \
         its end. Thick broken lines, of several colours where they lie on each other: beats that \
         had not come when it was looked at, and are at least this late.</p>\n<div class=\"charts\">\n"
    );
    let all = taken.iter().filter_map(|taken| taken.outcome.measured());
    let y = timeline::upright(all.flat_map(|(_, lateness)| &lateness.curve));
    for (task, rows) in &cases {
        let title = task.case.title(task.timing.hold);
        let tracks: Vec<Track> = rows.iter().filter_map(|row| track(row)).collect();
        let drawing = timeline::render(&title, &tracks, &task.timing, y);
        let unseen = unseen(*task).map_or_else(String::new, |unseen| {
            format!("<figcaption>{unseen}</figcaption>")
        });
        let _ = writeln!(page, "<figure><h3>{title}</h3>{unseen}{drawing}</figure>");
    }
    write_table(page, &cases);
    page.push_str("</div>\n");
}

fn track(row: &Taken) -> Option<Track> {
    let (_, lateness) = row.outcome.measured()?;
    let beats: Vec<Beat> = lateness.curve.clone();
    Some(Track {
        label: label(row.subject),
        hue: hue(row.subject),
        stroke: stroke(row.subject),
        beats,
        tip: format!("{}: worst {}", name(row.subject), at_least(lateness.worst)),
    })
}

fn write_table(page: &mut String, cases: &[(Task, Vec<&Taken>)]) {
    page.push_str("<figure class=\"table\"><h3>In figures</h3><div class=\"scroll\"><table>\n<thead><tr><th></th>");
    for column in COLUMNS {
        let _ = write!(page, "<th>{column}</th>");
    }
    page.push_str("</tr></thead>\n<tbody>\n");
    let span = COLUMNS.len() + 1;
    for (task, rows) in cases {
        let title = escape(&title(*task));
        let _ = writeln!(page, "<tr><th colspan=\"{span}\">{title}</th></tr>");
        for row in rows {
            write_html_row(page, row);
        }
    }
    let _ = writeln!(
        page,
        "</tbody>\n</table></div><p class=\"note\">{}</p></figure>",
        escape(LEGEND)
    );
}

fn write_html_row(page: &mut String, row: &Taken) {
    let _ = write!(
        page,
        "<tr><td><svg viewBox=\"0 0 34 10\" class=\"{}\" aria-hidden=\"true\">\
         <line class=\"curve {}\" x1=\"2\" x2=\"32\" y1=\"5\" y2=\"5\"/></svg> {}</td>",
        hue(row.subject),
        stroke(row.subject),
        label(row.subject)
    );
    if let Some((record, lateness)) = row.outcome.measured() {
        for figure in figures(record, lateness) {
            let _ = write!(page, "<td>{figure}</td>");
        }
    }
    if let Some(remark) = remark(&row.outcome) {
        let bad = if matches!(row.outcome, Outcome::Failed(_)) {
            " bad"
        } else {
            ""
        };
        let (columns, remark) = (COLUMNS.len(), escape(&remark));
        let _ = write!(
            page,
            "<td class=\"remark{bad}\" colspan=\"{columns}\">{remark}</td>"
        );
    }
    page.push_str("</tr>\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sleep::heartbeats::tests::sample;

    #[test]
    fn the_page_draws_a_line_for_every_run_and_tells_its_figures() {
        let mut page = String::new();
        write(&mut page, &sample());
        for tip in [
            "tokio: worst ≥ 1.42 s",
            "asyncio: worst ≥ 2.12 s",
            "wheelhouse: worst 2.00 ms",
        ] {
            assert!(page.contains(&format!("<title>{tip}</title>")), "{tip}");
        }
        assert!(page.contains("<td>≥ 1.42 s</td><td>4.00 ms</td><td>3.00 ms</td><td>7</td>"));
        // Two drawings for two cases, on one upright axis.
        assert_eq!(page.matches("role=\"img\"").count(), 2);
        assert_eq!(page.matches(">10.0 s</text>").count(), 2);
    }

    #[test]
    fn what_could_not_run_says_so() {
        let mut page = String::new();
        write(&mut page, &sample());
        assert!(page.contains("not run: no python3 was found</td>"));
    }

    #[test]
    fn nothing_measured_leaves_no_section() {
        let mut page = String::new();
        write(&mut page, &[]);
        assert_eq!(page, "");
    }
}
