// SPDX-License-Identifier: MIT OR Apache-2.0

//! The packets, and what is asked of each state.

use std::sync::OnceLock;

use illumos_ipsec::model::{LinkState, Side, TunnelMode};
use ipsec_usermode::iptun::Tunnel;
use ipsec_usermode::packet::{Clear, Fragment, Outcome, Packet};
use ipsec_usermode::{Kernel, KernelKind, SideFlags, Way};

use crate::common::addr;
use crate::common::links::{ELSEWHERE, THERE};
use crate::common::traffic::*;
use crate::message::Name;
use crate::world::rules;

/// In which way something passed in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Channel {
    Out = 1,
    In = 2,
    /// An ICMP error about an outer packet.
    Error = 4,
}

impl Channel {
    pub(crate) const ALL: [Self; 3] = [Self::Out, Self::In, Self::Error];
}

/// What was seen in a state.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    /// Channels through which something passed in clear, as bits.
    pub(crate) leaks: u8,
    /// What is wrong beside that.
    pub(crate) broken: Vec<String>,
    pub(crate) protected_out: bool,
    pub(crate) protected_in: bool,
    pub(crate) up: bool,
    pub(crate) down: bool,
}

fn packets() -> &'static [Packet] {
    static PACKETS: OnceLock<Vec<Packet>> = OnceLock::new();
    PACKETS.get_or_init(|| {
        let six = udp(Way::In, PEER6, INNER6);
        let far = "10.0.1.200";
        let mut packets = Vec::new();
        for name in Name::ALL.map(Name::text) {
            let tcp = Packet { proto: 6, ports: Some((1, 80)), ..out(name) };
            packets.extend([
                out(name),
                out6(name),
                Packet { destination: addr(far), ..tcp.clone() },
                Packet { proto: 1, ports: None, icmp: Some((8, 0)), ..out(name) },
                part(Fragment::First, out(name)),
                part(Fragment::Later, tcp),
            ]);
            packets.extend([false, true].map(|trusted| quoted(name, trusted)));
            packets.push(secured(quoted(name, false)));
        }
        for remote in [THERE, ELSEWHERE] {
            let four = outer(remote, udp(Way::In, PEER, INNER));
            let web = Packet { proto: 6, ports: Some((80, 1)), source: addr(far), ..four.clone() };
            for packet in [four.clone(), outer(remote, six.clone()), web] {
                let mode = Some(TunnelMode::Tunnel);
                let mut in_mode = secured(packet.clone());
                in_mode.protection.as_mut().expect("it is protected").mode = mode;
                packets.extend([secured(packet.clone()), in_mode, packet]);
            }
            packets.extend([
                part(Fragment::First, four.clone()),
                part(Fragment::Later, secured(four.clone())),
                // Protected, but not as anybody asks.
                Packet { protection: Some(esp(3, 2)), ..four.clone() },
                Packet { proto: 1, ports: None, icmp: Some((0, 0)), ..four },
            ]);
        }
        packets
    })
}

/// Looks at a state.
pub(crate) fn look(kernel: &Kernel) -> Seen {
    let mut seen = Seen::default();
    for packet in packets() {
        let verdict = kernel.policy_verdict(packet);
        let Some(link) = verdict.link else { continue };
        match verdict.outcome {
            // What this host says to itself is nobody's clear text.
            Outcome::Pass(Clear::OwnError) => {}
            Outcome::Pass(_) => {
                let channel = match (packet.error, packet.way) {
                    (Some(_), _) => Channel::Error,
                    (None, Way::Out) => Channel::Out,
                    (None, Way::In) => Channel::In,
                };
                seen.leaks |= channel as u8;
            }
            Outcome::Protect { .. } => {
                seen.protected_out |= packet.way == Way::Out;
                seen.protected_in |= packet.way == Way::In;
                let tunnel = kernel.tunnels().find(|tunnel| tunnel.link == link);
                if tunnel.is_none_or(|tunnel| tunnel.policy.is_none()) {
                    seen.broken.push(format!("protected without policy: {packet:?}"));
                }
            }
            Outcome::Held | Outcome::Drop(_) => {}
        }
    }
    for name in Name::ALL {
        if let Some(tunnel) = kernel.tunnel(name.text().as_bytes()) {
            seen.up |= tunnel.link_state == LinkState::Up;
            seen.down |= tunnel.link_state == LinkState::Down;
            let expected = state(kernel, tunnel);
            if !expected.contains(&tunnel.link_state) {
                seen.broken.push(format!(
                    "{}: the link is {:?} and should be {expected:?}: {tunnel:?}",
                    name.text(),
                    tunnel.link_state
                ));
            }
            if kernel.kind() == KernelKind::Modified && !tunnel.secure {
                seen.broken.push(format!("{} has lost its requirement", name.text()));
            }
        }
    }
    seen
}

/// What the state of a link should be, by the definition: it is up if and only if the
/// tunnel is bound and plumbed and, where IPsec is required, has policy in force. What
/// requires nothing has no state before something happens to it.
fn state(kernel: &Kernel, tunnel: &Tunnel) -> &'static [LinkState] {
    let in_force = tunnel.policy.as_ref().is_some_and(|policy| {
        let flags = kernel.tunnel_flags(policy);
        let active = flags.is_some_and(|flags| flags.active.contains(SideFlags::ACTIVE));
        let head = Name::ALL.into_iter().find(|name| name.text().as_bytes() == policy.as_bytes());
        active && head.is_some_and(|head| rules(kernel, head, Side::Active) > 0)
    });
    match tunnel.bound && tunnel.started && (!tunnel.secure || in_force) {
        true => &[LinkState::Up],
        false if tunnel.secure => &[LinkState::Down],
        false => &[LinkState::Down, LinkState::Unknown],
    }
}
