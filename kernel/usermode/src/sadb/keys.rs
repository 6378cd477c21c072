// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which keys an algorithm takes.

use illumos_ipsec::model::AlgProto;
use illumos_ipsec::wire::key::AlgRecord;

use crate::alg_table::{AlgEntry, AlgTable};

/// The cipher that takes no key.
const NULL: u8 = 11;
const DES: u8 = 2;
const TRIPLE_DES: u8 = 3;
const BITS: u16 = 8;

/// An authentication algorithm that the kernel can use.
#[derive(Clone, Copy)]
pub(crate) struct AuthAlg<'a>(&'a AlgEntry);

/// A cipher that the kernel can use.
#[derive(Clone, Copy)]
pub(crate) struct Cipher<'a>(&'a AlgEntry);

fn size_fits(entry: &AlgEntry, bits: u16) -> bool {
    match entry.increment {
        0 => entry.keys.values.contains(&bits),
        _ => (entry.min..=entry.max).contains(&bits),
    }
}

impl<'a> AuthAlg<'a> {
    pub(crate) fn find(algs: &'a AlgTable, id: u8) -> Option<Self> {
        algs.usable(AlgProto::Ah, id).map(Self)
    }

    pub(crate) fn takes(self, bits: u16) -> bool {
        size_fits(self.0, bits)
    }

    pub(crate) fn record(self) -> AlgRecord {
        AlgRecord {
            id: self.0.id,
            ivlen: 0,
            minbits: self.0.min,
            maxbits: self.0.max,
            increment: self.0.increment as u8,
            saltbits: 0,
        }
    }
}

impl<'a> Cipher<'a> {
    pub(crate) fn find(algs: &'a AlgTable, id: u8) -> Option<Self> {
        algs.usable(AlgProto::Esp, id).map(Self)
    }

    pub(crate) fn is_null(self) -> bool {
        self.0.id == NULL
    }

    /// Is this length of a key, without salt, one that the kernel lets through?
    pub(crate) fn takes(self, bits: u16) -> bool {
        size_fits(self.0, bits)
    }

    /// Is it one that the algorithm really has? A range lets others through first.
    pub(crate) fn has_size(self, bits: u16) -> bool {
        match self.0.increment {
            0 => true,
            step => (bits - self.0.min).is_multiple_of(step),
        }
    }

    /// Octets of an IV.
    pub(crate) fn iv_len(self) -> usize {
        let param = self.0.params.values.first().copied().filter(|len| *len != 0);
        param.or(self.0.blocks.values.first().copied()).unwrap_or(0).into()
    }

    /// Bits of salt. A table can have any number of octets; no key is as long as some.
    pub(crate) fn salt_bits(self) -> u16 {
        self.0.params.values.get(2).copied().unwrap_or(0).saturating_mul(BITS)
    }

    pub(crate) fn flags(self) -> illumos_ipsec::model::AlgFlags {
        self.0.flags
    }

    pub(crate) fn record(self) -> AlgRecord {
        AlgRecord {
            id: self.0.id,
            ivlen: self.iv_len() as u8,
            minbits: self.0.min,
            maxbits: self.0.max,
            increment: self.0.increment as u8,
            saltbits: self.salt_bits() as u8,
        }
    }
}

/// Sets the parity of a DES key and refuses the weak ones (false). Keys of other ciphers
/// are left as they are.
pub(crate) fn check_des(cipher: u8, key: &mut [u8]) -> bool {
    if !matches!(cipher, DES | TRIPLE_DES) {
        return true;
    }
    for octet in key.iter_mut() {
        let data = *octet & 0xfe;
        *octet = data | u8::from(data.count_ones().is_multiple_of(2));
    }
    let (parts, _) = key.as_chunks::<8>();
    match cipher {
        DES => !parts.iter().any(is_weak),
        _ => parts.windows(2).all(|pair| pair[0] != pair[1]),
    }
}

/// The weak and semi-weak keys, with their parity.
fn is_weak(key: &[u8; 8]) -> bool {
    const ENDS: [u8; 4] = [0x01, 0xfe, 0x1f, 0xe0];
    // Each half repeats one or two octets; those of the second half follow from the first.
    let half = |octet: u8| match octet {
        0x1f => 0x0e,
        0xe0 => 0xf1,
        other => other,
    };
    ENDS.iter().any(|a| {
        ENDS.iter().any(|b| {
            let (c, d) = (half(*a), half(*b));
            *key == [*a, *b, *a, *b, c, d, c, d]
        })
    })
}
