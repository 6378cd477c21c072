// SPDX-License-Identifier: MIT OR Apache-2.0

//! Tunnels that lose their last rule.
//!
//! Removing policy from a tunnel is a legitimate wish, but it must not go unnoticed.
//! The kernel is asked, not the view: rules can be in force that the view does not have.

use std::collections::BTreeSet;

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::sys::policy::{PolicyClient, PolicyError, Scope};
use illumos_ipsec::wire::errno::Errno;

use crate::exit::complain;

/// Tunnel names that a warning lists at most.
const NAMES_SHOWN: usize = 10;

/// The tunnels of a scope that have rules in force.
pub(crate) fn protected(
    client: &mut PolicyClient,
    scope: &Scope,
) -> Result<BTreeSet<TunnelName>, PolicyError> {
    if *scope == Scope::Global {
        return Ok(BTreeSet::new());
    }
    match client.tunnels(Side::Active, scope) {
        // A tunnel that the kernel does not know has no rules.
        Err(error) if error.refusal().is_some_and(|r| r.errno == Errno::ENOENT) => {
            Ok(BTreeSet::new())
        }
        result => result,
    }
}

/// Warns, also when quiet, that these tunnels have lost all their rules.
pub(crate) fn warn(tunnels: &BTreeSet<TunnelName>) {
    if tunnels.is_empty() {
        return;
    }
    let (noun, verb, unless) = match tunnels.len() {
        1 => ("tunnel", "has", "it requires IPsec, its"),
        _ => ("tunnels", "have", "they require IPsec, their"),
    };
    complain(format_args!(
        "WARNING: {noun} {} {verb} no IPsec policy any more; unless {unless} traffic is in clear",
        list(tunnels)
    ));
}

/// Some names, and how many more there are.
pub(crate) fn list(tunnels: &BTreeSet<TunnelName>) -> String {
    let mut names: Vec<String> =
        tunnels.iter().take(NAMES_SHOWN).map(ToString::to_string).collect();
    if tunnels.len() > NAMES_SHOWN {
        names.push(format!("and {} more", tunnels.len() - NAMES_SHOWN));
    }
    names.join(", ")
}
