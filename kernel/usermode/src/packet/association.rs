// SPDX-License-Identifier: MIT OR Apache-2.0

//! Associations of packets: which ones protect what leaves, which ones have protected what
//! arrives.
//!
//! Policy says how a packet has to be protected; without associations that do it so, the
//! packet does not leave, and key management is asked for them. A packet that arrives with
//! SPIs is judged by what their associations say, not by what it says itself.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use illumos_ipsec::model::{
    ActionFlags, ActionKind, AlgChoice, Alternative, Prefix, SaType, TunnelMode, TunnelName,
};

use serde_json::{Value, json};

use super::question::{Packet, Path, Protection, Spis, Used};
use super::system::Outer;
use super::verdict::{Outcome, Reason, Verdict};
use crate::Kernel;
use crate::iptun::Tunnel;
use crate::key_socket::Wanted;
use crate::sadb::{Association, Inner, SaId};
use crate::spd::{RulePrefix, RuleSelector, Way};

/// IPv4 in IP.
const IPIP: u8 = 4;
/// IPv6 in IP.
const IPV6: u8 = 41;

/// What a packet that leaves looks like to the associations.
struct Leaving<'a> {
    packet: &'a Packet,
    mode: TunnelMode,
    src: IpAddr,
    dst: IpAddr,
    /// Is it inside of a tunnel?
    tunnelled: bool,
}

impl Leaving<'_> {
    fn ports(&self) -> (u16, u16) {
        self.packet.ports.unwrap_or_default()
    }

    /// Protocol and ports in the header that the association sees.
    fn selectors(&self) -> (u8, (u16, u16)) {
        match self.tunnelled {
            true if self.packet.source.is_ipv4() => (IPIP, (0, 0)),
            true => (IPV6, (0, 0)),
            false => (self.packet.proto, self.ports()),
        }
    }

    /// Is the association for this traffic?
    fn fits(&self, sa: &Association) -> bool {
        let any = |has: u16, is: u16| has == 0 || has == is;
        if !(sa.src == self.src || sa.src.is_unspecified()) || !sa.is_usable() {
            return false;
        }
        match (&sa.inner, self.mode) {
            (Some(inner), TunnelMode::Tunnel) => {
                inner_fits(inner, self.packet.source, self.packet.destination)
                    && (inner.proto == 0 || inner.proto == self.packet.proto)
                    && any(inner.src_port, self.ports().0)
                    && any(inner.dst_port, self.ports().1)
            }
            (None, TunnelMode::Transport) => {
                let (proto, ports) = self.selectors();
                (sa.proto == 0 || sa.proto == proto)
                    && any(sa.src_port, ports.0)
                    && any(sa.dst_port, ports.1)
            }
            _ => false,
        }
    }
}

fn inner_fits(inner: &Inner, src: IpAddr, dst: IpAddr) -> bool {
    inner.src.contains(src) && inner.dst.contains(dst)
}

fn key_fits(choice: AlgChoice, id: u8, bits: Option<u16>) -> bool {
    let bits = bits.unwrap_or(0);
    choice.id == id && (choice.min..=choice.max).contains(&bits)
}

/// Does an association do what an alternative asks of its protocol?
fn does(sa: &Association, wanted: &Alternative) -> bool {
    let auth_bits = sa.auth_key.as_ref().map(|key| key.bits);
    let encr_bits = sa.encr_key.as_ref().map(|key| key.bits);
    if sa.kind == SaType::AH {
        return key_fits(wanted.ah, sa.auth, auth_bits);
    }
    let auth = match wanted.flags.contains(ActionFlags::ESP_AUTH) && wanted.esp_auth.id != 0 {
        true => key_fits(wanted.esp_auth, sa.auth, auth_bits),
        false => sa.auth == 0,
    };
    auth && key_fits(wanted.encr, sa.encr, encr_bits)
}

