use super::*;

mod model;

fn fire<T>(wheel: &mut Wheel<T>, now: u64) -> Vec<T> {
    let mut fired = Vec::new();
    let advance = wheel.advance(now, usize::MAX, |value| fired.push(value));
    assert_eq!(advance.fired, fired.len());
    assert!(!advance.more);
    fired
}

#[test]
fn at_every_levels_boundary_nothing_is_early_or_late() {
    let mut boundaries = vec![0];
    boundaries.extend((0..LEVELS).map(|level| 1u64 << (BASE_BITS + level * LEVEL_BITS)));
    boundaries.pop();
    for &from in &boundaries {
        for &length in &boundaries {
            for elapsed in [from.saturating_sub(1), from, from + 1] {
                for tick in [length.saturating_sub(1), length, length + 1].map(|l| elapsed + l + 1)
                {
                    let mut wheel = Wheel::starting_at(elapsed);
                    wheel.insert(tick, ());
                    assert!(wheel.next_deadline().unwrap() <= tick);
                    assert_eq!(fire(&mut wheel, tick - 1), []);
                    assert_eq!(wheel.next_deadline(), Some(tick));
                    assert_eq!(fire(&mut wheel, tick), [()], "tick {tick} from {elapsed}");
                }
            }
        }
    }
}

#[test]
fn with_slack_it_is_within_it_at_every_levels_boundary() {
    let boundaries = (0..LEVELS - 1).map(|level| 1u64 << (BASE_BITS + level * LEVEL_BITS));
    let boundaries: Vec<u64> = boundaries.chain([0, MAX_TICK]).collect();
    let around = |at: u64| [at.saturating_sub(1), at, at + 1];
    for elapsed in boundaries.iter().flat_map(|at| around(*at)) {
        for length in boundaries.iter().flat_map(|at| around(*at)) {
            for slack in (0..64).flat_map(|power| around(1 << power)) {
                let mut wheel = Wheel::starting_at(elapsed);
                let tick = wheel.elapsed() + length;
                let key = wheel.insert_with_slack(tick, slack, ());
                let late = wheel.deadline(key).unwrap();
                assert!((tick..=tick.saturating_add(slack)).contains(&late));
                let past = tick <= wheel.elapsed() || tick > MAX_TICK;
                let most = 1 << slack.max(1).ilog2();
                assert!(
                    late == tick || !past && (late % most == 0 || late == MAX_TICK),
                    "{tick} with {slack} from {elapsed}: {late}"
                );
                assert!(past || late == MAX_TICK || late - tick < most);
                if !past {
                    assert_eq!(fire(&mut wheel, late - 1), []);
                    assert_eq!(fire(&mut wheel, late), [()]);
                }
            }
        }
    }
}

#[test]
fn with_a_slots_worth_of_slack_they_fire_together_and_straight_from_there() {
    // At levels 1, 2 and 3.
    for slot in [1 << 8, 1 << 14, 1 << 20] {
        for slack in [slot, slot + 1, 2 * slot - 1] {
            let mut wheel = Wheel::new();
            let span = 3 * slot + 1..=4 * slot;
            let ticks = span.clone().step_by(slot as usize / 64).chain([4 * slot]);
            let keys: Vec<Key> = ticks
                .map(|tick| wheel.insert_with_slack(tick, slack, tick))
                .collect();
            assert!(
                keys.iter()
                    .all(|key| wheel.deadline(*key) == Some(4 * slot))
            );
            assert_eq!(wheel.next_deadline(), Some(4 * slot));
            wheel.insert(4 * slot + 1, 0); // in the same slot, and cascades
            let done = wheel.advance(4 * slot, usize::MAX, |tick| assert!(span.contains(&tick)));
            assert_eq!((done.fired, done.cascaded), (keys.len(), 1));
        }
    }
}

#[test]
fn the_last_slot_is_the_last_ticks() {
    let wheel = Wheel::<()>::new();
    assert_eq!(wheel.list_for(MAX_TICK), SLOTS - 1);
    assert_eq!(wheel.list_for(MAX_TICK + 1), NEVER_LIST);
}

