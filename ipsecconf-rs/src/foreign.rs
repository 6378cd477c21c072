// SPDX-License-Identifier: MIT OR Apache-2.0

//! Rules of other owners.

use std::collections::HashMap;

use illumos_ipsec::model::{Namespace, SpdRule};
use illumos_ipsec::policy::{PolicyRule, Problem};

use crate::view::Head;

/// Rules that cannot come into force beside those that somebody else has there: for the
/// same traffic, or for a tunnel in the other mode.
pub(crate) fn foreign(
    rules: &[PolicyRule],
    owner: Option<&Namespace>,
    there: &[SpdRule],
) -> Vec<Problem> {
    let others = || there.iter().filter(|rule| rule.namespace.as_ref() != owner);
    let traffic: HashMap<_, _> = others()
        .map(|rule| ((&rule.tunnel, rule.direction, &rule.selector), &rule.namespace))
        .collect();
    let modes: HashMap<_, _> = others()
        .filter_map(|rule| Some((rule.tunnel.as_ref()?, (rule.mode, &rule.namespace))))
        .collect();
    let mut problems = Vec::new();
    for rule in rules {
        if let Some((tunnel, mode)) = &rule.tunnel
            && let Some((theirs, other)) = modes.get(tunnel)
            && theirs != mode
        {
            let message =
                format!("there are rules {} for tunnel {tunnel} in the other mode", whose(other));
            problems.push(Problem::error(rule.span, message));
            continue;
        }
        let head: Head = rule.tunnel.as_ref().map(|(tunnel, _)| tunnel.clone());
        let selectors: Vec<_> = (0..rule.requests()).map(|pair| rule.selector(pair)).collect();
        let mut all = selectors
            .iter()
            .flat_map(|selector| rule.direction.iter().map(move |way| (way, selector)));
        let other = all.find_map(|(way, selector)| traffic.get(&(&head, way, selector)));
        if let Some(other) = other {
            let message = format!("there is a rule {} for the same traffic", whose(other));
            problems.push(Problem::error(rule.span, message));
        }
    }
    problems
}

fn whose(owner: &Option<Namespace>) -> String {
    match owner {
        Some(namespace) => format!("of namespace {namespace}"),
        None => "without a namespace".to_owned(),
    }
}
