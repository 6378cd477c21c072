// SPDX-License-Identifier: MIT OR Apache-2.0

//! Extensions as values.
//!
//! An extension becomes a typed value only if its length is the one its type has;
//! anything else is [`Ext::Other`]. Reserved fields are kept, so encoding a decoded
//! extension gives the same bytes. Where several types have the same shape, the value
//! says which it is by its [`ExtType`].

use super::RawExt;
use super::consts::{ExtType, KmProto};
use super::fields::{AddressExt, IdentityExt, KeyExt, LabelExt, SaExt};
use super::proposal::{AlgRecord, Combination, ExtendedCombination, Proposal};
use crate::model::{Lifetime, SaFlags, SaState, SaType, Secret};
use crate::wire::namespace::NamespaceExt;

/// One extension of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ext {
    /// SPI, algorithms, state, flags.
    Sa(SaExt),
    /// CURRENT, HARD, SOFT, IDLE.
    Lifetime(ExtType, Lifetime),
    /// Source, destination, inner ones, those for NAT traversal.
    Address(ExtType, AddressExt),
    /// Keys and the string of a TCP signature.
    Key(ExtType, KeyExt),
    /// Identities.
    Identity(ExtType, IdentityExt),
    /// Sensitivity labels.
    Label(ExtType, LabelExt),
    /// What the kernel asks for.
    Proposal(Proposal<Combination>),
    /// What the kernel asks for, the newer form.
    ExtendedProposal(Proposal<ExtendedCombination>),
    /// Algorithms that the kernel has.
    Supported {
        /// Authentication or ciphers.
        kind: ExtType,
        /// 0.
        reserved: u32,
        /// The algorithms.
        algs: Vec<AlgRecord>,
    },
    /// SPIs to choose from.
    SpiRange {
        /// Smallest.
        min: u32,
        /// Largest.
        max: u32,
        /// 0.
        reserved: u32,
    },
    /// Types to register for, with the padding.
    Ereg(Vec<u8>),
    /// Key management's own number.
    KmCookie {
        /// Protocol.
        proto: KmProto,
        /// Number.
        cookie: u64,
    },
    /// SPI of the association for the other direction.
    Pair(u32),
    /// Packet numbers.
    ReplayValue {
        /// 32-bit number.
        value32: u32,
        /// 64-bit number.
        value64: u64,
    },
    /// How recently used associations a dump is to show.
    Edump {
        /// 0.
        reserved: u32,
        /// Seconds.
        timeout: u64,
    },
    /// Owner.
    Namespace(NamespaceExt),
    /// Anything else, or a known type with an unexpected length.
    Other {
        /// Type.
        kind: ExtType,
        /// Everything after length and type.
        body: Secret,
    },
}

impl Ext {
    /// The type number.
    #[must_use]
    pub fn kind(&self) -> ExtType {
        match self {
            Self::Sa(_) => ExtType::SA,
            Self::Lifetime(kind, _)
            | Self::Address(kind, _)
            | Self::Key(kind, _)
            | Self::Identity(kind, _)
            | Self::Label(kind, _)
            | Self::Supported { kind, .. }
            | Self::Other { kind, .. } => *kind,
            Self::Proposal(_) => ExtType::PROPOSAL,
            Self::ExtendedProposal(_) => ExtType::X_EPROP,
            Self::SpiRange { .. } => ExtType::SPIRANGE,
            Self::Ereg(_) => ExtType::X_EREG,
            Self::KmCookie { .. } => ExtType::X_KM_COOKIE,
            Self::Pair(_) => ExtType::X_PAIR,
            Self::ReplayValue { .. } => ExtType::X_REPLAY_VALUE,
            Self::Edump { .. } => ExtType::X_EDUMP,
            Self::Namespace(_) => ExtType::NAMESPACE,
        }
    }

    /// Bytes of the encoded extension, a multiple of 8.
    #[must_use]
    pub fn encoded_len(&self) -> usize {
        let len = match self {
            Self::Sa(_)
            | Self::SpiRange { .. }
            | Self::KmCookie { .. }
            | Self::ReplayValue { .. }
            | Self::Edump { .. } => 16,
            Self::Lifetime(..) => 32,
            Self::Address(_, address) => 8 + address.sockaddr.len(),
            Self::Key(_, key) => 8 + key.bytes.len(),
            Self::Identity(_, identity) => 16 + identity.field.len(),
            Self::Label(_, label) => 16 + 8 * label.bitmap.len(),
            Self::Proposal(proposal) => proposal.encoded_len(),
            Self::ExtendedProposal(proposal) => proposal.encoded_len(),
            Self::Supported { algs, .. } => 8 + 8 * algs.len(),
            Self::Ereg(types) => 4 + types.len(),
            Self::Pair(_) => 8,
            Self::Namespace(namespace) => namespace.encoded_len(),
            Self::Other { body, .. } => 4 + body.len(),
        };
        len.next_multiple_of(8)
    }

