// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fields of extensions, as values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{SaFlags, SaState, Secret};
use crate::wire::policy::{AF_INET, AF_INET6};

/// Fixed fields of an association.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SaExt {
    /// Security parameters index.
    pub spi: u32,
    /// Packets that may arrive out of order.
    pub replay: u8,
    /// State.
    pub state: SaState,
    /// Authentication algorithm.
    pub auth: u8,
    /// Cipher.
    pub encr: u8,
    /// Flags.
    pub flags: SaFlags,
}

/// An address with protocol and prefix length, as it stands in the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressExt {
    /// Protocol.
    pub proto: u8,
    /// Prefix length in bits, 0 for none.
    pub prefixlen: u8,
    /// 0.
    pub reserved: u16,
    /// A `sockaddr_in` (16 bytes) or `sockaddr_in6` (32), padding included.
    pub sockaddr: Vec<u8>,
}

/// A key or a string.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyExt {
    /// Bits; in requests with those of salt and initial IV.
    pub bits: u16,
    /// In requests bits of an initial IV, in answers bits of salt.
    pub reserved: u16,
    /// The octets with their padding.
    pub bytes: Secret,
}

/// An identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IdentityExt {
    /// `SADB_IDENTTYPE_*`.
    pub kind: u16,
    /// 0.
    pub reserved: u16,
    /// User number.
    pub id: u64,
    /// Text, NUL and padding.
    pub field: Vec<u8>,
}

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelExt {
    /// Domain.
    pub dpd: u32,
    /// Sensitivity level and the stated number of words of its bitmap.
    pub sens: (u8, u8),
    /// Integrity level and the stated number of words of its bitmap.
    pub integ: (u8, u8),
    /// Flags.
    pub flags: u32,
    /// The bitmaps.
    pub bitmap: Vec<u64>,
}

impl SaExt {
    /// Nothing but an SPI and flags, as a request to find an association has it.
    #[must_use]
    pub fn find(spi: u32, flags: SaFlags) -> Self {
        Self { spi, replay: 0, state: SaState::LARVAL, auth: 0, encr: 0, flags }
    }
}

impl AddressExt {
    /// An address and port in a socket address of its family.
    #[must_use]
    pub fn new(addr: IpAddr, port: u16, proto: u8) -> Self {
        let sockaddr = match addr {
            IpAddr::V4(addr) => v4_sockaddr(addr, port),
            IpAddr::V6(addr) => v6_sockaddr(addr, port),
        };
        Self { proto, prefixlen: 0, reserved: 0, sockaddr }
    }

    /// An address in a `sockaddr_in6`, an IPv4 one as v4-mapped.
    #[must_use]
    pub fn mapped(addr: Ipv6Addr, port: u16, proto: u8) -> Self {
        Self { proto, prefixlen: 0, reserved: 0, sockaddr: v6_sockaddr(addr, port) }
    }

    /// The same with a prefix length.
    #[must_use]
    pub fn with_prefix(self, prefixlen: u8) -> Self {
        Self { prefixlen, ..self }
    }

    fn read<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut out = [0; N];
        let from = self.sockaddr.get(at..).unwrap_or_default();
        let n = from.len().min(N);
        out[..n].copy_from_slice(&from[..n]);
        out
    }

    /// The address family.
    #[must_use]
    pub fn family(&self) -> u16 {
        u16::from_ne_bytes(self.read(0))
    }

    /// The port in host order.
    #[must_use]
    pub fn port(&self) -> u16 {
        u16::from_be_bytes(self.read(2))
    }

    /// The address; `None` if the family is neither IPv4 nor IPv6, or there is no room
    /// for an address of it.
    #[must_use]
    pub fn addr(&self) -> Option<IpAddr> {
        match self.family() {
            family if family == u16::from(AF_INET) => {
                Some(Ipv4Addr::from(self.read::<4>(4)).into())
            }
            family if family == u16::from(AF_INET6) && self.sockaddr.len() >= 32 => {
                Some(Ipv6Addr::from(self.read::<16>(8)).into())
            }
            _ => None,
        }
    }

    /// The address as 16 bytes, IPv4 as v4-mapped.
    #[must_use]
    pub fn addr16(&self) -> Option<Ipv6Addr> {
        self.addr().map(|addr| match addr {
            IpAddr::V4(addr) => addr.to_ipv6_mapped(),
            IpAddr::V6(addr) => addr,
        })
    }

    /// Is it no address at all, `0.0.0.0` or `::`?
    #[must_use]
    pub fn is_unspecified(&self) -> bool {
        self.addr16().is_none_or(|addr| {
            addr == Ipv6Addr::UNSPECIFIED
                || addr.to_ipv4_mapped().is_some_and(|addr| addr.is_unspecified())
        })
    }
}

fn v4_sockaddr(addr: Ipv4Addr, port: u16) -> Vec<u8> {
    let mut out = vec![0; 16];
    out[..2].copy_from_slice(&u16::from(AF_INET).to_ne_bytes());
    out[2..4].copy_from_slice(&port.to_be_bytes());
    out[4..8].copy_from_slice(&addr.octets());
    out
}

fn v6_sockaddr(addr: Ipv6Addr, port: u16) -> Vec<u8> {
    let mut out = vec![0; 32];
    out[..2].copy_from_slice(&u16::from(AF_INET6).to_ne_bytes());
    out[2..4].copy_from_slice(&port.to_be_bytes());
    out[8..24].copy_from_slice(&addr.octets());
    out
}

impl KeyExt {
    /// A key of `bits` bits; `reserved` of them are an initial IV.
    #[must_use]
    pub fn new(bits: u16, reserved: u16, bytes: Secret) -> Self {
        Self { bits, reserved, bytes }
    }

    /// Octets without the padding: in requests `bits` count all of them.
    #[must_use]
    pub fn octets(&self) -> &[u8] {
        let len = usize::from(self.bits).div_ceil(8).min(self.bytes.len());
        &self.bytes.expose()[..len]
    }
}

impl IdentityExt {
    /// An identity; the text gets its NUL and padding.
    #[must_use]
    pub fn new(kind: u16, text: &[u8]) -> Self {
        let mut field = text.to_vec();
        field.resize((text.len() + 1).next_multiple_of(8), 0);
        Self { kind, reserved: 0, id: 0, field }
    }

    /// The text up to its NUL.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        let end = self.field.iter().position(|byte| *byte == 0).unwrap_or(self.field.len());
        &self.field[..end]
    }
}
