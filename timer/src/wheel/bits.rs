//! Which slots of a wheel are occupied, and which of them comes first.

use super::{LEVEL_SLOTS, SLOTS};

/// One bit a slot: 4 words for level 0, one for each further level.
const WORDS: usize = (SLOTS / u64::BITS) as usize;
// A level above 0 is exactly one word, and `WORDS` bits fit the summary.
const _: () = assert!(LEVEL_SLOTS == u64::BITS && WORDS <= u16::BITS as usize);

/// Which slots are occupied, with a summary of which words have a bit set.
pub(super) struct Bits {
    words: [u64; WORDS],
    summary: u16,
}

impl Bits {
    pub(super) const fn new() -> Self {
        Bits {
            words: [0; WORDS],
            summary: 0,
        }
    }

    pub(super) fn set(&mut self, slot: u32) {
        let word = slot / u64::BITS;
        self.words[word as usize] |= 1 << (slot % u64::BITS);
        self.summary |= 1 << word;
    }

    pub(super) fn clear(&mut self, slot: u32) {
        let word = slot / u64::BITS;
        self.words[word as usize] &= !(1 << (slot % u64::BITS));
        if self.words[word as usize] == 0 {
            self.summary &= !(1 << word);
        }
    }

    /// The first occupied slot.
    pub(super) fn first(&self) -> Option<u32> {
        if self.summary == 0 {
            return None;
        }
        let word = self.summary.trailing_zeros();
        Some(word * u64::BITS + self.words[word as usize].trailing_zeros())
    }
}