    /// Reads one extension.
    #[must_use]
    pub fn decode(raw: &RawExt<'_>) -> Self {
        Self::decode_known(raw)
            .unwrap_or_else(|| Self::Other { kind: raw.kind, body: raw.bytes[4..].into() })
    }

    fn decode_known(raw: &RawExt<'_>) -> Option<Self> {
        let (kind, bytes) = (raw.kind, raw.bytes);
        let sized = |len: usize| (bytes.len() == len).then_some(());
        Some(match kind {
            ExtType::NAMESPACE => Self::Namespace(NamespaceExt::decode(bytes)?),
            ExtType::SA => {
                sized(16)?;
                Self::Sa(SaExt {
                    spi: u32::from_be_bytes(raw.read(4)),
                    replay: raw.u8(8),
                    state: SaState(raw.u8(9)),
                    auth: raw.u8(10),
                    encr: raw.u8(11),
                    flags: SaFlags::from_bits_retain(raw.u32(12)),
                })
            }
            ExtType::LIFETIME_CURRENT
            | ExtType::LIFETIME_HARD
            | ExtType::LIFETIME_SOFT
            | ExtType::X_LIFETIME_IDLE => {
                sized(32)?;
                let lifetime = Lifetime {
                    allocations: raw.u32(4),
                    bytes: raw.u64(8),
                    addtime: raw.u64(16),
                    usetime: raw.u64(24),
                };
                Self::Lifetime(kind, lifetime)
            }
            ExtType::ADDRESS_SRC
            | ExtType::ADDRESS_DST
            | ExtType::X_ADDRESS_INNER_SRC
            | ExtType::X_ADDRESS_INNER_DST
            | ExtType::X_ADDRESS_NATT_LOC
            | ExtType::X_ADDRESS_NATT_REM => {
                // A longer one can hold an address of the shorter family.
                matches!(bytes.len(), 24 | 40).then_some(())?;
                Self::Address(
                    kind,
                    AddressExt {
                        proto: raw.u8(4),
                        prefixlen: raw.u8(5),
                        reserved: raw.u16(6),
                        sockaddr: bytes[8..].to_vec(),
                    },
                )
            }
            ExtType::KEY_AUTH | ExtType::KEY_ENCRYPT | ExtType::X_STR_AUTH => {
                let key =
                    KeyExt { bits: raw.u16(4), reserved: raw.u16(6), bytes: bytes[8..].into() };
                Self::Key(kind, key)
            }
            ExtType::IDENTITY_SRC | ExtType::IDENTITY_DST => {
                let field = bytes.get(16..)?.to_vec();
                let identity =
                    IdentityExt { kind: raw.u16(4), reserved: raw.u16(6), id: raw.u64(8), field };
                Self::Identity(kind, identity)
            }
            ExtType::SENSITIVITY | ExtType::X_OUTER_SENS => {
                let (words, _) = bytes.get(16..)?.as_chunks::<8>();
                let label = LabelExt {
                    dpd: raw.u32(4),
                    sens: (raw.u8(8), raw.u8(9)),
                    integ: (raw.u8(10), raw.u8(11)),
                    flags: raw.u32(12),
                    bitmap: words.iter().map(|word| u64::from_ne_bytes(*word)).collect(),
                };
                Self::Label(kind, label)
            }
            ExtType::PROPOSAL => Self::Proposal(Proposal::decode(raw)?),
            ExtType::X_EPROP => Self::ExtendedProposal(Proposal::decode_extended(raw)?),
            ExtType::SUPPORTED_AUTH | ExtType::SUPPORTED_ENCRYPT => {
                let (records, _) = bytes[8..].as_chunks::<8>();
                let algs = records.iter().map(AlgRecord::from_bytes).collect();
                Self::Supported { kind, reserved: raw.u32(4), algs }
            }
            ExtType::SPIRANGE => {
                sized(16)?;
                let bound = |at| u32::from_be_bytes(raw.read(at));
                Self::SpiRange { min: bound(4), max: bound(8), reserved: raw.u32(12) }
            }
            ExtType::X_EREG => Self::Ereg(bytes[4..].to_vec()),
            ExtType::X_KM_COOKIE => {
                sized(16)?;
                Self::KmCookie { proto: KmProto(raw.u32(4)), cookie: raw.u64(8) }
            }
            ExtType::X_PAIR => {
                sized(8)?;
                Self::Pair(u32::from_be_bytes(raw.read(4)))
            }
            ExtType::X_REPLAY_VALUE => {
                sized(16)?;
                Self::ReplayValue { value32: raw.u32(4), value64: raw.u64(8) }
            }
            ExtType::X_EDUMP => {
                sized(16)?;
                Self::Edump { reserved: raw.u32(4), timeout: raw.u64(8) }
            }
            _ => return None,
        })
    }

