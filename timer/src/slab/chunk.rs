//! A chunk of a slab: nodes that never move, and which of them are free.

use super::{NIL, Node};

/// Bits of an index that say where in its chunk a node is.
pub(super) const CHUNK_BITS: u32 = 10;
pub(super) const CHUNK: usize = 1 << CHUNK_BITS;

/// A chunk of which some node has got further than this is released as soon as it is empty, and not
/// made again, so that every chunk begins with at least half of all generations to go.
const WORN: u32 = u32::MAX / 2;

pub(super) struct Chunk<T> {
    /// Never grows past the capacity it was made with; without memory while the chunk is released.
    nodes: Vec<Node<T>>,
    /// The place of the first free node. Those that were never used are at the end of `nodes`.
    free: u32,
    /// How many nodes have an entry.
    used: u32,
    /// The chunk's neighbours in the list of those with room; released ones use `next` alone.
    pub(super) prev: u32,
    pub(super) next: u32,
    /// The generation that nodes begin with.
    first: u32,
    /// No generation that was handed out and freed is as great; [`u32::MAX`] may be.
    past: u32,
}

// There is one for every thousand entries, also of those that are gone.
const _: () = assert!(size_of::<Chunk<std::task::Waker>>() <= 48);

impl<T> Chunk<T> {
    /// A chunk without memory: see [`remake`](Chunk::remake).
    pub(super) const fn released() -> Self {
        Chunk {
            nodes: Vec::new(),
            free: NIL,
            used: 0,
            prev: NIL,
            next: NIL,
            first: 0,
            past: 0,
        }
    }

    /// Gives a released chunk memory, and its nodes generations that no key has.
    pub(super) fn remake(&mut self) {
        self.nodes = Vec::with_capacity(CHUNK);
        self.first = self.past;
    }

    /// Gives the memory of an empty chunk back. Whether the chunk may be made again.
    pub(super) fn release(&mut self) -> bool {
        self.nodes = Vec::new();
        self.free = NIL;
        !self.is_worn()
    }

    /// Whether some node has used up half of its generations.
    pub(super) fn is_worn(&self) -> bool {
        self.past > WORN
    }

    pub(super) fn has_room(&self) -> bool {
        self.free != NIL || self.nodes.len() < CHUNK
    }

    pub(super) fn is_empty(&self) -> bool {
        self.used == 0
    }

    #[cfg(test)]
    pub(super) fn has_memory(&self) -> bool {
        self.nodes.capacity() > 0
    }

    /// Stores an entry, for which there must be room: its place and generation.
    #[inline]
    pub(super) fn insert(&mut self, tick: u64, value: T) -> (u32, u32) {
        self.used += 1;
        let place = self.free;
        if place == NIL {
            return self.insert_at_end(tick, value);
        }
        let node = &mut self.nodes[place as usize];
        self.free = node.next;
        node.value = Some(value);
        node.tick = tick;
        (place, node.generation)
    }

    fn insert_at_end(&mut self, tick: u64, value: T) -> (u32, u32) {
        debug_assert!(self.nodes.len() < self.nodes.capacity());
        let place = self.nodes.len() as u32;
        self.nodes.push(Node {
            value: Some(value),
            tick,
            prev: NIL,
            next: NIL,
            list: NIL,
            generation: self.first,
        });
        (place, self.first)
    }

    /// Frees a node. `None` if it is free already.
    #[inline]
    pub(super) fn free(&mut self, place: u32) -> Option<T> {
        let node = self.nodes.get_mut(place as usize)?;
        let value = node.value.take()?;
        self.used -= 1;
        // The last generation is never handed out again: the node is lost rather than reused.
        if let Some(generation) = node.generation.checked_add(1) {
            node.generation = generation;
            node.next = self.free;
            self.free = place;
            self.past = self.past.max(generation);
        }
        Some(value)
    }

    pub(super) fn get(&self, place: usize) -> Option<&Node<T>> {
        self.nodes.get(place)
    }

    pub(super) fn get_mut(&mut self, place: usize) -> Option<&mut Node<T>> {
        self.nodes.get_mut(place)
    }

    pub(super) fn node(&self, place: usize) -> &Node<T> {
        &self.nodes[place]
    }

    pub(super) fn node_mut(&mut self, place: usize) -> &mut Node<T> {
        &mut self.nodes[place]
    }
}
