//! A binary heap with lazy cancel: a cancelled entry stays until it comes to the top, or until so
//! many are cancelled that it pays to sort them out, by asyncio's rule: over a hundred, and over
//! half of all.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::task::Waker;

use crate::queue::Queue;

const FEW_CANCELLED: usize = 100;

/// When an entry is due, where its waker lies, and for which of the place's tenants it stands.
type Entry = Reverse<(u64, u32, u32)>;

#[derive(Default)]
struct Place {
    waker: Option<Waker>,
    tenants: u32,
}

#[derive(Default)]
pub(crate) struct Heap {
    heap: BinaryHeap<Entry>,
    places: Vec<Place>,
    free: Vec<u32>,
    cancelled: usize,
}

impl Heap {
    fn is_live(places: &[Place], place: u32, tenant: u32) -> bool {
        let place = &places[place as usize];
        place.waker.is_some() && place.tenants == tenant
    }

    fn leave(&mut self, place: u32) -> Option<Waker> {
        let left = &mut self.places[place as usize];
        left.tenants += 1;
        self.free.push(place);
        left.waker.take()
    }

    /// The first entry that isn't cancelled.
    fn first(&mut self) -> Option<(u64, u32)> {
        while let Some(Reverse((nanos, place, tenant))) = self.heap.peek().copied() {
            if Heap::is_live(&self.places, place, tenant) {
                return Some((nanos, place));
            }
            self.heap.pop();
            self.cancelled -= 1;
        }
        None
    }

    fn sort_out(&mut self) {
        let places = &self.places;
        self.heap
            .retain(|Reverse((_, place, tenant))| Heap::is_live(places, *place, *tenant));
        self.cancelled = 0;
    }
}

impl Queue for Heap {
    const NAME: &'static str = "BinaryHeap";
    type Key = (u32, u32);

    fn insert(&mut self, nanos: u64, waker: Waker) -> (u32, u32) {
        let place = self.free.pop().unwrap_or_else(|| {
            self.places.push(Place::default());
            u32::try_from(self.places.len() - 1).expect("fewer than 2^32 places")
        });
        let taken = &mut self.places[place as usize];
        taken.waker = Some(waker);
        let tenant = taken.tenants;
        self.heap.push(Reverse((nanos, place, tenant)));
        (place, tenant)
    }

    fn cancel(&mut self, (place, tenant): (u32, u32)) -> bool {
        if !Heap::is_live(&self.places, place, tenant) {
            return false;
        }
        self.leave(place);
        self.cancelled += 1;
        if self.cancelled > FEW_CANCELLED && self.cancelled * 2 > self.heap.len() {
            self.sort_out();
        }
        true
    }

    fn next_deadline(&mut self) -> Option<u64> {
        self.first().map(|(nanos, _)| nanos)
    }

    fn advance(&mut self, now: u64, budget: usize, fire: &mut impl FnMut(Waker)) -> bool {
        for _ in 0..budget {
            match self.first() {
                Some((nanos, place)) if nanos <= now => {
                    self.heap.pop();
                    if let Some(waker) = self.leave(place) {
                        fire(waker);
                    }
                }
                _ => return false,
            }
        }
        true
    }
}
