// SPDX-License-Identifier: MIT OR Apache-2.0

//! Changes files: all are written beside the old ones first, then renamed one by one. If that
//! fails half way, what has been done is undone.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

/// What is to become of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// Relative to the gate.
    pub path: String,
    /// What is there now; nothing for a file to be made.
    pub old: Option<Vec<u8>>,
    /// What will be there; nothing for a file to be removed.
    pub new: Option<Vec<u8>>,
    /// Permissions of a file to be made. A file that is replaced keeps its own.
    pub mode: u32,
}

/// A file that could not be changed.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}; {}", path.display(), self.state())]
pub struct WriteError {
    path: PathBuf,
    error: io::Error,
    /// Files that are changed and could not be changed back.
    left: Vec<String>,
}

impl WriteError {
    fn state(&self) -> String {
        if self.left.is_empty() {
            "nothing was changed".to_owned()
        } else {
            format!("these files are changed and could not be restored: {}", self.left.join(", "))
        }
    }
}

/// Makes all changes.
pub fn commit(gate: &Path, changes: &[Change]) -> Result<(), WriteError> {
    let mut done: Vec<&Change> = Vec::new();
    let mut made = Vec::new();
    let outcome = stage(gate, changes, &mut made).and_then(|staged| {
        for (change, file) in changes.iter().zip(staged) {
            let path = gate.join(&change.path);
            match file {
                Some(file) => file.persist(&path).map(drop).map_err(|error| (path, error.error))?,
                None => fs::remove_file(&path).map_err(|error| (path, error))?,
            }
            done.push(change);
        }
        Ok(())
    });
    let Err((path, error)) = outcome else {
        for change in changes.iter().filter(|change| change.new.is_none()) {
            remove_empty_parents(gate, &change.path);
        }
        return Ok(());
    };
    let failed = |change: &&&Change| restore(gate, change).is_err();
    let left = done.iter().filter(failed).map(|change| change.path.clone()).collect();
    for directory in made.iter().rev() {
        // One that is not empty any more stays.
        let _ = fs::remove_dir(directory);
    }
    Err(WriteError { path, error, left })
}

type Staged = Vec<Option<NamedTempFile>>;

fn stage(
    gate: &Path,
    changes: &[Change],
    made: &mut Vec<PathBuf>,
) -> Result<Staged, (PathBuf, io::Error)> {
    let mut staged = Vec::new();
    for change in changes {
        let path = gate.join(&change.path);
        let file = match &change.new {
            Some(bytes) => Some(
                make_parents(&path, made)
                    .and_then(|()| temporary(&path, bytes, mode(&path, change)?))
                    .map_err(|error| (path, error))?,
            ),
            None => None,
        };
        staged.push(file);
    }
    Ok(staged)
}

fn mode(path: &Path, change: &Change) -> io::Result<u32> {
    if change.old.is_none() {
        return Ok(change.mode);
    }
    Ok(fs::symlink_metadata(path)?.permissions().mode() & 0o7777)
}

fn temporary(path: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let directory = path.parent().unwrap_or(Path::new("."));
    let mut file = tempfile::Builder::new().prefix(".gate-edit").tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().set_permissions(Permissions::from_mode(mode))?;
    Ok(file)
}

fn restore(gate: &Path, change: &Change) -> io::Result<()> {
    let path = gate.join(&change.path);
    let Some(old) = &change.old else { return fs::remove_file(path) };
    let mode = match fs::symlink_metadata(&path) {
        Ok(data) => data.permissions().mode() & 0o7777,
        Err(_) => change.mode,
    };
    temporary(&path, old, mode)?.persist(&path).map(drop).map_err(|error| error.error)
}

fn make_parents(path: &Path, made: &mut Vec<PathBuf>) -> io::Result<()> {
    let missing: Vec<_> = path.ancestors().skip(1).take_while(|parent| !parent.exists()).collect();
    for directory in missing.into_iter().rev() {
        fs::create_dir(directory)?;
        made.push(directory.to_owned());
    }
    Ok(())
}

/// Directories are not kept by version control: those that are empty now go as well.
fn remove_empty_parents(gate: &Path, path: &str) {
    for parent in Path::new(path).ancestors().skip(1) {
        if parent.as_os_str().is_empty() || fs::remove_dir(gate.join(parent)).is_err() {
            return;
        }
    }
}