    /// Appends the bytes of the extension.
    ///
    /// # Panics
    ///
    /// If the extension is longer than its length field can say (524,280 bytes).
    pub fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        let len = self.encoded_len();
        let words = u16::try_from(len / 8).expect("extension fits its length field");
        out.reserve(len);
        out.extend_from_slice(&words.to_ne_bytes());
        out.extend_from_slice(&self.kind().0.to_ne_bytes());
        match self {
            Self::Sa(sa) => {
                out.extend_from_slice(&sa.spi.to_be_bytes());
                out.extend_from_slice(&[sa.replay, sa.state.0, sa.auth, sa.encr]);
                out.extend_from_slice(&sa.flags.bits().to_ne_bytes());
            }
            Self::Lifetime(_, lifetime) => {
                out.extend_from_slice(&lifetime.allocations.to_ne_bytes());
                for value in [lifetime.bytes, lifetime.addtime, lifetime.usetime] {
                    out.extend_from_slice(&value.to_ne_bytes());
                }
            }
            Self::Address(_, address) => {
                out.extend_from_slice(&[address.proto, address.prefixlen]);
                out.extend_from_slice(&address.reserved.to_ne_bytes());
                out.extend_from_slice(&address.sockaddr);
            }
            Self::Key(_, key) => {
                out.extend_from_slice(&key.bits.to_ne_bytes());
                out.extend_from_slice(&key.reserved.to_ne_bytes());
                out.extend_from_slice(key.bytes.expose());
            }
            Self::Identity(_, identity) => {
                out.extend_from_slice(&identity.kind.to_ne_bytes());
                out.extend_from_slice(&identity.reserved.to_ne_bytes());
                out.extend_from_slice(&identity.id.to_ne_bytes());
                out.extend_from_slice(&identity.field);
            }
            Self::Label(_, label) => {
                out.extend_from_slice(&label.dpd.to_ne_bytes());
                out.extend_from_slice(&[label.sens.0, label.sens.1, label.integ.0, label.integ.1]);
                out.extend_from_slice(&label.flags.to_ne_bytes());
                out.extend(label.bitmap.iter().flat_map(|word| word.to_ne_bytes()));
            }
            Self::Proposal(proposal) => proposal.encode(out),
            Self::ExtendedProposal(proposal) => proposal.encode(out),
            Self::Supported { reserved, algs, .. } => {
                out.extend_from_slice(&reserved.to_ne_bytes());
                out.extend(algs.iter().flat_map(|alg| alg.bytes()));
            }
            Self::SpiRange { min, max, reserved } => {
                out.extend_from_slice(&min.to_be_bytes());
                out.extend_from_slice(&max.to_be_bytes());
                out.extend_from_slice(&reserved.to_ne_bytes());
            }
            Self::Ereg(types) => out.extend_from_slice(types),
            Self::KmCookie { proto, cookie } => {
                out.extend_from_slice(&proto.0.to_ne_bytes());
                out.extend_from_slice(&cookie.to_ne_bytes());
            }
            Self::Pair(spi) => out.extend_from_slice(&spi.to_be_bytes()),
            Self::ReplayValue { value32, value64 } => {
                out.extend_from_slice(&value32.to_ne_bytes());
                out.extend_from_slice(&value64.to_ne_bytes());
            }
            Self::Edump { reserved, timeout } => {
                out.extend_from_slice(&reserved.to_ne_bytes());
                out.extend_from_slice(&timeout.to_ne_bytes());
            }
            Self::Namespace(namespace) => namespace.encode_body(out),
            Self::Other { body, .. } => out.extend_from_slice(body.expose()),
        }
        out.resize(start + len, 0);
    }

    /// The SA types of an extended registration.
    #[must_use]
    pub fn registered(&self) -> Vec<SaType> {
        match self {
            Self::Ereg(types) => {
                types.iter().take_while(|kind| **kind != 0).map(|kind| SaType(*kind)).collect()
            }
            _ => Vec::new(),
        }
    }
}
