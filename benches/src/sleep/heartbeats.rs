//! The heartbeat experiment in the report: rows of figures, on the terminal and as CSV.

use std::fmt::Write;

use super::style::hue_of;
use super::timeline::seconds;
use crate::heartbeat::case::{BEAT, HEARTS, WORKERS};
use crate::heartbeat::{AtLeast, Case, Lateness, Outcome, Record, Subject, Taken, Task};
use crate::quantity::{chosen, count, time};
use crate::runtime::Which;

/// The heads of the columns behind the subject's name.
pub(super) const COLUMNS: [&str; 6] = ["worst", "p99", "p50", "threads", "CPU", "switches"];

/// What the reader has to know of the figures.
pub(super) const LEGEND: &str = "Every beat that was due counts, also those that a stall held up. ≥: beats \
                      had not come when their process was looked at, and count as late as they \
                      were by then. Threads are the most at a time, the main thread included; CPU \
                      and context switches are those of the whole run.";

/// The name of a subject in tables.
pub(super) fn name(subject: Subject) -> &'static str {
    match subject {
        Subject::Runtime(Which::WheelhouseUnwatched) => "wheelhouse, watch off",
        Subject::Runtime(Which::SmolStatic) => "smol",
        _ => subject.name(),
    }
}

/// The name of a subject beside its line, whose colour tells the rest.
pub(super) fn label(subject: Subject) -> &'static str {
    match subject {
        Subject::Runtime(Which::WheelhouseUnwatched) => "watch off",
        _ => name(subject),
    }
}

pub(super) fn hue(subject: Subject) -> &'static str {
    match subject {
        Subject::Runtime(which) => hue_of(which),
        Subject::Asyncio => "asyncio",
    }
}

pub(super) fn stroke(subject: Subject) -> &'static str {
    match subject {
        Subject::Runtime(Which::WheelhouseUnwatched) => "dashed",
        _ => "solid",
    }
}

/// The head of all.
fn head() -> String {
    let (hearts, beat) = (count(HEARTS as u64), chosen(BEAT));
    format!("{hearts} heartbeats of {beat}, {WORKERS} workers")
}

/// The head of a case: who holds the threads, and what isn't waited for.
pub(super) fn title(task: Task) -> String {
    let title = task.case.title(task.timing.hold);
    unseen(task).map_or(title.clone(), |unseen| format!("{title}: {unseen}"))
}

/// How much longer it would take than it is looked at, by arithmetic.
pub(super) fn unseen(task: Task) -> Option<String> {
    let timing = task.timing;
    let held = timing.hold * task.case.rounds(WORKERS) as u32;
    let (told, span) = (chosen(held), seconds(timing.span));
    let text = format!("{told} for {WORKERS} threads; looked at for {span} s");
    (timing.onset + held > timing.span).then_some(text)
}

pub(super) fn figures(record: &Record, lateness: &Lateness) -> [String; 6] {
    [
        at_least(lateness.worst),
        at_least(lateness.p99),
        at_least(lateness.p50),
        count(record.threads),
        time(record.cpu_ns as f64),
        count(record.switches),
    ]
}

pub(super) fn at_least(duration: AtLeast) -> String {
    let sign = if duration.or_more { "≥ " } else { "" };
    format!("{sign}{}", time(duration.nanos as f64))
}

pub(super) fn remark(outcome: &Outcome) -> Option<String> {
    match outcome {
        Outcome::Measured(_) => None,
        Outcome::NotRun(why) => Some(format!("not run: {why}")),
        Outcome::Failed(why) => Some(format!("FAILED: {why}")),
    }
}

/// Case by case what was run, in the order of the tables, which isn't that in which it ran.
pub(super) fn by_case(taken: &[Taken]) -> Vec<(Task, Vec<&Taken>)> {
    let rows = |case: Case| {
        let of = |subject| {
            let mut all = taken.iter();
            all.find(|taken| (taken.task.case, taken.subject) == (case, subject))
        };
        let rows: Vec<&Taken> = Subject::ALL.into_iter().filter_map(of).collect();
        Some((rows.first()?.task, rows))
    };
    Case::ALL.into_iter().filter_map(rows).collect()
}

/// The table on the terminal; nothing if there is nothing to tell.
pub(super) fn text(taken: &[Taken]) -> String {
    let mut text = String::new();
    for (task, rows) in by_case(taken) {
        if text.is_empty() {
            let _ = writeln!(text, "\n{}. {LEGEND}", head());
        }
        let _ = write!(text, "\n{}\n{:<34}", title(task), "");
        for column in COLUMNS {
            let _ = write!(text, " {column:>10}");
        }
        text.push('\n');
        for row in rows {
            write_row(&mut text, row);
        }
    }
    text
}

fn write_row(text: &mut String, row: &Taken) {
    let _ = write!(text, "{:<34}", name(row.subject));
    if let Some((record, lateness)) = row.outcome.measured() {
        for figure in figures(record, lateness) {
            let _ = write!(text, " {figure:>10}");
        }
    }
    if let Some(remark) = remark(&row.outcome) {
        let _ = write!(text, "  {remark}");
    }
    text.push('\n');
}

