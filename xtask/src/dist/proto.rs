// SPDX-License-Identifier: MIT OR Apache-2.0

//! The proto area: the files of all packages, under the paths that they will have.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;

/// What is in it, by path without a slash at the beginning.
pub(super) type Proto = BTreeMap<String, Entry>;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Directory,
    /// Permissions, and a number that two names of one file have in common.
    File {
        mode: u32,
        inode: u64,
    },
}

/// Everything below a directory.
pub(super) fn scan(root: &Path) -> io::Result<Proto> {
    fn walk(dir: &Path, root: &Path, proto: &mut Proto) -> io::Result<()> {
        for entry in fs::read_dir(dir)? {
            let path = entry?.path();
            let metadata = fs::symlink_metadata(&path)?;
            let name = path.strip_prefix(root).unwrap_or(&path).display().to_string();
            if metadata.is_dir() {
                proto.insert(name, Entry::Directory);
                walk(&path, root, proto)?;
            } else {
                let mode = metadata.permissions().mode() & 0o7777;
                proto.insert(name, Entry::File { mode, inode: metadata.ino() });
            }
        }
        Ok(())
    }
    let mut proto = Proto::new();
    walk(root, root, &mut proto)?;
    Ok(proto)
}
