// SPDX-License-Identifier: MIT OR Apache-2.0

//! Questions that have no illumos interface: a JSON object with `op` goes in, an object
//! with `ok` or `error` comes out.

mod address;
mod host;
mod packet;
mod traffic;

use serde_json::{Value, json};

use crate::Kernel;

/// An operation; the error is what a person reads.
type Operation = fn(&mut Kernel, &Value) -> Result<Value, String>;

const OPERATIONS: &[(&str, Operation)] = &[
    ("address-create", address::create),
    ("address-delete", address::delete),
    ("addresses", address::list),
    ("caller", host::caller),
    ("counters", traffic::counters),
    ("host-address", host::address),
    ("host-address-remove", host::remove_address),
    ("inject", traffic::inject),
    ("interfaces", host::interfaces),
    ("path-mtu", host::path_mtu),
    ("plumb", host::plumb),
    ("unplumb", host::unplumb),
    ("verdict", traffic::verdict),
];

impl Kernel {
    /// Answers one packet.
    pub(crate) fn control_call(&mut self, packet: &[u8]) -> Vec<u8> {
        let outcome = serde_json::from_slice::<Value>(packet)
            .map_err(|error| format!("the question is no JSON: {error}"))
            .and_then(|question| {
                let name = text(&question, "op")?;
                let known = OPERATIONS.iter().find(|(known, _)| *known == name);
                let (_, act) = known.ok_or_else(|| format!("there is no operation '{name}'"))?;
                act(self, &question)
            });
        let answer = match outcome {
            Ok(value) => json!({ "ok": value }),
            Err(error) => json!({ "error": error }),
        };
        answer.to_string().into_bytes()
    }
}

/// A field that has to be a string.
fn text<'a>(question: &'a Value, field: &str) -> Result<&'a str, String> {
    question
        .get(field)
        .and_then(Value::as_str)
        .ok_or_else(|| format!("the field '{field}' is missing or no string"))
}

/// A field that can be missing.
fn optional<T: std::str::FromStr>(question: &Value, field: &str) -> Result<Option<T>, String> {
    match question.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.parse().map(Some).map_err(|_| format!("the field '{field}' cannot be {text}"))
        }
    }
}

/// A field that has to be there.
fn required<T: std::str::FromStr>(question: &Value, field: &str) -> Result<T, String> {
    optional(question, field)?.ok_or_else(|| format!("the field '{field}' is missing"))
}
