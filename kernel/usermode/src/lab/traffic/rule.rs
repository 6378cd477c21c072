// SPDX-License-Identifier: MIT OR Apache-2.0

//! The text of a rule in force.

use std::env;
use std::path::Path;

use illumos_ipsec::model::{Side, TunnelName};
use illumos_ipsec::policy::{AlgDb, print_rule};
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::names::SystemNames;
use illumos_ipsec::sys::policy::{PolicyClient, Scope};
use illumos_ipsec::wire::policy::DumpItem;
use serde_json::Value;

use crate::lab::LAB_VARIABLE;

/// The rule of an answer as `ipsecconf -L` shows it; none if it has gone meanwhile.
pub(super) fn text(dir: Option<&Path>, rule: &Value) -> Option<String> {
    let dir = dir.map(Path::to_owned).or_else(|| env::var_os(LAB_VARIABLE).map(Into::into))?;
    let system = System::lab(dir);
    let index = rule.get("index")?.as_u64()?;
    let scope = match rule.get("tunnel").and_then(Value::as_str) {
        Some(name) => Scope::Tunnel(TunnelName::new(name).ok()?),
        None => Scope::Global,
    };
    let mut client = PolicyClient::new(system.open_policy().ok()?);
    let algs = AlgDb::parse(&system.read("/etc/inet/ipsecalgs").ok()?).0;
    let mut dump = client.dump(Side::Active, &scope).ok()?;
    let found = dump.find_map(|item| match item {
        Ok(DumpItem::Rule { rule, alternatives }) if rule.index == index => {
            Some((rule, alternatives))
        }
        _ => None,
    });
    let (rule, alternatives) = found?;
    let text = print_rule(&rule, &alternatives, true, &SystemNames::new(&system), &algs);
    Some(String::from_utf8_lossy(&text).trim_end().to_owned())
}
