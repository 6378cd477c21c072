// SPDX-License-Identifier: MIT OR Apache-2.0

//! Addresses on links.

use serde_json::{Value, json};

use super::host::active_link;
use super::{optional, required, text};
use crate::Kernel;
use crate::host::Interface;

/// `address-create`: `name`, `link`, `local`, `remote`, `prefix`, `up`.
pub(super) fn create(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    let interface = Interface {
        link: active_link(kernel, text(question, "link")?)?,
        local: required(question, "local")?,
        prefix: optional(question, "prefix")?,
        remote: optional(question, "remote")?,
        up: optional(question, "up")?.unwrap_or(true),
    };
    kernel.create_address(text(question, "name")?, interface)?;
    Ok(Value::Null)
}

/// `address-delete`: `name`.
pub(super) fn delete(kernel: &mut Kernel, question: &Value) -> Result<Value, String> {
    kernel.delete_address(text(question, "name")?)?;
    Ok(Value::Null)
}

/// `addresses`: every address object, by name; the loopback first.
pub(super) fn list(kernel: &mut Kernel, _: &Value) -> Result<Value, String> {
    let loopback = json!({
        "name": "lo0/v4", "type": "static", "state": "ok",
        "local": "127.0.0.1", "prefix": 8, "remote": null,
    });
    let objects = kernel.host.interfaces.iter().map(|(name, interface)| {
        json!({
            "name": name,
            "type": "static",
            "state": kernel.address_state(interface),
            "local": interface.local.to_string(),
            "prefix": interface.prefix,
            "remote": interface.remote.map(|remote| remote.to_string()),
        })
    });
    Ok(std::iter::once(loopback).chain(objects).collect())
}
