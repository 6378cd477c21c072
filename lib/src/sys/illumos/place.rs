// SPDX-License-Identifier: MIT OR Apache-2.0

//! This machine. Nothing but the real kernel and the real root can be reached.

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};

use super::native::Native;
use super::{algorithms, links, process, socket};
use crate::policy::AlgDb;
use crate::sys::links::{LinkSystem, OpenLinksError};
use crate::sys::{MessageSocket, NoKernel, OpenError, clock};

/// This machine.
#[derive(Clone, Debug)]
pub(in crate::sys) struct Place;

/// The same functions as the place of a lab.
impl Place {
    pub(in crate::sys) fn current() -> Self {
        Self
    }

    pub(in crate::sys) fn check(&self) -> Result<(), NoKernel> {
        Ok(())
    }

    pub(in crate::sys) fn owner(&self) -> u32 {
        0
    }

    pub(in crate::sys) fn path(&self, system_path: &str) -> PathBuf {
        PathBuf::from(system_path)
    }

    pub(in crate::sys) fn read(&self, system_path: &str) -> io::Result<Vec<u8>> {
        std::fs::read(system_path)
    }

    pub(in crate::sys) fn operand(&self, path: &OsStr) -> PathBuf {
        PathBuf::from(path)
    }

    pub(in crate::sys) fn target(&self, path: &OsStr) -> PathBuf {
        PathBuf::from(path)
    }

    pub(in crate::sys) fn link_target(&self, _text: &Path) -> Option<PathBuf> {
        None
    }

    pub(in crate::sys) fn algorithms(&self) -> (AlgDb, Vec<String>) {
        (algorithms::table(&Native), Vec::new())
    }

    pub(in crate::sys) fn may_configure_ip(&self) -> bool {
        process::may_configure_ip(&Native)
    }

    pub(in crate::sys) fn open_policy(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        socket::open(Native, &socket::POLICY)
    }

    pub(in crate::sys) fn open_key(&self) -> Result<Box<dyn MessageSocket>, OpenError> {
        socket::open(Native, &socket::KEY)
    }

    pub(in crate::sys) fn open_links(&self) -> Result<Box<dyn LinkSystem>, OpenLinksError> {
        links::open(Native)
    }

    pub(in crate::sys) fn now(&self) -> u64 {
        clock::now()
    }
}
