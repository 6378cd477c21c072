// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask golden`: our commands against recordings of the originals.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::run::{Outcome, cargo, passed_on, replace, run as run_to_end};
use crate::test::arguments;

pub(crate) fn command() -> Command {
    Command::new("golden")
        .arg(Arg::new("tool").required(true).value_parser(value_parser!(OsString)))
        .arg(arguments())
}

/// The runner knows the options; directories are relative to the caller's.
pub(crate) fn run(args: &ArgMatches) -> Outcome {
    run_to_end(&mut cargo(["build", "--quiet", "--workspace", "--bins"]))?;
    let mut runner = cargo(["run", "--quiet", "--package", "system-tests", "--bin", "golden"]);
    runner.arg("--manifest-path").arg(crate::run::root().join("Cargo.toml")).arg("--");
    runner.args(args.get_one::<OsString>("tool")).args(passed_on(args));
    if let Ok(here) = std::env::current_dir() {
        runner.current_dir(here);
    }
    replace(&mut runner)
}
