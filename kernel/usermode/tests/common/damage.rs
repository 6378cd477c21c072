// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can happen to the bytes of a request. `PF_POLICY` and `PF_KEY` have the length of a
//! message, in words of eight bytes, at the same place.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

/// Some bytes overwritten, words cut off or put behind, and a length that may fit.
#[derive(Clone, Debug)]
pub(crate) struct Damage {
    edits: Vec<(Index, u8)>,
    words: isize,
    fit: bool,
}

/// Any damage; half of the bytes that are written are smaller than `small`.
pub(crate) fn damage(small: u8) -> impl Strategy<Value = Damage> {
    let edits = vec((any::<Index>(), prop_oneof![0..small, any::<u8>()]), 0..4);
    (edits, -2..3isize, any::<bool>()).prop_map(|(edits, words, fit)| Damage { edits, words, fit })
}

impl Damage {
    pub(crate) fn done_to(self, mut bytes: Vec<u8>) -> Vec<u8> {
        for (at, value) in self.edits {
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        bytes.resize(bytes.len().saturating_add_signed(8 * self.words), 0);
        if self.fit && bytes.len() >= 6 {
            let words = (bytes.len() / 8) as u16;
            bytes[4..6].copy_from_slice(&words.to_ne_bytes());
        }
        bytes
    }
}
