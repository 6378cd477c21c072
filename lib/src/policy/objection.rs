// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the kernel will refuse in rules that the language allows.
//!
//! A check without a kernel reports these as errors. Source: `spec/pf_policy.md`
//! sections 4.1 and 4.2.

use std::collections::HashMap;

use super::rule::PolicyRule;
use super::{Problem, Span};
use crate::model::{TunnelMode, TunnelName};
use crate::wire::errno::Errno;
use crate::wire::policy::Diagnostic;

/// A rule that the kernel will refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Objection {
    /// Index of the rule among those given.
    pub rule: usize,
    /// The error of the reply.
    pub errno: Errno,
    /// The diagnostic of the reply.
    pub diagnostic: Diagnostic,
    /// The same for people.
    pub problem: Problem,
}

/// Finds the rules that a kernel with an empty policy and the algorithms that were
/// compiled for will refuse, each with the first thing that is wrong. Duplicates are
/// not looked for.
#[must_use]
pub fn objections(rules: &[PolicyRule]) -> Vec<Objection> {
    let mut modes: HashMap<&TunnelName, (TunnelMode, Span)> = HashMap::new();
    let mut found = Vec::new();
    for (at, rule) in rules.iter().enumerate() {
        let objection = tunnel_mode(rule, &mut modes)
            .or_else(|| transport_selectors(rule))
            .or_else(|| unique_in_tunnel_mode(rule))
            .or_else(|| action(rule));
        if let Some((errno, diagnostic, problem)) = objection {
            found.push(Objection { rule: at, errno, diagnostic, problem });
        }
    }
    found
}

type Found = (Errno, Diagnostic, Problem);

/// All rules of a tunnel have the mode of the first one.
fn tunnel_mode<'a>(
    rule: &'a PolicyRule,
    modes: &mut HashMap<&'a TunnelName, (TunnelMode, Span)>,
) -> Option<Found> {
    let (name, mode) = rule.tunnel.as_ref()?;
    let &mut (first, other) = modes.entry(name).or_insert((*mode, rule.span));
    (first != *mode).then(|| {
        let message = format!("an earlier rule for {name} negotiates the other mode");
        (Errno::EBUSY, Diagnostic::NONE, Problem::error(rule.span, message).see(other))
    })
}

/// In transport mode the inner packets are not looked at.
fn transport_selectors(rule: &PolicyRule) -> Option<Found> {
    let transport = matches!(rule.tunnel, Some((_, TunnelMode::Transport)));
    let selects = rule.has_address()
        || rule.proto.is_some()
        || rule.icmp.is_some()
        || rule.src_port.is_some()
        || rule.dst_port.is_some();
    (transport && selects).then(|| {
        let message = "a rule that negotiates transport mode cannot select traffic";
        let problem = Problem::error(rule.span, message)
            .hint("leave addresses, ports and protocol out, or `negotiate tunnel`");
        (Errno::EINVAL, Diagnostic::NO_TUNNEL_SELECTORS, problem)
    })
}

fn unique_in_tunnel_mode(rule: &PolicyRule) -> Option<Found> {
    let tunnel = matches!(rule.tunnel, Some((_, TunnelMode::Tunnel)));
    (tunnel && rule.action.unique).then(|| {
        let message = "a rule that negotiates tunnel mode cannot have `sa unique`";
        (Errno::EINVAL, Diagnostic::ADD_INCON_FLAGS, Problem::error(rule.span, message))
    })
}

fn action(rule: &PolicyRule) -> Option<Found> {
    let diagnostic = rule.action.refused?;
    let message = match diagnostic {
        Diagnostic::ADD_INCON_FLAGS => "an action without protection cannot have `sa unique`",
        Diagnostic::UNSUPP_AH_KEYSIZE
        | Diagnostic::UNSUPP_ESP_ENCR_KEYSIZE
        | Diagnostic::UNSUPP_ESP_AUTH_KEYSIZE => {
            "the default key size of an algorithm is above the largest key allowed"
        }
        _ => "the kernel does not have one of the algorithms",
    };
    Some((Errno::EINVAL, diagnostic, Problem::error(rule.span, message)))
}
