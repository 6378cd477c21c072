// SPDX-License-Identifier: MIT OR Apache-2.0

//! Replacing tunnel rules on a kernel with the standby defect.
//!
//! On such a kernel the first rule that enters an *empty* standby side switches the
//! protection of a running tunnel off until FLIP (`illumos_ipsec::sys::standby`). So the
//! copy of the running rules that CLONE made is not flushed. It is exchanged rule by
//! rule, and at no moment is it empty:
//!
//! * tunnel mode: an anchor rule that matches no real traffic is added first and
//!   removed last;
//! * transport mode knows no selectors, hence no anchor beside other rules: the two
//!   directions are exchanged one after the other, each holding the place for the other.
//!
//! Between the modes there is no way: a side holds rules of one mode only. Such a load is
//! refused before anything is changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv4Addr;

use illumos_ipsec::model::{Direction, Prefix, Side, TunnelMode, TunnelName};
use illumos_ipsec::policy::PolicyRule;
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};
use illumos_ipsec::sys::standby;
use illumos_ipsec::wire::policy::{
    Attr, AttrTag, Ext, Message, MsgType, ProtoExt, RuleExt, RuleFlags, SPD_STANDBY, TunNameExt,
};

use crate::additions::{self, Outcome, Request};
use crate::view::{Head, covers};

/// The rules of one tunnel that runs now, as CLONE copied them to the standby side.
#[derive(Debug)]
struct Running {
    mode: TunnelMode,
    rules: Vec<(u64, Direction)>,
}

/// The heads whose old rules go away in a load.
#[derive(Debug, Default)]
pub(crate) struct Replaced {
    /// What is replaced because the operator says so.
    pub scope: Option<Scope>,
    /// Tunnels that drop everything for want of a usable policy, and get one now.
    pub lifted: BTreeSet<TunnelName>,
    /// Heads that keep theirs all the same, because their new policy cannot be used.
    pub kept: BTreeSet<Head>,
}

impl Replaced {
    /// Do the rules of this head go away?
    pub(crate) fn head(&self, head: &Head) -> bool {
        let named = self.scope.as_ref().is_some_and(|scope| covers(scope, head));
        let lifted = head.as_ref().is_some_and(|tunnel| self.lifted.contains(tunnel));
        (named && !self.kept.contains(head)) || lifted
    }

    /// Heads among which all of them are.
    fn widest(&self) -> Scope {
        match &self.scope {
            Some(scope) if self.lifted.is_empty() => scope.clone(),
            _ => Scope::All,
        }
    }
}

/// Tunnels whose rules must be exchanged with care.
#[derive(Debug, Default)]
pub(crate) struct Graft {
    running: BTreeMap<TunnelName, Running>,
}

/// A tunnel that cannot change its mode on this kernel without a gap.
#[derive(Debug)]
pub(crate) struct ModeChange {
    pub tunnel: TunnelName,
    /// A rule of the file that asks for it.
    pub rule: usize,
}

impl Graft {
    /// Finds the tunnels for which this is necessary; call it after CLONE. Empty on a
    /// kernel without the defect, and when no running tunnel gets new rules.
    pub(crate) fn plan(
        client: &mut PolicyClient,
        replaced: &Replaced,
        rules: &[PolicyRule],
    ) -> Result<Self, PolicyError> {
        let mut new_tunnels: Vec<&TunnelName> = rules
            .iter()
            .filter_map(|rule| rule.tunnel.as_ref())
            .map(|(name, _)| name)
            .filter(|name| replaced.head(&Some((*name).clone())))
            .collect();
        new_tunnels.sort();
        new_tunnels.dedup();
        let mut graft = Self::default();
        // A kernel that knows namespaces does not have the defect.
        let named = client.namespace().is_some();
        if new_tunnels.is_empty() || named || !standby::has_standby_defect(client)? {
            return Ok(graft);
        }
        for rule in client.rules(Side::Standby, &replaced.widest())? {
            let Some(tunnel) = rule.tunnel else { continue };
            if new_tunnels.binary_search(&&tunnel).is_ok() {
                let running = graft
                    .running
                    .entry(tunnel)
                    .or_insert(Running { mode: rule.mode, rules: Vec::new() });
                running.rules.push((rule.index, rule.direction));
            }
        }
        Ok(graft)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.running.is_empty()
    }

    /// The first tunnel that would have to change its mode.
    pub(crate) fn mode_change(&self, rules: &[PolicyRule]) -> Option<ModeChange> {
        rules.iter().enumerate().find_map(|(at, rule)| {
            let (tunnel, mode) = rule.tunnel.as_ref()?;
            let running = self.running.get(tunnel)?;
            (running.mode != *mode).then(|| ModeChange { tunnel: tunnel.clone(), rule: at })
        })
    }

    /// Empties the standby side of all other heads whose rules go away.
    pub(crate) fn flush_others(
        &self,
        client: &mut PolicyClient,
        replaced: &Replaced,
    ) -> Result<(), PolicyError> {
        match &replaced.scope {
            // Nothing to be careful about: one request for all heads.
            Some(scope) if self.is_empty() && replaced.kept.is_empty() => {
                client.flush(Side::Standby, scope)?;
            }
            Some(Scope::All) => {
                if replaced.head(&None) {
                    client.flush(Side::Standby, &Scope::Global)?;
                }
                for tunnel in client.tunnels(Side::Standby, &Scope::All)? {
                    let head = Some(tunnel.clone());
                    if replaced.head(&head) && !self.running.contains_key(&tunnel) {
                        client.flush(Side::Standby, &Scope::Tunnel(tunnel))?;
                    }
                }
            }
            Some(Scope::Tunnel(name))
                if self.running.contains_key(name) || !replaced.head(&Some(name.clone())) => {}
            Some(Scope::Global) if !replaced.head(&None) => {}
            Some(scope) => client.flush(Side::Standby, scope)?,
            None => {}
        }
        for tunnel in &replaced.lifted {
            if !self.running.contains_key(tunnel) {
                client.flush(Side::Standby, &Scope::Tunnel(tunnel.clone()))?;
            }
        }
        Ok(())
    }

