// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which traffic a change of policy would put in clear.
//!
//! Traffic is described by the selectors of rules, and rules are compared as sets of
//! packets. Where a union of several rules would have to be looked at, the answer errs on
//! the side of a warning.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;

use illumos_ipsec::model::{ActionKind, Direction, IcmpSelector, Prefix, Selector, SpdRule};

use crate::view::Head;

/// Traffic that would be in clear.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Opening {
    /// Its head, direction and selectors, with what has been done with it.
    pub traffic: SpdRule,
    pub until: Until,
    /// It is the traffic of a tunnel, which may be one that never passes clear text.
    pub in_tunnel: bool,
}

/// What has been done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    Protected,
    Dropped,
}

/// A rule and the priority that it has on one of the two sides.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ranked<'a> {
    pub rule: &'a SpdRule,
    pub priority: u32,
}

/// The traffic of some heads that is protected or dropped by the rules before, and in
/// clear after.
pub(crate) fn openings<'a>(
    before: impl Iterator<Item = Ranked<'a>>,
    after: impl Iterator<Item = Ranked<'a>>,
) -> Vec<Opening> {
    let (old, new) = (Side::new(before), Side::new(after));
    let mut openings: Vec<Opening> = Vec::new();
    let mut seen = HashSet::new();
    for (head, rules) in &old.heads {
        let now = new.heads.get(head);
        for ranked in rules.all.iter().filter(|ranked| !may_pass(ranked)) {
            let SpdRule { tunnel, direction, .. } = ranked.rule;
            for selector in clear_parts(ranked, rules, now) {
                // Both address families of a rule without addresses look the same.
                if seen.insert((tunnel, *direction, selector.clone())) {
                    let until = match ranked.rule.action.first().map(|first| first.kind) {
                        Some(ActionKind::Ipsec) => Until::Protected,
                        _ => Until::Dropped,
                    };
                    let traffic = SpdRule { selector, ..ranked.rule.clone() };
                    let in_tunnel = tunnel.is_some();
                    openings.push(Opening { traffic, until, in_tunnel });
                }
            }
        }
    }
    openings.sort_by_key(|opening| {
        let SpdRule { tunnel, direction, index, .. } = &opening.traffic;
        (tunnel.clone(), *direction, *index)
    });
    openings
}

/// The parts of an old rule's traffic that may be in clear now.
fn clear_parts(ranked: &Ranked<'_>, old: &Rules<'_>, now: Option<&Rules<'_>>) -> Vec<Selector> {
    let Ranked { rule, priority } = *ranked;
    let overruled = |part: &Selector| {
        old.near(rule.direction, part).any(|other| {
            other.priority > priority && may_pass(other) && covers(&other.rule.selector, part)
        })
    };
    let Some(now) = now else {
        // Nothing is left of the policy of this head.
        let part = rule.selector.clone();
        return if overruled(&part) { Vec::new() } else { vec![part] };
    };
    let mut parts = Vec::new();
    let mut rest = true;
    let mut others: Vec<&Ranked<'_>> = now.near(rule.direction, &rule.selector).collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.priority));
    for (at, other) in others.iter().enumerate() {
        let Some(part) = intersection(&other.rule.selector, &rule.selector) else { continue };
        if may_pass(other) {
            let closed = others[..at]
                .iter()
                .any(|above| !may_pass(above) && covers(&above.rule.selector, &part));
            // It may have passed before as well.
            if !closed && !overruled(&part) {
                parts.push(part.clone());
            }
        }
        if covers(&other.rule.selector, &rule.selector) {
            rest = false;
            break;
        }
    }
    // What no rule is about passes for the host, and is dropped for a tunnel with rules.
    if rest && rule.tunnel.is_none() && !overruled(&rule.selector) {
        parts.push(rule.selector.clone());
    }
    parts
}

fn may_pass(ranked: &Ranked<'_>) -> bool {
    ranked.rule.action.iter().any(|alternative| alternative.kind == ActionKind::Pass)
}

/// All rules of a policy, by head.
struct Side<'a> {
    heads: HashMap<&'a Head, Rules<'a>>,
}

