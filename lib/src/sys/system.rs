// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system a command works on: where its files are and how its kernel is reached.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

#[cfg(target_os = "illumos")]
use super::illumos::Place;
use super::links::{LinkClient, OpenLinksError};
#[cfg(not(target_os = "illumos"))]
pub use super::usermode::NoKernel;
#[cfg(not(target_os = "illumos"))]
use super::usermode::Place;
use super::{MessageSocket, OpenError};
use crate::policy::AlgDb;

/// The system a command works on.
#[derive(Clone, Debug)]
pub struct System {
    /// This machine on illumos, a lab elsewhere. Both have the same functions.
    place: Place,
}

/// There is no kernel with IPsec interfaces here. On illumos there always is one.
#[cfg(target_os = "illumos")]
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoKernel {}

impl System {
    /// The system this process runs on.
    #[must_use]
    pub fn current() -> Self {
        Self { place: Place::current() }
    }

    /// The lab in a directory.
    #[cfg(not(target_os = "illumos"))]
    #[must_use]
    pub fn lab(directory: impl Into<PathBuf>) -> Self {
        Self { place: Place::lab(directory.into()) }
    }

    /// Is there a system to work on: illumos, or the directory of a lab?
    pub fn check(&self) -> Result<(), NoKernel> {
        self.place.check()
    }

    /// Who owns the files that the commands keep, as a user id: root, or who runs the lab.
    #[must_use]
    pub fn owner(&self) -> u32 {
        self.place.owner()
    }

    /// Where a file that the commands keep is: `/var/run/...` of this system.
    #[must_use]
    pub fn path(&self, system_path: &str) -> PathBuf {
        self.place.path(system_path)
    }

    /// Reads a file of the system. A lab uses the machine's file where it has none.
    pub fn read(&self, system_path: &str) -> io::Result<Vec<u8>> {
        self.place.read(system_path)
    }

    /// Where a file named on the command line is. In a lab an absolute path is
    /// looked up under its root first.
    #[must_use]
    pub fn operand(&self, path: &OsStr) -> PathBuf {
        self.place.operand(path)
    }

    /// Where a file that a command line wants to be written is. In a lab an absolute path is
    /// one under its root if its directory is there.
    #[must_use]
    pub fn target(&self, path: &OsStr) -> PathBuf {
        self.place.target(path)
    }

    /// Where a symbolic link with this text leads, if that is not where the machine would
    /// look: in a lab, `/` of a link is the root of the lab.
    #[must_use]
    pub fn link_target(&self, text: &Path) -> Option<PathBuf> {
        self.place.link_target(text)
    }

    /// Names, numbers and key sizes of algorithms, and complaints about what describes
    /// them.
    #[must_use]
    pub fn algorithms(&self) -> (AlgDb, Vec<String>) {
        self.place.algorithms()
    }

    /// Does this process have the privilege `sys_ip_config`? In a lab the permissions of
    /// its sockets decide instead.
    #[must_use]
    pub fn may_configure_ip(&self) -> bool {
        self.place.may_configure_ip()
    }

    /// Opens a `PF_POLICY` connection.
    pub fn open_policy(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        self.place.open_policy()
    }

    /// Opens a `PF_KEY` connection. What it has received is wiped.
    pub fn open_key(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        self.place.open_key()
    }

    /// Opens `/dev/dld`.
    pub fn open_links(&self) -> Result<LinkClient, OpenLinksError> {
        self.place.open_links().map(LinkClient::new)
    }

    /// Seconds since 1970. In a lab, the time that a file of its directory says, if there
    /// is one.
    #[must_use]
    pub fn now(&self) -> u64 {
        self.place.now()
    }
}
