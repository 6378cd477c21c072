// SPDX-License-Identifier: MIT OR Apache-2.0

//! Another name for a tunnel and its policy.
//!
//! The kernel keeps policy by name, so there is policy for the new name first. A tunnel
//! that requires IPsec is renamed while it has none, and is closed meanwhile. Any other
//! keeps the policy of its old name until something is done to that of the new one.

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::sys::signals::SignalsBlocked;
use illumos_ipsec::tunnels::{Renamed, TunnelError};
use illumos_ipsec::wire::iptun::KparamFlags;
use ipsecconf_rs::tunnel_policy::TunnelPolicies;

use super::journal::Journal;
use super::shard::State;
use super::{Shard, is_temporary, name_of, open, source};
use crate::context::Context;
use crate::failure::{Failure, warn};

/// Renames a tunnel, and the shard that this program made for it. `plain` renames the
/// tunnel alone, and says what is to be said about that.
pub(crate) fn rename(
    context: &mut Context,
    old: &[u8],
    new: &[u8],
    plain: impl Fn(&mut Context) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let (Ok(from), Ok(to)) = (name_of(old), name_of(new)) else { return plain(context) };
    let (from_shard, to_shard) =
        (Shard::of(&context.system, &from), Shard::of(&context.system, &to));
    let text = match from_shard.state()? {
        State::Ours(text) => text,
        State::Foreign => {
            plain(context)?;
            let shard = from_shard.name();
            warn(format_args!("{shard} was not made by dladm and keeps its name"));
            return Ok(());
        }
        State::Absent => {
            plain(context)?;
            if is_temporary(&from)? {
                warn(format_args!("the policy of {from} is in no file and keeps its name"));
            }
            return Ok(());
        }
    };
    let failed = |reason: String| Failure::because("rename operation failed", reason);
    if to_shard.exists() {
        return Err(failed(format!("{} is there already", to_shard.name())));
    }
    let mut policies = open(context)?;
    let in_force = policies.in_force()?;
    if in_force.contains(&to) {
        return Err(failed(format!("there is policy for {to} in force already")));
    }
    let loaded = in_force.contains(&from);

    let _signals = SignalsBlocked::new();
    let journal = Journal::begin(&context.system, false, &[&from, &to])?;
    let step = Step { context, policies: &mut policies, from: &from, to: &to, loaded };
    let outcome = step.run(&from_shard, &to_shard, &text);
    match outcome {
        Ok(()) => journal.end(),
        Err(failure) => {
            // The same as if it had been killed here.
            if super::repair::undo(context, &mut policies).is_err() {
                warn(format_args!("not all of the change of {from} could be taken back"));
            }
            Err(failure)
        }
    }
}

struct Step<'a> {
    context: &'a mut Context,
    policies: &'a mut TunnelPolicies,
    from: &'a TunnelName,
    to: &'a TunnelName,
    /// Is the policy in force?
    loaded: bool,
}

impl Step<'_> {
    fn run(self, from_shard: &Shard, to_shard: &Shard, text: &[u8]) -> Result<(), Failure> {
        let Self { context, policies, from, to, loaded } = self;
        let link = context.client.find(from.as_bytes());
        let info = link.and_then(|link| context.client.tunnel_info(link.link));
        let secure = info.is_ok_and(|info| info.flags.contains(KparamFlags::SECURE));
        if loaded {
            policies.replace(source(to, Some(to_shard), text))?;
            if secure {
                policies.remove(from)?;
            }
        }
        let renamed: Result<Renamed, TunnelError> =
            context.tunnels(|tunnels| tunnels.rename(from.as_bytes(), to.as_bytes()));
        renamed.map_err(|error| Failure::because("rename operation failed", error))?;
        from_shard.rename(to_shard)?;
        if loaded && !secure {
            policies.touch(to)?;
            policies.remove(from)?;
        }
        Ok(())
    }
}
