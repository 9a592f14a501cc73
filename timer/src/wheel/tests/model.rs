//! The wheel against a sorted map, under random operations.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::super::*;
use crate::testing::Random;

/// A wheel beside a sorted map that does the same.
#[derive(Default)]
struct Model {
    wheel: Wheel<u64>,
    /// By tick and number: the key, and whether the tick had been reached when it was inserted.
    entries: BTreeMap<(u64, u64), (Key, bool)>,
    ticks: BTreeMap<u64, u64>,
    stale: Vec<Key>,
    inserted: u64,
    now: u64,
    last_fired: u64,
}

#[derive(Clone, Debug)]
enum Op {
    Insert { tick: u64, slack: u64 },
    Remove { which: u64 },
    RemoveStale { which: u64 },
    Reset { which: u64, tick: u64 },
    Advance { by: u64, budget: usize },
    AdvanceToNext { budget: usize },
}

impl Model {
    fn apply(&mut self, op: Op) {
        match op {
            Op::Insert { tick, slack } => {
                let number = self.inserted;
                self.inserted += 1;
                let late = tick <= self.wheel.elapsed();
                let key = match slack {
                    0 => self.wheel.insert(tick, number),
                    _ => self.wheel.insert_with_slack(tick, slack, number),
                };
                let asked = tick..=tick.saturating_add(slack);
                let tick = self.wheel.deadline(key).unwrap();
                assert!(asked.contains(&tick), "{tick} is not in {asked:?}");
                assert!(*asked.start() > MAX_TICK || tick <= MAX_TICK);
                self.ticks.insert(number, tick);
                self.entries.insert((tick, number), (key, late));
            }
            Op::Remove { which } => {
                let Some(entry @ (_, number)) = self.pick(which) else {
                    return;
                };
                let (key, _) = self.entries.remove(&entry).unwrap();
                self.ticks.remove(&number);
                assert_eq!(self.wheel.remove(key), Some(number));
                self.stale.push(key);
            }
            Op::RemoveStale { which } => {
                if self.stale.is_empty() {
                    return;
                }
                let key = self.stale[which as usize % self.stale.len()];
                assert_eq!(self.wheel.remove(key), None);
                assert!(!self.wheel.reset(key, which));
                assert_eq!(
                    (self.wheel.get(key), self.wheel.deadline(key)),
                    (None, None)
                );
            }
            Op::Reset { which, tick } => {
                let Some(entry @ (_, number)) = self.pick(which) else {
                    return;
                };
                let (key, _) = self.entries.remove(&entry).unwrap();
                let late = tick <= self.wheel.elapsed();
                assert!(self.wheel.reset(key, tick));
                assert_eq!(self.wheel.deadline(key), Some(tick));
                self.ticks.insert(number, tick);
                self.entries.insert((tick, number), (key, late));
            }
            Op::Advance { by, budget } => self.advance(self.now.saturating_add(by), budget),
            Op::AdvanceToNext { budget } => {
                if let Some(next) = self.wheel.next_deadline() {
                    self.advance(next.max(self.now), budget);
                }
            }
        }
        self.check();
    }

    /// Some entry, its number's low bits picked by `which`.
    fn pick(&self, which: u64) -> Option<(u64, u64)> {
        let from = (which & MAX_TICK, 0);
        let after = self.entries.range(from..).next();
        after
            .or_else(|| self.entries.iter().next())
            .map(|(entry, _)| *entry)
    }

    fn advance(&mut self, now: u64, budget: usize) {
        self.now = now;
        let mut fired = Vec::new();
        let did = self.wheel.advance(now, budget, |number| fired.push(number));
        assert_eq!(did.fired, fired.len());
        assert!(did.fired + did.cascaded <= budget);
        assert!(!did.more || did.fired + did.cascaded == budget);
        for number in fired {
            let tick = self
                .ticks
                .remove(&number)
                .expect("nothing fires twice or unasked");
            let (key, late) = self.entries.remove(&(tick, number)).unwrap();
            assert!(late || tick <= now, "nothing fires early");
            assert!(late || tick >= self.last_fired, "in the order of ticks");
            if !late {
                self.last_fired = tick;
            }
            self.stale.push(key);
        }
        if !did.more {
            assert!(self.wheel.elapsed() >= now.min(MAX_TICK));
            let due = self.entries.range(..=(now.min(MAX_TICK), u64::MAX)).next();
            assert_eq!(due, None, "all that is due at {now} has fired");
        }
        self.stale.truncate(1000);
    }

