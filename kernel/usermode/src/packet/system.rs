// SPDX-License-Identifier: MIT OR Apache-2.0

//! The policy of the system: for what takes no tunnel, and on the outer header for tunnels
//! without policy of their own.

use std::net::IpAddr;

use illumos_ipsec::model::{LinkId, Side, TunnelMode};

use super::action::act;
use super::protection::{Accepted, satisfies};
use super::question::{Fragment, Packet, Protection};
use super::verdict::{Clear, Matched, Outcome, Reason, Verdict};
use crate::Kernel;
use crate::spd::{PacketSelector, Rule, Way};

/// IPv4 in IP.
const IPPROTO_ENCAP: u8 = 4;
/// IPv6 in IP.
const IPPROTO_IPV6: u8 = 41;
/// ESP.
const IPPROTO_ESP: u8 = 50;
/// AH.
const IPPROTO_AH: u8 = 51;

/// Outer addresses.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outer {
    pub(super) local: IpAddr,
    pub(super) remote: IpAddr,
}

impl Outer {
    /// What policy of the system sees of a packet inside.
    pub(super) fn selector(self, packet: &Packet) -> PacketSelector {
        let proto = if packet.source.is_ipv4() { IPPROTO_ENCAP } else { IPPROTO_IPV6 };
        let Self { local, remote } = self;
        PacketSelector { local, remote, proto, ports: None, icmp: None }
    }
}

impl Kernel {
    pub(super) fn host_output(&self, packet: &Packet) -> Verdict {
        self.system_output(None, &packet.selector())
    }

    /// A packet for a socket of this host. Policy sees whole datagrams.
    pub(super) fn host_input(&self, packet: &Packet) -> Verdict {
        if packet.fragment != Fragment::Whole {
            return Verdict::new(None, Outcome::Held);
        }
        if matches!(packet.proto, IPPROTO_ESP | IPPROTO_AH) {
            return Verdict::drop(None, Reason::NoAssociation);
        }
        self.system_input(None, &packet.selector(), packet)
    }

    /// What no rule is about leaves in clear.
    pub(super) fn system_output(&self, link: Option<LinkId>, seen: &PacketSelector) -> Verdict {
        match self.lookup(None, Side::Active, Way::Out, seen) {
            None => Verdict::new(link, Outcome::Pass(Clear::NoRule)),
            Some(rule) => {
                let outcome = act(&rule.action, TunnelMode::Transport);
                Verdict::by(link, outcome, of_system(Way::Out, rule))
            }
        }
    }

    /// What no rule is about is accepted in clear and not accepted protected.
    pub(super) fn system_input(
        &self,
        link: Option<LinkId>,
        seen: &PacketSelector,
        packet: &Packet,
    ) -> Verdict {
        let secure = packet.protection.filter(Protection::is_secure);
        let rule = self.lookup(None, Side::Active, Way::In, seen);
        match (rule, secure) {
            (None, None) => Verdict::new(link, Outcome::Pass(Clear::NoRule)),
            (None, Some(_)) => Verdict::drop(link, Reason::GotSecure),
            (Some(rule), _) => {
                let accepted = Accepted { kind: self.kind, mode: None, packet };
                let outcome = satisfies(&rule.action, accepted, secure.as_ref());
                Verdict::by(link, outcome, of_system(Way::In, rule))
            }
        }
    }

    /// Is there any policy of the system?
    pub(super) fn has_system_policy(&self) -> bool {
        self.spd.table(None, Side::Active).is_some_and(|table| table.len() > 0)
    }
}

fn of_system(way: Way, rule: &Rule) -> Matched {
    Matched { head: None, mode: None, way, rule: rule.clone() }
}
