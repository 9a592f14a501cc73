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
    assert_eq!(slab.chunks(), 5);
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

#[test]
fn a_million_entries_give_their_memory_back() {
    const MANY: usize = 1_000_000;
    let mut slab = Slab::new();
    for orders in 0..3 {
        let mut keys: Vec<_> = (0..MANY).map(|i| slab.insert(i as u64, i)).collect();
        assert_eq!(slab.chunks(), MANY.div_ceil(CHUNK));
        match orders {
            0 => {}
            1 => keys.reverse(),
            // Every chunk has entries until near the end.
            _ => keys.sort_unstable_by_key(|key| key.index.reverse_bits()),
        }
        for key in keys {
            assert!(slab.free(key.index()).is_some());
        }
        assert_eq!((slab.len(), slab.chunks()), (0, 1));
        assert!(slab.chunks[0].has_memory(), "the first is kept");
        assert_eq!(
            slab.chunks.len(),
            MANY.div_ceil(CHUNK),
            "numbers are used again"
        );
    }
}

#[test]
fn a_key_of_a_chunk_that_was_released_names_nothing_once_it_is_made_again() {
    let mut slab = Slab::new();
    let mut stale: Vec<Key> = Vec::new();
    for round in 0..5 {
        let keys: Vec<_> = (0..3 * CHUNK).map(|i| slab.insert(0, (round, i))).collect();
        // One node is reused a few times more than others, so that their generations differ.
        let often = slab.insert(0, (round, usize::MAX));
        slab.free(often.index());
        for (i, key) in keys.iter().enumerate() {
            assert_eq!(slab.value(*key), Some(&(round, i)));
        }
        for key in stale.iter().chain([&often]) {
            assert!(slab.live(*key).is_none(), "{key:?} in round {round}");
            assert!(slab.value_mut(*key).is_none());
        }
        for key in &keys {
            slab.free(key.index()).unwrap();
            assert!(slab.live(*key).is_none());
            assert_eq!(slab.free(key.index()), None);
        }
        stale.extend(keys);
        stale.push(often);
        assert_eq!((slab.len(), slab.chunks()), (0, 1));
    }
}

#[test]
fn one_empty_chunk_is_kept_so_that_a_boundary_costs_no_allocations() {
    let mut slab = Slab::new();
    let full: Vec<_> = (0..CHUNK).map(|_| slab.insert(0, ())).collect();
    for _ in 0..10 {
        let over = slab.insert(0, ());
        assert_eq!(slab.chunks(), 2);
        slab.free(over.index());
        assert_eq!(slab.chunks(), 2, "the empty one is kept");
    }
    full.iter().for_each(|key| slab.free(key.index()).unwrap());
    assert_eq!(slab.chunks(), 1, "but no second one");
    let again: Vec<_> = (0..CHUNK).map(|_| slab.insert(0, ())).collect();
    assert_eq!(slab.chunks(), 1);
    slab.insert(0, ());
    assert_eq!(slab.chunks(), 2);
    assert!(again.iter().all(|key| slab.live(*key).is_some()));
}

#[test]
fn fuller_chunks_are_filled_first() {
    let mut slab = Slab::new();
    let keys: Vec<_> = (0..4 * CHUNK).map(|_| slab.insert(0, ())).collect();
    // One entry remains in each of the first three chunks, all but one in the last.
    let emptied = (0..3).flat_map(|chunk| &keys[chunk * CHUNK + 1..(chunk + 1) * CHUNK]);
    emptied.for_each(|key| slab.free(key.index()).unwrap());
    let hole = keys.last().unwrap();
    slab.free(hole.index());
    assert_eq!(slab.insert(0, ()).index(), hole.index());
}

#[test]
fn a_worn_chunk_is_released_for_good() {
    let mut slab = Slab::new();
    let worn = slab.insert(0, 'a');
    slab.free(worn.index());
    slab.node_mut(worn.index()).generation = u32::MAX / 2;
    let last = slab.insert(0, 'b');
    assert_eq!(last.index(), worn.index());
    slab.free(last.index());
    assert_eq!(slab.chunks(), 0, "not even as the spare one");
    let other = slab.insert(0, 'c');
    assert_eq!((other.index() >> CHUNK_BITS, other.generation), (1, 0));
    assert!(slab.live(worn).is_none() && slab.live(last).is_none());
    slab.free(other.index());
    assert_eq!(
        slab.chunks(),
        1,
        "it takes no other's place as the spare one"
    );
}

#[test]
fn a_chunk_whose_nodes_are_all_retired_is_released() {
    let mut slab = Slab::new();
    let keys: Vec<_> = (0..2 * CHUNK).map(|_| slab.insert(0, ())).collect();
    let (first, second) = keys.split_at(CHUNK);
    for key in second {
        slab.node_mut(key.index()).generation = u32::MAX - 1;
    }
    let (last, others) = second.split_last().unwrap();
    others
        .iter()
        .for_each(|key| slab.free(key.index()).unwrap());
    let mut again: Vec<_> = (0..CHUNK - 1).map(|_| slab.insert(0, ())).collect();
    assert!(again.iter().all(|key| key.generation == u32::MAX));
    slab.node_mut(last.index()).generation = u32::MAX;
    again.push(*last);
    slab.free(first[7].index());
    again.iter().for_each(|key| slab.free(key.index()).unwrap());
    assert_eq!((slab.len(), slab.chunks()), (CHUNK - 1, 1));
    assert_eq!(slab.insert(0, ()).index(), first[7].index());
    assert_eq!(slab.insert(0, ()).index() >> CHUNK_BITS, 2);
}

#[test]
fn a_chunk_that_is_made_again_begins_past_all_its_generations() {
    let mut slab = Slab::new();
    let keys: Vec<_> = (0..2 * CHUNK).map(|_| slab.insert(0, ())).collect();
    let often = keys[CHUNK].index();
    slab.free(often);
    slab.node_mut(often).generation = 1000;
    assert_eq!(slab.insert(0, ()).index(), often);
    keys.iter().for_each(|key| slab.free(key.index()).unwrap());
    assert_eq!((slab.chunks(), slab.is_empty_chunk(0)), (1, true));
    let again: Vec<_> = (0..2 * CHUNK).map(|_| slab.insert(0, ())).collect();
    let second = again.iter().filter(|key| key.index() >> CHUNK_BITS == 1);
    assert!(second.clone().count() == CHUNK);
    assert!(second.clone().all(|key| key.generation == 1001));
}
