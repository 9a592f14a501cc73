//! What a [`DelayQueue`](crate::DelayQueue) asks of its wheel: one entry at a time, with its key.

use std::iter::successors;

use super::{MAX_TICK, NIL, Wheel};
use crate::slab::Key;

impl<T> Wheel<T> {
    /// Moves time on to `now`, or as far as the first entry that is due. False: before that,
    /// `budget` entries have been moved to a lower level, and there are more.
    pub(crate) fn advance_to_due(&mut self, now: u64, budget: usize) -> bool {
        let now = now.min(MAX_TICK).max(self.elapsed);
        let mut cascaded = 0;
        while self.due == NIL {
            if self.cascading != NIL {
                if cascaded == budget {
                    return false;
                }
                cascaded += 1;
                self.cascade_one();
            } else if !self.open_slot(now) {
                self.elapsed = now;
                return true;
            }
        }
        true
    }

    /// Whether some entry can be taken with [`take_due`](Wheel::take_due).
    pub(crate) fn has_due(&self) -> bool {
        self.due != NIL
    }

    /// Takes an entry that is due: its key, which names nothing any more, its tick and value.
    pub(crate) fn take_due(&mut self) -> Option<(Key, u64, T)> {
        if self.due == NIL {
            return None;
        }
        let index = self.due;
        let (key, tick) = (self.slab.key(index), self.slab.node(index).tick);
        self.take(index).map(|value| (key, tick, value))
    }

    /// The entry that comes first, unless none does or more than `limit` would have to be looked
    /// at.
    pub(crate) fn first(&self, limit: usize) -> Option<Key> {
        if self.due != NIL {
            return Some(self.slab.key(self.due));
        }
        let slot = self.occupied.first();
        let head = slot.map_or(NIL, |slot| self.heads[slot as usize]);
        let (mut first, mut looked_at) = (None, 0);
        for index in self.list(self.cascading).chain(self.list(head)) {
            if looked_at == limit {
                return None;
            }
            looked_at += 1;
            let tick = self.slab.node(index).tick;
            if first.is_none_or(|(earliest, _)| tick < earliest) {
                first = Some((tick, index));
            }
        }
        first.map(|(_, index)| self.slab.key(index))
    }

    /// The nodes of a list.
    fn list(&self, head: u32) -> impl Iterator<Item = u32> {
        let some = |index| (index != NIL).then_some(index);
        successors(some(head), move |index| some(self.slab.node(*index).next))
    }
}