impl Kernel {
    /// Finds the associations for a packet that policy lets leave protected.
    pub(super) fn with_associations(&self, packet: &Packet, verdict: Verdict) -> Verdict {
        let Outcome::Protect { mode, .. } = verdict.outcome else {
            return verdict;
        };
        let without =
            |verdict| Verdict { outcome: Outcome::Drop(Reason::NoAssociation), ..verdict };
        let Some(leaving) = self.leaving(packet, mode) else {
            return without(verdict);
        };
        let chain: Vec<Alternative> = protecting(&verdict).collect();
        for wanted in chain {
            let find = |kind| {
                let mut all = self.sadb.outbound_to(kind, leaving.dst);
                all.find(|(_, sa)| does(sa, &wanted) && leaving.fits(sa))
            };
            let mut spis = Spis::default();
            let mut used = Vec::new();
            let mut complete = true;
            for (flag, kind, spi) in [
                (ActionFlags::AH, SaType::AH, &mut spis.ah),
                (ActionFlags::ESP, SaType::ESP, &mut spis.esp),
            ] {
                if wanted.flags.contains(flag) {
                    match find(kind) {
                        Some((id, sa)) => {
                            *spi = Some(sa.spi);
                            used.push(id);
                        }
                        None => complete = false,
                    }
                }
            }
            if complete {
                let outcome = Outcome::Protect { alternative: wanted, mode, spis };
                return Verdict { outcome, used, ..verdict };
            }
        }
        without(verdict)
    }

    fn leaving<'a>(&self, packet: &'a Packet, mode: TunnelMode) -> Option<Leaving<'a>> {
        let (src, dst, tunnelled) = match &packet.path {
            Path::Host => (packet.source, packet.destination, false),
            Path::Tunnel(name) => {
                let outer = self.outer_of(packet, self.tunnel(name.as_bytes())?)?;
                (outer.local, outer.remote, true)
            }
            Path::Outer { .. } => return None,
        };
        Some(Leaving { packet, mode, src, dst, tunnelled })
    }

    /// What key management is asked for when a packet could not leave for want of an
    /// association.
    pub(super) fn wanted(&self, packet: &Packet, verdict: &Verdict) -> Option<Wanted> {
        let mode = verdict.matched.as_ref()?.mode.unwrap_or(TunnelMode::Transport);
        let leaving = self.leaving(packet, mode)?;
        let chain: Vec<Alternative> = protecting(verdict).collect();
        let first = chain.first()?;
        let kind = match first.flags.contains(ActionFlags::ESP) {
            true => SaType::ESP,
            false => SaType::AH,
        };
        let (proto, ports) = leaving.selectors();
        let inner = match mode {
            TunnelMode::Tunnel => Some(inner_of(&verdict.matched.as_ref()?.rule.selector, packet)),
            TunnelMode::Transport => None,
        };
        Some(Wanted {
            kind,
            src: leaving.src,
            src_port: ports.0,
            dst: leaving.dst,
            dst_port: ports.1,
            proto,
            inner,
            chain,
        })
    }

    /// The same for people and programs.
    pub(crate) fn would_acquire(&self, packet: &Packet, verdict: &Verdict) -> Option<Value> {
        if packet.way != Way::Out || verdict.outcome != Outcome::Drop(Reason::NoAssociation) {
            return None;
        }
        let wanted = self.wanted(packet, verdict)?;
        let kind = if wanted.kind == SaType::ESP { "ESP" } else { "AH" };
        Some(json!({
            "type": kind,
            "source": wanted.src.to_string(),
            "destination": wanted.dst.to_string(),
        }))
    }

    /// The packet with its protection as the associations of its SPIs say it.
    ///
    /// # Errors
    ///
    /// The reason, if there is no such association or it is for other traffic.
    pub(super) fn opened(&self, packet: &Packet) -> Result<Option<(Packet, Vec<SaId>)>, Reason> {
        let Some(given) = packet.protection.filter(|given| given.spis != Spis::default()) else {
            return Ok(None);
        };
        let seen = match &packet.path {
            Path::Host => Some(Outer { local: packet.destination, remote: packet.source }),
            Path::Outer { local, remote } => Some(Outer { local: *local, remote: *remote }),
            Path::Tunnel(name) => self
                .tunnel(name.as_bytes())
                .and_then(|tunnel| self.outer_of_arriving(packet, tunnel)),
        };
        let Outer { local, remote } = seen.ok_or(Reason::NoAssociation)?;
        let mut opened =
            Protection { spis: given.spis, self_encap: given.self_encap, ..Protection::default() };
        let mut used = Vec::new();
        for (kind, spi) in [(SaType::AH, given.spis.ah), (SaType::ESP, given.spis.esp)] {
            let Some(spi) = spi else { continue };
            // Who has the keys of one peer is not to be taken for another one.
            let found = self.sadb.find(kind, spi, Some(remote), local, true);
            let found = found.and_then(|id| Some((id, self.sadb.get(id)?)));
            let Some((id, sa)) = found.filter(|(_, sa)| sa.table.inbound() && sa.is_usable())
            else {
                return Err(Reason::NoAssociation);
            };
            let key = |id: u8, key: &Option<crate::sadb::Key>| {
                (id != 0).then_some(Used { id, bits: key.as_ref().map(|key| key.bits) })
            };
            if kind == SaType::AH {
                opened.ah = key(sa.auth, &sa.auth_key);
            } else {
                opened.esp = key(sa.encr, &sa.encr_key);
                opened.esp_auth = key(sa.auth, &sa.auth_key);
            }
            opened.mode = Some(match &sa.inner {
                Some(inner) if !inner_fits(inner, packet.source, packet.destination) => {
                    return Err(Reason::OtherTraffic);
                }
                Some(_) => TunnelMode::Tunnel,
                None => TunnelMode::Transport,
            });
            used.push(id);
        }
        Ok(Some((Packet { protection: Some(opened), ..packet.clone() }, used)))
    }

    /// Counts the bytes of a packet for its associations, and asks for those that it would
    /// have needed.
    pub(super) fn charge(&mut self, packet: &Packet, verdict: &Verdict) {
        for id in &verdict.used {
            let expired = self.sadb.charge(*id, u64::from(packet.len), self.now);
            self.tell_expired(&expired);
        }
        if packet.way == Way::Out
            && verdict.outcome == Outcome::Drop(Reason::NoAssociation)
            && let Some(wanted) = self.wanted(packet, verdict)
        {
            self.acquire(wanted);
        }
    }

    /// The policy head of the tunnel between two outer addresses.
    pub(crate) fn tunnel_policy_between(
        &self,
        local: IpAddr,
        remote: IpAddr,
    ) -> Option<TunnelName> {
        let link = self.tunnels.bound.get(&(local, Some(remote)))?;
        let tunnel: &Tunnel = self.tunnels.by_link.get(link)?;
        tunnel.policy.clone()
    }
}

