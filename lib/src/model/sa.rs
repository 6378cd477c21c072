// SPDX-License-Identifier: MIT OR Apache-2.0

//! Security associations.

use std::net::IpAddr;

use bitflags::bitflags;

use super::{Prefix, Secret};

/// What kind of association it is (`SADB_SATYPE_*`); other numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SaType(pub u8);

impl SaType {
    /// No type; in requests, AH and ESP.
    pub const UNSPEC: Self = Self(0);
    /// Authentication Header.
    pub const AH: Self = Self(2);
    /// Encapsulating Security Payload.
    pub const ESP: Self = Self(3);
    /// TCP MD5 signatures.
    pub const TCPSIG: Self = Self(4);

    /// The name that programs show: `<unspecified/all>`, `AH`, ... `<unknown 9>`.
    #[must_use]
    pub fn shown(self) -> String {
        let name = match self.0 {
            0 => "<unspecified/all>",
            2 => "AH",
            3 => "ESP",
            4 => "TCPSIG",
            5 => "RSVP",
            6 => "OSPFv2",
            7 => "RIPv2",
            8 => "Mobile IP",
            other => return format!("<unknown {other}>"),
        };
        name.to_owned()
    }

    /// The word for it in commands, for the types that have one.
    #[must_use]
    pub fn word(self) -> Option<&'static str> {
        Some(match self {
            Self::UNSPEC => "all",
            Self::AH => "ah",
            Self::ESP => "esp",
            Self::TCPSIG => "tcpsig",
            _ => return None,
        })
    }

    /// The type that a word of a command names, in upper or lower case.
    #[must_use]
    pub fn from_word(word: &[u8]) -> Option<Self> {
        [Self::UNSPEC, Self::AH, Self::ESP, Self::TCPSIG]
            .into_iter()
            .find(|kind| kind.word().is_some_and(|name| name.as_bytes().eq_ignore_ascii_case(word)))
    }
}

/// Where in its life an association is; other numbers are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SaState(pub u8);

impl SaState {
    /// Only its SPI is taken.
    pub const LARVAL: Self = Self(0);
    /// In use.
    pub const MATURE: Self = Self(1);
    /// Past a soft limit, still in use.
    pub const DYING: Self = Self(2);
    /// Past a hard limit.
    pub const DEAD: Self = Self(3);
    /// In use by another node of a cluster.
    pub const ACTIVE_ELSEWHERE: Self = Self(4);
    /// Not used for its idle time.
    pub const IDLE: Self = Self(5);
    /// Only in requests: an idle association goes on.
    pub const ACTIVE: Self = Self(6);

    /// The name that programs show.
    #[must_use]
    pub fn shown(self) -> String {
        let name = match self.0 {
            0 => "LARVAL",
            1 => "MATURE",
            2 => "DYING",
            3 => "DEAD",
            4 => "ACTIVE_ELSEWHERE",
            5 => "IDLE",
            other => return format!("<unknown {other}>"),
        };
        name.to_owned()
    }
}

bitflags! {
    /// Flags of an association (`SADB_SAFLAGS_*`, `SADB_X_SAFLAGS_*`).
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
    pub struct SaFlags: u32 {
        /// Perfect forward secrecy.
        const PFS = 1;
        /// No replay protection.
        const NOREPLAY = 2;
        /// Has carried traffic.
        const USED = 0x8000_0000;
        /// Has selectors: a protocol or a port.
        const UNIQUE = 0x4000_0000;
        /// About the authentication algorithm.
        const AALG1 = 0x2000_0000;
        /// About the authentication algorithm.
        const AALG2 = 0x1000_0000;
        /// The cipher is of a combined mode.
        const EALG1 = 0x0800_0000;
        /// The cipher is of a counter mode.
        const EALG2 = 0x0400_0000;
        /// For key management.
        const KM1 = 0x0200_0000;
        /// For key management.
        const KM2 = 0x0100_0000;
        /// For key management.
        const KM3 = 0x0080_0000;
        /// For key management.
        const KM4 = 0x0040_0000;
        /// Has a local address for NAT traversal.
        const NATT_LOC = 0x0010_0000;
        /// Has a remote address for NAT traversal.
        const NATT_REM = 0x0008_0000;
        /// Tunnel mode.
        const TUNNEL = 0x0002_0000;
        /// Belongs to another association for the other direction.
        const PAIRED = 0x0001_0000;
        /// For outbound traffic.
        const OUTBOUND = 0x8000;
        /// For inbound traffic.
        const INBOUND = 0x4000;
        /// A TCP signature.
        const TCPSIG = 0x2000;
        /// Peer is behind a translator.
        const NATTED = 0x1000;
        /// Anything else.
        const _ = !0;
    }
}

