// SPDX-License-Identifier: MIT OR Apache-2.0

//! The lock file, and files that are replaced as a whole.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, fcntl};

/// Why a lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// The caller may not open it.
    #[error("insufficient privilege to open the lock file {}", path.display())]
    Privilege {
        /// The lock file.
        path: PathBuf,
    },
    /// What is there cannot be trusted as a lock file.
    #[error("bad lock file {}: {reason}", path.display())]
    Bad {
        /// The lock file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// It cannot be opened for another reason.
    #[error("cannot open lock file {}: {source}", path.display())]
    Open {
        /// The lock file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
}

/// An exclusive lock, held until it is dropped or the process ends. The file stays.
#[derive(Debug)]
pub struct LockFile {
    _file: File,
}

impl LockFile {
    /// Creates the file if necessary (mode 0600) and waits for the lock.
    ///
    /// An existing file must be a regular, empty file with one link that belongs to
    /// `owner`, and must be the one that was opened.
    pub fn acquire(path: &Path, owner: u32) -> Result<Self, LockError> {
        let file = lock_file(path, owner)?;
        loop {
            match fcntl(&file, FcntlArg::F_SETLKW(&WHOLE_FILE)) {
                Ok(_) => return Ok(Self { _file: file }),
                Err(Errno::EINTR) => {}
                Err(errno) => return Err(cannot_lock(path, errno.into())),
            }
        }
    }

    /// The same, but does not wait: none if another process has the lock. To the system a lock
    /// is one of the process: a second one for the same path would be had at once, and the
    /// first of the two to be dropped frees it.
    pub fn try_acquire(path: &Path, owner: u32) -> Result<Option<Self>, LockError> {
        let file = lock_file(path, owner)?;
        match fcntl(&file, FcntlArg::F_SETLK(&WHOLE_FILE)) {
            Ok(_) => Ok(Some(Self { _file: file })),
            Err(Errno::EAGAIN | Errno::EACCES) => Ok(None),
            Err(errno) => Err(cannot_lock(path, errno.into())),
        }
    }
}

/// A lock on all of a file.
const WHOLE_FILE: libc::flock = libc::flock {
    l_type: libc::F_WRLCK as _,
    l_whence: libc::SEEK_SET as _,
    l_start: 0,
    l_len: 0,
    l_pid: 0,
    #[cfg(target_os = "illumos")]
    l_sysid: 0,
    #[cfg(target_os = "illumos")]
    l_pad: [0; 4],
};

/// Opens a file that is there for its lock alone, or makes it.
fn lock_file(path: &Path, owner: u32) -> Result<File, LockError> {
    let bad = |reason| LockError::Bad { path: path.to_owned(), reason };
    let cannot = |source| cannot_lock(path, source);
    let create = OpenOptions::new().read(true).write(true).create_new(true).mode(0o600).open(path);
    match create {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        created => return created.map_err(cannot),
    }
    let before = fs::symlink_metadata(path).map_err(cannot)?;
    if !before.file_type().is_file() {
        return Err(bad("not a regular file"));
    }
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)
        .map_err(cannot)?;
    let now = file.metadata().map_err(cannot)?;
    if (now.dev(), now.ino()) != (before.dev(), before.ino()) {
        return Err(bad("it was exchanged while it was opened"));
    }
    if now.nlink() != 1 {
        return Err(bad("it has more than one link"));
    }
    if now.uid() != owner {
        return Err(bad("it belongs to another user"));
    }
    if now.len() != 0 {
        return Err(bad("it is not empty"));
    }
    Ok(file)
}

fn cannot_lock(path: &Path, source: io::Error) -> LockError {
    match source.kind() {
        io::ErrorKind::PermissionDenied => LockError::Privilege { path: path.to_owned() },
        _ => LockError::Open { path: path.to_owned(), source },
    }
}

/// Puts a file with this content and mode in the place of `path`, so that at any
/// moment either the old or the new content is there, whatever happens to this process.
/// Nothing is forced to a disk: meant for `/var/run`, which a crash of the system empties.
pub fn replace(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    put(path, content, mode, false)
}

/// The same for files that have to be there after a crash of the system: it is on the disk
/// when this returns.
pub fn replace_durably(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    put(path, content, mode, true)?;
    sync_directory(path)
}

/// Removes a file for good. That there is none is no error.
pub fn remove_durably(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => sync_directory(path),
    }
}

/// Gives a file another name for good.
pub fn rename_durably(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_directory(to)
}

fn sync_directory(file: &Path) -> io::Result<()> {
    File::open(file.parent().unwrap_or(Path::new("/")))?.sync_all()
}

fn put(path: &Path, content: &[u8], mode: u32, durable: bool) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".tmp");
    let temporary = path.with_file_name(name);
    match fs::remove_file(&temporary) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file =
        OpenOptions::new().write(true).create_new(true).mode(mode & 0o700).open(&temporary)?;
    let mut write = || {
        file.write_all(content)?;
        // The umask does not get a say in a mode that is part of the contract.
        file.set_permissions(std::os::unix::fs::PermissionsExt::from_mode(mode))?;
        if durable { file.sync_all() } else { Ok(()) }
    };
    // A full disk must not stay full of what nobody wants; it may say so only at the end.
    write().and_then(|()| fs::rename(&temporary, path)).inspect_err(|_| {
        let _ = fs::remove_file(&temporary);
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_lock_file_with_content_is_refused_and_left_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lock");
        let me = nix::unistd::geteuid().as_raw();
        drop(LockFile::acquire(&path, me).unwrap());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        drop(LockFile::acquire(&path, me).unwrap());
        fs::write(&path, "1").unwrap();
        assert!(matches!(LockFile::acquire(&path, me), Err(LockError::Bad { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"1");
    }

    #[test]
    fn links_and_foreign_files_are_no_lock_files() {
        let dir = tempfile::tempdir().unwrap();
        let me = nix::unistd::geteuid().as_raw();
        let target = dir.path().join("target");
        fs::write(&target, "").unwrap();
        let symlink = dir.path().join("symlink");
        std::os::unix::fs::symlink(&target, &symlink).unwrap();
        assert!(matches!(LockFile::acquire(&symlink, me), Err(LockError::Bad { .. })));
        assert!(matches!(LockFile::acquire(&target, me + 1), Err(LockError::Bad { .. })));
        fs::hard_link(&target, dir.path().join("second")).unwrap();
        assert!(matches!(LockFile::acquire(&target, me), Err(LockError::Bad { .. })));
    }

    #[test]
    fn replace_leaves_no_temporary_file_and_sets_the_mode() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("view");
        replace(&path, b"one", 0o644).unwrap();
        replace(&path, b"two", 0o644).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o644);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn what_cannot_be_put_in_place_leaves_no_temporary_file() {
        let dir = tempfile::tempdir().unwrap();
        // No file takes the place of a directory.
        let path = dir.path().join("view");
        fs::create_dir(&path).unwrap();
        replace(&path, b"one", 0o644).unwrap_err();
        replace_durably(&path, b"one", 0o644).unwrap_err();
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
