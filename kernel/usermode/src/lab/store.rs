// SPDX-License-Identifier: MIT OR Apache-2.0

//! The files of the link registry below the root of a lab.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use illumos_ipsec::wire::errno::Errno;

use crate::links::{LinkFile, LinkStore};

/// Keeps the files as the link daemon does: a new file takes the place of the old one.
#[derive(Debug)]
pub(super) struct FileStore {
    root: PathBuf,
}

impl FileStore {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    fn path(&self, file: LinkFile) -> PathBuf {
        self.root.join(file.path().trim_start_matches('/'))
    }
}

impl LinkStore for FileStore {
    fn read(&mut self, file: LinkFile) -> Result<Vec<u8>, Errno> {
        match fs::read(self.path(file)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
            outcome => outcome.map_err(|error| errno(&error)),
        }
    }

    fn write(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        let path = self.path(file);
        let mut new = path.clone().into_os_string();
        new.push(".new");
        replace(&path, Path::new(&new), text, file == LinkFile::Persistent)
            .map_err(|error| errno(&error))
    }

    fn append(&mut self, file: LinkFile, text: &[u8]) -> Result<(), Errno> {
        let open = OpenOptions::new().append(true).open(self.path(file));
        open.and_then(|mut file| file.write_all(text)).map_err(|error| errno(&error))
    }
}

/// Stored links have to outlive a crash of the machine; the active ones cannot.
fn replace(path: &Path, new: &Path, text: &[u8], durable: bool) -> io::Result<()> {
    let write = || {
        let mut file = File::create(new)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.write_all(text)?;
        if durable { file.sync_all() } else { Ok(()) }
    };
    write().and_then(|()| fs::rename(new, path)).inspect_err(|_| {
        let _ = fs::remove_file(new);
    })
}

/// What illumos calls the failure.
fn errno(error: &io::Error) -> Errno {
    use io::ErrorKind;
    match error.kind() {
        ErrorKind::NotFound => Errno::ENOENT,
        ErrorKind::PermissionDenied => Errno::EACCES,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => Errno::ENOSPC,
        ErrorKind::ReadOnlyFilesystem => Errno::EROFS,
        ErrorKind::OutOfMemory => Errno::ENOMEM,
        _ => Errno::EIO,
    }
}
