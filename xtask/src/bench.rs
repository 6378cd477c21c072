// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask bench`: measurements, with optimised programs.

use clap::{ArgMatches, Command};

use crate::run::{Outcome, cargo, passed_on, replace, run as run_to_end};
use crate::test::arguments;

pub(crate) fn command() -> Command {
    Command::new("bench").arg(arguments())
}

pub(crate) fn run(args: &ArgMatches) -> Outcome {
    run_to_end(&mut cargo(["build", "--quiet", "--release", "--workspace", "--bins"]))?;
    let mut bench = cargo(["run", "--quiet", "--release", "--package", "system-tests"]);
    replace(bench.args(["--bin", "bench", "--"]).args(passed_on(args)))
}
