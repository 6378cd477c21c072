// SPDX-License-Identifier: MIT OR Apache-2.0

//! Files of our own, which are copied into the gate.

use std::fs;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// Directories below `kernel/illumos` and where in the gate their trees go.
pub const TARGETS: &[(&str, &str)] = &[("uts", "usr/src/uts"), ("test", "usr/src/test")];

/// Names of files that stay here; so do names that begin with a dot.
const KEPT: &[&str] = &["README.md"];

/// A file of our own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Copy {
    /// Where it goes, relative to the gate.
    pub path: String,
    /// Its contents.
    pub bytes: Vec<u8>,
    /// Its permissions.
    pub mode: u32,
}

/// What is in the gate at the place of one of our files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Present {
    /// Nothing.
    No,
    /// The same bytes.
    Same,
    /// Something else.
    Other,
}

/// All files of a directory, by path.
pub fn collect(directory: &Path, target: &str) -> Result<Vec<Copy>, (PathBuf, io::Error)> {
    let mut copies = Vec::new();
    walk(directory, target, &mut copies)?;
    copies.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(copies)
}

fn walk(
    directory: &Path,
    target: &str,
    copies: &mut Vec<Copy>,
) -> Result<(), (PathBuf, io::Error)> {
    let at = |path: &Path| {
        let path = path.to_owned();
        move |error| (path, error)
    };
    for entry in fs::read_dir(directory).map_err(at(directory))? {
        let entry = entry.map_err(at(directory))?;
        let path = entry.path();
        let name = entry.file_name();
        if name.as_bytes().starts_with(b".") || KEPT.iter().any(|kept| name == *kept) {
            continue;
        }
        let wrong = |what: &str| at(&path)(io::Error::new(ErrorKind::InvalidInput, what));
        let name = name.to_str().ok_or_else(|| wrong("the name is not UTF-8"))?;
        let target = format!("{target}/{name}");
        let data = fs::symlink_metadata(&path).map_err(at(&path))?;
        if data.is_dir() {
            walk(&path, &target, copies)?;
        } else if data.is_file() {
            let bytes = fs::read(&path).map_err(at(&path))?;
            copies.push(Copy { path: target, bytes, mode: data.permissions().mode() & 0o777 });
        } else {
            return Err(wrong("expected a file or a directory"));
        }
    }
    Ok(())
}

impl Copy {
    /// Is it in the gate?
    pub fn present(&self, gate: &Path) -> io::Result<Present> {
        let path = gate.join(&self.path);
        match fs::symlink_metadata(&path) {
            Ok(data) if data.is_file() && fs::read(&path)? == self.bytes => Ok(Present::Same),
            Ok(_) => Ok(Present::Other),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Present::No),
            Err(error) => Err(error),
        }
    }
}
