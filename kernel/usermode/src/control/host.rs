// SPDX-License-Identifier: MIT OR Apache-2.0

//! The host below the tunnels: what is plumbed, who calls, what the paths carry.

use std::net::IpAddr;

use illumos_ipsec::model::{LinkId, LinkState};
use illumos_ipsec::wire::dlmgmt::LinkFlags;
use serde_json::{Value, json};

use super::{optional, required, text};
use crate::Kernel;
use crate::host::{Caller, Privileges};

/// The smallest MTU that IPv4 allows.
const MIN_PATH_MTU: u32 = 68;

/// `host-address`: `address`, `up`.
pub(super) fn address(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let address: IpAddr = required(question, "address")?;
    kernel.set_address(address, optional(question, "up")?.unwrap_or(true));
    Ok(Value::Null)
}

/// `host-address-remove`: `address`.
pub(super) fn remove_address(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let address: IpAddr = required(question, "address")?;
    if kernel.remove_address(address) {
        Ok(Value::Null)
    } else {
        Err(format!("the host does not have the address {address}"))
    }
}

/// `plumb`: `link`.
pub(super) fn plumb(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let link = active_link(kernel, text(question, "link")?)?;
    kernel.plumb(link);
    Ok(Value::Null)
}

/// `unplumb`: `link`.
pub(super) fn unplumb(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let link = active_link(kernel, text(question, "link")?)?;
    kernel.unplumb(link);
    Ok(Value::Null)
}

/// `interfaces`: every tunnel that is plumbed, with `link`, `running` and `mtu`, by number.
pub(super) fn interfaces(kernel: &mut Kernel, _: &Value) -> Result<Value, String> {
    let plumbed = kernel.tunnels().filter(|tunnel| tunnel.started);
    Ok(plumbed
        .filter_map(|tunnel| {
            let link = kernel.links().link(tunnel.link)?;
            Some(json!({
                "link": String::from_utf8_lossy(&link.name),
                "running": tunnel.link_state == LinkState::Up,
                "mtu": kernel.mtu(tunnel),
            }))
        })
        .collect())
}

/// `caller`: `zone`, and `privileges` as a list of names; all of them where none is given.
pub(super) fn caller(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let zone = optional(question, "zone")?.unwrap_or(0);
    let privileges = match question.get("privileges") {
        None | Some(Value::Null) => Privileges::all(),
        Some(Value::Array(names)) => names.iter().map(privilege).collect::<Result<_, _>>()?,
        Some(_) => return Err("the field 'privileges' is no list".to_owned()),
    };
    kernel.set_caller(Caller { zone, privileges });
    Ok(Value::Null)
}

fn privilege(name: &Value) -> Result<Privileges, String> {
    name.as_str()
        .and_then(|name| Privileges::from_name(&name.to_ascii_uppercase()))
        .ok_or_else(|| format!("there is no privilege {name} here"))
}

/// `path-mtu`: `mtu` in bytes.
pub(super) fn path_mtu(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let mtu: u32 = required(question, "mtu")?;
    if mtu < MIN_PATH_MTU {
        return Err(format!("no path has an MTU of {mtu}, {MIN_PATH_MTU} is the least"));
    }
    kernel.set_path_mtu(mtu);
    Ok(Value::Null)
}

/// A link that exists now, by name.
pub(super) fn active_link(kernel: &Kernel, name: &str) -> Result<LinkId, String> {
    let found = kernel.links().find(name.as_bytes());
    let active = found.filter(|(_, link)| link.flags.contains(LinkFlags::ACTIVE));
    active.map(|(link, _)| link).ok_or_else(|| format!("there is no link {name}"))
}
