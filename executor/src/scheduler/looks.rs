//! The monitor's looks: what it sees, and what it has done about it.

use super::{
    calls::{Called, Calls},
    mark::Mark,
    monitor::Monitor,
    pool::Pool,
    reports::To,
    suspect::{LONG, Look, Over},
    watched::Watched,
};
use crate::{
    shared::Shared,
    stuck::{BlockedReport, StuckKind},
};
use std::{sync::Arc, time::Instant};

/// So many looks follow at short intervals after somebody came back from sleep, or was found stuck.
const EAGER_LOOKS: u32 = 2;

/// So many tasks are taken from a worker that computes, at each look: it may be about to spawn a
/// million, and whoever runs out of work will steal them.
const A_FEW: usize = 32;

pub(super) struct Looks<'a> {
    shared: &'a Arc<Shared>,
    pool: &'static Pool,
    monitor: &'a Monitor,
    start: Instant,
    /// How many looks are to follow at short intervals in any case.
    eager: u32,
    calls: Calls,
}

/// When to look next.
pub(super) enum Next {
    /// When one more look will tell.
    Soon,
    /// After a short interval: things have changed lately.
    Eagerly,
    /// While everybody is busy.
    Steadily,
    /// While tasks are polled now and then.
    Seldom,
    /// When somebody stirs.
    Stirred,
}

/// What one look found, all threads together.
#[derive(Default)]
struct Found {
    /// Somebody has polled since the look before.
    active: bool,
    /// Somebody gets on with something, as far as can be told.
    moving: bool,
    /// One more look will tell.
    soon: bool,
    /// The next look may have to do something.
    pending: bool,
    /// Somebody has been found stuck.
    stuck: bool,
    /// A worker has just been woken.
    woken: bool,
    computing: Computing,
    reports: Vec<BlockedReport>,
    /// For debug mode.
    lines: Vec<BlockedReport>,
}

/// The workers that have been in one poll for long, and are not replaced.
#[derive(Default)]
struct Computing {
    count: usize,
    /// Nanoseconds on a processor that their polls have had.
    cpu: u64,
    /// The one that has had most, and how much.
    longest: Option<(usize, u64, u64)>,
}

impl<'a> Looks<'a> {
    pub(super) fn new(shared: &'a Arc<Shared>) -> Self {
        Looks {
            shared,
            pool: shared.pool(),
            monitor: shared.monitor(),
            start: Instant::now(),
            eager: 0,
            calls: Calls::default(),
        }
    }

    /// Looks once.
    pub(super) fn look(&mut self) -> Next {
        // Between one queue and another, a task is in neither.
        let _under_way = self.pool.under_way();
        // 584 years.
        let now = self.start.elapsed().as_nanos() as u64;
        let mut found = Found::default();
        self.monitor.watched().retain_mut(|watched| {
            self.look_at(watched, now, &mut found);
            !watched.is_gone()
        });
        self.replace_one_that_computes(&found);
        match self.calls.call(self.shared) {
            Called::Nobody => {}
            Called::Some => found.soon = true,
            Called::NobodyYet => found.pending = true,
        }
        self.recall_surplus(&mut found);
        self.tell(&mut found);
        if found.stuck {
            self.be_eager();
        }
        self.next(&found)
    }

    fn next(&mut self, found: &Found) -> Next {
        self.eager = self.eager.saturating_sub(1);
        let busy = found.moving || found.pending;
        if found.soon || (busy && self.calls.go_on()) {
            Next::Soon
        } else if (busy || found.active) && self.eager > 0 {
            Next::Eagerly
        } else if busy {
            Next::Steadily
        } else if found.active {
            Next::Seldom
        } else {
            Next::Stirred
        }
    }

    /// Notes that somebody has come back from sleep.
    pub(super) fn be_eager(&mut self) {
        self.eager = EAGER_LOOKS;
    }

    /// Whether there is anything that no look has seen.
    pub(super) fn anything_new(&self) -> bool {
        let surplus = self.pool.crew().surplus();
        let missing =
            surplus < 0 && !self.pool.idle().any_parked() && !self.monitor.shortage().is_at_limit();
        let new = |watched: &Watched| {
            let mark = self.mark(watched);
            watched.is_new(mark) && !watched.has_announced(mark)
        };
        self.pool.is_closed() || surplus > 0 || missing || self.monitor.watched().iter().any(new)
    }

