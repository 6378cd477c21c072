// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system's own dladm, for subcommands and links that are not ours.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::MetadataExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use illumos_ipsec::cli::plain;
use illumos_ipsec::sys::System;

use crate::failure::Failure;

/// Where it is. A distribution that installs this program in its place builds with the
/// environment variable `SYSTEM_DLADM` naming the new place of the original.
const SYSTEM_DLADM: &str = match option_env!("SYSTEM_DLADM") {
    Some(path) => path,
    None => "/sbin/dladm",
};

/// The system's own dladm, if there is one that is not this program.
pub(crate) fn system_dladm(system: &System) -> Option<PathBuf> {
    let path = system.path(SYSTEM_DLADM);
    let identity = |path: &Path| path.metadata().ok().map(|file| (file.dev(), file.ino()));
    let theirs = identity(&path)?;
    let ours = std::env::current_exe().ok().and_then(|path| identity(&path));
    (ours != Some(theirs)).then_some(path)
}

/// Becomes the system's own dladm, with the same arguments; comes back only if that
/// fails, or, with `None`, if there is none.
pub(crate) fn hand_over(system: &System, args: &[OsString]) -> Option<Failure> {
    let path = system_dladm(system)?;
    let error = Command::new(&path).arg0("dladm").args(args).exec();
    Some(Failure::message(format!("cannot run {}: {}", path.display(), plain(&error))))
}

/// A subcommand that is not ours.
pub(crate) fn unknown_subcommand(name: &OsStr, args: &[OsString]) -> Failure {
    hand_over(&System::current(), args).unwrap_or_else(|| {
        Failure::message(format!(
            "unknown subcommand '{}', and there is no system dladm ({SYSTEM_DLADM}) to run it; \
             \"dladm help\" lists what this one has",
            name.to_string_lossy()
        ))
    })
}

/// A link that is no tunnel.
pub(crate) fn other_link(system: &System, args: &[OsString], link: &OsStr) -> Failure {
    hand_over(system, args).unwrap_or_else(|| {
        Failure::message(format!(
            "link {} is no IP tunnel, and there is no system dladm ({SYSTEM_DLADM}) for it",
            link.to_string_lossy()
        ))
    })
}
