// SPDX-License-Identifier: MIT OR Apache-2.0

//! What an earlier command has not done to its end.
//!
//! Whatever it was, afterwards a tunnel and its policy are both there or both are not.
//! The tunnel decides: it is made last and goes first.

use illumos_ipsec::model::{LinkClass, TunnelName};
use illumos_ipsec::tunnels::Scope;
use ipsecconf_rs::tunnel_policy::TunnelPolicies;

use super::journal::{Journal, Unfinished};
use super::{PROGRAM, Shard, is_temporary, source};
use crate::context::Context;
use crate::failure::{Failure, warn};

/// Finishes what has been left, if there is anything. If another command is still at
/// work, this waits for its end.
pub(crate) fn repair(context: &mut Context) -> Result<(), Failure> {
    if !Journal::is_there(&context.system) {
        return Ok(());
    }
    let mut policies = TunnelPolicies::open(PROGRAM)?;
    finish(context, &mut policies)
}

/// The same with access to policy.
pub(super) fn finish(context: &mut Context, policies: &mut TunnelPolicies) -> Result<(), Failure> {
    each(context, policies, |name, state| {
        warn(format_args!("an earlier dladm did not finish; tunnel {name} {state}"));
    })
}

/// Takes back what this command has begun.
pub(super) fn undo(context: &mut Context, policies: &mut TunnelPolicies) -> Result<(), Failure> {
    each(context, policies, |_, _| ())
}

/// Settles all that is unfinished, and says of each tunnel what is the case with it.
fn each(
    context: &mut Context,
    policies: &mut TunnelPolicies,
    say: impl Fn(&TunnelName, &'static str),
) -> Result<(), Failure> {
    for Unfinished { names, temporary, journal } in Journal::read(&context.system)? {
        if let [from, to] = names.as_slice() {
            rename(context, policies, from, to)?;
        }
        for name in &names {
            say(name, settle(context, policies, name, temporary)?);
        }
        journal.end()?;
    }
    Ok(())
}

/// Brings a tunnel and its policy in line. What came of it, for people.
fn settle(
    context: &mut Context,
    policies: &mut TunnelPolicies,
    name: &TunnelName,
    temporary: bool,
) -> Result<&'static str, Failure> {
    let shard = Shard::of(&context.system, name);
    let text = shard.ours()?;
    if is_there(context, name, temporary) {
        let Some(text) = text.filter(|_| !temporary) else {
            return Ok("is there, with the policy that is in force");
        };
        // What is stored is what counts. If it cannot be loaded, what is in force stays.
        return Ok(match policies.replace(source(name, Some(&shard), &text)) {
            Ok(()) => "is there, with its policy",
            Err(_) => "is there, but its stored policy cannot be loaded",
        });
    }
    // A link without a tunnel can be left of an attempt.
    let scope = if temporary { Scope::Active } else { Scope::Everything };
    let _ = context.tunnels(|tunnels| tunnels.delete(name.as_bytes(), scope));
    if text.is_some() && !temporary {
        shard.remove()?;
    }
    if text.is_some() || is_temporary(name)? {
        policies.remove(name)?;
    }
    Ok("is not there, nor is policy that was made for it")
}

/// Does the tunnel exist, or is it at least stored?
fn is_there(context: &mut Context, name: &TunnelName, temporary: bool) -> bool {
    let Ok(link) = context.client.find(name.as_bytes()) else { return false };
    link.class == LinkClass::IPTUN
        && (context.client.tunnel_info(link.link).is_ok()
            || (!temporary && context.tunnels(|tunnels| tunnels.entry(link.link)).is_ok()))
}

/// Gives the shard the name that the tunnel has.
fn rename(
    context: &mut Context,
    policies: &mut TunnelPolicies,
    from: &TunnelName,
    to: &TunnelName,
) -> Result<(), Failure> {
    let (old, new) = match is_there(context, to, false) {
        true => (from, to),
        false => (to, from),
    };
    let (old_shard, new_shard) = (Shard::of(&context.system, old), Shard::of(&context.system, new));
    if old_shard.ours()?.is_some() && !new_shard.exists() {
        old_shard.rename(&new_shard)?;
    }
    let Some(text) = new_shard.ours()? else { return Ok(()) };
    let in_force = policies.in_force()?;
    if in_force.contains(old) || in_force.contains(new) {
        policies.replace(source(new, Some(&new_shard), &text))?;
        policies.remove(old)?;
    }
    Ok(())
}
