//! Spare threads: who stands in for workers that are stuck, and who is one too many.
//!
//! A pool has a seat for each worker, and behind those some for spares. A spare at work is a worker
//! like any other. One that is not needed sits on the **bench**: it sleeps, and is no member of the
//! idle set, so no work is granted to it.
//!
//! The **surplus** is how many more threads are at work than the pool has workers, those that are
//! [stuck](Mark) not counted. Below zero somebody is missing, and the monitor, or whoever announces
//! that it will block, calls spares. Above zero a spare that finds nothing to do, or looks up from its
//! queue, goes to the bench. Whoever changes what the surplus counts changes it by the same step,
//! so it is right whenever nobody is in between.

use super::mark::Mark;
use crate::sync::{AtomicIsize, AtomicUsize, Mutex};
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};

/// The spares of one pool.
pub(crate) struct Crew {
    workers: usize,
    surplus: AtomicIsize,
    /// Seats from here on have no task in their queues.
    seats_in_use: AtomicUsize,
    spares: Mutex<Spares>,
}

struct Spares {
    /// What each spare's thread is doing, from the seat behind the last worker's.
    places: Vec<Place>,
    /// How many are on the bench.
    benched: usize,
    /// How many are about to end.
    leaving: usize,
    threads: usize,
    started: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// There is no thread.
    Vacant,
    OnBench,
    AtWork,
    /// The thread is about to end.
    Leaving,
}

/// How a spare is brought to work.
#[must_use]
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Call {
    /// Unpark the thread at this seat.
    Bench(usize),
    /// Start a thread for this seat.
    Start(usize),
    /// None is free before a thread has left its seat, which it is about to do.
    NotYet,
    /// There are as many as are allowed.
    Limit,
}

impl Crew {
    pub(super) fn new(workers: usize, max_spares: usize) -> Self {
        Crew {
            workers,
            surplus: AtomicIsize::new(0),
            seats_in_use: AtomicUsize::new(workers),
            spares: Mutex::new(Spares {
                places: vec![Place::Vacant; max_spares],
                benched: 0,
                leaving: 0,
                threads: 0,
                started: 0,
            }),
        }
    }

    /// For a pool that is used again; all its threads have ended.
    pub(super) fn reset(&self) {
        let mut spares = self.spares.lock();
        spares.places.fill(Place::Vacant);
        spares.benched = 0;
        spares.leaving = 0;
        spares.threads = 0;
        spares.started = 0;
        // Release: both belong to what the pool's opening publishes.
        self.surplus.store(0, Release);
        self.seats_in_use.store(self.workers, Release);
    }

    pub(crate) fn workers(&self) -> usize {
        self.workers
    }

    pub(super) fn max_spares(&self) -> usize {
        self.spares.lock().places.len()
    }

    /// Seats from here on have no task in their queues, if the caller has fenced since anybody
    /// could have told it of one.
    pub(super) fn seats_in_use(&self) -> usize {
        // Acquire pairs with `call`: the seat's queue exists. A spare that pushes has raised this
        // before, and fences after its push: so does whoever parks before it reads this.
        self.seats_in_use.load(Acquire)
    }

    /// How many threads too many are at work; too few if it is negative.
    pub(super) fn surplus(&self) -> isize {
        // Relaxed: whoever acts on it changes it by a read-modify-write.
        self.surplus.load(Relaxed)
    }

    /// Leaves a stuck worker out of the surplus.
    pub(crate) fn replace(&self, mark: &Mark, word: u64) {
        if mark.replace(word) {
            // AcqRel, as all its changes: each sees what the earlier ones were for.
            self.surplus.fetch_sub(1, AcqRel);
        }
    }

    /// The worker's poll has returned.
    pub(crate) fn returned(&self, mark: &Mark) {
        if mark.clear() {
            // AcqRel: as in `replace`.
            self.surplus.fetch_add(1, AcqRel);
        }
    }

    /// As [`returned`](Self::returned), for the monitor, which saw that this poll is over.
    pub(super) fn has_returned(&self, mark: &Mark, word: u64) {
        if mark.clear_if(word) {
            // AcqRel: as in `replace`.
            self.surplus.fetch_add(1, AcqRel);
        }
    }

    /// Calls a spare to work: the one at the lowest seat, so that few seats have to be looked into.
    pub(super) fn call(&self) -> Call {
        let mut spares = self.spares.lock();
        let seat = |place: usize| self.workers + place;
        let call = if let Some(place) = spares.first_on_bench() {
            spares.places[place] = Place::AtWork;
            spares.benched -= 1;
            Call::Bench(seat(place))
        } else if let Some(place) = spares.first(Place::Vacant) {
            spares.places[place] = Place::AtWork;
            spares.threads += 1;
            spares.started += 1;
            Call::Start(seat(place))
        } else if spares.leaving > 0 {
            return Call::NotYet;
        } else {
            return Call::Limit;
        };
        self.publish(&spares);
        // AcqRel: as in `replace`.
        self.surplus.fetch_add(1, AcqRel);
        call
    }

    /// The thread that [`call`](Self::call) asked for could not be started.
    pub(super) fn refused(&self, seat: usize) {
        let mut spares = self.spares.lock();
        spares.places[seat - self.workers] = Place::Vacant;
        spares.threads -= 1;
        spares.started -= 1;
        self.publish(&spares);
        // AcqRel: as in `replace`.
        self.surplus.fetch_sub(1, AcqRel);
    }

