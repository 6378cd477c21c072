// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is asked about a packet.

use std::net::IpAddr;

use illumos_ipsec::model::{TunnelMode, TunnelName};

use crate::spd::{PacketSelector, Way};

/// Where a packet goes or comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Path {
    /// Not through a tunnel: a socket of this host.
    Host,
    /// Through the tunnel whose link has this name. A packet that arrives has the outer
    /// addresses of that tunnel.
    Tunnel(TunnelName),
    /// It arrives with these outer addresses, whichever tunnel has them.
    Outer {
        /// Ours: the outer destination.
        local: IpAddr,
        /// The outer source.
        remote: IpAddr,
    },
}

/// Which part of a datagram.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub enum Fragment {
    /// All of it.
    #[default]
    Whole,
    /// The part with the ports.
    First,
    /// A part without.
    Later,
}

/// An algorithm that was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Used {
    /// Its number.
    pub id: u8,
    /// Length of the key in bits, where it is known.
    pub bits: Option<u16>,
}

/// SPIs of associations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Spis {
    /// Of AH.
    pub ah: Option<u32>,
    /// Of ESP.
    pub esp: Option<u32>,
}

/// How a packet that arrived had been protected. Without AH and without ESP it was not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Protection {
    /// AH and its algorithm.
    pub ah: Option<Used>,
    /// ESP and its cipher.
    pub esp: Option<Used>,
    /// Authentication of ESP.
    pub esp_auth: Option<Used>,
    /// SPIs that it came with. If there is one, the associations say all the rest.
    pub spis: Spis,
    /// Self-encapsulation.
    pub self_encap: bool,
    /// Mode of the associations; where it is not given, it is that which policy asks for.
    pub mode: Option<TunnelMode>,
}

impl Protection {
    /// Did it come through IPsec at all?
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.ah.is_some() || self.esp.is_some() || self.spis != Spis::default()
    }
}

/// The packet is not one that somebody sends us, but what an ICMP error about an outer
/// packet of ours quotes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OuterError {
    /// This host itself made the error.
    pub trusted: bool,
}

/// A packet; inside of a tunnel, the inner one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Packet {
    /// Does it leave or arrive?
    pub way: Way,
    /// How it goes or comes.
    pub path: Path,
    /// Source address.
    pub source: IpAddr,
    /// Destination address, of the same family.
    pub destination: IpAddr,
    /// Protocol number.
    pub proto: u8,
    /// Source and destination port, where it has them.
    pub ports: Option<(u16, u16)>,
    /// ICMP type and code, where it has them.
    pub icmp: Option<(u8, u8)>,
    /// Is it a part of a datagram?
    pub fragment: Fragment,
    /// The tunnel encapsulation limit that it carries (RFC 2473), if it does.
    pub encap_limit: Option<u8>,
    /// How it had been protected, if it arrives.
    pub protection: Option<Protection>,
    /// It is quoted by an ICMP error, if it arrives.
    pub error: Option<OuterError>,
    /// Length in bytes, for counters.
    pub len: u32,
}

impl Packet {
    /// A whole packet without ports that takes no tunnel and is not protected.
    #[must_use]
    pub fn new(way: Way, source: IpAddr, destination: IpAddr, proto: u8) -> Self {
        Self {
            way,
            path: Path::Host,
            source,
            destination,
            proto,
            ports: None,
            icmp: None,
            fragment: Fragment::Whole,
            encap_limit: None,
            protection: None,
            error: None,
            len: 0,
        }
    }

    /// Did it come through IPsec?
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.protection.is_some_and(|protection| protection.is_secure())
    }

    /// Did this host make it: an ICMP error about a packet of its own?
    pub(super) fn is_trusted_error(&self) -> bool {
        self.error.is_some_and(|error| error.trusted)
    }

    /// What policy looks at. An error quotes a packet that went the other way.
    pub(super) fn selector(&self) -> PacketSelector {
        let outward = self.way == Way::Out || self.error.is_some();
        let swap = |(a, b)| if outward { (a, b) } else { (b, a) };
        let (local, remote) = match outward {
            true => (self.source, self.destination),
            false => (self.destination, self.source),
        };
        PacketSelector {
            local,
            remote,
            proto: self.proto,
            ports: self.ports.filter(|_| self.fragment != Fragment::Later).map(swap),
            icmp: self.icmp.filter(|_| self.fragment != Fragment::Later),
        }
    }
}
