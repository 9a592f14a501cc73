//! All the shards of the process: found by number without a lock, never freed, claimed and given
//! back.
//!
//! A claim has a generation, which is raised when it ends. So a `Sleep` holds no reference count:
//! it holds a shard's number and a generation, and what it does to a shard whose claim has ended
//! does nothing.

use std::sync::OnceLock;

use crossbeam_utils::CachePadded;
use parking_lot::Mutex;

use crate::clock::Clock;
use crate::driver::Keeper;
use crate::timers::Shard;

/// Shards in the first chunk of the table; each further chunk has twice as many as the one before.
const FIRST_CHUNK: u32 = 8;
const CHUNKS: usize = 19;
/// How many shards there can be: fewer than the 2^22 that a `Sleep` can tell apart.
const MAX_SHARDS: u32 = FIRST_CHUNK * ((1 << CHUNKS) - 1);
const _: () = assert!(MAX_SHARDS < 1 << 22);

/// All shards there are, in chunks that are made once and stay.
static TABLE: [OnceLock<Box<[CachePadded<Shard>]>>; CHUNKS] = [const { OnceLock::new() }; CHUNKS];

/// The numbers of shards that nobody has claimed, and how many have been made.
static FREE: Mutex<Free> = Mutex::new(Free {
    numbers: Vec::new(),
    made: 0,
});

struct Free {
    numbers: Vec<u32>,
    made: u32,
}

/// A shard by its number. Locks nothing.
///
/// # Panics
///
/// If no shard with that number was ever made.
pub(crate) fn shard(index: u32) -> &'static Shard {
    let (chunk, place) = locate(index);
    let chunk = TABLE[chunk]
        .get()
        .expect("shards are numbered after they are made");
    &chunk[place]
}

/// Claims a shard: a free one, or a new one.
///
/// # Panics
///
/// If some 4 million are claimed.
pub(crate) fn claim(keeper: &'static dyn Keeper, clock: Clock) -> (&'static Shard, u32) {
    let free = {
        let mut free = FREE.lock();
        free.numbers.pop().unwrap_or_else(|| {
            assert!(
                free.made < MAX_SHARDS,
                "no more than {MAX_SHARDS} timer shards can be claimed"
            );
            free.made += 1;
            free.made - 1
        })
    };
    let (chunk, _) = locate(free);
    TABLE[chunk].get_or_init(|| make_chunk(chunk));
    let shard = shard(free);
    (shard, shard.claim(keeper, clock))
}

/// Gives a shard back whose claim has ended; its generation is the next claim's.
pub(crate) fn give_back(index: u32, generation: u32) {
    // A shard whose generation can rise no further is lost, so that no generation ever comes again.
    if generation != u32::MAX {
        FREE.lock().numbers.push(index);
    }
}

/// Claims as many free shards of this number as there are.
#[cfg(all(test, wheelhouse_loom))]
pub(crate) fn take_back(index: u32) -> usize {
    let mut free = FREE.lock();
    let before = free.numbers.len();
    free.numbers.retain(|number| *number != index);
    before - free.numbers.len()
}

/// The chunk of a shard and its place there.
fn locate(index: u32) -> (usize, usize) {
    let chunk = (index / FIRST_CHUNK + 1).ilog2();
    let before = FIRST_CHUNK * ((1 << chunk) - 1);
    (chunk as usize, (index - before) as usize)
}

fn make_chunk(chunk: usize) -> Box<[CachePadded<Shard>]> {
    let len = FIRST_CHUNK << chunk;
    let before = len - FIRST_CHUNK;
    (before..before + len)
        .map(|index| CachePadded::new(Shard::new(index)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_has_a_place_of_its_own() {
        let mut expected = (0, 0);
        for index in 0..10_000 {
            assert_eq!(locate(index), expected);
            expected.1 += 1;
            if expected.1 == (FIRST_CHUNK as usize) << expected.0 {
                expected = (expected.0 + 1, 0);
            }
        }
        assert_eq!(locate(MAX_SHARDS - 1).0, CHUNKS - 1);
        assert_eq!(locate(MAX_SHARDS).0, CHUNKS);
    }

    #[test]
    fn a_chunk_holds_the_shards_of_its_numbers() {
        for chunk in 0..6 {
            for (place, shard) in make_chunk(chunk).iter().enumerate() {
                assert_eq!(locate(shard.index()), (chunk, place));
            }
        }
    }
}
