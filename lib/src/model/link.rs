// SPDX-License-Identifier: MIT OR Apache-2.0

//! Data-links: number, name, class, state, and what kind of tunnel one is.

use std::fmt;

use bitflags::bitflags;

/// Number of a data-link, given out by the link registry. 0 is no link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Default)]
pub struct LinkId(pub u32);

impl LinkId {
    /// No link; walking the links starts behind it.
    pub const NONE: Self = Self(0);
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// The longest link name in bytes.
pub const LINK_NAME_MAX: usize = 31;

/// Can a link have this name?
///
/// 2 to 31 bytes of letters, digits, `_` and `.`; the first is no digit, the last is
/// one, and the number at the end has no leading zero.
///
/// ```
/// use illumos_ipsec::model::valid_link_name;
///
/// assert!(valid_link_name(b"tun0") && valid_link_name(b"tun10"));
/// assert!(!valid_link_name(b"tun") && !valid_link_name(b"tun01"));
/// ```
///
/// Source: `spec/dladm-iptun.md` section 1.5.
#[must_use]
pub fn valid_link_name(name: &[u8]) -> bool {
    let known = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.');
    let digits = name.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
    (2..=LINK_NAME_MAX).contains(&name.len())
        && name.iter().all(known)
        && !name[0].is_ascii_digit()
        && digits > 0
        && (digits == 1 || name[name.len() - digits] != b'0')
}

bitflags! {
    /// Classes of data-links, as a mask.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
    pub struct LinkClass: u32 {
        /// A physical device.
        const PHYS = 0x01;
        /// A VLAN.
        const VLAN = 0x02;
        /// An aggregation.
        const AGGR = 0x04;
        /// A virtual network interface.
        const VNIC = 0x08;
        /// An etherstub.
        const ETHERSTUB = 0x10;
        /// A simulated link.
        const SIMNET = 0x20;
        /// A bridge.
        const BRIDGE = 0x40;
        /// An IP tunnel.
        const IPTUN = 0x80;
        /// An InfiniBand partition.
        const PART = 0x100;
        /// An overlay.
        const OVERLAY = 0x200;
        /// Whatever else.
        const MISC = 0x400;
    }
}

impl LinkClass {
    /// The word that listings have for the class.
    #[must_use]
    pub fn word(self) -> &'static str {
        const WORDS: &[(LinkClass, &str)] = &[
            (LinkClass::PHYS, "phys"),
            (LinkClass::VLAN, "vlan"),
            (LinkClass::AGGR, "aggr"),
            (LinkClass::VNIC, "vnic"),
            (LinkClass::ETHERSTUB, "etherstub"),
            (LinkClass::SIMNET, "simnet"),
            (LinkClass::BRIDGE, "bridge"),
            (LinkClass::IPTUN, "iptun"),
            (LinkClass::PART, "part"),
            (LinkClass::OVERLAY, "overlay"),
            (LinkClass::MISC, "misc"),
        ];
        WORDS.iter().find(|(class, _)| *class == self).map_or("unknown", |(_, word)| word)
    }
}

/// What a tunnel carries its packets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum TunnelType {
    /// Packets in IPv4.
    Ipv4,
    /// Packets in IPv6.
    Ipv6,
    /// IPv6 in IPv4 with the remote end taken from the inner address (RFC 3056).
    SixToFour,
}

impl TunnelType {
    /// Every type.
    pub const ALL: [Self; 3] = [Self::Ipv4, Self::Ipv6, Self::SixToFour];

    /// The word of the command line and of listings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ipv4 => "ipv4",
            Self::Ipv6 => "ipv6",
            Self::SixToFour => "6to4",
        }
    }

    /// The number in ioctls and in the stored configuration.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Ipv4 => 1,
            Self::Ipv6 => 2,
            Self::SixToFour => 3,
        }
    }

    /// The type with a number.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.number() == number)
    }

    /// The media number that the link registry keeps.
    #[must_use]
    pub fn media(self) -> u32 {
        match self {
            Self::Ipv4 => 0x8000_0001,
            Self::Ipv6 => 0x8000_0002,
            Self::SixToFour => 0x8000_0007,
        }
    }
}

/// State of a link as its statistics tell it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LinkState {
    /// Usable.
    Up,
    /// Not usable.
    Down,
    /// Nobody has said yet: the link was never plumbed.
    Unknown,
}

impl LinkState {
    /// The word of listings.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }

    /// The value of the statistic `link_state`.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::Up => 1,
            Self::Down => 0,
            Self::Unknown => -1,
        }
    }

    /// The state with a number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        [Self::Up, Self::Down, Self::Unknown].into_iter().find(|state| state.number() == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn link_names() {
        for (name, valid) in [
            ("tun0", true),
            ("a0", true),
            ("t_.9", true),
            ("tun10", true),
            ("tun100", true),
            ("tun", false),
            ("tun01", false),
            ("tun00", false),
            ("0", false),
            ("", false),
            ("1tun0", false),
            ("tu-n0", false),
            ("tun 0", false),
            ("a23456789012345678901234567890z1", false),
            ("a2345678901234567890123456789z1", true),
        ] {
            assert_eq!(valid_link_name(name.as_bytes()), valid, "{name}");
        }
    }
}
