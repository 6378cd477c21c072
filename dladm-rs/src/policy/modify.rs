// SPDX-License-Identifier: MIT OR Apache-2.0

//! Another policy for a tunnel.

use illumos_ipsec::model::LinkClass;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::sys::signals::SignalsBlocked;

use super::journal::Journal;
use super::shard::State;
use super::{Shard, TEMPORARY, Wanted, name_of, open, source};
use crate::context::Context;
use crate::failure::{Failure, warn};

const FAILED: &str = "could not modify tunnel";

/// Replaces the policy of a tunnel in one step, and its addresses if there are any.
pub(crate) fn modify(
    context: &mut Context,
    name: &[u8],
    addresses: (Option<&[u8]>, Option<&[u8]>),
    temporary: bool,
    wanted: &Wanted,
) -> Result<(), Failure> {
    let tunnel = name_of(name)?;
    let mut policies = open(context)?;
    let link = context.client.find(name).map_err(|status| Failure::because(FAILED, status))?;
    if link.class != LinkClass::IPTUN {
        return Err(Failure::because(FAILED, LinkStatus::LinkInvalid));
    }
    let wanted = wanted.checked(&context.system, &tunnel, &mut policies)?;
    let shard = Shard::of(&context.system, &tunnel);
    let before = match shard.state()? {
        State::Absent => None,
        State::Ours(text) => Some(text),
        State::Foreign if temporary => None,
        State::Foreign => {
            let text = "was not made by dladm; edit it, then svcadm refresh network/ipsec/policy";
            return Err(Failure::because(FAILED, format!("{} {text}", shard.name())));
        }
    };
    if !policies.is_only_source(&tunnel, &[shard.name(), TEMPORARY])? {
        let text = format!(
            "{tunnel} has policy in force that is not from dladm; ipsecconf -l -i {tunnel} shows it"
        );
        return Err(Failure::because(FAILED, text));
    }
    if !temporary {
        Shard::make_directories(&context.system)?;
    }

    let _signals = SignalsBlocked::new();
    let journal = Journal::begin(&context.system, temporary, &[&tunnel])?;
    let old = change_addresses(context, name, addresses, temporary);
    let old = match old {
        Ok(old) => old,
        Err(failure) => {
            journal.end()?;
            return Err(failure);
        }
    };
    let outcome = if temporary {
        policies.replace(source(&tunnel, None, &wanted.text)).map_err(Failure::from)
    } else {
        let text = Shard::marked(&wanted.text);
        shard
            .write(&text)
            .and_then(|()| Ok(policies.replace(source(&tunnel, Some(&shard), &text))?))
    };
    let Err(failure) = outcome else { return journal.end() };
    let mut undone = if temporary { Ok(()) } else { shard.put_back(before.as_deref()) };
    if let Some((local, remote)) = old {
        let put_back = context
            .tunnels(|t| t.modify(name, local.as_deref(), remote.as_deref(), temporary))
            .map_err(|error| Failure::because("the addresses could not be put back", error));
        undone = undone.and(put_back);
    }
    if let Err(reason) = undone.and_then(|()| journal.end()) {
        reason.say();
        warn(format_args!("not all of the change of {tunnel} could be taken back"));
    }
    Err(failure)
}

type Addresses = (Option<Vec<u8>>, Option<Vec<u8>>);

/// Changes addresses; gives back what they were.
fn change_addresses(
    context: &mut Context,
    name: &[u8],
    (local, remote): (Option<&[u8]>, Option<&[u8]>),
    temporary: bool,
) -> Result<Option<Addresses>, Failure> {
    if local.is_none() && remote.is_none() {
        return Ok(None);
    }
    let failed = |error| Failure::because(FAILED, error);
    let link = context.client.find(name).map_err(failed)?.link;
    let info = context.client.tunnel_info(link).map_err(failed)?;
    let text = |given: Option<&[u8]>, addr: Option<std::net::IpAddr>| {
        given.and(addr).map(|addr| addr.to_string().into_bytes())
    };
    let mut old = (text(local, info.local_addr()), text(remote, info.remote_addr()));
    if !temporary && let Ok(entry) = context.tunnels(|tunnels| tunnels.entry(link)) {
        // As they were typed.
        old = (local.and(entry.local).or(old.0), remote.and(entry.remote).or(old.1));
    }
    context
        .tunnels(|tunnels| tunnels.modify(name, local, remote, temporary))
        .map_err(|error| Failure::because(FAILED, error))?;
    Ok(Some(old))
}
