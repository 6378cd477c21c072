// SPDX-License-Identifier: MIT OR Apache-2.0

//! ICMP rules that the kernel keeps in one list: all of them must protect alike
//! (`spec/pf_policy.md` section 6).

use std::collections::HashMap;
use std::net::IpAddr;

use illumos_ipsec::model::{
    ActionKind, Alternative, Direction, Prefix, Selector, SpdRule, TunnelName,
};
use illumos_ipsec::policy::PolicyRule;

/// Where the kernel keeps a protecting ICMP rule.
pub(crate) type IcmpList<'a> = (Option<&'a TunnelName>, Direction, u8, Option<u32>);

/// Hash chains of the host's and of a tunnel's policy head.
const HOST_CHAINS: u32 = 251;
const TUNNEL_CHAINS: u32 = 5;

/// Protocol numbers.
const ICMP: u8 = 1;
const ICMPV6: u8 = 58;

/// The list of a rule for one of its directions and selectors, if it protects ICMP.
pub(crate) fn list_of<'a>(
    rule: &'a PolicyRule,
    direction: Direction,
    selector: &Selector,
) -> Option<IcmpList<'a>> {
    let tunnel = rule.tunnel.as_ref().map(|(name, _)| name);
    list(tunnel, direction, selector).filter(|_| protects(&rule.alternatives()))
}

/// What the rules in force protect ICMP with, by their lists.
pub(crate) fn lists_in_force<'a>(
    active: impl Iterator<Item = &'a SpdRule>,
) -> HashMap<IcmpList<'a>, &'a [Alternative]> {
    let mut lists = HashMap::new();
    for rule in active.filter(|rule| protects(&rule.action)) {
        if let Some(list) = list(rule.tunnel.as_ref(), rule.direction, &rule.selector) {
            // The first of a list is what others are compared with.
            lists.entry(list).or_insert(rule.action.as_slice());
        }
    }
    lists
}

/// Does one of these lists protect otherwise than a rule that would have to be in it?
pub(crate) fn is_in_the_way(
    lists: &HashMap<IcmpList<'_>, &[Alternative]>,
    rule: &PolicyRule,
) -> bool {
    (0..rule.requests()).any(|pair| {
        let selector = rule.selector(pair);
        rule.direction.iter().any(|direction| {
            let there = list_of(rule, direction, &selector).and_then(|list| lists.get(&list));
            there.is_some_and(|there| **there != rule.alternatives())
        })
    })
}

fn protects(action: &[Alternative]) -> bool {
    action.first().is_some_and(|first| first.kind == ActionKind::Ipsec)
}

fn list<'a>(
    tunnel: Option<&'a TunnelName>,
    direction: Direction,
    selector: &Selector,
) -> Option<IcmpList<'a>> {
    let protocol = selector.proto.filter(|proto| matches!(*proto, ICMP | ICMPV6))?;
    let address = selector.remote.or(selector.local);
    if address.is_some_and(|prefix| prefix.addr().is_ipv4() != (protocol == ICMP)) {
        return None;
    }
    let chains = if tunnel.is_some() { TUNNEL_CHAINS } else { HOST_CHAINS };
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
    Some((tunnel, direction, protocol, chain))
}
