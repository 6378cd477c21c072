// SPDX-License-Identifier: MIT OR Apache-2.0

//! A tunnel that goes with its policy.

use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::tunnels::Scope;

use super::journal::Journal;
use super::shard::State;
use super::{Shard, is_temporary, name_of, open};
use crate::context::Context;
use crate::failure::{Failure, warn};

/// Deletes a tunnel, and the policy that this program has given it.
pub(crate) fn delete(context: &mut Context, name: &[u8], scope: Scope) -> Result<(), Failure> {
    let Ok(tunnel) = name_of(name) else { return remove(context, name, scope) };
    let shard = Shard::of(&context.system, &tunnel);
    let stored = match shard.state()? {
        State::Ours(_) => true,
        State::Absent if is_temporary(&tunnel)? => false,
        State::Absent => return remove(context, name, scope),
        State::Foreign => {
            remove(context, name, scope)?;
            if scope == Scope::Everything {
                warn(format_args!("{} was not made by dladm and is left there", shard.name()));
            }
            return Ok(());
        }
    };
    let mut policies = open(context)?;
    let _signals = SignalsBlocked::new();
    let temporary = scope == Scope::Active || !stored;
    let journal = Journal::begin(&context.system, temporary, &[&tunnel])?;
    if let Err(failure) = remove(context, name, scope) {
        journal.end()?;
        return Err(failure);
    }
    // A tunnel that is still stored keeps its shard, and gets its policy again when it
    // comes up.
    if !temporary && shard.ours()?.is_some() {
        shard.remove()?;
    }
    policies.remove(&tunnel)?;
    journal.end()
}

fn remove(context: &mut Context, name: &[u8], scope: Scope) -> Result<(), Failure> {
    context
        .tunnels(|tunnels| tunnels.delete(name, scope))
        .map_err(|error| Failure::because("could not delete tunnel", error))
}