    fn mark(&self, watched: &Watched) -> Option<&'static Mark> {
        watched.seat().map(|seat| self.pool.queue(seat).mark())
    }

    fn look_at(&self, watched: &mut Watched, now: u64, found: &mut Found) {
        let mark = self.mark(watched);
        let announced = watched.has_announced(mark);
        found.active |= watched.has_polled() && !announced;
        let (look, over) = watched.look(now, announced);
        if let (Some(mark), Some(word)) = (mark, watched.old_mark()) {
            self.pool.crew().has_returned(mark, word);
        }
        if let Some(over) = over {
            self.tell_of_end(watched, over, found);
        }
        if announced {
            return self.share_queue(watched, usize::MAX);
        }
        match look {
            Look::Rests => found.woken |= watched.seat().is_some_and(|seat| self.is_woken(seat)),
            Look::Moves => found.moves(watched),
            Look::Waits { cpu, asleep } => {
                if mark.is_some_and(|mark| mark.is_set()) {
                    self.share_queue(watched, A_FEW);
                }
                self.tell_for(watched);
                found.soon |= asleep;
                found.pending = true;
                if watched.age(now) < LONG {
                    found.moves(watched);
                } else {
                    found.computing.add(watched, mark, cpu);
                }
            }
            Look::Stuck { kind, cpu, again } => {
                found.stuck = true;
                self.take_over(watched, kind, now);
                found.computing.add(watched, mark, cpu);
                found.pending = true;
                if !again && let Some(stuck) = watched.stuck(now) {
                    self.monitor.count_poll(kind);
                    let poll = watched.describe(stuck, false);
                    found.reports.push(BlockedReport::Began(poll));
                }
            }
            Look::StillStuck { kind, cpu } => {
                self.take_over(watched, kind, now);
                found.computing.add(watched, mark, cpu);
                // Whoever computes may fall asleep.
                found.pending |= kind == StuckKind::Computing;
            }
        }
        self.tell_if_slow(watched, now, found);
    }

    /// Has others take the work of a stuck worker.
    fn take_over(&self, watched: &mut Watched, kind: StuckKind, now: u64) {
        let (Some(seat), Some(stuck)) = (watched.seat(), watched.stuck(now)) else {
            return;
        };
        let queue = self.pool.queue(seat);
        let most = match kind {
            StuckKind::Blocked => {
                self.pool.crew().replace(queue.mark(), stuck.poll.word);
                usize::MAX
            }
            StuckKind::Computing => {
                queue.mark().notice(stuck.poll.word);
                A_FEW
            }
        };
        watched.note_marked(stuck.poll.word);
        self.share_queue(watched, most);
        self.relieve(seat);
    }

    /// Does what a worker would have done that expected [a brief stint](super::stint), and is still in the
    /// same poll.
    fn tell_for(&self, watched: &Watched) {
        if let Some(seat) = watched.seat() {
            self.relieve(seat);
            if !self.pool.queue(seat).is_empty() {
                self.pool.notify();
            }
        }
    }

    /// Has another worker keep the time.
    fn relieve(&self, seat: usize) {
        let deadline = || self.shared.timers().next_deadline();
        self.pool.sleepers().relieve(seat, deadline);
    }

    /// Gives what is queued at a stuck worker to whoever comes first: those who steal only do so when
    /// they have nothing else to do. At each look, for it may go on to spawn and wake, and may have put
    /// a task into its LIFO slot before it saw the mark. `most` limits what is taken from its deque.
    fn share_queue(&self, watched: &Watched, most: usize) {
        let Some(seat) = watched.seat() else { return };
        let queue = self.pool.queue(seat);
        let deque = (0..queue.len().min(most)).map_while(|_| queue.steal_one());
        for task in queue.take_lifo().into_iter().chain(deque) {
            self.pool.inject(task);
        }
    }

    /// Whether a worker that polls nothing does not sleep either. A spare may be on the bench.
    fn is_woken(&self, seat: usize) -> bool {
        seat < self.pool.workers() && !self.pool.idle().is_parked(seat)
    }

    /// A stuck poll has returned.
    fn tell_of_end(&self, watched: &mut Watched, over: Over, found: &mut Found) {
        let report = BlockedReport::Ended(watched.describe(over, true));
        if watched.forget_told() {
            found.lines.push(report.clone());
        }
        found.reports.push(report);
    }

    fn tell_if_slow(&self, watched: &mut Watched, now: u64, found: &mut Found) {
        let rescue = self.shared.rescue();
        if let Some(stuck) = watched.stuck(now)
            && rescue.debug
        {
            if watched.is_worth_a_line(stuck, rescue.slow_poll) {
                let poll = watched.describe(stuck, false);
                found.lines.push(BlockedReport::Began(poll));
            }
            found.pending |= !watched.is_told();
        }
    }

    /// If nobody gets on with anything and tasks or timers wait, has one worker that computes
    /// replaced.
    fn replace_one_that_computes(&self, found: &Found) {
        let computing = &found.computing;
        if !(found.moving || found.woken)
            && let Some((seat, word, _)) = computing.longest
            && computing.cpu >= LONG * computing.count.min(self.shared.rescue().cores) as u64
            && !self.pool.idle().any_parked()
            && self.work_waits()
        {
            let mut watched = self.monitor.watched();
            let longest = watched.iter_mut().find(|other| other.seat() == Some(seat));
            longest
                .into_iter()
                .for_each(|watched| watched.note_marked(word));
            self.pool.crew().replace(self.pool.queue(seat).mark(), word);
        }
    }

    fn work_waits(&self) -> bool {
        let timers = self.shared.timers();
        self.pool.work() > 0 || timers.next_deadline() <= timers.now()
    }

    /// Spares that sleep do not notice by themselves that they are no longer needed.
    fn recall_surplus(&self, found: &mut Found) {
        found.pending |= self.pool.crew().surplus() > 0;
        self.pool.recall_surplus();
    }

    fn tell(&self, found: &mut Found) {
        let reports = self.monitor.reports();
        for report in found.lines.drain(..) {
            reports.tell(self.shared, report, To::StandardError);
        }
        for report in found.reports.drain(..) {
            reports.tell(self.shared, report, To::Hook);
        }
    }
}

impl Found {
    /// The thread gets on with something. One in `block_on` does so for itself alone.
    fn moves(&mut self, watched: &Watched) {
        match watched.seat() {
            Some(_) => self.moving = true,
            None => self.pending = true,
        }
    }
}

impl Computing {
    fn add(&mut self, watched: &Watched, mark: Option<&Mark>, cpu: u64) {
        let (Some(seat), Some(mark), Some(poll)) = (watched.seat(), mark, watched.seen()) else {
            return;
        };
        if mark.is_replaced() {
            return;
        }
        self.count += 1;
        self.cpu += cpu;
        if self.longest.is_none_or(|(.., most)| cpu >= most) {
            self.longest = Some((seat, poll.word, cpu));
        }
    }
}
