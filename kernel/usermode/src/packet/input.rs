// SPDX-License-Identifier: MIT OR Apache-2.0

//! The way in through a tunnel.

use std::net::IpAddr;

use illumos_ipsec::model::{Side, TunnelMode, TunnelName, TunnelType};

use super::output::{look_at, mode};
use super::protection::{Accepted, satisfies};
use super::question::{Fragment, Packet, Path, Protection};
use super::system::Outer;
use super::verdict::{Clear, Matched, Outcome, Reason, Verdict};
use crate::Kernel;
use crate::iptun::Tunnel;
use crate::spd::{SideFlags, Way};

impl Kernel {
    /// A packet with the outer addresses of the tunnel of this name.
    pub(super) fn named_input(&self, packet: &Packet, name: &TunnelName) -> Verdict {
        let Some(tunnel) = self.tunnel(name.as_bytes()) else {
            return Verdict::drop(None, Reason::NoLink);
        };
        match self.outer_of_arriving(packet, tunnel) {
            Some(Outer { local, remote }) => self.outer_input(packet, local, remote),
            None => Verdict::drop(Some(tunnel.link), Reason::NotRunning),
        }
    }

    /// The outer addresses of a packet that arrives through a tunnel.
    pub(super) fn outer_of_arriving(&self, packet: &Packet, tunnel: &Tunnel) -> Option<Outer> {
        let remote = match tunnel.kind {
            TunnelType::SixToFour => self.six_to_four_sender(packet),
            TunnelType::Ipv4 | TunnelType::Ipv6 => tunnel.remote?,
        };
        Some(Outer { local: tunnel.local?, remote })
    }

    /// A packet with these outer addresses. A tunnel is found while it is bound, whatever
    /// the state of its link.
    pub(super) fn outer_input(&self, packet: &Packet, local: IpAddr, remote: IpAddr) -> Verdict {
        if local.is_ipv4() != remote.is_ipv4() {
            return Verdict::drop(None, Reason::Malformed);
        }
        let outer = Outer { local, remote };
        if self.is_self_encapsulated(packet, outer) {
            let protection = packet.protection.map(|p| Protection { self_encap: true, ..p });
            return self.host_input(&Packet { path: Path::Host, protection, ..packet.clone() });
        }
        let bound = &self.tunnels.bound;
        let exact = bound.get(&(local, Some(remote)));
        // 6to4 carries IPv6 only.
        let any = || bound.get(&(local, None)).filter(|_| packet.source.is_ipv6());
        let link = exact.or_else(any);
        match link.and_then(|link| self.tunnels.by_link.get(link)) {
            Some(tunnel) => self.input(packet, tunnel, outer),
            None => Verdict::drop(None, Reason::NoTunnel),
        }
    }

    fn input(&self, packet: &Packet, tunnel: &Tunnel, outer: Outer) -> Verdict {
        let link = Some(tunnel.link);
        if tunnel.secure {
            // A13 and, for errors, A14.
            if !self.policy_attached(tunnel) {
                return Verdict::drop(link, Reason::NoPolicy);
            }
            if !packet.is_secure() && !packet.is_trusted_error() {
                return Verdict::drop(link, Reason::GotClear);
            }
        }
        let mut verdict = self.tunnel_input(packet, tunnel, outer);
        if packet.is_trusted_error() && verdict.is_clear() {
            verdict.outcome = Outcome::Pass(Clear::OwnError);
        }
        if !verdict.passes() || packet.error.is_some() {
            return verdict;
        }
        if tunnel.kind == TunnelType::SixToFour && !self.six_to_four_input(packet, outer) {
            return Verdict { outcome: Outcome::Drop(Reason::SixToFour), ..verdict };
        }
        if !tunnel.started {
            return Verdict { outcome: Outcome::Drop(Reason::NoInterface), ..verdict };
        }
        verdict
    }

    /// Policy: that of the tunnel, and where it has none that of the system on the outer
    /// header. What the tunnel's policy has no rule for is dropped in tunnel mode and goes
    /// to the system's in transport mode; errors always go there.
    fn tunnel_input(&self, packet: &Packet, tunnel: &Tunnel, outer: Outer) -> Verdict {
        let link = Some(tunnel.link);
        let secure = packet.protection.filter(Protection::is_secure);
        if let Some((name, flags)) = self.policy_in_use(tunnel) {
            let per_port = flags.contains(SideFlags::PER_PORT);
            if per_port && packet.fragment != Fragment::Whole && packet.error.is_none() {
                return match secure {
                    None => Verdict::drop(link, Reason::GotClear),
                    Some(_) => Verdict::new(link, Outcome::Held),
                };
            }
            let mut selector = packet.selector();
            look_at(&mut selector, per_port);
            let mode = mode(flags);
            if let Some(rule) = self.lookup(Some(name), Side::Active, Way::In, &selector) {
                let accepted = Accepted { kind: self.kind, mode: Some(mode), packet };
                let outcome = satisfies(&rule.action, accepted, secure.as_ref());
                let matched = Matched {
                    head: Some(name.clone()),
                    mode: Some(mode),
                    way: Way::In,
                    rule: rule.clone(),
                };
                return Verdict::by(link, outcome, matched);
            }
            if mode == TunnelMode::Tunnel && packet.error.is_none() {
                return Verdict::drop(link, Reason::NoRule);
            }
        }
        if secure.is_some() && !self.has_system_policy() {
            return match packet.is_trusted_error() {
                true => Verdict::new(link, Outcome::Pass(Clear::OwnError)),
                false => Verdict::drop(link, Reason::GotSecure),
            };
        }
        self.system_input(link, &outer.selector(packet), packet)
    }

    /// IPv4 in IPv4 with the same addresses inside as outside, protected: what the other
    /// end makes for a rule with self-encapsulation. The outer header is taken off before
    /// any tunnel is looked for.
    fn is_self_encapsulated(&self, packet: &Packet, outer: Outer) -> bool {
        packet.is_secure()
            && packet.error.is_none()
            && packet.source.is_ipv4()
            && packet.source == outer.remote
            && packet.destination == outer.local
    }
}
