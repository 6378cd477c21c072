// SPDX-License-Identifier: MIT OR Apache-2.0

//! The way out through a tunnel.

use std::net::IpAddr;

use illumos_ipsec::model::{Side, TunnelMode, TunnelName, TunnelType};

use super::action::act;
use super::question::{Fragment, Packet};
use super::system::Outer;
use super::verdict::{Matched, Outcome, Reason, Verdict};
use crate::Kernel;
use crate::iptun::Tunnel;
use crate::spd::{PacketSelector, SideFlags, Way};

/// What a head without per-port rules shows of an ICMP packet: nothing, which is 0.
const NOT_LOOKED_AT: (u8, u8) = (0, 0);

impl Kernel {
    pub(super) fn tunnel_output(&self, packet: &Packet, name: &TunnelName) -> Verdict {
        match self.tunnel(name.as_bytes()) {
            Some(tunnel) => self.output(packet, tunnel),
            None => Verdict::drop(None, Reason::NoLink),
        }
    }

    fn output(&self, packet: &Packet, tunnel: &Tunnel) -> Verdict {
        let link = Some(tunnel.link);
        let drop = |reason| Verdict::drop(link, reason);
        // The first look, in the entry of the driver (A8).
        if !(tunnel.bound && tunnel.started) {
            return drop(Reason::NotRunning);
        }
        if !self.running(tunnel) {
            return drop(Reason::NoPolicy);
        }
        let Some(outer) = self.outer_of(packet, tunnel) else {
            return drop(Reason::SixToFour);
        };
        if tunnel.kind == TunnelType::Ipv6 && packet.encap_limit == Some(0) {
            return drop(Reason::EncapsulationLimit);
        }
        // The second look, just before the choice that could send in clear (A11). Here
        // nothing can have happened in between; in the kernel much can.
        if tunnel.secure && !self.policy_attached(tunnel) {
            return drop(Reason::NoPolicy);
        }
        let verdict = match self.policy_in_use(tunnel) {
            None => self.system_output(link, &outer.selector(packet)),
            Some((name, flags)) => self.inner_output(packet, tunnel, name, flags),
        };
        // The third look, at what was chosen (A12).
        if tunnel.secure && verdict.is_clear() {
            return Verdict { outcome: Outcome::Drop(Reason::NotProtected), ..verdict };
        }
        verdict
    }

    /// The outer addresses of a packet that leaves.
    pub(super) fn outer_of(&self, packet: &Packet, tunnel: &Tunnel) -> Option<Outer> {
        let local = tunnel.local?;
        let remote = match tunnel.kind {
            TunnelType::SixToFour => IpAddr::V4(self.six_to_four_output(packet, local)?),
            TunnelType::Ipv4 | TunnelType::Ipv6 => tunnel.remote?,
        };
        Some(Outer { local, remote })
    }

    /// Policy of the tunnel: what no rule is about is dropped.
    fn inner_output(
        &self,
        packet: &Packet,
        tunnel: &Tunnel,
        name: &TunnelName,
        flags: SideFlags,
    ) -> Verdict {
        let link = Some(tunnel.link);
        let per_port = flags.contains(SideFlags::PER_PORT);
        if per_port && packet.fragment != Fragment::Whole {
            return Verdict::new(link, Outcome::Held);
        }
        let mut selector = packet.selector();
        look_at(&mut selector, per_port);
        if !per_port && packet.source.is_ipv6() {
            // The header chain is not walked then, so the protocol stays 0.
            selector.proto = 0;
        }
        let Some(rule) = self.lookup(Some(name), Side::Active, Way::Out, &selector) else {
            return Verdict::drop(link, Reason::NoRule);
        };
        let mode = mode(flags);
        let matched = Matched {
            head: Some(name.clone()),
            mode: Some(mode),
            way: Way::Out,
            rule: rule.clone(),
        };
        Verdict::by(link, act(&rule.action, mode), matched)
    }

    /// The policy head of a tunnel whose active side is in use.
    pub(super) fn policy_in_use<'a>(
        &self,
        tunnel: &'a Tunnel,
    ) -> Option<(&'a TunnelName, SideFlags)> {
        let name = tunnel.policy.as_ref()?;
        let flags = self.spd.head(Some(name))?.flags.active;
        flags.contains(SideFlags::ACTIVE).then_some((name, flags))
    }
}

/// Without per-port rules a tunnel's head sees neither ports nor ICMP types.
pub(super) fn look_at(selector: &mut PacketSelector, per_port: bool) {
    if !per_port {
        selector.ports = None;
        selector.icmp = Some(NOT_LOOKED_AT);
    }
}

/// The mode that the flags of a side say.
pub(super) fn mode(flags: SideFlags) -> TunnelMode {
    match flags.contains(SideFlags::TUNNEL) {
        true => TunnelMode::Tunnel,
        false => TunnelMode::Transport,
    }
}
