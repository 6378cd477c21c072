// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules of one policy that cannot all be in force.

use std::collections::HashMap;

use illumos_ipsec::model::{Direction, Selector, TunnelName};
use illumos_ipsec::policy::{PolicyRule, Problem};

use crate::icmp::{IcmpList, list_of};

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
                if let Some(list) = list_of(rule, direction, &selector) {
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
