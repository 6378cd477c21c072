// SPDX-License-Identifier: MIT OR Apache-2.0

//! `set-linkprop`.

use std::ffi::{OsStr, OsString};

use illumos_ipsec::model::LinkClass;
use illumos_ipsec::sys::links::LinkStatus;
use illumos_ipsec::wire::dlmgmt::{AttrValue, LinkFlags, LinkInfo};

use super::{Change, Property, find, link};
use crate::altroot;
use crate::context::Context;
use crate::failure::{Failure, warn};
use crate::handover;
use crate::options::one;

pub(crate) fn run(context: &mut Context, args: &[OsString]) -> Result<(), Failure> {
    let Change { scanned, temporary, root, wanted } = Change::scan(context, args)?;
    let name = one(&scanned.operands)?;
    if wanted.is_empty() {
        return Err(Failure::message("link property must be specified"));
    }
    if let Some(root) = root {
        return altroot::record(context, &root, &scanned);
    }
    let link = link(context, name)?;
    let theirs = wanted.iter().any(|(property, _)| find(property).is_none());
    if link.class != LinkClass::IPTUN {
        return Err(handover::other_link(&context.system, &context.args, name));
    }
    if theirs && let Some(failure) = handover::hand_over(&context.system, &context.args) {
        return Err(failure);
    }
    let mut outcome = Ok(());
    for (property, values) in &wanted {
        if let Err(said) = set(context, &link, name, property, values, temporary) {
            warn(said);
            outcome = Err(Failure::Said);
        }
    }
    outcome
}

/// Sets one property. What is wrong is said as a warning, since others may follow.
fn set(
    context: &mut Context,
    link: &LinkInfo,
    name: &OsStr,
    property: &str,
    values: &[String],
    temporary: bool,
) -> Result<(), String> {
    let known = find(property).ok_or_else(|| format!("invalid link property '{property}'"))?;
    let cannot = |status| {
        let link = name.to_string_lossy();
        format!("cannot set link property '{}' on '{link}': {status}", known.name)
    };
    let value = match values {
        _ if known.number.is_none() => return Err(cannot(LinkStatus::ReadOnly)),
        [] => return Err(format!("no value specified for '{property}'")),
        [value] => value,
        _ => return Err(cannot(LinkStatus::BadValueCount)),
    };
    let number = match (known.parse(value), known.range) {
        (Some(number), _) => number,
        (None, Some((min, max))) => {
            // Whether the property exists for this type of tunnel comes first.
            known.possible(context, link.link).map_err(cannot)?;
            return Err(format!(
                "link property '{}' must be one of: {min}-{max} (found '{value}')",
                known.name
            ));
        }
        (None, None) => return Err(cannot(LinkStatus::BadArgument)),
    };
    known.apply(context, link.link, number).map_err(cannot)?;
    if temporary || !link.flags.contains(LinkFlags::PERSIST) {
        return Ok(());
    }
    store(context, link, known, Some(value))
        .map_err(|status| format!("{}; it is set until the tunnel is taken down", cannot(status)))
}

/// Stores a value, or that there is none.
pub(super) fn store(
    context: &mut Context,
    link: &LinkInfo,
    property: &Property,
    value: Option<&str>,
) -> Result<(), LinkStatus> {
    let value = value.map(|value| AttrValue::Str(value.as_bytes().to_vec()));
    context.client.restore(link.link, &[(property.name, value)])
}
