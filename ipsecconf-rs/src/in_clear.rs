// SPDX-License-Identifier: MIT OR Apache-2.0

//! Which traffic a change of policy would put in clear.
//!
//! Traffic is described by the selectors of rules, and rules are compared as sets of
//! packets. Where a union of several rules would have to be looked at, the answer errs on
//! the side of a warning.

use std::collections::{BTreeSet, HashMap};
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

/// The traffic that is protected or dropped by the rules before, and in clear after.
pub(crate) fn openings(before: &[SpdRule], after: &[SpdRule]) -> Vec<Opening> {
    let (old, new) = (Side::new(before), Side::new(after));
    let mut openings: Vec<Opening> = Vec::new();
    let mut seen = BTreeSet::new();
    for (head, rules) in &old.heads {
        let now = new.heads.get(head);
        // Only where something has changed can anything be opened.
        let unchanged = |rule: &SpdRule| now.is_some_and(|now| now.has(rule));
        let changed = !rules.all.iter().all(|rule| unchanged(rule))
            || now.is_none_or(|now| now.all.len() != rules.all.len());
        if !changed {
            continue;
        }
        for rule in rules.all.iter().filter(|rule| !may_pass(rule)) {
            for selector in clear_parts(rule, rules, now) {
                let traffic = SpdRule { selector, ..(*rule).clone() };
                if seen.insert(format!("{traffic:?}")) {
                    let until = match rule.action.first().map(|first| first.kind) {
                        Some(ActionKind::Ipsec) => Until::Protected,
                        _ => Until::Dropped,
                    };
                    let in_tunnel = rule.tunnel.is_some();
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
fn clear_parts(rule: &SpdRule, old: &Rules, now: Option<&Rules>) -> Vec<Selector> {
    let overruled = |part: &Selector| {
        old.near(rule.direction, part).any(|other| {
            other.priority > rule.priority && may_pass(other) && covers(&other.selector, part)
        })
    };
    let Some(now) = now else {
        // Nothing is left of the policy of this head.
        let part = rule.selector.clone();
        return if overruled(&part) { Vec::new() } else { vec![part] };
    };
    let mut parts = Vec::new();
    let mut rest = true;
    let mut others: Vec<&SpdRule> = now.near(rule.direction, &rule.selector).copied().collect();
    others.sort_by_key(|other| std::cmp::Reverse(other.priority));
    for (at, other) in others.iter().enumerate() {
        let Some(part) = intersection(&other.selector, &rule.selector) else { continue };
        if may_pass(other) {
            let closed =
                others[..at].iter().any(|above| !may_pass(above) && covers(&above.selector, &part));
            // It may have passed before as well.
            if !closed && !overruled(&part) {
                parts.push(part.clone());
            }
        }
        if covers(&other.selector, &rule.selector) {
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

fn may_pass(rule: &SpdRule) -> bool {
    rule.action.iter().any(|alternative| alternative.kind == ActionKind::Pass)
}

/// All rules of a policy, by head.
struct Side<'a> {
    heads: HashMap<&'a Head, Rules<'a>>,
}

/// The rules of a head.
#[derive(Default)]
struct Rules<'a> {
    all: Vec<&'a SpdRule>,
    /// Those for one remote address.
    by_host: HashMap<(Direction, IpAddr), Vec<&'a SpdRule>>,
    /// The others.
    wide: HashMap<Direction, Vec<&'a SpdRule>>,
    /// What is compared to find a rule that is still there.
    known: BTreeSet<String>,
}

impl<'a> Side<'a> {
    fn new(rules: &'a [SpdRule]) -> Self {
        let mut heads: HashMap<&Head, Rules> = HashMap::new();
        for rule in rules {
            let head = heads.entry(&rule.tunnel).or_default();
            head.all.push(rule);
            head.known.insert(identity(rule));
            match host(&rule.selector) {
                Some(addr) => head.by_host.entry((rule.direction, addr)).or_default().push(rule),
                None => head.wide.entry(rule.direction).or_default().push(rule),
            }
        }
        Self { heads }
    }
}

impl<'a> Rules<'a> {
    fn has(&self, rule: &SpdRule) -> bool {
        self.known.contains(&identity(rule))
    }

    /// The rules that can have traffic in common with a selector.
    fn near(
        &self,
        direction: Direction,
        selector: &Selector,
    ) -> impl Iterator<Item = &&'a SpdRule> {
        let (hosts, all) = match host(selector) {
            Some(addr) => (self.by_host.get(&(direction, addr)), None),
            None => (None, Some(&self.all)),
        };
        let wide = if all.is_none() { self.wide.get(&direction) } else { None };
        let all = all.into_iter().flatten().filter(move |rule| rule.direction == direction);
        hosts.into_iter().flatten().chain(wide.into_iter().flatten()).chain(all)
    }
}

fn identity(rule: &SpdRule) -> String {
    let SpdRule { priority, direction, mode, selector, action, .. } = rule;
    format!("{priority} {direction:?} {mode:?} {selector:?} {action:?}")
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
        }
    }

    fn opened(before: &[&SpdRule], after: &[&SpdRule]) -> Vec<String> {
        let owned = |rules: &[&SpdRule]| rules.iter().map(|&rule| rule.clone()).collect::<Vec<_>>();
        let remote = |opening: &Opening| match opening.traffic.selector.remote {
            Some(prefix) => prefix.to_string(),
            None => "all".to_owned(),
        };
        openings(&owned(before), &owned(after)).iter().map(remote).collect()
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
        assert_eq!(openings(&[drop], &[])[0].until, Until::Dropped);
    }

    #[test]
    fn a_tunnel_with_rules_drops_what_they_are_not_about() {
        let in_tunnel = |remote| SpdRule {
            tunnel: illumos_ipsec::model::TunnelName::new("t0").ok(),
            mode: TunnelMode::Tunnel,
            ..rule(5, ActionKind::Ipsec, remote)
        };
        let (one, two) = (in_tunnel("10.0.0.0/8"), in_tunnel("172.16.0.0/12"));
        assert!(openings(&[one.clone(), two.clone()], std::slice::from_ref(&two)).is_empty());
        let all_gone = openings(&[one, two], &[]);
        assert_eq!(all_gone.len(), 2);
        assert!(all_gone.iter().all(|opening| opening.in_tunnel));
    }
}