/// Every figure as CSV; `or_more` tells which durations are lower bounds.
pub(super) fn csv(taken: &[Taken]) -> String {
    let mut text = "case,runtime,outcome,hold_ns,looked_at_for_ns,worst_ns,worst_or_more,p99_ns,\
                    p99_or_more,p50_ns,p50_or_more,threads,cpu_ns,switches\n"
        .to_owned();
    for Taken {
        subject,
        task,
        outcome,
    } in taken
    {
        let (case, runtime, timing) = (task.case.name(), subject.name(), task.timing);
        let told = match outcome {
            Outcome::Measured(_) => "measured",
            Outcome::NotRun(_) => "not run",
            Outcome::Failed(_) => "failed",
        };
        let (hold, span) = (timing.hold.as_nanos(), timing.span.as_nanos());
        let _ = write!(text, "{case},{runtime},{told},{hold},{span}");
        match outcome.measured() {
            Some((record, lateness)) => {
                for AtLeast { nanos, or_more } in [lateness.worst, lateness.p99, lateness.p50] {
                    let _ = write!(text, ",{nanos},{or_more}");
                }
                let (threads, cpu, switches) = (record.threads, record.cpu_ns, record.switches);
                let _ = writeln!(text, ",{threads},{cpu},{switches}");
            }
            None => text.push_str(",,,,,,,,,\n"),
        }
    }
    text
}

/// What ran the script, for the list of versions.
pub(super) fn python(taken: &[Taken]) -> Option<&str> {
    let mut records = taken.iter().filter_map(|taken| taken.outcome.measured());
    records.find_map(|(record, _)| record.version.as_deref())
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::heartbeat::{Beat, Timing};

    fn exactly(millis: u64) -> AtLeast {
        AtLeast {
            nanos: millis * 1_000_000,
            or_more: false,
        }
    }

    fn or_more(millis: u64) -> AtLeast {
        AtLeast {
            or_more: true,
            ..exactly(millis)
        }
    }

    fn taken(subject: Subject, case: Case, worst: AtLeast) -> Taken {
        let timing = Timing::usual(case);
        let beat = |due: u64, late, came| Beat {
            due: due * 1_000_000,
            late,
            came,
        };
        let record = Record {
            threads: 7,
            cpu_ns: 48_200_000,
            switches: 2_497,
            version: (subject == Subject::Asyncio).then(|| "Python 3.11.7".to_owned()),
            ..Record::default()
        };
        let lateness = Lateness {
            p50: exactly(3),
            p99: exactly(4),
            worst,
            curve: vec![
                beat(10, 150_000, true),
                beat(500, worst.nanos, !worst.or_more),
            ],
        };
        Taken {
            subject,
            task: Task { case, timing },
            outcome: Outcome::Measured(Box::new((record, lateness))),
        }
    }

    /// Runs of every kind: exact, bounds, without the watch, and not run.
    pub(in crate::sleep) fn sample() -> Vec<Taken> {
        let asyncio = Subject::Asyncio;
        let [ours, unwatched, tokio, ..] = Subject::ALL;
        let mut sample = vec![
            taken(tokio, Case::ManyBlockers, or_more(1_420)),
            taken(ours, Case::ManyBlockers, exactly(2)),
            taken(unwatched, Case::FewBlockers, exactly(990)),
            taken(asyncio, Case::FewBlockers, or_more(2_120)),
        ];
        sample.push(Taken {
            outcome: Outcome::NotRun("no python3 was found".to_owned()),
            ..taken(asyncio, Case::ManyBlockers, exactly(1))
        });
        sample
    }

    fn line<'a>(text: &'a str, start: &str) -> &'a str {
        let mut lines = text.lines();
        lines
            .find(|line| line.starts_with(start))
            .expect("a line that starts so")
    }

    #[test]
    fn a_row_shows_figures_and_which_are_bounds() {
        let text = text(&sample());
        let words: Vec<&str> = line(&text, "tokio").split_whitespace().collect();
        let expected = "tokio ≥ 1.42 s 4.00 ms 3.00 ms 7 48.2 ms 2,497";
        assert_eq!(words.join(" "), expected);
        assert!(
            line(&text, "wheelhouse, watch off").contains(" 990 ms "),
            "{text}"
        );
    }

    #[test]
    fn cases_and_subjects_stand_in_their_own_order() {
        let text = text(&sample());
        let many =
            "64 tasks block their threads for 1 s each: 32 s for 2 threads; looked at for 1.5 s";
        let heads = ["4 tasks block their threads for 1 s each\n", many];
        let places = heads.map(|head| text.find(head).expect("a head"));
        assert!(places[0] < places[1], "{text}");
        let ours = text[places[1]..].find("\nwheelhouse ").expect("our row");
        let tokio = text[places[1]..].find("\ntokio ").expect("tokio's row");
        assert!(ours < tokio, "{text}");
        assert_eq!(super::text(&[]), "");
    }

    #[test]
    fn what_could_not_run_says_so() {
        let sample = sample();
        let told = "not run: no python3 was found";
        assert!(text(&sample).contains(told));
        let csv = csv(&sample);
        let row = line(&csv, "64-blockers,asyncio,not run,");
        let columns = |line: &str| line.matches(',').count();
        assert!(
            csv.lines().all(|line| columns(line) == columns(row)),
            "{csv}"
        );
    }

    #[test]
    fn the_script_tells_what_ran_it() {
        assert_eq!(python(&sample()), Some("Python 3.11.7"));
        assert_eq!(python(&sample()[..2]), None);
    }
}
