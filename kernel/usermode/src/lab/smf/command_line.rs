// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the command lines of the stand-ins have in common.

use std::ffi::OsString;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::error::SmfError;
use crate::lab::error::complain_as;

/// A stand-in: its name, what it accepts, and what it does.
pub(super) struct Program {
    pub(super) name: &'static str,
    pub(super) usage: &'static str,
    pub(super) command: fn() -> Command,
    pub(super) run: fn(&ArgMatches) -> Result<(), SmfError>,
}

impl Program {
    /// Wrong arguments give 2, a failure 1.
    pub(super) fn main(&self, args: Vec<OsString>) -> ExitCode {
        let help = Arg::new("help").long("help").action(ArgAction::Help).global(true);
        let command =
            (self.command)().disable_help_subcommand(true).disable_help_flag(true).arg(help);
        let matches = match command.try_get_matches_from(args) {
            Ok(matches) => matches,
            Err(error) if error.use_stderr() => {
                let text = error.to_string();
                let first = text.lines().next().unwrap_or_default();
                let first = first.trim_start_matches("error: ");
                complain_as(self.name, format_args!("{first}\n{}", self.usage));
                return ExitCode::from(2);
            }
            Err(_) => {
                let _ = io::stdout().write_all(self.usage.as_bytes());
                return ExitCode::SUCCESS;
            }
        };
        match (self.run)(&matches) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                complain_as(self.name, format_args!("{error}"));
                ExitCode::FAILURE
            }
        }
    }
}

/// An option without a value.
pub(super) fn flag(letter: char, name: &'static str) -> Arg {
    Arg::new(name).short(letter).action(ArgAction::SetTrue)
}

/// Names of services.
pub(super) fn fmris() -> Arg {
    Arg::new("fmri").action(ArgAction::Append)
}

/// The values of an option or operand that can be repeated.
pub(super) fn all(args: &ArgMatches, name: &str) -> Vec<String> {
    args.get_many::<String>(name).into_iter().flatten().cloned().collect()
}

/// Writes to standard output, whose reader may be gone.
pub(super) fn print(text: &str) {
    let _ = io::stdout().write_all(text.as_bytes());
}
