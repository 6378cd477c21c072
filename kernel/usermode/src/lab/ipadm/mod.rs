// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipadm` of a lab: just what the proposal types.
//!
//! Addresses on links and their states; nothing is stored for a next boot.

mod address;
mod show;

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};
use illumos_ipsec::cli::ofmt::ColumnError;
use serde_json::json;

use self::address::{AddressArgument, AddressObject};
use super::LabError;
use super::control::Control;
use super::error::complain_as;

/// The name under which it is called.
pub(super) const NAME: &str = "ipadm";

const USAGE: &str = "\
usage: ipadm create-addr [-t] -T static [-d] -a {ADDR[/LEN]|local=ADDR[,remote=ADDR]} LINK/NAME
       ipadm delete-addr LINK/NAME
       ipadm show-addr [[-p] -o FIELD,...] [LINK/[NAME]]

This is a stand-in for a lab; it has nothing else.
";

/// What is wrong with a command line or a request.
#[derive(Debug, thiserror::Error)]
enum IpadmError {
    #[error("cannot create address object '{name}': {reason}")]
    Create { name: AddressObject, reason: LabError },
    #[error("cannot delete address object '{name}': {reason}")]
    Delete { name: AddressObject, reason: LabError },
    #[error("address object '{0}' does not exist")]
    NoObject(String),
    #[error(transparent)]
    Columns(#[from] ColumnError),
    #[error(transparent)]
    Lab(#[from] LabError),
}

/// The program, when `ipsec-lab` is called by that name.
pub(super) fn main(args: impl Iterator<Item = OsString>) -> ExitCode {
    let matches = match command().try_get_matches_from(args) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            complain_as(NAME, format_args!("{}\n{USAGE}", first.trim_start_matches("error: ")));
            return ExitCode::FAILURE;
        }
        Err(_) => {
            let _ = io::stdout().write_all(USAGE.as_bytes());
            return ExitCode::SUCCESS;
        }
    };
    let outcome = match matches.subcommand() {
        Some(("create-addr", args)) => create(args),
        Some(("delete-addr", args)) => delete(args),
        Some(("show-addr", args)) => show::run(args),
        _ => unreachable!("clap accepts no other subcommand"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain_as(NAME, format_args!("{error}"));
            ExitCode::FAILURE
        }
    }
}

fn command() -> Command {
    let object = || Arg::new("object").value_parser(str::parse::<AddressObject>).required(true);
    Command::new(NAME)
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true))
        .subcommand(
            Command::new("create-addr")
                .arg(Arg::new("temporary").short('t').action(ArgAction::SetTrue))
                .arg(Arg::new("type").short('T').required(true).value_parser(["static"]))
                .arg(Arg::new("down").short('d').action(ArgAction::SetTrue))
                .arg(
                    Arg::new("address")
                        .short('a')
                        .required(true)
                        .value_parser(str::parse::<AddressArgument>),
                )
                .arg(object()),
        )
        .subcommand(Command::new("delete-addr").arg(object()))
        .subcommand(show::command())
}

fn create(args: &ArgMatches) -> Result<(), IpadmError> {
    let name = object(args);
    let address = args.get_one::<AddressArgument>("address").expect("a required option");
    let question = json!({
        "op": "address-create",
        "link": name.link(),
        "name": name.to_string(),
        "local": address.local.to_string(),
        "prefix": address.prefix,
        "remote": address.remote.map(|remote| remote.to_string()),
        "up": !args.get_flag("down"),
    });
    let answer = Control::connect(None)?.ask(&question);
    answer.map(drop).map_err(|reason| IpadmError::Create { name, reason })
}

fn delete(args: &ArgMatches) -> Result<(), IpadmError> {
    let name = object(args);
    let question = json!({ "op": "address-delete", "name": name.to_string() });
    let answer = Control::connect(None)?.ask(&question);
    answer.map(drop).map_err(|reason| IpadmError::Delete { name, reason })
}

fn object(args: &ArgMatches) -> AddressObject {
    args.get_one::<AddressObject>("object").cloned().expect("a required operand")
}
