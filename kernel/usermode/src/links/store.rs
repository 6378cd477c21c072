// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the registry keeps its files.

use std::fmt;

use illumos_ipsec::wire::errno::Errno;

/// A file of the registry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkFile {
    /// Stored links: `/etc/dladm/datalink.conf`.
    Persistent,
    /// Links that exist now.
    Active,
}

impl LinkFile {
    /// Its path on a system.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::Persistent => "/etc/dladm/datalink.conf",
            Self::Active => "/etc/svc/volatile/dladm/network-datalink-management:default.cache",
        }
    }
}

/// Keeps the two files.
pub trait LinkStore: fmt::Debug + Send {
    /// The text of a file; empty if there is none.
    fn read(&mut self, file: LinkFile) -> Result<Vec<u8>, Errno>;
    /// Replaces a file as a whole, or fails and leaves it.
    fn write(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno>;
    /// Puts text at the end of a file. After a failure the end of the file may be anything.
    fn append(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        let all = [self.read(file)?.as_slice(), text].concat();
        self.write(file, &all)
    }
    /// The store for a copy of the kernel: what the copy writes does not reach the files.
    fn for_copy(&self) -> Box<dyn LinkStore> {
        Box::<MemoryStore>::default()
    }
}

impl Clone for Box<dyn LinkStore> {
    fn clone(&self) -> Self {
        self.for_copy()
    }
}

/// Keeps them in memory.
#[derive(Clone, Debug, Default)]
pub struct MemoryStore {
    persistent: Vec<u8>,
    active: Vec<u8>,
}

impl MemoryStore {
    /// With these texts.
    #[must_use]
    pub fn new(persistent: impl Into<Vec<u8>>, active: impl Into<Vec<u8>>) -> Self {
        Self { persistent: persistent.into(), active: active.into() }
    }

    fn text(&mut self, file: LinkFile) -> &mut Vec<u8> {
        match file {
            LinkFile::Persistent => &mut self.persistent,
            LinkFile::Active => &mut self.active,
        }
    }
}

impl LinkStore for MemoryStore {
    fn read(&mut self, file: LinkFile) -> Result<Vec<u8>, Errno> {
        Ok(self.text(file).clone())
    }

    fn write(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        *self.text(file) = text.to_vec();
        Ok(())
    }

    fn append(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        self.text(file).extend(text);
        Ok(())
    }

    fn for_copy(&self) -> Box<dyn LinkStore> {
        Box::new(self.clone())
    }
}
