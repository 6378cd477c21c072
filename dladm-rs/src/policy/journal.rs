// SPDX-License-Identifier: MIT OR Apache-2.0

//! A note of what is being done, for the case that it is not done to its end.
//!
//! One operation at a time: the lock of the policy is held meanwhile. What is not stored
//! is forgotten by a boot, and so is the note about it.

use std::fs;
use std::io;
use std::path::PathBuf;

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::files;

use super::shard::{because, directory};
use crate::failure::Failure;

const STORED: &str = ".dladm.pending";
const TEMPORARY: &str = "/var/run/dladm-policy.pending";

/// A note that exists.
pub(super) struct Journal {
    path: PathBuf,
}

/// What a note says.
pub(super) struct Unfinished {
    /// The tunnel; for a rename, its names before and after.
    pub(super) names: Vec<TunnelName>,
    pub(super) temporary: bool,
    pub(super) journal: Journal,
}

impl Journal {
    /// Notes that something is going to happen to these names.
    pub(super) fn begin(
        system: &System,
        temporary: bool,
        names: &[&TunnelName],
    ) -> Result<Self, Failure> {
        let path = path(system, temporary);
        let text: String = names.iter().map(|name| format!("{name}\n")).collect();
        let written = match temporary {
            true => files::replace(&path, text.as_bytes(), 0o600),
            false => files::replace_durably(&path, text.as_bytes(), 0o600),
        };
        written.map_err(|error| because("write", &path, &error))?;
        Ok(Self { path })
    }

    /// It has been done, or nothing of it.
    pub(super) fn end(self) -> Result<(), Failure> {
        files::remove_durably(&self.path).map_err(|error| because("remove", &self.path, &error))
    }

    /// Is there perhaps something that has not been done?
    pub(super) fn is_there(system: &System) -> bool {
        [false, true].into_iter().any(|temporary| path(system, temporary).exists())
    }

    /// The notes that are there.
    pub(super) fn read(system: &System) -> Result<Vec<Unfinished>, Failure> {
        let mut found = Vec::new();
        for temporary in [false, true] {
            let path = path(system, temporary);
            let text = match fs::read(&path) {
                Ok(text) => text,
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
                    ) =>
                {
                    continue;
                }
                Err(error) => return Err(because("read", &path, &error)),
            };
            let names = text
                .split(|&byte| byte == b'\n')
                .filter_map(|line| TunnelName::new(line).ok())
                .collect();
            found.push(Unfinished { names, temporary, journal: Self { path } });
        }
        Ok(found)
    }
}

fn path(system: &System, temporary: bool) -> PathBuf {
    if temporary { system.path(TEMPORARY) } else { directory(system).join(STORED) }
}
