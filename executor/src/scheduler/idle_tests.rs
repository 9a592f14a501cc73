//! Unit tests of single steps. `sleepers_models.rs` has the races between them.

use super::*;

/// An open pool of this many seats, of which these are parked.
fn pool(seats: usize, parked: impl IntoIterator<Item = usize>) -> Idle {
    let idle = Idle::new(seats);
    idle.open();
    for seat in parked {
        idle.park(seat, false);
    }
    idle
}

/// How many search, and how many are parked.
fn counts(idle: &Idle) -> (usize, usize) {
    let word = idle.word.load(Relaxed);
    (searching(word), parked(word))
}

#[test]
fn nobody_is_woken_where_nobody_sleeps() {
    let idle = pool(4, []);
    assert_eq!(idle.notify(|| None), None);
    assert_eq!((counts(&idle), idle.any_parked()), ((0, 0), false));
}

#[test]
fn a_search_is_passed_to_one_worker_at_a_time_the_lowest_first() {
    let idle = pool(200, [130, 70, 3, 64, 191]);
    for (gone, seat) in [3, 64, 70, 130, 191].into_iter().enumerate() {
        assert_eq!(counts(&idle), (0, 5 - gone));
        assert!(idle.any_parked() && idle.is_parked(seat));
        assert_eq!(idle.a_parked_seat(), Some(seat));
        assert_eq!(idle.notify(|| None), Some(seat));
        assert!(!idle.is_parked(seat), "the bit says whose the search is");
        assert_eq!(counts(&idle), (1, 4 - gone));
        assert_eq!(idle.notify(|| None), None, "somebody searches");
        assert!(idle.withdraw(seat), "it was granted a search");
        assert_eq!(counts(&idle), (1, 4 - gone));
        assert!(idle.stop_searching(), "it was the only one");
    }
    assert_eq!((idle.notify(|| None), idle.a_parked_seat()), (None, None));
    assert!(!idle.any_parked());
}

#[test]
fn the_timekeeper_is_woken_last() {
    for (timekeeper, others) in [(1, [2, 65]), (65, [1, 66]), (2, [1, 66])] {
        let idle = pool(67, others.into_iter().chain([timekeeper]));
        for other in others.into_iter().chain([timekeeper]) {
            assert_eq!(idle.notify(|| Some(timekeeper)), Some(other));
            assert!(idle.stop_searching());
        }
        assert_eq!(counts(&idle), (0, 0));
    }
}

#[test]
fn a_worker_that_wakes_by_itself_is_parked_no_more() {
    let idle = pool(70, [5, 69]);
    assert!(!idle.withdraw(69), "nobody has granted it a search");
    assert_eq!(counts(&idle), (0, 1));
    assert!(idle.is_parked(5) && !idle.is_parked(69));
    assert!(!idle.withdraw(5));
    assert_eq!((counts(&idle), idle.a_parked_seat()), ((0, 0), None));
}

#[test]
fn a_searcher_that_parks_searches_no_more() {
    let idle = pool(4, []);
    idle.start_searching();
    idle.start_searching();
    idle.park(2, true);
    assert_eq!(counts(&idle), (1, 1));
    idle.park(3, false);
    assert_eq!(counts(&idle), (1, 2));
}

#[test]
fn the_last_to_stop_searching_is_told() {
    let idle = pool(4, []);
    idle.start_searching();
    idle.start_searching();
    assert!(!idle.stop_searching());
    assert!(idle.stop_searching());
    assert_eq!(counts(&idle), (0, 0));
}

#[test]
fn only_one_searches_while_others_run() {
    let idle = pool(3, []);
    assert!(!idle.is_only_searcher(3), "nobody does");
    idle.start_searching();
    assert!(idle.is_only_searcher(3));
    idle.park(0, false);
    assert!(idle.is_only_searcher(3), "one runs, one is parked");
    idle.park(1, false);
    assert!(!idle.is_only_searcher(3), "the others are parked");
    idle.withdraw(1);
    idle.start_searching();
    assert!(!idle.is_only_searcher(3), "two do");
}

#[test]
fn a_notifier_that_finds_no_bit_gives_the_search_back() {
    let idle = pool(4, []);
    // Its worker has cleared the bit, and has yet to correct the count.
    idle.word.fetch_add(PARKED, Relaxed);
    assert_eq!(idle.notify(|| None), None);
    assert_eq!(counts(&idle), (0, 1));
}

#[test]
fn a_pool_is_closed_once_and_keeps_its_counts() {
    let idle = Idle::new(2);
    assert!(idle.is_closed() && idle.is_closed_then_fence());
    assert_eq!(counts(&idle), (0, 0));
    idle.open();
    assert!(!idle.is_closed() && !idle.is_closed_then_fence());
    idle.park(1, false);
    idle.start_searching();
    assert!(idle.close(), "this call did it");
    assert!(!idle.close(), "an earlier one did");
    assert!(idle.is_closed() && idle.is_closed_then_fence());
    assert_eq!(counts(&idle), (1, 1));
    assert!(idle.stop_searching());
    assert_eq!(idle.notify(|| None), Some(1), "the counts work on");
    idle.open();
    assert_eq!((counts(&idle), idle.is_closed()), ((1, 0), false));
}

#[test]
fn the_counts_have_room_for_every_seat() {
    let idle = pool(MAX_SEATS, 0..MAX_SEATS);
    for searchers in 0..MAX_SEATS {
        assert_eq!(counts(&idle), (searchers, MAX_SEATS));
        idle.start_searching();
    }
    assert!(!idle.is_closed());
    assert_eq!(idle.a_parked_seat(), Some(0));
    assert!(idle.is_parked(MAX_SEATS - 1));
}

#[test]
#[should_panic(expected = "seats <= MAX_SEATS")]
fn more_seats_than_can_be_counted_are_refused() {
    Idle::new(MAX_SEATS + 1);
}

#[test]
fn one_at_a_time_passes_a_search_on_and_only_if_somebody_sleeps() {
    let idle = pool(4, []);
    assert!(!idle.become_the_searcher(), "nobody sleeps");
    idle.park(2, false);
    assert!(idle.become_the_searcher());
    assert!(!idle.become_the_searcher(), "somebody does");
    assert_eq!(counts(&idle), (1, 1));
}
