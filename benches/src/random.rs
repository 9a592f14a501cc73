//! Numbers that look random and are the same in every run: the same work for every runtime.

use std::time::Duration;

/// xorshift64*.
#[derive(Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Random {
        // Neighbouring seeds shall not start alike, and zero would stay zero.
        Random(seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// The next number, any of 64 bits.
    pub fn next_number(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A duration from `from` on, less than `to`.
    pub fn between(&mut self, from: Duration, to: Duration) -> Duration {
        let part = (self.next_number() >> 11) as f64 / (1_u64 << 53) as f64;
        from + (to - from).mul_f64(part)
    }
}

/// Fisher and Yates's shuffle.
pub fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut random = Random::new(seed);
    for last in (1..items.len()).rev() {
        let other = random.next_number() % (last as u64 + 1);
        items.swap(last, other as usize);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MILLI: Duration = Duration::from_millis(1);

    #[test]
    fn random_times_stay_between_their_ends_and_differ() {
        let mut random = Random::new(7);
        let times: Vec<_> = (0..100).map(|_| random.between(MILLI, 2 * MILLI)).collect();
        assert!(times.iter().all(|time| (MILLI..2 * MILLI).contains(time)));
        assert!(times.windows(2).any(|pair| pair[0] != pair[1]));
        assert_ne!(Random::new(0).next_number(), Random::new(1).next_number());
    }

    #[test]
    fn a_shuffle_keeps_every_item_and_depends_on_its_seed() {
        let orders = [0, 100, 200, 300].map(|seed| {
            let mut items = [0, 1, 2, 3];
            shuffle(&mut items, seed);
            items
        });
        assert!(orders.iter().any(|order| *order != orders[0]), "{orders:?}");
        for mut order in orders {
            order.sort_unstable();
            assert_eq!(order, [0, 1, 2, 3]);
        }
    }
}
