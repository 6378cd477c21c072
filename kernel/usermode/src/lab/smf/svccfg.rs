// SPDX-License-Identifier: MIT OR Apache-2.0

//! `svccfg` of a lab: changes properties.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::command_line::{Program, all, print};
use super::error::SmfError;
use super::lab_dir;
use super::property::{Property, PropertyError};
use super::repository::Repository;
use super::restarter::Restarter;
use super::setprop::Assignment;

/// The name under which it is called.
pub(super) const NAME: &str = "svccfg";

const USAGE: &str = "\
usage: svccfg -s FMRI setprop GROUP/NAME = [TYPE:] VALUE
       svccfg -s FMRI listprop [GROUP[/NAME]]
       svccfg -s FMRI refresh

A VALUE with blanks is written in double quotes, which a shell has to leave alone.
This is a stand-in for a lab; it has nothing else. A value is in force at once; run the
method that reads it with svcadm refresh.
";

pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    Program { name: NAME, usage: USAGE, command, run }.main(args)
}

fn command() -> Command {
    let words = || {
        Arg::new("words")
            .action(ArgAction::Append)
            .num_args(1..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true)
    };
    Command::new(NAME)
        .subcommand_required(true)
        .arg(Arg::new("service").short('s').required(true))
        .subcommand(Command::new("setprop").arg(words().required(true)))
        .subcommand(Command::new("listprop").arg(Arg::new("pattern")))
        .subcommand(Command::new("refresh"))
}

fn run(args: &ArgMatches) -> Result<(), SmfError> {
    let lab = lab_dir(None)?;
    let pattern = args.get_one::<String>("service").cloned().expect("a required option");
    match args.subcommand() {
        Some(("setprop", args)) => set(&lab, &pattern, &all(args, "words").join(" ")),
        Some(("listprop", args)) => {
            let wanted = args.get_one::<String>("pattern");
            list(&Repository::open(&lab)?, &pattern, wanted.map(String::as_str))
        }
        Some(("refresh", _)) => {
            let mut restarter = Restarter::acquire(&lab)?;
            let service = restarter.repository.find(&pattern)?.clone();
            restarter.refresh(&service)
        }
        _ => unreachable!("clap accepts no other subcommand"),
    }
}

/// A property that exists keeps its type, a new one needs it. Its group has to exist.
fn set(lab: &std::path::Path, pattern: &str, text: &str) -> Result<(), SmfError> {
    let Assignment { name, kind, value } = text.parse()?;
    let (mut repository, _lock) = Repository::open_locked(lab)?;
    let service = repository.find(pattern)?.clone();
    let properties = repository.properties(&service);
    let (group, _) = name.split_once('/').unwrap_or((&name, ""));
    let in_group = format!("{group}/");
    if !properties.keys().any(|name| name.starts_with(&in_group)) {
        return Err(SmfError::NoGroup(group.to_owned()));
    }
    let known = properties.get(&name).map(|property| property.kind.clone());
    let kind = kind.or(known).ok_or(PropertyError::TypeRequired)?;
    repository.set_property(&service, &name, &Property::checked(&kind, value)?)
}

fn list(repository: &Repository, pattern: &str, wanted: Option<&str>) -> Result<(), SmfError> {
    let service = repository.find(pattern)?;
    let properties = repository.properties(service);
    let chosen = properties.iter().filter(|(name, _)| {
        wanted.is_none_or(|wanted| *name == wanted || name.starts_with(&format!("{wanted}/")))
    });
    let chosen: Vec<_> = chosen.collect();
    let width = chosen.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, property) in chosen {
        print(&format!("{name:<width$}  {:<8} {}\n", property.kind, property.printed()));
    }
    Ok(())
}
