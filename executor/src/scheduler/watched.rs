//! A thread that the monitor watches: what it polls, and what is suspected of it.

use super::{
    mark::Mark,
    polling::Poll,
    suspect::{Look, Over, Suspect},
};
use crate::{
    os::thread::{OsThread, Probe},
    stuck::StuckPoll,
    threads::Running,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

pub(super) struct Watched {
    running: Arc<Running>,
    /// None for a thread in `block_on`, for which nobody can stand in.
    seat: Option<usize>,
    os: OsThread,
    /// Open while the thread is suspect.
    probe: Option<Probe>,
    suspect: Suspect,
    /// The word of its last poll.
    word: u64,
    /// The poll that the last look saw, announced or not.
    noted: Option<Poll>,
    /// The name of the task that the poll that was reported last is of, with its word.
    named: Option<(u64, Arc<str>)>,
    /// Whether debug mode has told of the present poll.
    told: bool,
    /// The word of the poll that the monitor has marked last.
    marked: u64,
    /// Whether the thread is watched no longer.
    gone: bool,
}

impl Watched {
    /// The calling thread.
    pub(super) fn current(running: Arc<Running>, seat: Option<usize>) -> Self {
        Watched {
            running,
            seat,
            os: OsThread::current(),
            probe: None,
            suspect: Suspect::default(),
            word: 0,
            noted: None,
            named: None,
            told: false,
            marked: 0,
            gone: false,
        }
    }

    pub(super) fn running(&self) -> &Arc<Running> {
        &self.running
    }

    pub(super) fn seat(&self) -> Option<usize> {
        self.seat
    }

    /// Whether it has begun a poll since it was asked last.
    pub(super) fn has_polled(&mut self) -> bool {
        let word = self.running.polling().word();
        std::mem::replace(&mut self.word, word) != word
    }

    /// Looks at what it polls at `now`, in nanoseconds. A poll that has announced that it will block
    /// counts as none.
    pub(super) fn look(&mut self, now: u64, announced: bool) -> (Look, Option<Over>) {
        let poll = self.running.polling().now();
        self.note(poll);
        let poll = poll.filter(|_| !announced);
        let (os, probe) = (&self.os, &mut self.probe);
        let usage = || {
            if probe.is_none() {
                *probe = os.probe();
            }
            probe.as_ref()?.usage()
        };
        let looked = self.suspect.look(now, poll, usage);
        if self.suspect.needs_no_usage() {
            self.probe = None;
        }
        looked
    }

    /// Leaves word, for whoever asks how long the thread has been in its poll, that it is in this one
    /// now.
    fn note(&mut self, poll: Option<Poll>) {
        if self.noted == poll {
            return;
        }
        let old = std::mem::replace(&mut self.noted, poll);
        match (old, poll) {
            (_, Some(poll)) => self.running.note(poll, Instant::now()),
            (Some(old), None) => self.running.forget(old),
            (None, None) => {}
        }
    }

    /// The name of the task that this poll is of. Asked while it lasts, for a poll is seen before its
    /// name, and known when it is over, for a later one may have been seen by then.
    fn name_of(&mut self, poll: Poll) -> Option<Arc<str>> {
        if self
            .named
            .as_ref()
            .is_none_or(|(word, _)| *word != poll.word)
        {
            let name = self.running.task_name(poll);
            self.named = name.map(|name| (poll.word, name));
        }
        self.named.as_ref().map(|(_, name)| Arc::clone(name))
    }

    /// Its stuck poll, and for how many nanoseconds it has been seen.
    pub(super) fn stuck(&self, now: u64) -> Option<Over> {
        self.suspect.stuck(now)
    }

    /// How long its present poll has been seen, in nanoseconds.
    pub(super) fn age(&self, now: u64) -> u64 {
        self.suspect.age(now)
    }

    /// Its present poll, as the last look saw it.
    pub(super) fn seen(&self) -> Option<Poll> {
        self.suspect.seen()
    }

    /// Notes that the monitor marks this poll.
    pub(super) fn note_marked(&mut self, word: u64) {
        self.marked = word;
    }

    /// The word of a poll that the monitor has marked, and that is over.
    pub(super) fn old_mark(&mut self) -> Option<u64> {
        let over = self.seen().is_none_or(|poll| poll.word != self.marked);
        (self.marked != 0 && over).then(|| std::mem::take(&mut self.marked))
    }

    /// Whether it has announced itself that its present poll will block.
    pub(super) fn has_announced(&self, mark: Option<&Mark>) -> bool {
        match (self.running.polling().now(), mark) {
            (Some(poll), Some(mark)) => mark.is(poll.word) && self.marked != poll.word,
            _ => false,
        }
    }

    /// The thread is watched no longer. True: the monitor has to look once more, for a poll that it
    /// has found stuck.
    pub(super) fn leave(&mut self) -> bool {
        self.running.polling().end();
        self.gone = true;
        self.stuck(0).is_some()
    }

    /// Whether it is a worker that has not left.
    pub(super) fn is_at_work(&self) -> bool {
        self.seat.is_some() && !self.gone
    }

    pub(super) fn is_gone(&self) -> bool {
        self.gone
    }

    /// Whether it polls anything but what was found stuck, or that no longer, or unmarked.
    pub(super) fn is_new(&self, mark: Option<&Mark>) -> bool {
        let stuck = self.stuck(0).map(|stuck| stuck.poll);
        let unmarked = |poll: Poll| mark.is_some_and(|mark| !mark.is(poll.word));
        self.running.polling().now() != stuck || stuck.is_some_and(unmarked)
    }

    /// For a report.
    pub(super) fn describe(&mut self, stuck: Over, ended: bool) -> StuckPoll {
        StuckPoll {
            what: stuck.poll.what(),
            site: stuck.poll.site,
            name: self.name_of(stuck.poll),
            thread: Arc::clone(self.running.name()),
            kind: stuck.kind,
            duration: Duration::from_nanos(stuck.took),
            ended,
        }
    }

    /// Whether debug mode is to tell of the present poll now: once, when it has taken so long.
    pub(super) fn is_worth_a_line(&mut self, stuck: Over, slow: Duration) -> bool {
        let worth = !self.told && stuck.took >= slow.as_nanos() as u64;
        self.told |= worth;
        worth
    }

    pub(super) fn is_told(&self) -> bool {
        self.told
    }

    /// The present poll is over. Whether debug mode had told of it.
    pub(super) fn forget_told(&mut self) -> bool {
        std::mem::take(&mut self.told)
    }
}
