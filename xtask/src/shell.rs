// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask shell`: a private user-mode kernel, and a shell or a command.

use std::process;

use clap::{ArgMatches, Command};

use crate::demo::LAB_PACKAGES;
use crate::run::{Outcome, build, built, passed_on, replace};
use crate::test::arguments;

pub(crate) fn command() -> Command {
    Command::new("shell").arg(arguments())
}

/// The exit status is that of the command.
pub(crate) fn run(args: &ArgMatches) -> Outcome {
    build(LAB_PACKAGES)?;
    replace(process::Command::new(built("ipsec-lab")?).arg("shell").args(passed_on(args)))
}