#[test]
fn following_the_next_deadline_leads_to_the_tick_in_a_few_steps() {
    for bits in 0..TICK_BITS {
        let tick = (1 << bits) | 0x2aaa_aaaa_aaaa_aaaa >> (TICK_BITS - bits);
        let mut wheel = Wheel::new();
        wheel.insert(tick, ());
        let mut steps = 0;
        while let Some(next) = wheel.next_deadline() {
            assert!(next <= tick);
            let fired = fire(&mut wheel, next);
            assert_eq!(fired.is_empty(), next < tick);
            steps += 1;
        }
        assert!(steps <= LEVELS, "{steps} steps to {tick}");
    }
}

#[test]
fn just_before_a_turn_a_far_timer_hides_no_near_one() {
    for bits in 1..TICK_BITS {
        let elapsed = (1 << bits) - 1;
        let mut wheel = Wheel::starting_at(elapsed);
        wheel.insert(MAX_TICK, "far");
        wheel.insert(u64::MAX, "never");
        wheel.insert(elapsed + 20_325, "near");
        assert!(wheel.next_deadline().unwrap() <= elapsed + 20_325);
        assert_eq!(fire(&mut wheel, elapsed + 20_324), [""; 0]);
        assert_eq!(wheel.next_deadline(), Some(elapsed + 20_325));
        assert_eq!(fire(&mut wheel, elapsed + 20_325), ["near"]);
        assert_eq!(fire(&mut wheel, MAX_TICK), ["far"]);
        assert_eq!(fire(&mut wheel, u64::MAX), [""; 0]);
        assert_eq!((wheel.next_deadline(), wheel.len()), (None, 1));
    }
}

#[test]
fn entries_cascade_only_from_levels_above_0_and_count_as_they_do() {
    let mut wheel = Wheel::new();
    for tick in [1, 255, 256, 1000, 1000, 100_000] {
        wheel.insert(tick, tick);
    }
    let done = |fired, cascaded, more| Advance {
        fired,
        cascaded,
        more,
    };
    assert_eq!(wheel.advance(255, usize::MAX, drop), done(2, 0, false));
    // 256 is where its slot starts.
    assert_eq!(wheel.advance(2000, 1, drop), done(1, 0, true));
    assert_eq!(wheel.advance(2000, 1, drop), done(0, 1, true));
    assert_eq!(wheel.advance(2000, 2, drop), done(1, 1, true));
    assert_eq!(wheel.advance(2000, usize::MAX, drop), done(1, 0, false));
    // Once a level.
    assert_eq!(wheel.advance(u64::MAX, usize::MAX, drop), done(1, 2, false));
}

#[test]
fn a_nearer_timer_inserted_later_comes_first() {
    let mut wheel = Wheel::new();
    wheel.insert(300, 300);
    wheel.insert(250, 250);
    wheel.insert(400, 400);
    assert_eq!(wheel.next_deadline(), Some(250));
    assert_eq!(fire(&mut wheel, 260), [250]);
    // Now 300 waits at level 1 for its slot's start, which 270 comes after.
    wheel.insert(270, 270);
    assert!(wheel.next_deadline().unwrap() <= 270);
    assert_eq!(fire(&mut wheel, 280), [270]);
    assert_eq!(fire(&mut wheel, 1000), [300, 400]);
}

#[test]
fn what_is_inserted_in_the_past_fires_at_the_next_advance() {
    let mut wheel = Wheel::new();
    fire(&mut wheel, 1000);
    wheel.insert(999, 'a');
    wheel.insert(1000, 'b');
    wheel.insert(1001, 'c');
    assert_eq!(wheel.next_deadline(), Some(1000));
    let mut fired = fire(&mut wheel, 0);
    fired.sort_unstable();
    assert_eq!(fired, ['a', 'b']);
    assert_eq!(wheel.next_deadline(), Some(1001));
}

#[test]
fn time_never_turns_back() {
    let mut wheel = Wheel::new();
    fire(&mut wheel, 5000);
    wheel.insert(5010, ());
    assert_eq!(fire(&mut wheel, 3), []);
    assert_eq!(wheel.elapsed(), 5000);
    assert_eq!(fire(&mut wheel, 5009), []);
    assert_eq!(fire(&mut wheel, 5010), [()]);
}

