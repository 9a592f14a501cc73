//! The children that have not ended.

use crate::{scheduler::pool::Pool, task::JoinHandle};

/// A child that has not ended.
pub(super) struct Child {
    pub(super) number: u64,
    /// The pool that it runs on.
    pub(super) pool: &'static Pool,
    /// `None` while it is being spawned, and once its end has begun.
    pub(super) handle: Option<JoinHandle<()>>,
}

/// Children, in slots that are used again.
pub(super) struct Slots {
    list: Vec<Slot>,
    /// The first of the vacant slots, or [`NONE`].
    vacant: usize,
    used: usize,
}

enum Slot {
    Used(Child),
    /// And the next vacant one, or [`NONE`].
    Vacant(usize),
}

const NONE: usize = usize::MAX;

impl Default for Slots {
    fn default() -> Self {
        Slots {
            list: Vec::new(),
            vacant: NONE,
            used: 0,
        }
    }
}

impl Slots {
    /// How many have not ended.
    pub(super) fn used(&self) -> usize {
        self.used
    }

    pub(super) fn insert(&mut self, child: Child) -> usize {
        self.used += 1;
        let key = self.vacant;
        match self.list.get_mut(key) {
            Some(slot) => {
                let Slot::Vacant(next) = std::mem::replace(slot, Slot::Used(child)) else {
                    unreachable!("the list of vacant slots has only such")
                };
                self.vacant = next;
                key
            }
            None => {
                self.list.push(Slot::Used(child));
                self.list.len() - 1
            }
        }
    }

    pub(super) fn get(&mut self, key: usize) -> &mut Child {
        match &mut self.list[key] {
            Slot::Used(child) => child,
            Slot::Vacant(_) => unreachable!("a child is in its slot until it has ended"),
        }
    }

    pub(super) fn remove(&mut self, key: usize) -> Child {
        let slot = std::mem::replace(&mut self.list[key], Slot::Vacant(self.vacant));
        let Slot::Used(child) = slot else {
            unreachable!("a child ends once")
        };
        self.vacant = key;
        self.used -= 1;
        child
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Child> {
        self.list.iter().filter_map(|slot| match slot {
            Slot::Used(child) => Some(child),
            Slot::Vacant(_) => None,
        })
    }

    pub(super) fn into_iter(self) -> impl Iterator<Item = Child> {
        self.list.into_iter().filter_map(|slot| match slot {
            Slot::Used(child) => Some(child),
            Slot::Vacant(_) => None,
        })
    }
}
