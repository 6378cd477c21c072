// SPDX-License-Identifier: MIT OR Apache-2.0

//! `reset-linkprop`.

use std::ffi::{OsStr, OsString};

use illumos_ipsec::model::LinkClass;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::wire::dlmgmt::{LinkFlags, LinkInfo};

use super::set::store;
use super::{Change, PROPERTIES, Property, find, link};
use crate::altroot;
use crate::context::Context;
use crate::failure::{Failure, warn};
use crate::handover;
use crate::options::one;

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let Change { scanned, temporary, root, wanted } = Change::scan(context, args)?;
    let name = one(&scanned.operands)?;
    if let Some(root) = root {
        return altroot::record(context, &root, &scanned);
    }
    let link = link(context, name)?;
    if link.class != LinkClass::IPTUN {
        return Err(handover::other_link(&context.system, &context.args, name));
    }
    let theirs = wanted.is_empty() || wanted.iter().any(|(property, _)| find(property).is_none());
    if theirs && let Some(failure) = handover::hand_over(&context.system, &context.args) {
        return Err(failure);
    }
    let mut outcome = Ok(());
    let mut fail = |said: String| {
        warn(said);
        outcome = Err(Failure::Said);
    };
    for (property, _) in &wanted {
        match find(property) {
            Some(known) => {
                if let Err(status) = reset(context, &link, name, known, temporary) {
                    fail(cannot(known, name, status));
                }
            }
            None => fail(format!("invalid link property '{property}'")),
        }
    }
    if wanted.is_empty() {
        for known in PROPERTIES.iter().filter(|known| known.number.is_some()) {
            // What this type of tunnel does not have cannot be reset.
            if known.current(context, link.link).is_ok()
                && let Err(status) = reset(context, &link, name, known, temporary)
            {
                fail(cannot(known, name, status));
            }
        }
    }
    outcome
}

fn cannot(property: &Property, name: &OsStr, status: LinkStatus) -> String {
    let link = name.to_string_lossy();
    format!("cannot reset link property '{}' on '{link}': {status}", property.name)
}

fn reset(
    context: &mut Context,
    link: &LinkInfo,
    name: &OsStr,
    property: &Property,
    temporary: bool,
) -> Result<(), LinkStatus> {
    if property.number.is_none() {
        return Err(LinkStatus::ReadOnly);
    }
    let default = property.default(context, link.link)?;
    property.apply(context, link.link, default)?;
    if !temporary && link.flags.contains(LinkFlags::PERSIST) {
        store(context, link, property, None)?;
    }
    if property.name == "mtu" {
        // The kernel has no way back to an MTU that follows path and policy.
        warn(format_args!(
            "mtu of '{}' is {default} until the tunnel is taken down and brought up again; until \
             then it does not follow path and policy",
            name.to_string_lossy()
        ));
    }
    Ok(())
}
