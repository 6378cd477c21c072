// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask demo`: the session of IPD 46, shown and checked.

use std::process;

use clap::Command;

use crate::run::{Outcome, build, built, replace};

/// What a lab needs: itself and the commands in it.
pub(crate) const LAB_PACKAGES: &[&str] =
    &["ipsec-usermode", "dladm-rs", "ipsecconf-rs", "ipseckey-rs"];

pub(crate) fn command() -> Command {
    Command::new("demo")
}

pub(crate) fn run() -> Outcome {
    build(LAB_PACKAGES)?;
    replace(process::Command::new(built("ipsec-lab")?).arg("demo"))
}
