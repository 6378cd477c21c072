// SPDX-License-Identifier: MIT OR Apache-2.0

//! The MTU of a tunnel: what the path, the outer header and IPsec leave.
//!
//! It is worked out at certain moments, from what is known then: when a tunnel is bound,
//! when its policy may have changed, when the MTU of the path changes. Setting a hop or
//! encapsulation limit is no such moment. Source: `spec/iptun_ioctl.md` section 13.

use illumos_ipsec::model::{ActionFlags, LinkId, Side, TunnelType};

use super::Tunnel;
use super::room::{Ipsec, Room};
use super::tunnel::DEFAULT_HOP_LIMIT;
use crate::Kernel;
use crate::spd::{PacketSelector, Rule, SideFlags, Way};

/// The smallest MTU of a tunnel.
pub(crate) const MIN_MTU: u32 = 1280;
/// What ESP adds at most, with UDP encapsulation.
const ESP_OVERHEAD: u32 = 78;
/// What AH adds at most.
const AH_OVERHEAD: u32 = 44;
/// What self-encapsulation adds.
const SELF_ENCAP_OVERHEAD: u32 = 20;

impl Kernel {
    /// MTU of a tunnel in bytes: what was set, or what was worked out.
    #[must_use]
    pub fn mtu(&self, tunnel: &Tunnel) -> u32 {
        tunnel.fixed_mtu.unwrap_or_else(|| match tunnel.room.bytes {
            Some(bytes) => self.without_ipsec(tunnel, bytes, tunnel.room.ipsec),
            None => most(tunnel.kind),
        })
    }

    /// The largest MTU that can be set now.
    pub(super) fn largest_mtu(&self, tunnel: &Tunnel) -> u32 {
        let bytes = match tunnel.remote {
            Some(_) => self.path_of(tunnel).saturating_sub(header(tunnel)),
            None => most(tunnel.kind),
        };
        self.without_ipsec(tunnel, bytes, self.ipsec_of(tunnel))
    }

    /// One of the moments.
    pub(crate) fn update_mtu(&mut self, link: LinkId) {
        let Some(tunnel) = self.tunnels.by_link.get(&link) else { return };
        if tunnel.remote.is_none() {
            return;
        }
        let path = self.path_of(tunnel);
        let room = Room {
            bytes: Some(path.saturating_sub(header(tunnel))),
            path: if tunnel.bound { Some(path) } else { tunnel.room.path },
            ipsec: self.ipsec_of(tunnel),
        };
        self.with_tunnel(link, |tunnel| tunnel.room = room);
    }

    /// The MTU of the path to all remote ends has changed.
    pub(crate) fn path_mtu_changed(&mut self) {
        let bound = self.tunnels.by_link.values().filter(|tunnel| tunnel.bound);
        let links: Vec<LinkId> = bound.map(|tunnel| tunnel.link).collect();
        links.into_iter().for_each(|link| self.update_mtu(link));
    }

    /// MTU of the path to the remote end. It is known while the tunnel is bound; afterwards
    /// the last one counts, and before any is known the largest MTU of the type.
    fn path_of(&self, tunnel: &Tunnel) -> u32 {
        if tunnel.bound {
            self.host.path_mtu
        } else {
            tunnel.room.path.unwrap_or_else(|| most(tunnel.kind))
        }
    }

    fn ipsec_of(&self, tunnel: &Tunnel) -> Ipsec {
        let head = tunnel.policy.as_ref().and_then(|name| self.spd.head(Some(name)));
        let in_use = head.is_some_and(|head| head.flags.active.contains(SideFlags::ACTIVE));
        match (tunnel.secure, in_use) {
            (true, _) if self.policy_attached(tunnel) => Ipsec::Attached,
            // What it will carry is protected, so the MTU needs not change when it comes up.
            (true, _) => Ipsec::Bytes(ESP_OVERHEAD),
            (false, true) => Ipsec::Attached,
            (false, false) => self.system_ipsec(tunnel).map_or(Ipsec::None, Ipsec::Bytes),
        }
    }

    /// What the policy of the system takes of packets between the two ends.
    fn system_ipsec(&self, tunnel: &Tunnel) -> Option<u32> {
        let (local, remote) = (tunnel.local?, tunnel.remote?);
        let rules = [4u8, 41].into_iter().filter_map(|proto| {
            let packet = PacketSelector { local, remote, proto, ports: None, icmp: None };
            self.lookup(None, Side::Active, Way::Out, &packet)
        });
        rules.map(overhead).max()
    }

    fn without_ipsec(&self, tunnel: &Tunnel, bytes: u32, ipsec: Ipsec) -> u32 {
        let overhead = match ipsec {
            Ipsec::None => 0,
            Ipsec::Bytes(bytes) => bytes,
            Ipsec::Attached => {
                let rules = self.rules(tunnel.policy.as_ref(), Side::Active);
                let rules = rules.filter(|(way, _)| *way == Way::Out);
                rules.map(|(_, rule)| overhead(rule)).max().unwrap_or(0)
            }
        };
        bytes.saturating_sub(overhead).clamp(MIN_MTU, most(tunnel.kind))
    }
}

/// The largest MTU of a type.
fn most(kind: TunnelType) -> u32 {
    match kind {
        TunnelType::Ipv4 | TunnelType::SixToFour => 65_515,
        TunnelType::Ipv6 => 65_487,
    }
}

/// Bytes of the outer header. Without an encapsulation limit the option is left out, but
/// only where the header has to be written because of the hop limit.
fn header(tunnel: &Tunnel) -> u32 {
    match tunnel.kind {
        TunnelType::Ipv4 | TunnelType::SixToFour => 20,
        TunnelType::Ipv6 if tunnel.encap_limit == 0 && tunnel.hop_limit != DEFAULT_HOP_LIMIT => 40,
        TunnelType::Ipv6 => 48,
    }
}

/// What the first alternative of a rule adds to a packet.
fn overhead(rule: &Rule) -> u32 {
    let Some(first) = rule.action.first() else { return 0 };
    let parts = [
        (ActionFlags::ESP | ActionFlags::ESP_AUTH, ESP_OVERHEAD),
        (ActionFlags::AH, AH_OVERHEAD),
        (ActionFlags::SELF_ENCAP, SELF_ENCAP_OVERHEAD),
    ];
    parts.iter().filter(|(flags, _)| first.flags.intersects(*flags)).map(|(_, size)| size).sum()
}
