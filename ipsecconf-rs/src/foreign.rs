// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules of other owners.

use std::collections::HashMap;

use illumos_ipsec::model::{Namespace, SpdRule};
use illumos_ipsec::policy::{PolicyRule, Problem};

use crate::view::Head;

/// Rules for traffic for which somebody else has a rule in force.
pub(crate) fn foreign(
    rules: &[PolicyRule],
    owner: Option<&Namespace>,
    active: &[SpdRule],
) -> Vec<Problem> {
    let others: HashMap<_, _> = active
        .iter()
        .filter(|rule| rule.namespace.as_ref() != owner)
        .map(|rule| ((&rule.tunnel, rule.direction, &rule.selector), &rule.namespace))
        .collect();
    let mut problems = Vec::new();
    for rule in rules {
        let head: Head = rule.tunnel.as_ref().map(|(tunnel, _)| tunnel.clone());
        let selectors: Vec<_> = (0..rule.requests()).map(|pair| rule.selector(pair)).collect();
        let mut traffic = selectors
            .iter()
            .flat_map(|selector| rule.direction.iter().map(move |way| (way, selector)));
        let other = traffic.find_map(|(way, selector)| others.get(&(&head, way, selector)));
        if let Some(other) = other {
            let whose = match other {
                Some(namespace) => format!("of namespace {namespace}"),
                None => "without a namespace".to_owned(),
            };
            let message = format!("there is a rule {whose} for the same traffic");
            problems.push(Problem::error(rule.span, message));
        }
    }
    problems
}