    fn check(&self) {
        assert_eq!(self.wheel.len(), self.entries.len());
        assert_eq!(self.wheel.is_empty(), self.entries.is_empty());
        let first = self.entries.keys().next().map(|entry| entry.0);
        let first = first.filter(|tick| *tick <= MAX_TICK);
        let next = self.wheel.next_deadline();
        assert_eq!(first.is_some(), next.is_some());
        if let (Some(first), Some(next)) = (first, next) {
            let elapsed = self.wheel.elapsed();
            assert!(
                next <= first.max(elapsed),
                "next {next} after first {first}"
            );
            // While anything cascades, the present is all that can be told.
            if first > elapsed && first ^ elapsed < u64::from(BASE_SLOTS) && next > elapsed {
                assert_eq!(next, first);
            }
        }
    }
}

fn random_op(random: &mut Random, model: &Model) -> Op {
    let tick = |random: &mut Random| match random.below(20) {
        0 => random.next(),
        1 => MAX_TICK - random.below(3),
        2 => model.now.saturating_sub(random.of_any_size(20)),
        // Around the boundaries of digits.
        3..8 => {
            let boundary =
                (model.now >> random.below(TICK_BITS.into())).saturating_add(1 + random.below(3));
            boundary
                .saturating_sub(random.below(2))
                .saturating_add(random.below(2))
        }
        _ => model.now.saturating_add(random.of_any_size(30)),
    };
    let budget = |random: &mut Random| {
        if random.below(2) == 0 {
            usize::MAX
        } else {
            random.below(20) as usize
        }
    };
    match random.below(20) {
        0..8 => Op::Insert {
            tick: tick(random),
            slack: match random.below(3) {
                0 => 0,
                1 => random.below(1000),
                _ => random.of_any_size(64),
            },
        },
        8..12 => Op::Remove {
            which: tick(random),
        },
        12 => Op::RemoveStale {
            which: random.next(),
        },
        13..15 => Op::Reset {
            which: tick(random),
            tick: tick(random),
        },
        15..17 => Op::Advance {
            by: random.of_any_size(26),
            budget: budget(random),
        },
        _ => Op::AdvanceToNext {
            budget: budget(random),
        },
    }
}

#[test]
fn millions_of_random_operations_agree_with_a_sorted_map() {
    let (runs, ops) = if cfg!(debug_assertions) {
        (30, 20_000)
    } else {
        (100, 40_000)
    };
    for seed in 0..runs {
        let mut random = Random(seed);
        let mut model = Model::default();
        // Half of the runs start late in the range of ticks, where the upper levels are in use.
        if seed % 2 == 1 {
            model.now = random.of_any_size(TICK_BITS.into());
            model.wheel = Wheel::starting_at(model.now);
        }
        for _ in 0..ops {
            let op = random_op(&mut random, &model);
            model.apply(op);
        }
        model.advance(u64::MAX, usize::MAX);
        let never = model.entries.len();
        assert_eq!(model.wheel.drain().count(), never);
        assert!(model.wheel.is_empty());
    }
}

fn any_op() -> impl Strategy<Value = Op> {
    let tick = prop_oneof![
        0u64..600,
        0u64..1 << 20,
        Just(MAX_TICK),
        Just(u64::MAX),
        any::<u64>()
    ];
    let budget = prop_oneof![Just(usize::MAX), 0usize..4];
    prop_oneof![
        3 => tick.clone().prop_map(|tick| Op::Insert { tick, slack: 0 }),
        3 => (tick.clone(), 0u64..2000).prop_map(|(tick, slack)| Op::Insert { tick, slack }),
        1 => any::<u64>().prop_map(|which| Op::Remove { which }),
        1 => any::<u64>().prop_map(|which| Op::RemoveStale { which }),
        1 => (any::<u64>(), tick).prop_map(|(which, tick)| Op::Reset { which, tick }),
        1 => (0u64..100_000, budget.clone()).prop_map(|(by, budget)| Op::Advance { by, budget }),
        2 => budget.prop_map(|budget| Op::AdvanceToNext { budget }),
    ]
}

proptest! {
    // The same with few operations, so that a failure is shrunk to the least that shows it.
    #[test]
    fn a_few_operations_agree_with_a_sorted_map(ops in prop::collection::vec(any_op(), 1..40)) {
        let mut model = Model::default();
        ops.into_iter().for_each(|op| model.apply(op));
    }
}
