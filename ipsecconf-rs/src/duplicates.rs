// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules that the kernel has already.
//!
//! The kernel answers EEXIST as soon as one half of a rule meets the same selectors,
//! whatever the action, and then adds nothing. A true duplicate is harmless. A rule of
//! which only one direction is there has to be completed. Anything else would leave
//! traffic under another policy than the file says, so the load is refused.

use std::collections::HashMap;

use illumos_ipsec::model::{Alternative, Direction, Selector, Side};
use illumos_ipsec::policy::{PolicyRule, Problem};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};

use crate::additions::{self, Outcome, Request};
use crate::view::Head;

/// The traffic of a kernel rule. The address family of a rule without addresses is not
/// known, so there can be two of them.
type Key = (Head, Direction, Selector);

/// A rule in the kernel: index and action.
type Found = (u64, Vec<Alternative>);

/// Why a rule is no duplicate although the kernel says so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// The same traffic, another action: the rules in the kernel.
    Action(Vec<u64>),
    /// Only one address family of it is there: the rule in the kernel.
    Family(Vec<u64>),
    /// Another ICMP rule with another protection is in the way.
    Icmp,
}

impl Conflict {
    /// The same for people.
    pub(crate) fn problem(&self, rule: &PolicyRule) -> Problem {
        let of_tunnel = match &rule.tunnel {
            Some((tunnel, _)) => format!(" of tunnel {tunnel}"),
            None => String::new(),
        };
        let numbers = |indices: &[u64]| {
            let list: Vec<_> = indices.iter().map(u64::to_string).collect();
            let noun = if list.len() == 1 { "rule" } else { "rules" };
            format!("{noun} {}{of_tunnel}", list.join(", "))
        };
        let problem = |message: String| Problem::error(rule.span, message);
        match self {
            Self::Action(indices) => problem(format!(
                "there is a rule for the same traffic with another action ({})",
                numbers(indices)
            )),
            Self::Family(indices) => {
                problem("only a part of this rule is in force, the rest was deleted".into())
                    .hint(format!("delete {} with -d first", numbers(indices)))
            }
            Self::Icmp => problem(format!(
                "there is an ICMP rule{of_tunnel} for the same addresses with another protection"
            )),
        }
    }
}

/// Looks at every request that met EEXIST. Missing directions are added; what cannot be
/// set right is returned.
pub(crate) fn resolve(
    client: &mut PolicyClient,
    rules: &[PolicyRule],
    outcome: &mut Outcome,
) -> Result<Vec<(Request, Conflict)>, PolicyError> {
    let mut conflicts = Vec::new();
    let mut missing: Vec<(Request, Direction)> = Vec::new();
    let mut present = present(client, rules, &outcome.duplicates)?;
    for &request in &outcome.duplicates {
        let rule = &rules[request.rule];
        let wanted = rule.alternatives();
        let mut absent = Direction::empty();
        let mut conflict = None;
        for direction in rule.direction.iter() {
            let expected = additions::kernel_rules(rule, direction) as usize;
            let found = present.entry(key(rule, request.pair, direction)).or_default();
            if found.is_empty() {
                absent |= direction;
            } else if found.iter().any(|(_, action)| *action != wanted) {
                conflict = Some(Conflict::Action(indices(found)));
            } else if found.len() < expected {
                conflict = conflict.or(Some(Conflict::Family(indices(found))));
            }
        }
        if absent == rule.direction {
            conflict = Some(Conflict::Icmp);
        }
        match conflict {
            Some(conflict) => conflicts.push((request, conflict)),
            None if absent.is_empty() => {}
            None => {
                missing.push((request, absent));
                // Another duplicate of the same rule must not be completed again.
                for direction in absent.iter() {
                    let expected = additions::kernel_rules(rule, direction) as usize;
                    let key = key(rule, request.pair, direction);
                    present.insert(key, vec![(0, wanted.clone()); expected]);
                }
            }
        }
    }
    if conflicts.is_empty() {
        for (request, direction) in missing {
            let last = client.add(&additions::message(rules, request, direction))?;
            outcome.record(rules, request, direction, last);
        }
    }
    Ok(conflicts)
}

fn key(rule: &PolicyRule, pair: usize, direction: Direction) -> Key {
    (rule.tunnel.as_ref().map(|(name, _)| name.clone()), direction, rule.selector(pair))
}

fn indices(found: &[Found]) -> Vec<u64> {
    found.iter().map(|(index, _)| *index).collect()
}

/// The rules that the standby side has for the traffic of these requests: index and action.
fn present(
    client: &mut PolicyClient,
    rules: &[PolicyRule],
    requests: &[Request],
) -> Result<HashMap<Key, Vec<Found>>, PolicyError> {
    let mut present: HashMap<Key, Vec<Found>> = HashMap::new();
    for request in requests {
        let rule = &rules[request.rule];
        for direction in rule.direction.iter() {
            present.entry(key(rule, request.pair, direction)).or_default();
        }
    }
    // A record that cannot be read is like none of our rules.
    for rule in client.rules(Side::Standby, &Scope::All)? {
        let key = (rule.tunnel, rule.direction, rule.selector);
        if let Some(actions) = present.get_mut(&key) {
            actions.push((rule.index, rule.action));
        }
    }
    Ok(present)
}
