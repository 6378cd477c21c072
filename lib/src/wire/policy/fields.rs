// SPDX-License-Identifier: MIT OR Apache-2.0

//! The fields of extensions, as values.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::consts::{AF_INET, AF_INET6, RuleFlags};
use crate::model::{IcmpSelector, Prefix, TunnelName};

/// Ports, host order here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PortsExt {
    /// The port.
    pub min: u16,
    /// Same as `min`; the kernel ignores it.
    pub max: u16,
}

/// Protocol number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProtoExt {
    /// Protocol number.
    pub number: u8,
    /// 0.
    pub reserved: (u8, u16),
}

/// Address and prefix length as they stand in the message; nothing is checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressExt {
    /// Address family: 26 is IPv6, everything else counts as IPv4.
    pub af: u8,
    /// Prefix length in bits.
    pub prefixlen: u8,
    /// 0.
    pub reserved: u16,
    /// Address bytes and padding: 8 or 16 bytes.
    pub data: Vec<u8>,
}

/// Fixed fields of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleExt {
    /// The larger one wins.
    pub priority: u32,
    /// Direction and mode.
    pub flags: RuleFlags,
    /// 0.
    pub unused: u32,
    /// Index; 0 in a request to add.
    pub index: u64,
}

/// Header or trailer of a dump.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RulesetExt {
    /// Rules in the table.
    pub count: u32,
    /// Version of the table.
    pub version: u64,
}

/// ICMP type and code, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TypeCodeExt {
    /// First type.
    pub type_min: u8,
    /// Last type.
    pub type_end: u8,
    /// First code, 255 for any.
    pub code: u8,
    /// Last code.
    pub code_end: u8,
}

/// The name field of a TUN_NAME extension, with its padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TunNameExt(pub Vec<u8>);

impl TunNameExt {
    /// Every policy head.
    #[must_use]
    pub fn all() -> Self {
        Self(vec![0; 4])
    }

    /// A name in the smallest extension that holds it and a NUL.
    #[must_use]
    pub fn new(name: &TunnelName) -> Self {
        Self::padded(name.as_bytes(), 4 + name.as_bytes().len() + 1)
    }

    /// A name as rules carry it: name and NUL rounded up by themselves, plus a word.
    #[must_use]
    pub fn for_rule(name: &TunnelName) -> Self {
        Self::padded(name.as_bytes(), 8 + name.as_bytes().len() + 1)
    }

    fn padded(name: &[u8], bytes: usize) -> Self {
        let mut field = name.to_vec();
        field.resize(bytes.next_multiple_of(8) - 4, 0);
        Self(field)
    }

    /// The name: bytes up to the first NUL or the end of the extension.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let end = self.0.iter().position(|&b| b == 0).unwrap_or(self.0.len());
        &self.0[..end]
    }
}

impl PortsExt {
    /// One port.
    #[must_use]
    pub fn single(port: u16) -> Self {
        Self { min: port, max: port }
    }
}

impl From<Prefix> for AddressExt {
    fn from(prefix: Prefix) -> Self {
        let (af, data) = match prefix.addr() {
            IpAddr::V4(addr) => {
                let mut data = addr.octets().to_vec();
                data.resize(8, 0);
                (AF_INET, data)
            }
            IpAddr::V6(addr) => (AF_INET6, addr.octets().to_vec()),
        };
        Self { af, prefixlen: prefix.len(), reserved: 0, data }
    }
}

impl AddressExt {
    /// The address.
    #[must_use]
    pub fn addr(&self) -> IpAddr {
        let mut bytes = [0; 16];
        let n = self.data.len().min(16);
        bytes[..n].copy_from_slice(&self.data[..n]);
        if self.af == AF_INET6 {
            Ipv6Addr::from(bytes).into()
        } else {
            Ipv4Addr::new(bytes[0], bytes[1], bytes[2], bytes[3]).into()
        }
    }
}

impl From<IcmpSelector> for TypeCodeExt {
    fn from(icmp: IcmpSelector) -> Self {
        let (code, code_end) = icmp.code.unwrap_or((255, 255));
        Self { type_min: icmp.type_min, type_end: icmp.type_max, code, code_end }
    }
}
