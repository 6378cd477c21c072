// SPDX-License-Identifier: MIT OR Apache-2.0

//! IPsec algorithms: what `/etc/inet/ipsecalgs` says and what the kernel has.

use bitflags::bitflags;

/// The protocol class under which `ipsecalgs` lists an algorithm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlgProto {
    /// Authentication algorithms, used by AH and by ESP authentication (number 2).
    Ah,
    /// Encryption algorithms (number 3).
    Esp,
}

impl AlgProto {
    /// The number in `ipsecalgs` and in `UPDATEALGS`.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Ah => 2,
            Self::Esp => 3,
        }
    }

    /// The class with this number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            2 => Some(Self::Ah),
            3 => Some(Self::Esp),
            _ => None,
        }
    }
}

/// What an algorithm is used for in a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AlgUse {
    /// Authentication Header.
    Ah,
    /// ESP encryption.
    EspEncr,
    /// ESP authentication.
    EspAuth,
}

impl AlgUse {
    /// Where `ipsecalgs` lists algorithms for this use.
    #[must_use]
    pub fn proto(self) -> AlgProto {
        match self {
            Self::Ah | Self::EspAuth => AlgProto::Ah,
            Self::EspEncr => AlgProto::Esp,
        }
    }
}

/// Key sizes in bits.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub enum KeySizes {
    /// No key, as for NULL encryption.
    #[default]
    None,
    /// Just these sizes.
    List(Vec<u16>),
    /// From `low` to `high` in steps of `increment`.
    Range {
        /// Size used when none is asked for.
        default: u16,
        /// Smallest size.
        low: u16,
        /// Largest size.
        high: u16,
        /// Step.
        increment: u16,
    },
}

impl KeySizes {
    /// Smallest and largest size; 0 and 0 without a key.
    #[must_use]
    pub fn bounds(&self) -> (u16, u16) {
        match self {
            Self::None => (0, 0),
            Self::List(sizes) => {
                (sizes.iter().copied().min().unwrap_or(0), sizes.iter().copied().max().unwrap_or(0))
            }
            Self::Range { low, high, .. } => (*low, *high),
        }
    }

    /// The size used when a rule does not say one.
    #[must_use]
    pub fn default_size(&self) -> u16 {
        match self {
            Self::None => 0,
            Self::List(sizes) => sizes.first().copied().unwrap_or(0),
            Self::Range { default, .. } => *default,
        }
    }
}

bitflags! {
    /// Properties of an algorithm (`ALG_FLAG_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct AlgFlags: u32 {
        /// The entry is usable.
        const VALID = 1;
        /// Counter mode.
        const COUNTER = 2;
        /// Encrypts and authenticates at once.
        const COMBINED = 4;
        /// CCM.
        const CCM = 8;
        /// GCM.
        const GCM = 16;
        /// Anything newer than this list.
        const _ = !0;
    }
}

/// One algorithm as `ipsecalgs` describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Algorithm {
    /// Class.
    pub proto: AlgProto,
    /// Number, unique in its class.
    pub id: u8,
    /// Names; the first one is printed.
    pub names: Vec<String>,
    /// Mechanism of the crypto framework, `-` for none.
    pub mechanism: String,
    /// Key sizes in bits.
    pub keys: KeySizes,
    /// Block sizes (ciphers) or MAC sizes (authentication), in bytes.
    pub blocks: Vec<u16>,
    /// IV, ICV and salt in bytes, where they are given.
    pub params: Vec<u16>,
    /// Properties.
    pub flags: AlgFlags,
}

/// One line of the kernel's `ALGLIST`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelAlg {
    /// Use; an authentication algorithm is listed for AH and for ESP.
    pub usage: AlgUse,
    /// Number.
    pub id: u8,
    /// Smallest key in bits.
    pub min: u16,
    /// Largest key in bits.
    pub max: u16,
    /// Key size used when none is asked for, in bits.
    pub default: u16,
    /// Step between key sizes in bits.
    pub increment: u16,
}
