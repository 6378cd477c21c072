// SPDX-License-Identifier: MIT OR Apache-2.0

//! One tunnel.

use std::net::IpAddr;

use illumos_ipsec::model::{LinkCounters, LinkId, LinkState, TunnelName, TunnelType};
use illumos_ipsec::wire::iptun::SimplePolicy;

use super::room::Room;

/// Hop limit of a new tunnel.
pub(crate) const DEFAULT_HOP_LIMIT: u32 = 64;
/// Encapsulation limit of a new tunnel.
pub(crate) const DEFAULT_ENCAP_LIMIT: u32 = 4;

/// A tunnel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// Its link.
    pub link: LinkId,
    /// What it is made of.
    pub kind: TunnelType,
    /// IPsec is required: nothing passes in clear.
    pub secure: bool,
    /// Made by plumbing a name of the old form.
    pub implicit: bool,
    /// Local end.
    pub local: Option<IpAddr>,
    /// Remote end.
    pub remote: Option<IpAddr>,
    /// In the table of outer addresses.
    pub bound: bool,
    /// An IP interface is plumbed on it.
    pub started: bool,
    /// The policy head that is attached, by its name. After a rename it may be another
    /// name than that of the link.
    pub policy: Option<TunnelName>,
    /// The MTU in bytes that was set; it does not follow anything any more.
    pub fixed_mtu: Option<u32>,
    /// Hop limit of outer packets.
    pub hop_limit: u32,
    /// Encapsulation limit; 0 is none.
    pub encap_limit: u32,
    /// The simple policy that was set last, if any was.
    pub simple: Option<SimplePolicy>,
    /// What the MTU was last worked out from.
    pub(crate) room: Room,
    /// Zone of the creator.
    pub zone: u32,
    /// The link state that was last told.
    pub link_state: LinkState,
    /// Packets and bytes.
    pub counters: LinkCounters,
}

impl Tunnel {
    /// A tunnel that nobody has seen yet.
    #[must_use]
    pub fn new(link: LinkId, kind: TunnelType) -> Self {
        Self {
            link,
            kind,
            secure: false,
            implicit: false,
            local: None,
            remote: None,
            bound: false,
            started: false,
            policy: None,
            fixed_mtu: None,
            hop_limit: DEFAULT_HOP_LIMIT,
            encap_limit: DEFAULT_ENCAP_LIMIT,
            simple: None,
            room: Room::default(),
            zone: 0,
            link_state: LinkState::Unknown,
            counters: LinkCounters::default(),
        }
    }

    /// The outer addresses under which packets find it, once it has all it needs.
    pub(crate) fn pair(&self) -> Option<(IpAddr, Option<IpAddr>)> {
        match self.kind {
            TunnelType::SixToFour => Some((self.local?, None)),
            TunnelType::Ipv4 | TunnelType::Ipv6 => Some((self.local?, Some(self.remote?))),
        }
    }
}
