// SPDX-License-Identifier: MIT OR Apache-2.0

//! Packets and verdicts as JSON.
//!
//! | field of a question | what it is |
//! |---|---|
//! | `way` | `out` or `in` |
//! | `tunnel` | name of the tunnel that it takes |
//! | `outer` | `[local, remote]`: outer addresses of a packet that arrives |
//! | `source`, `destination` | addresses |
//! | `proto`, `ports`, `icmp` | number; `[source, destination]`; `[type, code]` |
//! | `fragment` | `first` or `later` |
//! | `encap_limit` | number |
//! | `ah`, `esp`, `esp_auth` | `{id, bits}`: algorithms that it was protected with |
//! | `ah_spi`, `esp_spi` | numbers: SPIs that it came with |
//! | `self_encap` | boolean |
//! | `error` | `own` or `foreign`: it is quoted by an ICMP error |

use std::net::IpAddr;

use illumos_ipsec::model::{TunnelMode, TunnelName};
use serde_json::{Value, json};

use super::{optional, required, text};
use crate::packet::{Fragment, Outcome, OuterError, Packet, Path, Protection, Spis, Used, Verdict};
use crate::spd::Way;

/// The packet of a question.
pub(super) fn packet(question: &Value) -> Result<Packet, String> {
    let way = way(question)?;
    let source: IpAddr = required(question, "source")?;
    let destination: IpAddr = required(question, "destination")?;
    if source.is_ipv4() != destination.is_ipv4() {
        return Err("source and destination are of different families".to_owned());
    }
    Ok(Packet {
        path: path(question, way)?,
        ports: pair(question, "ports")?,
        icmp: pair(question, "icmp")?,
        fragment: match question.get("fragment").and_then(Value::as_str) {
            None => Fragment::Whole,
            Some("first") => Fragment::First,
            Some("later") => Fragment::Later,
            Some(other) => return Err(format!("the field 'fragment' cannot be {other}")),
        },
        encap_limit: optional(question, "encap_limit")?,
        protection: protection(question)?,
        error: match question.get("error").and_then(Value::as_str) {
            None => None,
            Some("own") => Some(OuterError { trusted: true }),
            Some("foreign") => Some(OuterError { trusted: false }),
            Some(other) => return Err(format!("the field 'error' cannot be {other}")),
        },
        ..Packet::new(way, source, destination, optional(question, "proto")?.unwrap_or(0))
    })
}

pub(super) fn way(question: &Value) -> Result<Way, String> {
    match text(question, "way")? {
        "out" => Ok(Way::Out),
        "in" => Ok(Way::In),
        other => Err(format!("the field 'way' cannot be {other}, but out or in")),
    }
}

/// Through what it goes.
pub(super) fn path(question: &Value, way: Way) -> Result<Path, String> {
    let tunnel = question.get("tunnel").and_then(Value::as_str);
    match (tunnel, pair::<IpAddr>(question, "outer")?) {
        (Some(_), Some(_)) => Err("both 'tunnel' and 'outer' are given".to_owned()),
        (Some(name), None) => {
            TunnelName::new(name).map(Path::Tunnel).map_err(|error| error.to_string())
        }
        (None, Some(_)) if way == Way::Out => {
            Err("a packet that leaves has no outer addresses yet".to_owned())
        }
        (None, Some((local, remote))) => Ok(Path::Outer { local, remote }),
        (None, None) => Ok(Path::Host),
    }
}

/// How it was protected; none if nothing is said about that.
pub(super) fn protection(question: &Value) -> Result<Option<Protection>, String> {
    let used = |field: &str| -> Result<Option<Used>, String> {
        match question.get(field) {
            None | Some(Value::Null) => Ok(None),
            Some(used) => {
                Ok(Some(Used { id: required(used, "id")?, bits: optional(used, "bits")? }))
            }
        }
    };
    let (ah, esp, esp_auth) = (used("ah")?, used("esp")?, used("esp_auth")?);
    let spis = Spis { ah: optional(question, "ah_spi")?, esp: optional(question, "esp_spi")? };
    let self_encap = optional(question, "self_encap")?.unwrap_or(false);
    let protection = Protection { ah, esp, esp_auth, spis, self_encap, mode: None };
    let given = protection != Protection::default();
    Ok(given.then_some(protection))
}

/// A field of two values.
fn pair<T: std::str::FromStr>(question: &Value, field: &str) -> Result<Option<(T, T)>, String> {
    let Some(value) = question.get(field).filter(|value| !value.is_null()) else {
        return Ok(None);
    };
    let item = |at: usize| -> Option<T> {
        let item = value.get(at)?;
        item.as_str().map_or_else(|| item.to_string(), str::to_owned).parse().ok()
    };
    match (item(0), item(1), value.as_array().map(Vec::len)) {
        (Some(first), Some(second), Some(2)) => Ok(Some((first, second))),
        _ => Err(format!("the field '{field}' cannot be {value}, but an array of two")),
    }
}

/// A verdict as an answer.
pub(super) fn verdict(verdict: &Verdict) -> Value {
    let (outcome, reason, sentence) = outcome(&verdict.outcome);
    let mut answer = json!({ "outcome": outcome, "reason": reason, "text": sentence });
    if let Outcome::Protect { mode, spis, .. } = verdict.outcome {
        for (field, spi) in [("ah_spi", spis.ah), ("esp_spi", spis.esp)] {
            if let Some(spi) = spi {
                answer[field] = json!(spi);
            }
        }
        answer["mode"] = json!(match mode {
            TunnelMode::Transport => "transport",
            TunnelMode::Tunnel => "tunnel",
        });
    }
    if let Some(matched) = &verdict.matched {
        answer["rule"] = json!({
            "tunnel": matched.head.as_ref().map(ToString::to_string),
            "index": matched.rule.index,
            "priority": matched.rule.priority,
        });
    }
    answer
}

/// Words for programs, and a sentence.
pub(super) fn outcome(outcome: &Outcome) -> (&'static str, &'static str, String) {
    match outcome {
        Outcome::Protect { .. } => ("protect", "rule", "it is protected as the rule says".into()),
        Outcome::Pass(why) => ("pass", why.word(), why.to_string()),
        Outcome::Held => {
            ("held", "fragment", "policy looks at ports, so it waits for the other parts".into())
        }
        Outcome::Drop(reason) => ("drop", reason.word(), reason.to_string()),
    }
}