/// The rules of a head.
#[derive(Default)]
struct Rules<'a> {
    all: Vec<Ranked<'a>>,
    /// Those for one remote address, by their positions.
    by_host: HashMap<(Direction, IpAddr), Vec<usize>>,
    /// The others.
    wide: HashMap<Direction, Vec<usize>>,
}

impl<'a> Side<'a> {
    fn new(rules: impl Iterator<Item = Ranked<'a>>) -> Self {
        let mut heads: HashMap<&Head, Rules<'_>> = HashMap::new();
        for ranked in rules {
            let SpdRule { tunnel, direction, selector, .. } = ranked.rule;
            let head = heads.entry(tunnel).or_default();
            let at = head.all.len();
            match host(selector) {
                Some(addr) => head.by_host.entry((*direction, addr)).or_default().push(at),
                None => head.wide.entry(*direction).or_default().push(at),
            }
            head.all.push(ranked);
        }
        Self { heads }
    }
}

impl<'a> Rules<'a> {
    /// The rules that can have traffic in common with a selector.
    fn near(&self, direction: Direction, selector: &Selector) -> impl Iterator<Item = &Ranked<'a>> {
        let (some, all) = match host(selector) {
            Some(addr) => {
                let hosts = self.by_host.get(&(direction, addr));
                (hosts.into_iter().chain(self.wide.get(&direction)).collect(), None)
            }
            None => (Vec::new(), Some(&self.all)),
        };
        let all = all.into_iter().flatten().filter(move |other| other.rule.direction == direction);
        some.into_iter().flatten().map(|&at| &self.all[at]).chain(all)
    }
}

/// The one remote address that a selector is about.
fn host(selector: &Selector) -> Option<IpAddr> {
    selector.remote.filter(Prefix::is_host).map(|prefix| prefix.addr())
}

/// Does the first select everything that the second does?
fn covers(wide: &Selector, narrow: &Selector) -> bool {
    intersection(wide, narrow).is_some_and(|both| both == *narrow)
}

/// What both select; none if there is nothing.
fn intersection(a: &Selector, b: &Selector) -> Option<Selector> {
    Some(Selector {
        proto: either(a.proto, b.proto)?,
        local_port: either(a.local_port, b.local_port)?,
        remote_port: either(a.remote_port, b.remote_port)?,
        local: prefix(a.local, b.local)?,
        remote: prefix(a.remote, b.remote)?,
        icmp: icmp(a.icmp, b.icmp)?,
    })
}

#[expect(clippy::option_option, reason = "nothing in common is not the same as everything")]
fn either<T: PartialEq>(a: Option<T>, b: Option<T>) -> Option<Option<T>> {
    match (a, b) {
        (Some(a), Some(b)) => (a == b).then_some(Some(a)),
        (a, b) => Some(a.or(b)),
    }
}

#[expect(clippy::option_option, reason = "nothing in common is not the same as everything")]
fn prefix(a: Option<Prefix>, b: Option<Prefix>) -> Option<Option<Prefix>> {
    match (a, b) {
        (Some(a), Some(b)) if a.len() <= b.len() => contains(a, b).then_some(Some(b)),
        (Some(a), Some(b)) => contains(b, a).then_some(Some(a)),
        (a, b) => Some(a.or(b)),
    }
}

/// Is the second, which is not shorter, inside the first?
fn contains(outer: Prefix, inner: Prefix) -> bool {
    let bits = |addr: IpAddr| match addr {
        IpAddr::V4(addr) => u128::from(addr.to_bits()) << 96,
        IpAddr::V6(addr) => addr.to_bits(),
    };
    let keep = match outer.len() {
        0 => 0,
        len => u128::MAX << (128 - u32::from(len)),
    };
    outer.addr().is_ipv4() == inner.addr().is_ipv4()
        && bits(outer.addr()) & keep == bits(inner.addr()) & keep
}

