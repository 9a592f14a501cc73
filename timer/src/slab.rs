//! Where a wheel keeps its entries: nodes in chunks, addressed by index and generation.
//!
//! A [`Key`] names a node and how many times that node had been freed when the key was made. A
//! node's generation only ever rises, and a node whose generation can rise no further is retired
//! instead of reused, so a key never comes to mean another entry, however long it is kept.
//!
//! Nodes live in chunks that never move: growing costs one allocation of a fixed size and copies
//! nothing, so that no insert stalls for the length of a copy of everything that is pending. A
//! chunk without entries gives its memory back, all but one. When a chunk is made again at its old
//! place, its nodes begin with a generation that none of them had before.

mod chunk;
use chunk::{CHUNK, CHUNK_BITS, Chunk};

/// The end of a list.
pub(crate) const NIL: u32 = u32::MAX;

/// Names one entry of a [`Wheel`](crate::Wheel), or of a [`DelayQueue`](crate::DelayQueue).
///
/// A key outlives its entry harmlessly: once the entry has fired or was removed, the key names
/// nothing, for ever. A key means something to the wheel or queue that made it only.
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
    /// The next node of its list; while the node is free, the place of its chunk's next free one.
    pub(crate) next: u32,
    /// The list the node was last linked into.
    pub(crate) list: u32,
    generation: u32,
}

// A million sleepers are a million of these.
const _: () = assert!(size_of::<Node<std::task::Waker>>() <= 40);

/// The most chunks there can be, so that [`NIL`] is no node's index.
const MAX_CHUNKS: usize = (NIL >> CHUNK_BITS) as usize;

pub(crate) struct Slab<T> {
    /// Grows only; a released chunk stays as 48 bytes that know which generations are spent.
    chunks: Vec<Chunk<T>>,
    /// The first chunk with room, at the front of a list of them all: those that were full latest
    /// come first, so that the others have time to become empty.
    roomy: u32,
    /// The first chunk that is released and may be made again.
    released: u32,
    /// The chunk that is kept though it is empty, or was when it was put here.
    spare: u32,
    len: usize,
}

impl<T> Slab<T> {
    pub(crate) const fn new() -> Self {
        Slab {
            chunks: Vec::new(),
            roomy: NIL,
            released: NIL,
            spare: NIL,
            len: 0,
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Stores `value` in a node that is in no list yet.
    pub(crate) fn insert(&mut self, tick: u64, value: T) -> Key {
        if self.roomy == NIL {
            self.make_room();
        }
        let number = self.roomy;
        let chunk = &mut self.chunks[number as usize];
        let (place, generation) = chunk.insert(tick, value);
        if !chunk.has_room() {
            self.unlink(number);
        }
        self.len += 1;
        Key {
            index: number << CHUNK_BITS | place,
            generation,
        }
    }

    /// Makes a chunk with room: one that was released, or one more.
    #[cold]
    fn make_room(&mut self) {
        let number = if self.released == NIL {
            assert!(
                self.chunks.len() < MAX_CHUNKS,
                "a wheel holds at most {} entries, and was asked for one more",
                MAX_CHUNKS << CHUNK_BITS
            );
            self.chunks.push(Chunk::released());
            (self.chunks.len() - 1) as u32
        } else {
            let number = self.released;
            self.released = self.chunks[number as usize].next;
            number
        };
        self.chunks[number as usize].remake();
        self.link(number);
    }

    /// Frees a node that is in no list any more. `None` if it is free already.
    pub(crate) fn free(&mut self, index: u32) -> Option<T> {
        let number = index >> CHUNK_BITS;
        let chunk = &mut self.chunks[number as usize];
        let had_room = chunk.has_room();
        let value = chunk.free(place(index) as u32)?;
        self.len -= 1;
        let (has_room, is_empty) = (chunk.has_room(), chunk.is_empty());
        if has_room && !had_room {
            self.link(number);
        }
        if is_empty {
            self.emptied(number);
        }
        Some(value)
    }

    /// Keeps an empty chunk, or gives its memory back if there is another or if it is worn.
    ///
    /// Between a release and the next time that a chunk is made, a whole chunk's worth of entries
    /// comes in: no alternation of inserts and removals goes to the allocator each time.
    ///
    /// The one with the lower number is kept: mostly it is the older one, and allocators return
    /// memory to the system from the end.
    fn emptied(&mut self, number: u32) {
        if self.chunks[number as usize].is_worn() {
            self.release(number);
        } else if !self.is_empty_chunk(self.spare) {
            self.spare = number;
        } else if self.spare != number {
            let released = self.spare.max(number);
            self.spare = self.spare.min(number);
            self.release(released);
        }
    }

    /// Whether there is such a chunk, with memory and without entries.
    fn is_empty_chunk(&self, number: u32) -> bool {
        self.chunks
            .get(number as usize)
            .is_some_and(Chunk::is_empty)
    }

    #[cold]
    fn release(&mut self, number: u32) {
        if self.spare == number {
            self.spare = NIL;
        }
        if self.chunks[number as usize].has_room() {
            self.unlink(number);
        }
        let chunk = &mut self.chunks[number as usize];
        if chunk.release() {
            chunk.next = std::mem::replace(&mut self.released, number);
        }
    }

    /// Puts a chunk at the front of those with room.
    fn link(&mut self, number: u32) {
        let next = std::mem::replace(&mut self.roomy, number);
        if next != NIL {
            self.chunks[next as usize].prev = number;
        }
        let chunk = &mut self.chunks[number as usize];
        chunk.prev = NIL;
        chunk.next = next;
    }

    /// Takes a chunk from among those with room.
    fn unlink(&mut self, number: u32) {
        let chunk = &self.chunks[number as usize];
        let (prev, next) = (chunk.prev, chunk.next);
        if next != NIL {
            self.chunks[next as usize].prev = prev;
        }
        if prev != NIL {
            self.chunks[prev as usize].next = next;
        } else {
            self.roomy = next;
        }
    }

    /// The node that `key` names, if its entry is still there.
    pub(crate) fn live(&self, key: Key) -> Option<&Node<T>> {
        let node = self.chunks.get(chunk(key.index))?.get(place(key.index))?;
        (node.generation == key.generation && node.value.is_some()).then_some(node)
    }

    /// The key of a node's entry.
    pub(crate) fn key(&self, index: u32) -> Key {
        let generation = self.node(index).generation;
        Key { index, generation }
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
        self.chunks[chunk(index)].node(place(index))
    }

    pub(crate) fn node_mut(&mut self, index: u32) -> &mut Node<T> {
        self.chunks[chunk(index)].node_mut(place(index))
    }

    /// The number of chunks that have memory.
    #[cfg(test)]
    pub(crate) fn chunks(&self) -> usize {
        self.chunks.iter().filter(|c| c.has_memory()).count()
    }
}

fn chunk(index: u32) -> usize {
    (index >> CHUNK_BITS) as usize
}

fn place(index: u32) -> usize {
    index as usize & (CHUNK - 1)
}

#[cfg(test)]
mod tests;
