// SPDX-License-Identifier: MIT OR Apache-2.0

//! 6to4 (RFC 3056): the addresses inside say the addresses outside.

use std::net::{IpAddr, Ipv4Addr};

use super::question::Packet;
use super::system::Outer;
use crate::Kernel;

/// The first 16 bits of a 6to4 address.
const PREFIX: u16 = 0x2002;

/// The IPv4 address in a 6to4 address.
fn embedded(addr: IpAddr) -> Option<Ipv4Addr> {
    let IpAddr::V6(addr) = addr else { return None };
    let [prefix, high, low, ..] = addr.segments();
    (prefix == PREFIX).then(|| Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)))
}

impl Kernel {
    /// Where a packet goes outside; `None` if its addresses are no good. The source has to
    /// be of our own site. Who has no 6to4 address is reached through the relay, if there
    /// is one.
    pub(super) fn six_to_four_output(&self, packet: &Packet, local: IpAddr) -> Option<Ipv4Addr> {
        let source = embedded(packet.source)?;
        if IpAddr::V4(source) != local || packet.destination.is_ipv4() {
            return None;
        }
        let remote = embedded(packet.destination).or(self.relay())?;
        (IpAddr::V4(remote) != local).then_some(remote)
    }

    /// Do the addresses of a packet that arrives fit those outside?
    pub(super) fn six_to_four_input(&self, packet: &Packet, outer: Outer) -> bool {
        let ours = embedded(packet.destination).is_some_and(|v4| IpAddr::V4(v4) == outer.local);
        let theirs = match embedded(packet.source) {
            Some(v4) => IpAddr::V4(v4) == outer.remote,
            None => packet.source.is_ipv6() && self.relay().is_some(),
        };
        ours && theirs
    }

    /// The outer source of a packet that arrives, as its sender or the relay has it.
    pub(super) fn six_to_four_sender(&self, packet: &Packet) -> IpAddr {
        let sender = embedded(packet.source).or(self.relay());
        IpAddr::V4(sender.unwrap_or(Ipv4Addr::UNSPECIFIED))
    }

    fn relay(&self) -> Option<Ipv4Addr> {
        Some(self.tunnels.relay).filter(|relay| !relay.is_unspecified())
    }
}