#[expect(clippy::option_option, reason = "nothing in common is not the same as everything")]
fn icmp(a: Option<IcmpSelector>, b: Option<IcmpSelector>) -> Option<Option<IcmpSelector>> {
    let (Some(a), Some(b)) = (a, b) else { return Some(a.or(b)) };
    let type_min = a.type_min.max(b.type_min);
    let type_max = a.type_max.min(b.type_max);
    let code = match (a.code, b.code) {
        (Some(a), Some(b)) => {
            let (first, last) = (a.0.max(b.0), a.1.min(b.1));
            (first <= last).then_some(Some((first, last)))?
        }
        (a, b) => a.or(b),
    };
    (type_min <= type_max).then_some(Some(IcmpSelector { type_min, type_max, code }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use illumos_ipsec::model::{Alternative, TunnelMode};

    fn rule(priority: u32, kind: ActionKind, remote: &str) -> SpdRule {
        let remote = (!remote.is_empty()).then(|| {
            let (addr, len) = remote.split_once('/').unwrap();
            Prefix::new(addr.parse().unwrap(), len.parse().unwrap()).unwrap()
        });
        SpdRule {
            index: 0,
            priority,
            direction: Direction::OUT,
            tunnel: None,
            mode: TunnelMode::Transport,
            selector: Selector { remote, ..Selector::default() },
            action: vec![Alternative { kind, ..Alternative::empty() }],
            namespace: None,
        }
    }

    fn found(before: &[&SpdRule], after: &[&SpdRule]) -> Vec<Opening> {
        let ranked = |rule| Ranked { rule, priority: rule.priority };
        openings(before.iter().copied().map(ranked), after.iter().copied().map(ranked))
    }

    fn opened(before: &[&SpdRule], after: &[&SpdRule]) -> Vec<String> {
        let remote = |opening: &Opening| match opening.traffic.selector.remote {
            Some(prefix) => prefix.to_string(),
            None => "all".to_owned(),
        };
        found(before, after).iter().map(remote).collect()
    }

    #[test]
    fn what_is_not_protected_any_more_is_found() {
        use ActionKind::{Drop, Ipsec, Pass};
        let net = rule(50, Ipsec, "10.0.0.0/8");
        let host = rule(40, Ipsec, "10.1.1.1/32");
        let none: [String; 0] = [];
        // Removed; removed but still protected by a wider one; nothing changed.
        assert_eq!(opened(&[&net], &[]), ["10.0.0.0/8"]);
        assert_eq!(opened(&[&net, &host], &[&net]), none);
        assert_eq!(opened(&[&net, &host], &[&net, &host]), none);
        assert_eq!(opened(&[&net], &[&rule(9, Drop, "")]), none);
        // A part is let pass, unless something above it protects, or it had passed before.
        let pass = rule(90, Pass, "10.1.0.0/16");
        assert_eq!(opened(&[&net], &[&net, &pass]), ["10.1.0.0/16"]);
        let low = rule(30, Pass, "10.1.0.0/16");
        assert_eq!(opened(&[&net], &[&net, &low]), none);
        assert_eq!(opened(&[&net, &pass], &[&pass, &rule(5, Drop, "")]), none);
        assert_eq!(opened(&[&host, &pass], &[&pass]), none);
        // Other addresses, other families and other directions are other traffic.
        let other = rule(90, Pass, "2001:db8::/32");
        assert_eq!(opened(&[&net], &[&net, &other]), none);
        let mut inbound = rule(90, Pass, "");
        inbound.direction = Direction::IN;
        assert_eq!(opened(&[&net], &[&net, &inbound]), none);
        // What was dropped can be opened, too.
        let drop = rule(1, Drop, "");
        assert_eq!(found(&[&drop], &[])[0].until, Until::Dropped);
    }

    #[test]
    fn a_tunnel_with_rules_drops_what_they_are_not_about() {
        let in_tunnel = |remote| SpdRule {
            tunnel: illumos_ipsec::model::TunnelName::new("t0").ok(),
            mode: TunnelMode::Tunnel,
            ..rule(5, ActionKind::Ipsec, remote)
        };
        let (one, two) = (in_tunnel("10.0.0.0/8"), in_tunnel("172.16.0.0/12"));
        assert!(found(&[&one, &two], &[&two]).is_empty());
        let all_gone = found(&[&one, &two], &[]);
        assert_eq!(all_gone.len(), 2);
        assert!(all_gone.iter().all(|opening| opening.in_tunnel));
    }
}
