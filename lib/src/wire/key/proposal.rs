// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the kernel offers and asks for: algorithm records, proposals.

use super::RawExt;
use crate::model::{Lifetime, SaType};

/// An algorithm that the kernel has (`struct sadb_alg`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgRecord {
    /// Number.
    pub id: u8,
    /// Octets of an IV.
    pub ivlen: u8,
    /// Smallest key in bits.
    pub minbits: u16,
    /// Largest key in bits.
    pub maxbits: u16,
    /// Step between key sizes in bits.
    pub increment: u8,
    /// Bits of salt.
    pub saltbits: u8,
}

impl AlgRecord {
    pub(super) fn from_bytes(bytes: &[u8; 8]) -> Self {
        let [id, ivlen, n0, n1, x0, x1, increment, saltbits] = *bytes;
        let (minbits, maxbits) = (u16::from_ne_bytes([n0, n1]), u16::from_ne_bytes([x0, x1]));
        Self { id, ivlen, minbits, maxbits, increment, saltbits }
    }

    pub(super) fn bytes(self) -> [u8; 8] {
        let ([n0, n1], [x0, x1]) = (self.minbits.to_ne_bytes(), self.maxbits.to_ne_bytes());
        [self.id, self.ivlen, n0, n1, x0, x1, self.increment, self.saltbits]
    }
}

/// An algorithm of an extended combination (`struct sadb_x_algdesc`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AlgDesc {
    /// Type of association that it is for.
    pub satype: SaType,
    /// 1 authentication, 2 cipher.
    pub algtype: u8,
    /// Number.
    pub alg: u8,
    /// Bits of salt.
    pub saltbits: u8,
    /// Smallest key in bits.
    pub minbits: u16,
    /// Largest key in bits.
    pub maxbits: u16,
}

/// One way that would do (`struct sadb_comb`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Combination {
    /// Authentication algorithm.
    pub auth: u8,
    /// Cipher.
    pub encr: u8,
    /// Flags.
    pub flags: u16,
    /// Smallest and largest authentication key in bits.
    pub auth_bits: (u16, u16),
    /// Smallest and largest key of the cipher in bits.
    pub encr_bits: (u16, u16),
    /// Bits of salt of the cipher.
    pub encr_saltbits: u8,
    /// 0.
    pub reserved: (u8, u16),
    /// Soft limits.
    pub soft: Lifetime,
    /// Hard limits.
    pub hard: Lifetime,
}

/// One way that would do, newer form (`struct sadb_x_ecomb`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedCombination {
    /// 0.
    pub reserved: (u8, u32),
    /// Flags.
    pub flags: u16,
    /// Soft limits.
    pub soft: Lifetime,
    /// Hard limits.
    pub hard: Lifetime,
    /// All of these together, at most 255.
    pub algs: Vec<AlgDesc>,
}

/// A list of combinations, the best first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal<C> {
    /// Packets that may arrive out of order.
    pub replay: u8,
    /// The three octets after it; in the newer form 0 and the number of combinations.
    pub reserved: [u8; 3],
    /// The combinations.
    pub combinations: Vec<C>,
}

const COMBINATION: usize = 72;
const EXTENDED: usize = 64;

impl Proposal<Combination> {
    pub(super) fn decode(raw: &RawExt<'_>) -> Option<Self> {
        let body = raw.bytes.len().checked_sub(8)?;
        if body % COMBINATION != 0 {
            return None;
        }
        let combination = |at: usize| Combination {
            auth: raw.u8(at),
            encr: raw.u8(at + 1),
            flags: raw.u16(at + 2),
            auth_bits: (raw.u16(at + 4), raw.u16(at + 6)),
            encr_bits: (raw.u16(at + 8), raw.u16(at + 10)),
            encr_saltbits: raw.u8(at + 12),
            reserved: (raw.u8(at + 13), raw.u16(at + 14)),
            soft: limits(raw, [at + 16, at + 24, at + 40, at + 56]),
            hard: limits(raw, [at + 20, at + 32, at + 48, at + 64]),
        };
        Some(Self {
            replay: raw.u8(4),
            reserved: raw.read(5),
            combinations: (8..raw.bytes.len()).step_by(COMBINATION).map(combination).collect(),
        })
    }

