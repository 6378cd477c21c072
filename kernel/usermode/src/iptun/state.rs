// SPDX-License-Identifier: MIT OR Apache-2.0

//! What follows from policy, binding and plumbing: link state and MTU.

use illumos_ipsec::model::{LinkId, LinkState, Side, TunnelName, TunnelType};

use super::Tunnel;
use crate::Kernel;
use crate::spd::{PacketSelector, Rule, SideFlags, Way};

/// The smallest MTU of a tunnel.
pub(crate) const MIN_MTU: u32 = 1280;
/// What ESP adds at most, with UDP encapsulation.
const ESP_OVERHEAD: u32 = 78;
/// What AH adds at most.
const AH_OVERHEAD: u32 = 44;

impl Kernel {
    /// Is policy attached to the tunnel: a head in use, with at least one rule in force?
    /// Source: `spec/kernel-hooks.md` section 3.1.
    #[must_use]
    pub fn policy_attached(&self, tunnel: &Tunnel) -> bool {
        let head = tunnel.policy.as_ref().and_then(|name| self.spd.head(Some(name)));
        head.is_some_and(|head| {
            head.flags.active.contains(SideFlags::ACTIVE) && head.table(Side::Active).len() > 0
        })
    }

    /// Does the tunnel transmit: bound, plumbed and, if it is secure, with policy?
    #[must_use]
    pub fn running(&self, tunnel: &Tunnel) -> bool {
        tunnel.bound && tunnel.started && (!tunnel.secure || self.policy_attached(tunnel))
    }

    /// Tells the state of the link.
    pub(crate) fn update_link_state(&mut self, link: LinkId) {
        let Some(tunnel) = self.tunnels.by_link.get(&link) else { return };
        let state = if self.running(tunnel) { LinkState::Up } else { LinkState::Down };
        self.with_tunnel(link, |tunnel| tunnel.link_state = state);
    }

    /// The same, but nobody is told about a link that has never been plumbed and is not
    /// secure.
    pub(super) fn update_link_state_if_known(&mut self, link: LinkId) {
        let known = self.tunnels.by_link.get(&link);
        if known.is_some_and(|tunnel| tunnel.started || tunnel.link_state != LinkState::Unknown) {
            self.update_link_state(link);
        }
    }

    /// Something has happened to the policy of a name. The tunnel of that name, if there
    /// is one, takes it.
    pub(crate) fn policy_of_name_changed(&mut self, name: &TunnelName) {
        let named = self.links.find(name.as_bytes()).map(|(link, _)| link);
        if let Some(link) = named.filter(|link| self.tunnels.by_link.contains_key(link)) {
            let policy = self.spd.head(Some(name)).map(|_| name.clone());
            self.with_tunnel(link, |tunnel| tunnel.policy = policy);
            self.policy_changed(link);
        }
    }

    /// The policy of a tunnel may have changed.
    pub(super) fn policy_changed(&mut self, link: LinkId) {
        self.with_tunnel(link, |tunnel| tunnel.counted_encap_limit = tunnel.encap_limit);
        if self.tunnels.by_link.get(&link).is_some_and(|tunnel| tunnel.secure) {
            self.update_link_state(link);
        }
    }

    /// MTU of a tunnel in bytes: what was set, or the largest possible one.
    #[must_use]
    pub fn mtu(&self, tunnel: &Tunnel) -> u32 {
        tunnel.fixed_mtu.unwrap_or_else(|| self.room(tunnel, tunnel.counted_encap_limit))
    }

    /// The largest MTU that can be set now.
    pub(super) fn largest_mtu(&self, tunnel: &Tunnel) -> u32 {
        self.room(tunnel, tunnel.encap_limit)
    }

    /// The MTU that the path, the outer header and IPsec leave.
    /// Source: `spec/iptun_ioctl.md` section 13.
    fn room(&self, tunnel: &Tunnel, encap_limit: u32) -> u32 {
        let (header, most) = match tunnel.kind {
            TunnelType::Ipv4 | TunnelType::SixToFour => (20, 65_515),
            TunnelType::Ipv6 if encap_limit == 0 => (40, 65_487),
            TunnelType::Ipv6 => (48, 65_487),
        };
        let overhead = self.ipsec_overhead(tunnel);
        let room = match tunnel.remote {
            Some(_) => self.host.path_mtu.saturating_sub(header),
            // `most` is what is left when nothing is known of a path.
            None => most,
        };
        room.saturating_sub(overhead).clamp(MIN_MTU, most)
    }

    fn ipsec_overhead(&self, tunnel: &Tunnel) -> u32 {
        let largest = |overheads: &mut dyn Iterator<Item = u32>| overheads.max().unwrap_or(0);
        if self.policy_attached(tunnel) {
            let out = self.rules(tunnel.policy.as_ref(), Side::Active);
            let out = out.filter(|(way, _)| *way == Way::Out);
            return largest(&mut out.map(|(_, rule)| overhead(rule)));
        }
        if tunnel.secure {
            // What it will carry is protected, so the MTU needs not change when it comes up.
            return ESP_OVERHEAD;
        }
        let (Some(local), Some(remote)) = (tunnel.local, tunnel.remote) else { return 0 };
        let protocols = [4u8, 41].into_iter();
        let rules = protocols.filter_map(|protocol| {
            let packet = PacketSelector { local, remote, proto: protocol, ports: None, icmp: None };
            self.lookup(None, Side::Active, Way::Out, &packet)
        });
        largest(&mut rules.map(overhead))
    }
}

/// What the first alternative of a rule adds to a packet.
fn overhead(rule: &Rule) -> u32 {
    use illumos_ipsec::model::ActionFlags;
    let Some(first) = rule.action.first() else { return 0 };
    let esp = ActionFlags::ESP | ActionFlags::ESP_AUTH;
    let parts = [(esp, ESP_OVERHEAD), (ActionFlags::AH, AH_OVERHEAD)];
    parts.iter().filter(|(flag, _)| first.flags.intersects(*flag)).map(|(_, size)| size).sum()
}