/// The inner traffic that a rule is about.
fn inner_of(rule: &RuleSelector, packet: &Packet) -> Inner {
    let prefix = |given: Option<RulePrefix>| {
        let RulePrefix { addr, len } = given.unwrap_or(RulePrefix { addr: [0; 16], len: 0 });
        let addr = match packet.source {
            IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::new(addr[0], addr[1], addr[2], addr[3])),
            IpAddr::V6(_) => IpAddr::V6(Ipv6Addr::from(addr)),
        };
        Prefix::new(addr, len).unwrap_or_else(|_| Prefix::host(addr))
    };
    Inner {
        src: prefix(rule.local),
        src_port: rule.local_port.unwrap_or(0),
        dst: prefix(rule.remote),
        dst_port: rule.remote_port.unwrap_or(0),
        proto: rule.proto.unwrap_or(0),
    }
}

/// The alternatives of the rule that protect, up to one that lets pass.
fn protecting(verdict: &Verdict) -> impl Iterator<Item = Alternative> {
    let chain = verdict.matched.as_ref().map(|matched| matched.rule.action.clone());
    chain
        .into_iter()
        .flat_map(|chain| chain.iter().copied().collect::<Vec<_>>())
        .take_while(|one| !matches!(one.kind, ActionKind::Pass | ActionKind::Drop))
        .filter(|one| {
            one.kind == ActionKind::Ipsec
                && one.flags.intersects(ActionFlags::AH | ActionFlags::ESP)
        })
}