    pub(super) fn encoded_len(&self) -> usize {
        8 + COMBINATION * self.combinations.len()
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.replay);
        out.extend_from_slice(&self.reserved);
        for comb in &self.combinations {
            out.extend_from_slice(&[comb.auth, comb.encr]);
            let (a, e) = (comb.auth_bits, comb.encr_bits);
            for value in [comb.flags, a.0, a.1, e.0, e.1] {
                out.extend_from_slice(&value.to_ne_bytes());
            }
            out.extend_from_slice(&[comb.encr_saltbits, comb.reserved.0]);
            out.extend_from_slice(&comb.reserved.1.to_ne_bytes());
            put_limits(out, &comb.soft, &comb.hard);
        }
    }
}

impl Proposal<ExtendedCombination> {
    pub(super) fn decode_extended(raw: &RawExt<'_>) -> Option<Self> {
        let end = raw.bytes.len();
        let mut combinations = Vec::new();
        let mut at = 8;
        while at < end {
            let algs = usize::from(raw.u8(at));
            let next = at + EXTENDED + 8 * algs;
            if next > end {
                return None;
            }
            let desc = |at: usize| AlgDesc {
                satype: SaType(raw.u8(at)),
                algtype: raw.u8(at + 1),
                alg: raw.u8(at + 2),
                saltbits: raw.u8(at + 3),
                minbits: raw.u16(at + 4),
                maxbits: raw.u16(at + 6),
            };
            combinations.push(ExtendedCombination {
                reserved: (raw.u8(at + 1), raw.u32(at + 4)),
                flags: raw.u16(at + 2),
                soft: limits(raw, [at + 8, at + 16, at + 32, at + 48]),
                hard: limits(raw, [at + 12, at + 24, at + 40, at + 56]),
                algs: (at + EXTENDED..next).step_by(8).map(desc).collect(),
            });
            at = next;
        }
        Some(Self { replay: raw.u8(4), reserved: raw.read(5), combinations })
    }

    pub(super) fn encoded_len(&self) -> usize {
        let algs: usize = self.combinations.iter().map(|comb| comb.algs.len()).sum();
        8 + EXTENDED * self.combinations.len() + 8 * algs
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.replay);
        out.extend_from_slice(&self.reserved);
        for comb in &self.combinations {
            out.extend_from_slice(&[comb.algs.len() as u8, comb.reserved.0]);
            out.extend_from_slice(&comb.flags.to_ne_bytes());
            out.extend_from_slice(&comb.reserved.1.to_ne_bytes());
            put_limits(out, &comb.soft, &comb.hard);
            for alg in &comb.algs {
                out.extend_from_slice(&[alg.satype.0, alg.algtype, alg.alg, alg.saltbits]);
                out.extend_from_slice(&alg.minbits.to_ne_bytes());
                out.extend_from_slice(&alg.maxbits.to_ne_bytes());
            }
        }
    }

    /// The number of combinations that the extension states.
    #[must_use]
    pub fn stated(&self) -> u16 {
        u16::from_ne_bytes([self.reserved[1], self.reserved[2]])
    }
}

/// Allocations, bytes, addtime and usetime at these places.
fn limits(raw: &RawExt<'_>, at: [usize; 4]) -> Lifetime {
    Lifetime {
        allocations: raw.u32(at[0]),
        bytes: raw.u64(at[1]),
        addtime: raw.u64(at[2]),
        usetime: raw.u64(at[3]),
    }
}

fn put_limits(out: &mut Vec<u8>, soft: &Lifetime, hard: &Lifetime) {
    out.extend_from_slice(&soft.allocations.to_ne_bytes());
    out.extend_from_slice(&hard.allocations.to_ne_bytes());
    for value in [soft.bytes, hard.bytes, soft.addtime, hard.addtime, soft.usetime, hard.usetime] {
        out.extend_from_slice(&value.to_ne_bytes());
    }
}
