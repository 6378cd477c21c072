// SPDX-License-Identifier: MIT OR Apache-2.0

//! A tunnel that is made with its policy.

use illumos_ipsec::model::LinkClass;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::tunnels::Tunnel;

use super::journal::Journal;
use super::{Shard, Wanted, name_of, open, source};
use crate::context::Context;
use crate::failure::{Failure, warn};

/// Makes a tunnel with a policy; neither is there if anything fails.
pub(crate) fn create(
    context: &mut Context,
    tunnel: &Tunnel,
    temporary: bool,
    wanted: &Wanted,
) -> Result<(), Failure> {
    let failed = |error: String| Failure::because("could not create tunnel", error);
    let name = name_of(&tunnel.name)?;
    let mut policies = open(context)?;
    if context.client.find(&tunnel.name).is_ok_and(|link| link.class == LinkClass::IPTUN) {
        return Err(failed(LinkStatus::Exists.to_string()));
    }
    let wanted = wanted.checked(&context.system, &name, &mut policies)?;
    if policies.in_force()?.contains(&name) {
        return Err(failed(format!(
            "there is policy for {name} in force already; ipsecconf -l -i {name} shows it, \
             ipsecconf -f -i {name} removes it"
        )));
    }
    let shard = (!temporary).then(|| Shard::of(&context.system, &name));
    let mut text = wanted.text;
    if let Some(shard) = &shard {
        if shard.exists() {
            let shard = shard.name();
            return Err(failed(format!(
                "{shard} is there already; remove it, or do not give a policy"
            )));
        }
        Shard::make_directories(&context.system)?;
        text = Shard::marked(&text);
    }

    let _signals = SignalsBlocked::new();
    let journal = Journal::begin(&context.system, temporary, &[&name])?;
    let written = shard.as_ref().map_or(Ok(()), |shard| shard.write(&text));
    let outcome = written
        .and_then(|()| Ok(policies.replace(source(&name, shard.as_ref(), &text))?))
        .and_then(|()| {
            let made = context.tunnels(|tunnels| tunnels.create(tunnel, temporary));
            made.map(drop).map_err(|error| failed(error.to_string()))
        });
    let Err(failure) = outcome else { return journal.end() };
    // In reverse. What does not succeed now is left to the next command.
    let undone = policies
        .remove(&name)
        .map_err(Failure::from)
        .and_then(|()| shard.map_or(Ok(()), |shard| shard.remove()))
        .and_then(|()| journal.end());
    if let Err(reason) = undone {
        reason.say();
        warn(format_args!("the policy of {name} could not be taken back; the next dladm does it"));
    }
    Err(failure)
}