    /// For a spare at work: true if it is one too many. It then empties its queues and goes to the
    /// [bench](Self::sit).
    pub(super) fn retire(&self) -> bool {
        let one_less = |surplus: isize| (surplus > 0).then(|| surplus - 1);
        // AcqRel: as in `replace`; Relaxed: a failure reads again.
        self.surplus.fetch_update(AcqRel, Relaxed, one_less).is_ok()
    }

    /// The spare at this seat, whose queues are empty, waits to be called.
    pub(super) fn sit(&self, seat: usize) {
        let mut spares = self.spares.lock();
        spares.places[seat - self.workers] = Place::OnBench;
        spares.benched += 1;
        self.publish(&spares);
    }

    /// Whether the spare at this seat has been called from the bench.
    pub(super) fn is_called(&self, seat: usize) -> bool {
        self.spares.lock().places[seat - self.workers] == Place::AtWork
    }

    /// The benched spare has waited for long: true if it ends, false if it has just been called.
    pub(super) fn leave(&self, seat: usize) -> bool {
        let mut spares = self.spares.lock();
        if spares.places[seat - self.workers] == Place::AtWork {
            return false;
        }
        spares.places[seat - self.workers] = Place::Leaving;
        spares.benched -= 1;
        spares.leaving += 1;
        true
    }

    /// The spare's thread has left its seat.
    pub(crate) fn left(&self, seat: usize) {
        let mut spares = self.spares.lock();
        match spares.places[seat - self.workers] {
            Place::Leaving => spares.leaving -= 1,
            // The pool is closed.
            Place::OnBench => spares.benched -= 1,
            Place::AtWork | Place::Vacant => {}
        }
        spares.places[seat - self.workers] = Place::Vacant;
        spares.threads -= 1;
        self.publish(&spares);
    }

    /// The spares at work.
    pub(super) fn at_work(&self) -> Vec<usize> {
        let spares = self.spares.lock();
        let places = spares.places.iter().enumerate();
        places
            .filter(|(_, place)| **place == Place::AtWork)
            .map(|(place, _)| self.workers + place)
            .collect()
    }

    /// How many workers are stuck and replaced, how many spares there are, and how many were ever
    /// started.
    pub(crate) fn figures(&self) -> (usize, usize, u64) {
        let spares = self.spares.lock();
        let at_work = spares
            .places
            .iter()
            .filter(|place| **place == Place::AtWork);
        let stuck = at_work.count() as isize - self.surplus();
        (stuck.max(0) as usize, spares.threads, spares.started)
    }

    fn publish(&self, spares: &Spares) {
        let last = spares
            .places
            .iter()
            .rposition(|place| *place == Place::AtWork);
        let seats = self.workers + last.map_or(0, |last| last + 1);
        // Release pairs with `seats_in_use`.
        self.seats_in_use.store(seats, Release);
    }
}

impl Spares {
    fn first(&self, wanted: Place) -> Option<usize> {
        self.places.iter().position(|place| *place == wanted)
    }

    fn first_on_bench(&self) -> Option<usize> {
        if self.benched == 0 {
            return None;
        }
        self.first(Place::OnBench)
    }
}

#[cfg(all(test, wheelhouse_loom))]
#[path = "crew_models.rs"]
mod models;

#[cfg(all(test, not(wheelhouse_loom)))]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_seat_is_called_and_the_bench_before_a_new_thread() {
        let crew = Crew::new(2, 3);
        assert_eq!(crew.call(), Call::Start(2));
        assert_eq!(crew.call(), Call::Start(3));
        assert_eq!((crew.seats_in_use(), crew.surplus()), (4, 2));
        assert!(crew.retire());
        crew.sit(3);
        assert_eq!(crew.seats_in_use(), 3);
        assert!(crew.retire() && !crew.retire());
        crew.sit(2);
        assert_eq!((crew.seats_in_use(), crew.surplus()), (2, 0));
        assert_eq!(crew.call(), Call::Bench(2));
        assert_eq!(crew.call(), Call::Bench(3));
        assert_eq!(crew.call(), Call::Start(4));
        assert_eq!(crew.call(), Call::Limit);
        assert_eq!(crew.figures(), (0, 3, 3));
    }

    #[test]
    fn a_seat_is_given_again_only_when_its_thread_has_left_it() {
        let crew = Crew::new(1, 1);
        assert_eq!(crew.call(), Call::Start(1));
        assert!(crew.retire());
        crew.sit(1);
        assert!(crew.leave(1));
        assert_eq!(crew.call(), Call::NotYet);
        crew.left(1);
        assert_eq!(crew.call(), Call::Start(1));
        assert_eq!(crew.figures(), (0, 1, 2));
    }

    #[test]
    fn a_refused_thread_leaves_no_trace() {
        let crew = Crew::new(1, 1);
        assert_eq!(crew.call(), Call::Start(1));
        crew.refused(1);
        assert_eq!((crew.surplus(), crew.seats_in_use()), (0, 1));
        assert_eq!(crew.figures(), (0, 0, 0));
    }

    #[test]
    fn a_stuck_worker_counts_once_however_it_was_found() {
        let (crew, mark) = (Crew::new(2, 1), Mark::new());
        mark.notice(6);
        assert!(mark.is(6) && !mark.is_replaced());
        assert_eq!(crew.surplus(), 0);
        crew.replace(&mark, 6);
        crew.replace(&mark, 6);
        assert_eq!((crew.surplus(), crew.figures().0), (-1, 1));
        crew.has_returned(&mark, 4);
        assert_eq!(crew.surplus(), -1, "that was another poll");
        crew.has_returned(&mark, 6);
        crew.returned(&mark);
        assert_eq!((crew.surplus(), mark.is_set()), (0, false));
    }
}