#[test]
fn a_million_equal_deadlines_fire_within_the_budget() {
    const MANY: usize = 1_000_000;
    let mut wheel = Wheel::new();
    // Far enough that they cascade, too.
    for number in 0..MANY {
        wheel.insert(100_000, number);
    }
    let (mut fired, mut cascaded, mut calls) = (0, 0, 0);
    loop {
        let did = wheel.advance(100_001, 1000, |_| ());
        assert!(did.fired + did.cascaded <= 1000);
        (fired, cascaded, calls) = (fired + did.fired, cascaded + did.cascaded, calls + 1);
        if !did.more {
            break;
        }
        assert_eq!(wheel.next_deadline(), Some(wheel.elapsed()));
    }
    assert_eq!((fired, wheel.len()), (MANY, 0));
    assert_eq!(calls, (fired + cascaded).div_ceil(1000));
}

#[test]
fn entries_that_are_due_or_cascading_can_be_removed_and_reset() {
    for budget in 0..40 {
        let mut wheel = Wheel::new();
        let keys: Vec<Key> = (0..10)
            .map(|number| wheel.insert(70_000 + number % 2, number))
            .collect();
        let mut fired = Vec::new();
        wheel.advance(70_001, budget, |number| fired.push(number));
        for (number, key) in keys.iter().enumerate() {
            let number = number as u64;
            let gone = fired.contains(&number);
            match number % 3 {
                0 => assert_eq!(wheel.remove(*key), (!gone).then_some(number)),
                1 => assert_eq!(wheel.reset(*key, 80_000), !gone),
                _ => {}
            }
        }
        let mut rest = fire(&mut wheel, 79_999);
        rest.sort_unstable();
        let expected: Vec<u64> = [2, 5, 8]
            .into_iter()
            .filter(|n| !fired.contains(n))
            .collect();
        assert_eq!(rest, expected);
        fired.extend(rest);
        fired.extend(fire(&mut wheel, 80_000));
        fired.sort_unstable();
        fired.dedup();
        assert!(
            [1, 2, 4, 5, 7, 8]
                .iter()
                .all(|number| fired.contains(number))
        );
        assert!(wheel.is_empty() && wheel.next_deadline().is_none());
    }
}

#[test]
fn values_are_replaced_in_place() {
    let mut wheel = Wheel::new();
    let key = wheel.insert(5, "old");
    *wheel.get_mut(key).unwrap() = "new";
    assert_eq!(wheel.get(key), Some(&"new"));
    assert_eq!(fire(&mut wheel, 5), ["new"]);
    assert_eq!(wheel.get_mut(key), None);
}

#[test]
fn a_panic_in_the_closure_loses_one_entry_only() {
    let mut wheel = Wheel::new();
    for number in 0..10 {
        wheel.insert(5, number);
    }
    let panics = std::panic::AssertUnwindSafe(|| {
        wheel.advance(5, usize::MAX, |number| assert_ne!(number, 4, "on purpose"));
    });
    assert!(std::panic::catch_unwind(panics).is_err());
    let left = wheel.len();
    assert!(left < 10);
    assert_eq!(fire(&mut wheel, 5).len(), left);
}

#[test]
fn draining_takes_what_waits_is_due_cascades_and_never_comes() {
    let mut wheel = Wheel::new();
    for tick in [1, 2, 300, 70_000, 70_001, 1 << 40, u64::MAX] {
        wheel.insert(tick, tick);
    }
    wheel.advance(70_001, 4, |_| ());
    let left = wheel.len();
    assert_eq!(wheel.drain().len(), left);
    wheel.insert(u64::MAX, 7);
    assert_eq!(
        wheel.drain().collect::<Vec<_>>(),
        [7],
        "dropping the iterator drained the rest"
    );
    assert!(wheel.is_empty() && wheel.next_deadline().is_none());
    wheel.insert(100_000, 8);
    assert_eq!(fire(&mut wheel, 100_000), [8]);
}
