// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which traffic a rule is about (RFC 4301 section 4.4.1.1).

use super::Prefix;

/// The selectors of one rule. An absent selector matches everything.
///
/// *Local* is the source of outbound and the destination of inbound packets.
/// The kernel takes one port only, no range.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Selector {
    /// Upper-layer protocol number. 0 is a real selector in the kernel.
    pub proto: Option<u8>,
    /// Local port, host order.
    pub local_port: Option<u16>,
    /// Remote port, host order.
    pub remote_port: Option<u16>,
    /// Local address.
    pub local: Option<Prefix>,
    /// Remote address.
    pub remote: Option<Prefix>,
    /// ICMP type and code ranges.
    pub icmp: Option<IcmpSelector>,
}

impl Selector {
    /// Does the rule match every packet of its direction?
    #[must_use]
    pub fn is_any(&self) -> bool {
        *self == Self::default()
    }
}

/// ICMP or ICMPv6 types and codes; both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IcmpSelector {
    /// First type.
    pub type_min: u8,
    /// Last type.
    pub type_max: u8,
    /// First and last code, or any code.
    pub code: Option<(u8, u8)>,
}
