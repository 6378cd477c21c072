// SPDX-License-Identifier: MIT OR Apache-2.0

//! `svcadm` of a lab.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use super::command_line::{Program, all, flag, fmris};
use super::error::SmfError;
use super::lab_dir;
use super::manifest::Service;
use super::restarter::Restarter;
use super::status::State;

/// The name under which it is called.
pub(super) const NAME: &str = "svcadm";

const USAGE: &str = "\
usage: svcadm enable [-st] FMRI...
       svcadm disable [-st] FMRI...
       svcadm refresh [-s] FMRI...
       svcadm restart [-s] FMRI...
       svcadm clear [-s] FMRI...

This is a stand-in for a lab; it has nothing else. It always waits for the method. With -s
it fails if an instance is in maintenance then.
";

pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    Program { name: NAME, usage: USAGE, command, run }.main(args)
}

fn command() -> Command {
    let verb = |name: &'static str| {
        Command::new(name).arg(flag('s', "synchronous")).arg(fmris().required(true))
    };
    let switch = |name| verb(name).arg(flag('t', "temporary"));
    Command::new(NAME)
        .subcommand_required(true)
        .subcommand(switch("enable"))
        .subcommand(switch("disable"))
        .subcommand(verb("refresh"))
        .subcommand(verb("restart"))
        .subcommand(verb("clear"))
}

fn run(args: &ArgMatches) -> Result<(), SmfError> {
    let (verb, args) = args.subcommand().expect("a required subcommand");
    let mut restarter = Restarter::acquire(&lab_dir(None)?)?;
    // A name that is wrong is found out before anything is done.
    let services = restarter.repository.find_all(&all(args, "fmri"))?;
    let services: Vec<Service> = services.into_iter().cloned().collect();
    for service in &services {
        match verb {
            "enable" => restarter.enable(service, args.get_flag("temporary")),
            "disable" => restarter.disable(service, args.get_flag("temporary")),
            "refresh" => restarter.refresh(service),
            "restart" => restarter.restart(service),
            "clear" => restarter.clear(service),
            _ => unreachable!("clap accepts no other subcommand"),
        }?;
    }
    if !args.get_flag("synchronous") {
        return Ok(());
    }
    for service in services {
        let status = restarter.repository.status(&service);
        if status.state == State::Maintenance {
            let reason = status.reason.unwrap_or_default();
            return Err(SmfError::InMaintenance { fmri: service.fmri, reason });
        }
    }
    Ok(())
}
