// SPDX-License-Identifier: MIT OR Apache-2.0

//! Packed name-value lists in native encoding, as far as the link daemon uses them:
//! every value is an array of bytes.

use super::image::Fields;

/// Native encoding, little endian.
const PREFIX: [u8; 4] = [0, 1, 0, 0];
/// Version 0, unique names.
const LIST: [u8; 8] = [0, 0, 0, 0, 1, 0, 0, 0];
/// Bytes of a pair before its name.
const PAIR: usize = 16;
/// `DATA_TYPE_BYTE_ARRAY`.
const BYTE_ARRAY: u32 = 10;

/// Packs a list. Names and values are shorter than 32 KiB, as the daemon has them.
#[must_use]
pub fn encode(pairs: &[(Vec<u8>, Vec<u8>)]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend(PREFIX);
    out.extend(LIST);
    for (name, value) in pairs {
        let name_len = name.len() + 1;
        let size = align(PAIR + name_len) + align(value.len());
        let start = out.len();
        out.extend((size as u32).to_le_bytes());
        out.extend((name_len as u16).to_le_bytes());
        out.extend([0, 0]);
        out.extend((value.len() as u32).to_le_bytes());
        out.extend(BYTE_ARRAY.to_le_bytes());
        out.extend(name);
        out.resize(start + align(PAIR + name_len), 0);
        out.extend(value);
        out.resize(start + size, 0);
    }
    out.extend([0; 4]);
    out
}

/// Unpacks a list; `None` if it is not of this kind.
#[must_use]
pub fn decode(bytes: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let fields = Fields(bytes);
    if fields.array(0)? != PREFIX {
        return None;
    }
    let mut pairs = Vec::new();
    let mut at = PREFIX.len() + LIST.len();
    loop {
        let size = fields.u32(at)? as usize;
        if size == 0 {
            return Some(pairs);
        }
        let pair = Fields(fields.bytes(at, size)?);
        let name_len = usize::from(pair.u16(4)?);
        if pair.u32(12)? != BYTE_ARRAY {
            return None;
        }
        let value = pair.bytes(align(PAIR + name_len), pair.u32(8)? as usize)?;
        pairs.push((pair.text(PAIR, name_len)?, value.to_vec()));
        at += size;
    }
}

fn align(len: usize) -> usize {
    len.next_multiple_of(8)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn pair() -> impl Strategy<Value = (Vec<u8>, Vec<u8>)> {
        ("[a-z]{1,31}", proptest::collection::vec(any::<u8>(), 0..100))
            .prop_map(|(name, value)| (name.into_bytes(), value))
    }

    proptest! {
        #[test]
        fn comes_back(pairs in proptest::collection::vec(pair(), 0..5)) {
            let bytes = encode(&pairs);
            prop_assert_eq!(decode(&bytes), Some(pairs));
            for len in 0..bytes.len() {
                prop_assert_eq!(decode(&bytes[..len]), None);
            }
        }

        #[test]
        fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = decode(&bytes);
            let _ = decode(&[&PREFIX[..], &bytes].concat());
        }
    }
}
