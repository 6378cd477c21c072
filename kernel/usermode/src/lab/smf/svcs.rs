// SPDX-License-Identifier: MIT OR Apache-2.0

//! `svcs` of a lab: the states of services.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::command_line::{Program, all, flag, fmris, print};
use super::error::SmfError;
use super::repository::Repository;
use super::svcs_columns::Table;
use super::{lab_dir, log, svcs_explain};

/// The name under which it is called.
pub(super) const NAME: &str = "svcs";

const USAGE: &str = "\
usage: svcs [-aH] [-o COLUMN,...]... [FMRI...]
       svcs {-x|-l|-L} [FMRI...]

  -a  disabled services as well
  -H  no header
  -o  these columns: state, nstate, sta, nsta, stime, fmri, svc, inst, scope, desc
  -x  explain what is wrong
  -l  everything about a service
  -L  the path of its log

This is a stand-in for a lab; it has nothing else.
";

pub(super) fn main(args: Vec<OsString>) -> ExitCode {
    Program { name: NAME, usage: USAGE, command, run }.main(args)
}

fn command() -> Command {
    Command::new(NAME)
        .arg(flag('a', "all"))
        .arg(flag('H', "plain"))
        .arg(Arg::new("columns").short('o').action(ArgAction::Append).value_delimiter(','))
        .arg(flag('x', "explain").conflicts_with_all(["long", "log", "columns"]))
        .arg(flag('l', "long").conflicts_with_all(["log", "columns"]))
        .arg(flag('L', "log").conflicts_with("columns"))
        .arg(fmris())
}

fn run(args: &ArgMatches) -> Result<(), SmfError> {
    let repository = Repository::open(&lab_dir(None)?)?;
    let named = all(args, "fmri");
    let services = repository.find_all(&named)?;
    if args.get_flag("explain") {
        print(&svcs_explain::explain(&repository, &services, named.is_empty()));
        return Ok(());
    }
    if args.get_flag("long") {
        let texts: Vec<_> =
            services.iter().map(|service| svcs_explain::long(&repository, service)).collect();
        print(&texts.join("\n"));
        return Ok(());
    }
    if args.get_flag("log") {
        for service in services {
            print(&format!("{}\n", log::path(&repository.root(), service).display()));
        }
        return Ok(());
    }
    let table = Table::new(&all(args, "columns"))?;
    if !args.get_flag("plain") {
        print(&table.header());
    }
    for service in services {
        let shown = !named.is_empty() || args.get_flag("all") || repository.enabled(service).0;
        if shown {
            print(&table.row(&repository, service));
        }
    }
    Ok(())
}
