// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules of one policy that cannot all be in force.

use std::collections::HashMap;
use std::net::IpAddr;

use illumos_ipsec::model::{ActionKind, Direction, Prefix, Selector, TunnelName};
use illumos_ipsec::policy::{PolicyRule, Problem};

/// Rules of one policy that select the same traffic for different actions.
pub(crate) fn contradictions(rules: &[PolicyRule]) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut seen: HashMap<(Option<&TunnelName>, Direction, Selector), usize> = HashMap::new();
    let mut icmp: HashMap<IcmpList<'_>, usize> = HashMap::new();
    for (at, rule) in rules.iter().enumerate() {
        let mut traffic = None;
        let mut protection = None;
        for n in 0..rule.requests() {
            let selector = rule.selector(n);
            for direction in rule.direction.iter() {
                let first = *seen.entry((tunnel(rule), direction, selector.clone())).or_insert(at);
                if !same_action(&rules[first], rule) {
                    traffic.get_or_insert(first);
                }
                if let Some(list) = icmp_list(rule, direction, &selector) {
                    let first = *icmp.entry(list).or_insert(at);
                    if !same_action(&rules[first], rule) {
                        protection.get_or_insert(first);
                    }
                }
            }
        }
        let message = match (traffic, protection) {
            (Some(_), _) => "an earlier rule selects the same traffic for another action",
            (None, Some(_)) => "an earlier ICMP rule asks for another protection",
            (None, None) => continue,
        };
        let other = traffic.or(protection).map_or(rule.span, |other| rules[other].span);
        problems.push(Problem::error(rule.span, message).see(other));
    }
    problems
}

fn tunnel(rule: &PolicyRule) -> Option<&TunnelName> {
    rule.tunnel.as_ref().map(|(name, _)| name)
}

/// Do two rules do the same? A different mode of the same tunnel is reported by itself.
fn same_action(a: &PolicyRule, b: &PolicyRule) -> bool {
    let mode = |rule: &PolicyRule| rule.tunnel.as_ref().map(|(_, mode)| *mode);
    mode(a) != mode(b) || a.alternatives() == b.alternatives()
}

/// Where the kernel keeps a protecting ICMP rule; all of one list must protect alike.
type IcmpList<'a> = (Option<&'a TunnelName>, Direction, u8, Option<u32>);

/// Hash chains of the host's and of a tunnel's policy head (`spec/pf_policy.md` section 6).
const HOST_CHAINS: u32 = 251;
const TUNNEL_CHAINS: u32 = 5;

fn icmp_list<'a>(
    rule: &'a PolicyRule,
    direction: Direction,
    selector: &Selector,
) -> Option<IcmpList<'a>> {
    let protocol = selector.proto.filter(|proto| matches!(*proto, ICMP | ICMPV6))?;
    let address = selector.remote.or(selector.local);
    let fits = address.is_none_or(|prefix| prefix.addr().is_ipv4() == (protocol == ICMP));
    let protects = rule.alternatives().first().is_some_and(|a| a.kind == ActionKind::Ipsec);
    if !fits || !protects {
        return None;
    }
    let chains = if rule.tunnel.is_some() { TUNNEL_CHAINS } else { HOST_CHAINS };
    let chain = selector.remote.filter(Prefix::is_host).map(|prefix| {
        let octets = match prefix.addr() {
            IpAddr::V4(addr) => addr.octets(),
            IpAddr::V6(addr) => {
                let [.., a, b, c, d] = addr.octets();
                [a, b, c, d]
            }
        };
        u32::from_ne_bytes(octets) % chains
    });
    Some((tunnel(rule), direction, protocol, chain))
}

/// Protocol numbers.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
