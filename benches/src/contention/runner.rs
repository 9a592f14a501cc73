//! Takes all points, round by round, each in a process of its own.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use super::cell::{self, Task};
use super::options::Options;
use wheelhouse_benches::child;
use wheelhouse_benches::random::shuffle;
use wheelhouse_benches::reading::Reading;

/// A point that takes longer than this has hung.
const LIMIT: Duration = Duration::from_secs(60);

/// One reading of a point, or why there is none.
#[derive(Clone, Debug)]
pub(super) struct Point {
    pub(super) task: Task,
    pub(super) round: usize,
    pub(super) reading: Result<Reading, String>,
}

/// Takes every reading that the options ask for.
pub(super) fn run_all(options: &Options) -> io::Result<Vec<Point>> {
    let start = Instant::now();
    let order = order(options);
    let mut points = Vec::with_capacity(order.len());
    for (index, (round, task)) in order.iter().copied().enumerate() {
        show_progress(index, order.len(), task, start.elapsed());
        let words = task.to_args();
        let args = std::iter::once(cell::COMMAND).chain(words.iter().map(String::as_str));
        let (printed, end) = child::run(args, LIMIT)?;
        let read = || Reading::from_line(&printed).ok_or_else(|| "it printed no reading".into());
        points.push(Point {
            task,
            round,
            reading: end.and_then(|()| read()),
        });
    }
    Ok(points)
}

/// All readings of all rounds, with the round of each: at every point the runtimes stand next to
/// each other, in an order of their own.
fn order(options: &Options) -> Vec<(usize, Task)> {
    let mut order = Vec::new();
    for round in 0..options.rounds {
        for drops in options.drops.iter().copied() {
            for threads in options.threads.iter().copied() {
                let mut entrants = options.entrants.clone();
                shuffle(&mut entrants, order.len() as u64);
                let task = |entrant| Task {
                    entrant,
                    threads,
                    drops,
                };
                order.extend(entrants.into_iter().map(|entrant| (round, task(entrant))));
            }
        }
    }
    order
}

/// A line that is written over on a terminal; elsewhere one in a hundred points.
fn show_progress(index: usize, points: usize, task: Task, elapsed: Duration) {
    let left = match index {
        0 => String::new(),
        _ => {
            let left = elapsed.as_secs_f64() * (points - index) as f64 / index as f64;
            format!(", about {left:.0} s left")
        }
    };
    let mut stderr = io::stderr().lock();
    // Progress that nobody can read is no reason to stop.
    let _ = if stderr.is_terminal() {
        let (name, threads) = (task.entrant.name(), task.threads);
        let what = format!("{name}, {threads} threads, {} %", task.drops);
        write!(stderr, "\r\x1b[2K[{}/{points}] {what}{left}", index + 1)
    } else if index.is_multiple_of(100) {
        writeln!(stderr, "{index} of {points} points{left}")
    } else {
        Ok(())
    };
    if index + 1 == points && stderr.is_terminal() {
        let _ = write!(stderr, "\r\x1b[2K");
    }
    let _ = stderr.flush();
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entrant::Entrant;

    #[test]
    fn every_round_has_every_entrant_at_every_point() {
        let options = Options {
            rounds: 2,
            ..Options::new()
        };
        let order = order(&options);
        assert_eq!(order.len(), 2 * 4 * 5 * Entrant::ALL.len());
        for entrant in Entrant::ALL {
            let task = Task {
                entrant,
                threads: 8,
                drops: 50,
            };
            let rounds = order.iter().filter(|(_, other)| *other == task);
            assert!(rounds.map(|(round, _)| *round).eq([0, 1]), "{task:?}");
        }
    }
}
