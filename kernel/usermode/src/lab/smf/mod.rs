// SPDX-License-Identifier: MIT OR Apache-2.0

//! Services in a lab: `svcadm`, `svcs`, `svcprop`, `svccfg`, and what happens at boot.
//!
//! The stand-ins read the manifests below `root/lib/svc/manifest/network/ipsec` and run the
//! methods in `root/lib/svc/method` as SMF would: environment, exit codes, time limits, log.
//! The lab puts the project's own there and uses whatever is there later.
//!
//! | file | what is in it |
//! |---|---|
//! | `root/etc/svc/repository.json` | what an operator has changed: enabled or not, properties |
//! | `root/etc/svc/volatile/states.json` | the state of each instance; gone after a boot |
//! | `root/var/svc/log/network-ipsec-policy:default.log` | what a method has said |
//!
//! What is not as in SMF: there is no daemon, the one who calls runs the method and waits for
//! it, with or without `-s`. Dependencies are read and shown but start nothing and hold
//! nothing back. A property has its new value at once, not after a refresh. A service and its
//! one instance, `default`, share their properties.

mod boot;
mod command_line;
mod error;
mod exec;
mod fmri;
mod installed;
mod log;
mod manifest;
mod method;
mod property;
mod repository;
mod restarter;
mod setprop;
mod status;
mod svcadm;
mod svccfg;
mod svcprop;
mod svcs;
mod svcs_columns;
mod svcs_explain;

use std::env;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::ExitCode;

pub(super) use self::boot::{at_start, run as boot};
pub(super) use self::installed::INSTALLED;
use super::{LAB_VARIABLE, LabError};

/// The restarter that every service here has.
const RESTARTER: &str = "svc:/system/svc/restarter:default";

/// The main function of a stand-in, if `name` is the name of one.
pub(super) fn stand_in(name: &str) -> Option<fn(Vec<OsString>) -> ExitCode> {
    match name {
        svcadm::NAME => Some(svcadm::main),
        svcs::NAME => Some(svcs::main),
        svcprop::NAME => Some(svcprop::main),
        svccfg::NAME => Some(svccfg::main),
        _ => None,
    }
}

/// The directory of the lab: the one given, or the one the environment names.
fn lab_dir(given: Option<PathBuf>) -> Result<PathBuf, LabError> {
    let named = || env::var_os(LAB_VARIABLE).filter(|dir| !dir.is_empty()).map(PathBuf::from);
    let dir = given.or_else(named).ok_or(LabError::NotNamed)?;
    dir.canonicalize().map_err(|source| LabError::io("cannot use", &dir, source))
}
