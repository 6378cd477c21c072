// SPDX-License-Identifier: MIT OR Apache-2.0

//! The lab directory: sockets, and a root under which system paths are resolved.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};

use illumos_ipsec::policy::AlgDb;

use super::{LabError, smf};

/// Directories of a new root, with their modes.
const DIRECTORIES: &[(&str, u32)] = &[
    ("root", 0o755),
    ("root/etc", 0o755),
    ("root/etc/inet", 0o755),
    ("root/etc/inet/secret", 0o700),
    ("root/etc/dladm", 0o755),
    ("root/etc/svc", 0o755),
    ("root/etc/svc/volatile", 0o755),
    ("root/etc/svc/volatile/dladm", 0o755),
    ("root/lib", 0o755),
    ("root/lib/svc", 0o755),
    ("root/lib/svc/manifest", 0o755),
    ("root/lib/svc/manifest/network", 0o755),
    ("root/lib/svc/manifest/network/ipsec", 0o755),
    ("root/lib/svc/method", 0o755),
    ("root/var", 0o755),
    ("root/var/svc", 0o755),
    ("root/var/svc/log", 0o755),
    ("root/var/run", 0o755),
];

/// Directories that are empty after a boot.
const VOLATILE: &[&str] = &["root/var/run", "root/etc/svc/volatile"];

/// A lab directory.
#[derive(Clone, Debug)]
pub(super) struct Tree {
    dir: PathBuf,
}

/// Held by the one live server of a directory.
pub(super) struct Lock {
    _file: Flock<File>,
}

impl Tree {
    /// Makes the directory, for its owner alone, unless it exists.
    pub(super) fn create(dir: &Path) -> Result<Self, LabError> {
        let failed = |source| LabError::io("cannot create", dir, source);
        if let Some(parent) = dir.parent() {
            fs::create_dir_all(parent).map_err(failed)?;
        }
        make_dir(dir, 0o700).map_err(failed)?;
        let dir = dir.canonicalize().map_err(failed)?;
        Ok(Self { dir })
    }

    /// The lab directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The directory that stands for `/`.
    pub(super) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// Takes the directory for this server.
    pub(super) fn lock(&self) -> Result<Lock, LabError> {
        let path = self.dir.join("lock");
        let failed = |source| LabError::io("cannot lock", &path, source);
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let mut file = match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
            Ok(file) => file,
            Err((mut file, Errno::EAGAIN)) => {
                let mut holder = String::new();
                let _ = file.read_to_string(&mut holder);
                return Err(LabError::InUse {
                    dir: self.dir.clone(),
                    holder: holder.trim().parse().ok(),
                });
            }
            Err((_, errno)) => return Err(failed(errno.into())),
        };
        let note = |file: &mut File| -> io::Result<()> {
            file.set_len(0)?;
            file.rewind()?;
            writeln!(file, "{}", std::process::id())
        };
        note(&mut file).map_err(failed)?;
        Ok(Lock { _file: file })
    }

    /// Adds what a root needs and does not have. A new kernel knows nothing of what an
    /// earlier one did, so what does not outlive a boot is emptied.
    pub(super) fn fill(&self) -> Result<(), LabError> {
        for name in VOLATILE {
            let path = self.dir.join(name);
            match fs::remove_dir_all(&path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(LabError::io("cannot empty", &path, error));
                }
                _ => {}
            }
        }
        for &(name, mode) in DIRECTORIES {
            let path = self.dir.join(name);
            make_dir(&path, mode).map_err(|e| LabError::io("cannot create", &path, e))?;
        }
        self.make_file("etc/inet/ipsecalgs", &AlgDb::installed().to_text(), 0o644)?;
        for file in smf::INSTALLED {
            self.make_file(file.path, file.text, file.mode)?;
        }
        Ok(())
    }

    /// Makes a file of the root, unless it exists.
    fn make_file(&self, path: &str, text: &str, mode: u32) -> Result<(), LabError> {
        let path = self.root().join(path);
        make_file(&path, text, mode).map_err(|e| LabError::io("cannot create", &path, e))
    }
}

fn make_dir(path: &Path, mode: u32) -> io::Result<()> {
    match DirBuilder::new().mode(mode).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
        outcome => outcome,
    }
}

fn make_file(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(mode).open(path) {
        Ok(mut file) => file.write_all(text.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
