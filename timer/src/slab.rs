//! Where a wheel keeps its entries: nodes in chunks, addressed by index and generation.
//!
//! A [`Key`] names a node and how many times that node had been freed when the key was made. A
//! node's generation only ever rises, and a node whose generation can rise no further is retired
//! instead of reused, so a key never comes to mean another entry, however long it is kept.
//!
//! Nodes live in chunks that never move: growing costs one allocation of a fixed size and copies
//! nothing, so that no insert stalls for the length of a copy of everything that is pending.

/// The end of a list.
pub(crate) const NIL: u32 = u32::MAX;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Names one entry of a [`Wheel`](crate::Wheel).
///
/// A key outlives its entry harmlessly: once the entry has fired or was removed, the key names
/// nothing, for ever. A key means something to the wheel that made it only.
///
/// # Examples
///
/// ```
/// use wheelhouse_timer::{Key, Wheel};
///
/// let mut wheel = Wheel::new();
/// let tea: Key = wheel.insert(30, "tea");
/// assert_eq!(wheel.get(tea), Some(&"tea"));
/// assert_eq!(wheel.remove(tea), Some("tea"));
///
/// wheel.insert(5, "eggs"); // in the same memory
/// assert_eq!(wheel.get(tea), None);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Key {
    index: u32,
    generation: u32,
}

impl Key {
    /// A key that no slab hands out, for a place that has no entry yet.
    pub(crate) const NONE: Key = Key {
        index: NIL,
        generation: 0,
    };

    pub(crate) fn index(self) -> u32 {
        self.index
    }
}

/// One entry and its links; `prev` and `next` are indices of nodes, or [`NIL`].
pub(crate) struct Node<T> {
    /// `None` while the node is free.
    value: Option<T>,
    pub(crate) tick: u64,
    pub(crate) prev: u32,
    /// The next node of its list; of the free list while the node is free.
    pub(crate) next: u32,
    /// The list the node was last linked into.
    pub(crate) list: u32,
    generation: u32,
}

// A million sleepers are a million of these.
const _: () = assert!(size_of::<Node<std::task::Waker>>() <= 40);

pub(crate) struct Slab<T> {
    /// All full but the last, and none ever grows past the capacity it was made with.
    chunks: Vec<Vec<Node<T>>>,
    free: u32,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Slab {
            chunks: Vec::new(),
            free: NIL,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Stores `value` in a node that is in no list yet.
    pub(crate) fn insert(&mut self, tick: u64, value: T) -> Key {
        self.len += 1;
        if self.free == NIL {
            return self.grow(tick, value);
        }
        let index = self.free;
        let node = self.node_mut(index);
        node.value = Some(value);
        node.tick = tick;
        let generation = node.generation;
        self.free = node.next;
        Key { index, generation }
    }

    fn grow(&mut self, tick: u64, value: T) -> Key {
        if self.chunks.last().is_none_or(|chunk| chunk.len() == CHUNK) {
            self.chunks.push(Vec::with_capacity(CHUNK));
        }
        let full = (self.chunks.len() - 1) << CHUNK_BITS;
        let chunk = self
            .chunks
            .last_mut()
            .expect("a chunk with room was just made sure of");
        let index = u32::try_from(full + chunk.len())
            .ok()
            .filter(|index| *index != NIL)
            .expect("a wheel holds fewer than 2^32 - 1 entries");
        chunk.push(Node {
            value: Some(value),
            tick,
            prev: NIL,
            next: NIL,
            list: NIL,
            generation: 0,
        });
        Key {
            index,
            generation: 0,
        }
    }

    /// Frees a node that is in no list any more. `None` if it is free already.
    pub(crate) fn free(&mut self, index: u32) -> Option<T> {
        let free = self.free;
        let node = self.node_mut(index);
        let value = node.value.take()?;
        // The last generation is never handed out again: the node is lost rather than reused.
        if let Some(generation) = node.generation.checked_add(1) {
            node.generation = generation;
            node.next = free;
            self.free = index;
        }
        self.len -= 1;
        Some(value)
    }

    /// The node that `key` names, if its entry is still there.
    pub(crate) fn live(&self, key: Key) -> Option<&Node<T>> {
        let node = self.chunks.get(chunk(key.index))?.get(place(key.index))?;
        (node.generation == key.generation && node.value.is_some()).then_some(node)
    }

    pub(crate) fn value(&self, key: Key) -> Option<&T> {
        self.live(key)?.value.as_ref()
    }

    pub(crate) fn value_mut(&mut self, key: Key) -> Option<&mut T> {
        let node = self
            .chunks
            .get_mut(chunk(key.index))?
            .get_mut(place(key.index))?;
        if node.generation == key.generation {
            node.value.as_mut()
        } else {
            None
        }
    }

    pub(crate) fn node(&self, index: u32) -> &Node<T> {
        &self.chunks[chunk(index)][place(index)]
    }

    pub(crate) fn node_mut(&mut self, index: u32) -> &mut Node<T> {
        &mut self.chunks[chunk(index)][place(index)]
    }
}

fn chunk(index: u32) -> usize {
    (index >> CHUNK_BITS) as usize
}

fn place(index: u32) -> usize {
    index as usize & (CHUNK - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stale_key_names_nothing_after_reuse() {
        let mut slab = Slab::new();
        let old = slab.insert(1, 'a');
        assert_eq!(slab.free(old.index()), Some('a'));
        let new = slab.insert(2, 'b');
        assert_eq!(new.index(), old.index(), "the node is reused");
        assert!(slab.live(old).is_none());
        assert_eq!(slab.value_mut(old), None);
        assert_eq!(slab.value(new), Some(&'b'));
        assert_eq!(slab.len(), 1);
    }

    #[test]
    fn freeing_twice_is_harmless() {
        let mut slab = Slab::new();
        let key = slab.insert(1, 'a');
        assert_eq!(slab.free(key.index()), Some('a'));
        assert_eq!(slab.free(key.index()), None);
        assert_eq!(slab.len(), 0);
        let (first, second) = (slab.insert(1, 'b'), slab.insert(1, 'c'));
        assert_ne!(first.index(), second.index());
    }

    #[test]
    fn a_node_is_retired_before_its_generation_wraps() {
        let mut slab = Slab::new();
        let first = slab.insert(1, 'a');
        slab.free(first.index());
        slab.node_mut(first.index()).generation = u32::MAX;
        let last = slab.insert(1, 'b');
        assert_eq!((last.index(), last.generation), (first.index(), u32::MAX));
        assert_eq!(slab.free(last.index()), Some('b'));
        let other = slab.insert(1, 'c');
        assert_ne!(other.index(), first.index(), "a retired node isn't reused");
        assert!(slab.live(first).is_none() && slab.live(last).is_none());
    }

    #[test]
    fn nodes_stay_where_they_are_when_the_slab_grows() {
        let mut slab = Slab::new();
        let first = slab.insert(0, 0usize);
        let address: *const usize = slab.value(first).unwrap();
        let keys: Vec<_> = (1..5 * CHUNK).map(|i| slab.insert(i as u64, i)).collect();
        assert_eq!(address, std::ptr::from_ref(slab.value(first).unwrap()));
        assert_eq!(slab.chunks.len(), 5);
        for (i, key) in keys.into_iter().enumerate() {
            assert_eq!(slab.value(key), Some(&(i + 1)));
        }
    }

    #[test]
    fn the_key_of_no_entry_names_nothing() {
        let mut slab = Slab::new();
        slab.insert(0, ());
        assert!(slab.live(Key::NONE).is_none());
        assert!(slab.value_mut(Key::NONE).is_none());
    }
}
