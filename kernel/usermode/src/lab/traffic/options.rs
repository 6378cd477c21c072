// SPDX-License-Identifier: MIT OR Apache-2.0

//! Options of both commands: the way of packets and how they were protected.

use std::net::IpAddr;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgGroup, ArgMatches, Command, value_parser};
use serde_json::{Map, Value, json};

use super::protection::{Protection, parse};
use crate::lab::LabError;

/// A question, field by field.
pub(super) type Question = Map<String, Value>;

/// Adds the options.
pub(super) fn with_way(command: Command) -> Command {
    command
        .arg(Arg::new("out").long("out").action(ArgAction::SetTrue))
        .arg(Arg::new("in").long("in").action(ArgAction::SetTrue))
        .group(ArgGroup::new("way").args(["out", "in"]).required(true))
        .arg(Arg::new("tunnel").long("tunnel"))
        .arg(Arg::new("outer").long("outer").value_parser(addresses).conflicts_with("tunnel"))
        .arg(
            Arg::new("protected")
                .long("protected")
                .action(ArgAction::Append)
                .value_parser(parse)
                .conflicts_with("out"),
        )
        .arg(Arg::new("json").long("json").action(ArgAction::SetTrue))
        .arg(Arg::new("dir").long("dir").value_parser(value_parser!(PathBuf)))
}

/// The question for an operation with what the options say.
pub(super) fn question(operation: &str, args: &ArgMatches) -> Result<Question, LabError> {
    let mut question = Question::new();
    question.insert("op".into(), operation.into());
    question.insert("way".into(), if args.get_flag("out") { "out" } else { "in" }.into());
    if let Some(tunnel) = args.get_one::<String>("tunnel") {
        question.insert("tunnel".into(), tunnel.as_str().into());
    }
    if let Some((local, remote)) = args.get_one::<(IpAddr, IpAddr)>("outer") {
        question.insert("outer".into(), json!([local.to_string(), remote.to_string()]));
    }
    for protection in args.get_many::<Protection>("protected").into_iter().flatten() {
        question.extend(protection.fields());
    }
    Ok(question)
}

/// The lab that is asked, if one is named.
pub(super) fn dir(args: &ArgMatches) -> Option<&PathBuf> {
    args.get_one("dir")
}

/// `LOCAL,REMOTE`.
fn addresses(text: &str) -> Result<(IpAddr, IpAddr), String> {
    let parse = |text: &str| text.parse().map_err(|_| format!("'{text}' is no address"));
    let (local, remote) = text.split_once(',').ok_or("expected LOCAL,REMOTE")?;
    Ok((parse(local)?, parse(remote)?))
}
