// SPDX-License-Identifier: MIT OR Apache-2.0

//! The file that keeps the policy of one tunnel.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use illumos_ipsec::cli::plain;
use illumos_ipsec::model::TunnelName;
use illumos_ipsec::sys::System;
use illumos_ipsec::sys::files;
use ipsecconf_rs::tunnel_policy::distrust;

use crate::failure::Failure;

/// The directories, which the policy service reads.
const DIRECTORIES: [&str; 2] = ["/etc/inet/ipsecinit.d", "/etc/inet/ipsecinit.d/tunnels"];

/// How a file of ours begins. Whoever takes the file over removes the line.
const MARK: &str = "# Made by dladm for this tunnel, and removed with it by dladm delete-iptun.\n";
const MODE: u32 = 0o644;

/// A shard of `tunnels/`.
pub(crate) struct Shard {
    name: String,
    path: PathBuf,
}

/// Whose file it is.
pub(super) enum State {
    Absent,
    /// Made by this program; its content.
    Ours(Vec<u8>),
    /// Written or linked by somebody.
    Foreign,
}

impl Shard {
    pub(super) fn of(system: &System, tunnel: &TunnelName) -> Self {
        let name = format!("{}/{tunnel}.conf", DIRECTORIES[1]);
        let path = system.path(&name);
        Self { name, path }
    }

    /// As it is shown.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn exists(&self) -> bool {
        fs::symlink_metadata(&self.path).is_ok()
    }

    pub(super) fn state(&self) -> Result<State, Failure> {
        match fs::symlink_metadata(&self.path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(State::Absent),
            Err(error) => return Err(self.failure("look at", &error)),
            Ok(metadata) if !metadata.is_file() || metadata.nlink() != 1 => {
                return Ok(State::Foreign);
            }
            Ok(_) => {}
        }
        let text = fs::read(&self.path).map_err(|error| self.failure("read", &error))?;
        Ok(if text.starts_with(MARK.as_bytes()) { State::Ours(text) } else { State::Foreign })
    }

    /// The content, if the file is ours.
    pub(super) fn ours(&self) -> Result<Option<Vec<u8>>, Failure> {
        Ok(match self.state()? {
            State::Ours(text) => Some(text),
            State::Absent | State::Foreign => None,
        })
    }

    /// A policy with what makes the file ours.
    pub(super) fn marked(policy: &[u8]) -> Vec<u8> {
        let newline: &[u8] = if policy.ends_with(b"\n") { b"" } else { b"\n" };
        [MARK.as_bytes(), policy, newline].concat()
    }

    /// Makes the directories, unless they are there, and looks at them: a policy in a
    /// directory that others may write would be refused at the next boot.
    pub(super) fn make_directories(system: &System) -> Result<(), Failure> {
        for directory in DIRECTORIES {
            let path = system.path(directory);
            match DirBuilder::new().mode(0o755).create(&path) {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(because("create", directory, &error));
                }
                _ => {}
            }
            let metadata =
                fs::metadata(&path).map_err(|error| because("look at", directory, &error))?;
            if let Some(why) = distrust(&metadata) {
                return Err(Failure::message(format!("{directory} cannot be used: {why}")));
            }
        }
        Ok(())
    }

    /// Writes the file as a whole; it is on the disk afterwards.
    pub(super) fn write(&self, text: &[u8]) -> Result<(), Failure> {
        files::replace_durably(&self.path, text, MODE)
            .map_err(|error| self.failure("write", &error))
    }

    pub(super) fn remove(&self) -> Result<(), Failure> {
        files::remove_durably(&self.path).map_err(|error| self.failure("remove", &error))
    }

    pub(super) fn rename(&self, new: &Self) -> Result<(), Failure> {
        files::rename_durably(&self.path, &new.path).map_err(|error| self.failure("rename", &error))
    }

    /// As it was before, or not there.
    pub(super) fn put_back(&self, before: Option<&[u8]>) -> Result<(), Failure> {
        match before {
            Some(text) => self.write(text),
            None => self.remove(),
        }
    }

    fn failure(&self, verb: &str, error: &io::Error) -> Failure {
        because(verb, &self.name, error)
    }
}

/// Is there any shard for a tunnel?
pub(super) fn any(system: &System) -> bool {
    fs::read_dir(system.path(DIRECTORIES[1])).is_ok_and(|mut entries| entries.next().is_some())
}

/// The directory in which notes about unfinished work are kept.
pub(super) fn directory(system: &System) -> PathBuf {
    system.path(DIRECTORIES[0])
}

pub(super) fn because(verb: &str, file: impl AsRef<Path>, error: &io::Error) -> Failure {
    Failure::message(format!("cannot {verb} {}: {}", file.as_ref().display(), plain(error)))
}
