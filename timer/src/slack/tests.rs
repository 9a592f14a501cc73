use super::*;
use crate::testing::Random;

const TICK: u64 = 1 << 14;

/// Lengths around each power of two, and others, up to never.
fn lengths() -> impl Iterator<Item = u64> {
    let powers = (0..64).flat_map(|power| {
        let power = 1u64 << power;
        [power - 1, power, power + 1, power + power / 2]
    });
    let mut random = Random(5);
    let others = (0..100_000).map(move |_| random.of_any_size(64));
    powers.chain(others).chain([NEVER - 1, NEVER])
}

/// When a timer fires by the system's clock: in the first tick that starts after what stands for
/// its deadline.
fn fires_at(slack: Slack, deadline: u64) -> u64 {
    Unit::TICK.tick_nanos(Unit::TICK.deadline_tick(slack.put_off(deadline)))
}

/// The bounds that the documentation of `sleep` and `timeout` states, for every length.
#[test]
fn a_timer_is_never_early_and_never_later_than_is_documented() {
    let mut random = Random(6);
    for length in lengths() {
        let now = random.of_any_size(62);
        let deadline = now.saturating_add(length);
        let sleep = fires_at(Slack::of_sleep(length), deadline);
        let timeout = fires_at(Slack::of_timeout(length), deadline);
        assert!(sleep >= deadline && timeout >= deadline);
        if deadline > NEVER - (1 << 25) {
            continue; // 584 years: rounded up to never
        }
        // 16.4 µs, or a 1024th up to 32.8 µs.
        let most = TICK.max((length / 1024).min(32_768));
        assert!(sleep - deadline < most, "sleep of {length} ns");
        // 16.4 µs, or a 256th up to 8.4 ms.
        let most = TICK.max((length / 256).min(8_388_608));
        assert!(timeout - deadline < most, "timeout of {length} ns");
    }
}

#[test]
fn slack_is_made_use_of() {
    let late = |slack: Slack, length: u64| {
        let from = 1 << 40;
        let late = (0..1000).map(|at| fires_at(slack, from + at * 17_239 + length));
        let late = late
            .zip(0..)
            .map(|(fires, at)| fires - (from + at * 17_239 + length));
        late.max().unwrap_or(0)
    };
    for (length, sleep, timeout) in [
        (1_000_000, 1, 1),
        (10_000_000, 1, 2),
        (100_000_000, 2, 16),
        (1_000_000_000, 2, 128),
        (30_000_000_000, 2, 512),
    ] {
        for (slack, ticks) in [
            (Slack::of_sleep(length), sleep),
            (Slack::of_timeout(length), timeout),
        ] {
            let late = late(slack, length);
            let most = ticks * TICK;
            assert!((most * 9 / 10..most).contains(&late), "{length}: {late}");
        }
    }
}

#[test]
fn the_greatest_power_that_fits_is_taken() {
    for slack in lengths() {
        let taken = 1 << Slack::within(slack).0;
        if slack < 2 * TICK {
            assert_eq!(taken, 1, "the tick does that");
        } else if slack < 1 << 51 {
            assert!(taken <= slack && slack < 2 * taken, "{slack}");
        } else {
            assert_eq!(taken, 1 << 50);
        }
        let slack = Slack::within(slack);
        assert_eq!(Slack::from_bits(slack.to_bits()), slack);
        assert!(slack.to_bits() < 1 << Slack::BITS);
    }
}

#[test]
fn never_stays_never() {
    for slack in lengths().map(Slack::within) {
        assert_eq!(slack.put_off(NEVER), NEVER);
        assert!(slack.put_off(NEVER - 1) >= NEVER - 1);
        assert_eq!(slack.put_off(0), 0);
    }
}
