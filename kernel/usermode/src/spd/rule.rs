// SPDX-License-Identifier: MIT OR Apache-2.0

//! One rule as the kernel keeps it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::model::{IcmpSelector, Namespace};

use super::chain::Chain;

/// A rule: one direction, one address family. It never changes once built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// Number in its policy head, from 1.
    pub index: u64,
    /// The larger one wins; 0 never matches.
    pub priority: u32,
    /// Which packets it is about.
    pub selector: RuleSelector,
    /// Alternatives in order of preference, shared between rules.
    pub action: Chain,
    /// Who it belongs to; none is the nameless owner.
    pub namespace: Option<Namespace>,
}

/// An owner of rules; none is the nameless one.
pub(crate) type Owner = Option<Namespace>;

/// Address family of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// The family of an address.
    #[must_use]
    pub fn of(addr: IpAddr) -> Self {
        if addr.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// Bits in an address.
    #[must_use]
    pub fn bits(self) -> u8 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }
}

/// Address bytes and prefix length as they came; the kernel checks neither the
/// length nor the bits behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RulePrefix {
    /// Address bytes; an IPv4 address takes the first four.
    pub addr: [u8; 16],
    /// Prefix length in bits, possibly more than the address has.
    pub len: u8,
}

/// The selectors of a rule, byte for byte as compared for equality.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RuleSelector {
    /// Family; every rule has one.
    pub family: Family,
    /// Protocol number.
    pub proto: Option<u8>,
    /// Local port.
    pub local_port: Option<u16>,
    /// Remote port.
    pub remote_port: Option<u16>,
    /// Local address.
    pub local: Option<RulePrefix>,
    /// Remote address.
    pub remote: Option<RulePrefix>,
    /// ICMP types and codes.
    pub icmp: Option<IcmpSelector>,
}

/// What a packet shows to a policy lookup.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketSelector {
    /// Source of an outbound, destination of an inbound packet.
    pub local: IpAddr,
    /// The other end; of the same family.
    pub remote: IpAddr,
    /// Protocol number.
    pub proto: u8,
    /// Local and remote port, where the packet has them.
    pub ports: Option<(u16, u16)>,
    /// ICMP type and code, where the packet has them.
    pub icmp: Option<(u8, u8)>,
}

impl RulePrefix {
    /// The address of a rule of this family.
    #[must_use]
    pub fn addr(&self, family: Family) -> IpAddr {
        let [a, b, c, d, ..] = self.addr;
        match family {
            Family::V4 => Ipv4Addr::new(a, b, c, d).into(),
            Family::V6 => Ipv6Addr::from(self.addr).into(),
        }
    }

    /// Does `addr` agree in the first bits? A length beyond the address asks for all of it.
    fn contains(&self, addr: IpAddr) -> bool {
        let (mine, theirs) = match addr {
            IpAddr::V4(v4) => (u128::from_be_bytes(self.addr) >> 96 << 96, v4_high(v4)),
            IpAddr::V6(v6) => (u128::from_be_bytes(self.addr), v6.to_bits()),
        };
        let len = self.len.min(Family::of(addr).bits());
        len == 0 || (mine ^ theirs) >> (128 - u32::from(len)) == 0
    }
}

fn v4_high(addr: Ipv4Addr) -> u128 {
    u128::from(addr.to_bits()) << 96
}

impl RuleSelector {
    /// The remote address, if the rule is about exactly one. Such rules are hashed.
    #[must_use]
    pub fn exact_remote(&self) -> Option<&[u8; 16]> {
        let remote = self.remote.as_ref()?;
        (remote.len == self.family.bits()).then_some(&remote.addr)
    }

    /// Does the rule look at ports?
    #[must_use]
    pub fn has_ports(&self) -> bool {
        self.local_port.is_some() || self.remote_port.is_some()
    }

    /// Is this a selector for ICMP of its own family?
    #[must_use]
    pub fn is_icmp(&self) -> bool {
        self.proto == Some(icmp_protocol(self.family))
    }

    /// Does every selector of the rule agree with the packet?
    #[must_use]
    pub fn matches(&self, packet: &PacketSelector) -> bool {
        let port = |wanted: Option<u16>, got: Option<u16>| wanted.is_none() || wanted == got;
        let prefix =
            |wanted: &Option<RulePrefix>, got| wanted.as_ref().is_none_or(|p| p.contains(got));
        self.family == Family::of(packet.remote)
            && self.family == Family::of(packet.local)
            && self.proto.is_none_or(|proto| proto == packet.proto)
            && port(self.local_port, packet.ports.map(|(local, _)| local))
            && port(self.remote_port, packet.ports.map(|(_, remote)| remote))
            && prefix(&self.local, packet.local)
            && prefix(&self.remote, packet.remote)
            && self.icmp.is_none_or(|icmp| packet.icmp.is_some_and(|got| icmp_matches(&icmp, got)))
    }
}

/// Number of ICMP in IPv4.
const ICMP: u8 = 1;
/// Number of ICMP in IPv6.
const ICMPV6: u8 = 58;

/// Is this the number of ICMP in either family?
pub(crate) fn is_icmp(proto: u8) -> bool {
    matches!(proto, ICMP | ICMPV6)
}

fn icmp_protocol(family: Family) -> u8 {
    match family {
        Family::V4 => ICMP,
        Family::V6 => ICMPV6,
    }
}

fn icmp_matches(icmp: &IcmpSelector, (kind, code): (u8, u8)) -> bool {
    (icmp.type_min..=icmp.type_max).contains(&kind)
        && icmp.code.is_none_or(|(first, last)| (first..=last).contains(&code))
}