/// Limits of a kind, or what has been used; 0 is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Lifetime {
    /// Connections.
    pub allocations: u32,
    /// Bytes.
    pub bytes: u64,
    /// Seconds since it was added; in CURRENT, when that was (seconds since 1970).
    pub addtime: u64,
    /// Seconds since its first use; in CURRENT, when that was, 0 for never.
    pub usetime: u64,
}

impl Lifetime {
    /// Is nothing limited?
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::default()
    }
}

/// A key of an association.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct SaKey {
    /// Bits that are used, without those of a salt.
    pub bits: u16,
    /// Bits of salt behind the key.
    pub salt_bits: u16,
    /// Key and salt.
    pub bytes: Secret,
}

/// Who an association is for, as key management knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `SADB_IDENTTYPE_*`.
    pub kind: u16,
    /// User number.
    pub id: u64,
    /// Name.
    pub text: Vec<u8>,
}

/// One end of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SaEnd {
    /// Address.
    pub addr: IpAddr,
    /// Port, 0 for any.
    pub port: u16,
}

/// Inner selectors of an association in tunnel mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InnerSelector {
    /// Source.
    pub src: Prefix,
    /// Source port, 0 for any.
    pub src_port: u16,
    /// Destination.
    pub dst: Prefix,
    /// Destination port, 0 for any.
    pub dst_port: u16,
    /// Protocol, 0 for any.
    pub proto: u8,
}

/// A security association.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sa {
    /// AH, ESP or TCP signature.
    pub kind: SaType,
    /// Security parameters index.
    pub spi: u32,
    /// State.
    pub state: SaState,
    /// Packets that may arrive out of order, 0 for any.
    pub replay_window: u8,
    /// Authentication algorithm, 0 for none.
    pub auth: u8,
    /// Cipher, 0 for none.
    pub encr: u8,
    /// Flags.
    pub flags: SaFlags,
    /// Outer source.
    pub src: SaEnd,
    /// Outer destination.
    pub dst: SaEnd,
    /// Protocol of what is protected, 0 for any; in tunnel mode 4 or 41.
    pub proto: u8,
    /// Present in tunnel mode.
    pub inner: Option<InnerSelector>,
    /// Local address and port for NAT traversal.
    pub natt_local: Option<SaEnd>,
    /// Remote address and port for NAT traversal.
    pub natt_remote: Option<SaEnd>,
    /// Authentication key.
    pub auth_key: Option<SaKey>,
    /// Key of the cipher.
    pub encr_key: Option<SaKey>,
    /// String of a TCP signature.
    pub auth_string: Option<Secret>,
    /// Past these it is removed.
    pub hard: Lifetime,
    /// Past these it has to be replaced.
    pub soft: Lifetime,
    /// Without traffic for so long it is idle; only the times count.
    pub idle: Lifetime,
    /// What has been used of it.
    pub current: Lifetime,
    /// Identity of the source.
    pub src_identity: Option<Identity>,
    /// Identity of the destination.
    pub dst_identity: Option<Identity>,
    /// SPI of the association for the other direction.
    pub pair: Option<u32>,
    /// Number of the last packet.
    pub replay_value: u32,
}

impl Sa {
    /// An association of this kind between two addresses, mature, with nothing else.
    #[must_use]
    pub fn new(kind: SaType, spi: u32, src: IpAddr, dst: IpAddr) -> Self {
        Self {
            kind,
            spi,
            state: SaState::MATURE,
            replay_window: 0,
            auth: 0,
            encr: 0,
            flags: SaFlags::empty(),
            src: SaEnd { addr: src, port: 0 },
            dst: SaEnd { addr: dst, port: 0 },
            proto: 0,
            inner: None,
            natt_local: None,
            natt_remote: None,
            auth_key: None,
            encr_key: None,
            auth_string: None,
            hard: Lifetime::default(),
            soft: Lifetime::default(),
            idle: Lifetime::default(),
            current: Lifetime::default(),
            src_identity: None,
            dst_identity: None,
            pair: None,
            replay_value: 0,
        }
    }
}
