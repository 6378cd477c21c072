// SPDX-License-Identifier: MIT OR Apache-2.0

//! Stored tunnels that come up with their policy, and go down with it.
//!
//! At boot the policy service has loaded the shards before. Where it has not, a tunnel for
//! which this program made a shard does not come up without it.

use std::collections::BTreeSet;

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::policy::SourceText;
use ipsecconf_rs::tunnel_policy::TunnelPolicies;

use super::{PROGRAM, Shard, name_of, source};
use crate::context::Context;
use crate::failure::{Failure, warn};

/// Loads the policy of these tunnels as far as it is ours and not in force. Gives back
/// those that must not come up, because that has failed.
pub(crate) fn ready(
    context: &mut Context,
    names: &[Vec<u8>],
) -> Result<BTreeSet<TunnelName>, Failure> {
    let mut shards: Vec<SourceText> = Vec::new();
    for name in names {
        let Ok(tunnel) = name_of(name) else { continue };
        let shard = Shard::of(&context.system, &tunnel);
        if let Some(text) = shard.ours()? {
            shards.push(source(&tunnel, Some(&shard), &text));
        }
    }
    if shards.is_empty() {
        return Ok(BTreeSet::new());
    }
    let mut policies = TunnelPolicies::open(PROGRAM)?;
    let in_force = policies.in_force()?;
    shards.retain(|shard| shard.tunnel.as_ref().is_some_and(|tunnel| !in_force.contains(tunnel)));
    let mut refused = BTreeSet::new();
    shards.retain(|shard| match policies.check(shard) {
        Ok(()) => true,
        Err(_) => {
            refused.extend(shard.tunnel.clone());
            false
        }
    });
    if shards.is_empty() {
        return Ok(refused);
    }
    if policies.add(shards.clone()).is_err() {
        // One after the other, to find out which of them cannot be.
        for shard in shards {
            let tunnel = shard.tunnel.clone();
            if policies.replace(shard).is_err() {
                refused.extend(tunnel);
            }
        }
    }
    Ok(refused)
}

/// Takes the policy of a tunnel that went down out of the record. The kernel has removed
/// it with the tunnel.
pub(crate) fn unready(context: &Context, names: &[Vec<u8>]) {
    let is_ours = |name: &&Vec<u8>| {
        let shard = name_of(name).map(|tunnel| Shard::of(&context.system, &tunnel));
        shard.and_then(|shard| shard.ours()).is_ok_and(|text| text.is_some())
    };
    let ours: Vec<TunnelName> =
        names.iter().filter(is_ours).filter_map(|name| name_of(name).ok()).collect();
    if ours.is_empty() {
        return;
    }
    let removed = TunnelPolicies::open(PROGRAM)
        .and_then(|mut policies| ours.iter().try_for_each(|tunnel| policies.remove(tunnel)));
    if removed.is_err() {
        warn("the record of loaded policy still lists what went with the tunnels");
    }
}
