// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab verdict`: what would become of one packet.

use std::io::{self, Write};
use std::net::IpAddr;
use std::process::ExitCode;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::{Value, json};

use super::options::{dir, question, with_way};
use super::rule;
use crate::lab::LabError;
use crate::lab::control::Control;

/// Protocols that have names here; others are numbers.
const PROTOCOLS: &[(&str, u8)] = &[("icmp", 1), ("tcp", 6), ("udp", 17), ("ipv6-icmp", 58)];

/// Exit status by outcome. 1 and 2 are failures.
const STATUS: &[(&str, u8)] = &[("protect", 0), ("pass", 3), ("drop", 4), ("held", 5)];

pub(in crate::lab) fn command() -> Command {
    let number = || value_parser!(u16);
    with_way(Command::new("verdict"))
        .arg(Arg::new("src").long("src").required(true).value_parser(value_parser!(IpAddr)))
        .arg(Arg::new("dst").long("dst").required(true).value_parser(value_parser!(IpAddr)))
        .arg(Arg::new("proto").long("proto").value_parser(protocol))
        .arg(Arg::new("sport").long("sport").requires("dport").value_parser(number()))
        .arg(Arg::new("dport").long("dport").requires("sport").value_parser(number()))
        .arg(Arg::new("icmp").long("icmp").value_parser(icmp).conflicts_with("sport"))
        .arg(Arg::new("fragment").long("fragment").value_parser(["first", "later"]))
        .arg(Arg::new("encap-limit").long("encap-limit").value_parser(value_parser!(u8)))
        .arg(
            Arg::new("icmp-error")
                .long("icmp-error")
                .value_parser(["own", "foreign"])
                .conflicts_with("out"),
        )
}

pub(in crate::lab) fn run(args: &ArgMatches) -> Result<ExitCode, LabError> {
    let mut question = question("verdict", args)?;
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            question.insert(name.to_owned(), value);
        }
    };
    let source: &IpAddr = args.get_one("src").expect("a required option");
    let destination: &IpAddr = args.get_one("dst").expect("a required option");
    put("source", Some(source.to_string().into()));
    put("destination", Some(destination.to_string().into()));
    let icmp: Option<&(u8, u8)> = args.get_one("icmp");
    let implied = icmp.map(|_| if source.is_ipv4() { 1 } else { 58 });
    put("proto", args.get_one::<u8>("proto").copied().or(implied).map(Into::into));
    put("icmp", icmp.map(|(kind, code)| json!([kind, code])));
    let ports = args.get_one::<u16>("sport").zip(args.get_one::<u16>("dport"));
    put("ports", ports.map(|(source, destination)| json!([source, destination])));
    for (option, field) in [("fragment", "fragment"), ("icmp-error", "error")] {
        put(field, args.get_one::<String>(option).map(|text| text.as_str().into()));
    }
    put("encap_limit", args.get_one::<u8>("encap-limit").map(|limit| (*limit).into()));

    let dir = dir(args).map(std::path::PathBuf::as_path);
    let mut answer = Control::connect(dir)?.ask(&Value::Object(question))?;
    let text = answer.get("rule").and_then(|found| rule::text(dir, found));
    if let (Some(text), Some(rule)) = (&text, answer.get_mut("rule")) {
        rule["text"] = text.as_str().into();
    }
    let shown = if args.get_flag("json") { format!("{answer}\n") } else { for_people(&answer) };
    let _ = io::stdout().write_all(shown.as_bytes());
    let outcome = field(&answer, "outcome");
    let status = STATUS.iter().find(|(known, _)| *known == outcome);
    Ok(ExitCode::from(status.map_or(1, |(_, status)| *status)))
}

fn for_people(answer: &Value) -> String {
    let outcome = match field(answer, "outcome") {
        "pass" => "pass in clear",
        other => other,
    };
    let mode = match field(answer, "mode") {
        "" => String::new(),
        mode => format!(" ({mode} mode)"),
    };
    let mut text = format!("{outcome}{mode}: {}\n", field(answer, "text"));
    for (name, key) in [("AH", "ah_spi"), ("ESP", "esp_spi")] {
        if let Some(spi) = answer.get(key).and_then(Value::as_u64) {
            text.push_str(&format!("{name} association with SPI {spi:#x}\n"));
        }
    }
    if let Some(wanted) = answer.get("acquire") {
        let part = |name| field(wanted, name);
        text.push_str(&format!(
            "key management is asked for {} from {} to {}\n",
            part("type"),
            part("source"),
            part("destination")
        ));
    }
    if let Some(rule) = answer.get("rule") {
        match field(rule, "text") {
            "" => text.push_str(&format!("rule {}\n", rule.get("index").unwrap_or(&Value::Null))),
            rule => text.push_str(&format!("{rule}\n")),
        }
    }
    text
}

fn field<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn protocol(text: &str) -> Result<u8, String> {
    let known = PROTOCOLS.iter().find(|(name, _)| *name == text).map(|(_, number)| *number);
    known.or_else(|| text.parse().ok()).ok_or_else(|| {
        let names: Vec<&str> = PROTOCOLS.iter().map(|(name, _)| *name).collect();
        format!("expected a number to 255 or one of {}", names.join(", "))
    })
}

/// `TYPE` or `TYPE/CODE`.
fn icmp(text: &str) -> Result<(u8, u8), String> {
    let number = |text: &str| text.parse().map_err(|_| format!("'{text}' is no number to 255"));
    match text.split_once('/') {
        None => Ok((number(text)?, 0)),
        Some((kind, code)) => Ok((number(kind)?, number(code)?)),
    }
}