    /// Sends all requests: the ordinary ones at once, those of running tunnels with care.
    pub(crate) fn send(
        &self,
        client: &mut PolicyClient,
        rules: &[PolicyRule],
        requests: &[Request],
        outcome: &mut Outcome,
    ) -> Result<(), PolicyError> {
        let tunnel_of = |request: &Request| {
            let (name, _) = rules[request.rule].tunnel.as_ref()?;
            self.running.contains_key(name).then_some(name)
        };
        let mut by_tunnel: BTreeMap<&TunnelName, Vec<Request>> = BTreeMap::new();
        let mut ordinary = Vec::new();
        for request in requests {
            match tunnel_of(request) {
                Some(name) => by_tunnel.entry(name).or_default().push(*request),
                None => ordinary.push(*request),
            }
        }
        additions::send(client, rules, &ordinary, outcome)?;
        for (tunnel, requests) in by_tunnel {
            let running = &self.running[tunnel];
            match running.mode {
                TunnelMode::Tunnel => {
                    let anchor = client.add(&anchor(tunnel, running.mode, Direction::OUT))?;
                    delete(client, tunnel, running.rules.iter().map(|(index, _)| *index))?;
                    additions::send(client, rules, &requests, outcome)?;
                    delete(client, tunnel, [anchor])?;
                }
                TunnelMode::Transport => {
                    exchange_directions(client, rules, tunnel, running, &requests, outcome)?;
                }
            }
        }
        Ok(())
    }
}

/// Transport mode: exchanges the outbound rules while the inbound ones hold the place,
/// then the other way round.
fn exchange_directions(
    client: &mut PolicyClient,
    rules: &[PolicyRule],
    tunnel: &TunnelName,
    running: &Running,
    requests: &[Request],
    outcome: &mut Outcome,
) -> Result<(), PolicyError> {
    let old = |direction| {
        running.rules.iter().filter(move |(_, d)| *d == direction).map(|(index, _)| *index)
    };
    let families = 2;
    let mut anchors: Vec<(Direction, u64)> = Vec::new();
    if old(Direction::IN).next().is_none() {
        let last = client.add(&anchor(tunnel, TunnelMode::Transport, Direction::IN))?;
        anchors.push((Direction::IN, last));
    }
    for direction in [Direction::OUT, Direction::IN] {
        delete(client, tunnel, old(direction))?;
        if let Some(at) = anchors.iter().position(|(d, _)| *d == direction) {
            let (_, last) = anchors.swap_remove(at);
            delete(client, tunnel, last + 1 - families..=last)?;
        }
        let mut filled = false;
        for &request in requests {
            let part = rules[request.rule].direction & direction;
            if part.is_empty() {
                continue;
            }
            let result = match client.add(&additions::message(rules, request, part)) {
                Ok(last) => Ok(last),
                Err(PolicyError::Refused(refusal)) => Err(refusal),
                Err(error) => return Err(error),
            };
            // Only a rule that is there holds the place, not one that was refused.
            filled |= result.is_ok();
            if !outcome.take(rules, request, part, result) {
                return Ok(());
            }
        }
        if !filled && direction == Direction::OUT {
            let last = client.add(&anchor(tunnel, TunnelMode::Transport, direction))?;
            anchors.push((direction, last));
        }
    }
    for (_, last) in anchors {
        delete(client, tunnel, last + 1 - families..=last)?;
    }
    Ok(())
}

fn delete(
    client: &mut PolicyClient,
    tunnel: &TunnelName,
    indices: impl IntoIterator<Item = u64>,
) -> Result<(), PolicyError> {
    let scope = Scope::Tunnel(tunnel.clone());
    indices.into_iter().try_for_each(|index| client.delete(Side::Standby, &scope, index))
}

/// A drop rule that keeps a standby side from being empty.
fn anchor(tunnel: &TunnelName, mode: TunnelMode, direction: Direction) -> Message {
    let mut flags = match direction {
        Direction::OUT => RuleFlags::OUTBOUND,
        _ => RuleFlags::INBOUND,
    };
    flags.set(RuleFlags::TUNNEL, mode == TunnelMode::Tunnel);
    let rule = RuleExt { priority: 1, flags, unused: 0, index: 0 };
    let mut message = Message::request(MsgType::ADDRULE, SPD_STANDBY).with(Ext::Rule(rule));
    if mode == TunnelMode::Tunnel {
        // Reserved protocol, limited broadcast as both ends.
        message.exts.push(Ext::Proto(ProtoExt { number: 255, reserved: (0, 0) }));
    }
    message.exts.push(Ext::TunName(TunNameExt::for_rule(tunnel)));
    if mode == TunnelMode::Tunnel {
        let nowhere = Prefix::host(Ipv4Addr::BROADCAST.into());
        message.exts.push(Ext::LocalAddr(nowhere.into()));
        message.exts.push(Ext::RemoteAddr(nowhere.into()));
    }
    let attrs =
        vec![Attr::new(AttrTag::EMPTY, 0), Attr::new(AttrTag::TYPE, 1), Attr::new(AttrTag::END, 0)];
    message.with(Ext::Action { count: 1, reserved: 0, attrs })
}
