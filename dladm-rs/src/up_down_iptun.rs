// SPDX-License-Identifier: MIT OR Apache-2.0

//! `up-iptun` and `down-iptun`, which a boot uses. They have no options: every argument
//! is an operand.

use std::collections::BTreeSet;
use std::ffi::OsString;

use bstr::BStr;
use illumos_ipsec::model::{LinkClass, LinkId};
use illumos_ipsec::tunnels::{Failure as TunnelFailure, TunnelError, Tunnels};
use illumos_ipsec::wire::dlmgmt::LinkFlags;

use crate::context::Context;
use crate::failure::{Failure, warn};
use crate::options::cut;
use crate::policy;

pub(crate) fn up(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    const FAILED: &str = "unable to configure IP tunnel links";
    policy::repair(context)?;
    match args {
        [name] => {
            let refused = policy::ready(context, &[cut(name).to_vec()])?;
            if !refused.is_empty() {
                return Err(Failure::because(FAILED, UNREADY).about(name));
            }
            context
                .tunnels(|tunnels| tunnels.up(cut(name)))
                .map_err(|error| Failure::because(FAILED, error).about(name))
        }
        [] => {
            let links = named(context, LinkFlags::PERSIST);
            let names: Vec<_> = links.iter().map(|(_, name)| name.clone()).collect();
            let refused = policy::ready(context, &names)?;
            let refused = links.iter().filter(|(_, name)| {
                refused.iter().any(|tunnel| tunnel.as_bytes() == name.as_slice())
            });
            let mut skip = BTreeSet::new();
            for (link, name) in refused {
                warn(format_args!("{}: {UNREADY}", BStr::new(name)));
                skip.insert(*link);
            }
            all(context, FAILED, |tunnels| tunnels.up_all(&skip));
            Ok(())
        }
        _ => Err(Failure::Usage),
    }
}

/// A tunnel would come up without the policy that it was given.
const UNREADY: &str = "its policy cannot be loaded, so it stays down";

pub(crate) fn down(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    const FAILED: &str = "unable to bring down IP tunnel links";
    policy::repair(context)?;
    match args {
        [name] => {
            context
                .tunnels(|tunnels| tunnels.down(cut(name)))
                .map_err(|error| Failure::because(FAILED, error).about(name))?;
            policy::unready(context, &[cut(name).to_vec()]);
            Ok(())
        }
        [] => {
            let links = named(context, LinkFlags::ACTIVE);
            all(context, FAILED, |tunnels| tunnels.down_all());
            let is_down = |name: &Vec<u8>| {
                let found = context.client.find(name);
                !found.is_ok_and(|link| link.flags.contains(LinkFlags::ACTIVE))
            };
            let names: Vec<_> = links.into_iter().map(|(_, name)| name).filter(is_down).collect();
            policy::unready(context, &names);
            Ok(())
        }
        _ => Err(Failure::Usage),
    }
}

/// The tunnels that can have a policy of their own to care for: none, as long as no tunnel
/// has one.
fn named(context: &mut Context, flags: LinkFlags) -> Vec<(LinkId, Vec<u8>)> {
    if !policy::has_shards(&context.system) {
        return Vec::new();
    }
    let links = context.client.list(LinkClass::IPTUN, flags).unwrap_or_default();
    let name = |link: LinkId| Some((link, context.client.name(link).ok()?.name));
    links.into_iter().map(|info| info.link).filter_map(name).collect()
}

/// All tunnels. That some of them fail is reported, but as ever no failure.
fn all(
    context: &mut Context,
    failed: &'static str,
    act: impl FnOnce(&mut Tunnels<'_>) -> Result<Vec<TunnelFailure>, TunnelError>,
) {
    match context.tunnels(act) {
        Ok(failures) => failures.iter().for_each(|(name, error)| {
            warn(format_args!("{}: {error}", BStr::new(name)));
        }),
        Err(error) => warn(format_args!("{failed}: {error}")),
    }
}
