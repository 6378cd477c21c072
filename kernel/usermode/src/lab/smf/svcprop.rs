// SPDX-License-Identifier: MIT OR Apache-2.0

//! `svcprop` of a lab: prints properties.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::command_line::{Program, all, fmris, print};
use super::error::SmfError;
use super::lab_dir;
use super::repository::Repository;

/// The name under which it is called.
pub(super) const NAME: &str = "svcprop";

const USAGE: &str = "\
usage: svcprop [-p GROUP[/NAME]]... FMRI...

  -p  this property or group; all if none is given

This is a stand-in for a lab; it has nothing else.
";

pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    Program { name: NAME, usage: USAGE, command, run }.main(args)
}

fn command() -> Command {
    Command::new(NAME)
        .arg(Arg::new("property").short('p').action(ArgAction::Append))
        .arg(fmris().required(true))
}

/// The values alone if one property of one service is asked for, else with name and type.
fn run(args: &ArgMatches) -> Result<(), SmfError> {
    let repository = Repository::open(&lab_dir(None)?)?;
    let services = repository.find_all(&all(args, "fmri"))?;
    let wanted = all(args, "property");
    let alone = wanted.len() == 1;
    let mut text = String::new();
    for service in &services {
        let properties = repository.properties(service);
        let mut line = |name: &str, short: bool| {
            let Some(property) = properties.get(name) else { return };
            let printed = property.printed();
            text += &match (short, services.len()) {
                (true, 1) => format!("{printed}\n"),
                (false, 1) => format!("{name} {} {printed}\n", property.kind),
                _ => format!("{}/:properties/{name} {} {printed}\n", service.fmri, property.kind),
            };
        };
        if wanted.is_empty() {
            properties.keys().for_each(|name| line(name, false));
        }
        for wanted in &wanted {
            if properties.contains_key(wanted) {
                line(wanted, alone);
                continue;
            }
            let group = format!("{wanted}/");
            let mut names = properties.keys().filter(|name| name.starts_with(&group)).peekable();
            if names.peek().is_none() {
                let fmri = service.fmri.clone();
                return Err(SmfError::NoProperty { property: wanted.clone(), fmri });
            }
            names.for_each(|name| line(name, false));
        }
    }
    print(&text);
    Ok(())
}
