// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where the files of an owner are.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use illumos_ipsec::model::Namespace;
use illumos_ipsec::sys::System;

/// The record of loaded policy.
pub(crate) const VIEW: &str = ".conf";
/// The same as it will be once the kernel has been changed.
pub(crate) const PENDING: &str = ".conf.pending";
/// The lock.
pub(crate) const LOCK: &str = ".lock";

/// Files of the nameless owner.
const NAMELESS_FILES: &str = "/var/run/ipsecpolicy";
const NAMELESS_LOCK: &str = "/var/run/ipsecconf.lock";
/// The directory with the files of the others.
const DIRECTORY: &str = "/var/run/ipsecpolicy.d";

/// A namespace can be longer than a file name: it is cut, and all but the last piece name
/// directories.
const PIECE: usize = 60;
const DIRECTORY_END: &str = "+";

/// A file of an owner.
pub(crate) fn file(system: &System, owner: Option<&Namespace>, kind: &str) -> PathBuf {
    let Some(owner) = owner else {
        return match kind {
            LOCK => system.path(NAMELESS_LOCK),
            kind => system.path(&format!("{NAMELESS_FILES}{kind}")),
        };
    };
    let mut path = system.path(DIRECTORY);
    let mut pieces = owner.as_str().as_bytes().chunks(PIECE).peekable();
    while let Some(piece) = pieces.next() {
        let end = if pieces.peek().is_some() { DIRECTORY_END } else { kind };
        path.push(escape(piece) + end);
    }
    path
}

/// Makes the directory of such a file; everybody may look into it.
pub(crate) fn make_directory(file: &Path) -> io::Result<()> {
    let Some(parent) = file.parent() else { return Ok(()) };
    DirBuilder::new().recursive(true).mode(0o755).create(parent)
}

/// The namespaces that have a record of loaded policy, in order. One whose first command
/// died before its end has an announced record alone.
pub(crate) fn with_view(system: &System) -> BTreeSet<Namespace> {
    let mut found = BTreeSet::new();
    walk(&system.path(DIRECTORY), &[], &mut found);
    found
}

fn walk(directory: &Path, before: &[u8], found: &mut BTreeSet<Namespace>) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        let name = entry.file_name().into_vec();
        let piece = |end: &str| {
            let piece = unescape(name.strip_suffix(end.as_bytes())?)?;
            Some([before, &piece].concat())
        };
        if let Some(name) = piece(DIRECTORY_END) {
            walk(&entry.path(), &name, found);
        } else if let Some(name) = piece(VIEW).or_else(|| piece(PENDING)) {
            found.extend(Namespace::new(name));
        }
    }
}

/// Letters and digits stay; a file name can hold neither `/` nor begin with a dot, and is
/// easier to type without the rest.
fn escape(piece: &[u8]) -> String {
    piece.iter().fold(String::new(), |mut out, &byte| {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'-' | b':' => out.push(byte.into()),
            _ => out.push_str(&format!("%{byte:02x}")),
        }
        out
    })
}

fn unescape(piece: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(piece.len());
    let mut rest = piece;
    while let Some((&byte, more)) = rest.split_first() {
        rest = more;
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        out.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    Some(out)
}

#[cfg(all(test, not(target_os = "illumos")))]
mod tests {
    use std::os::unix::ffi::OsStrExt;

    use super::*;

    #[test]
    fn every_namespace_has_files_of_its_own_and_is_found_again() {
        let dir = tempfile::tempdir().unwrap();
        let system = System::lab(dir.path());
        let mut names: BTreeSet<Namespace> =
            ["a", "A", "a.conf", "svc:/network/vpn:tenant1", "svc:/network/vpn", "x%2f", "x/"]
                .iter()
                .map(Namespace::new)
                .collect::<Result<_, _>>()
                .unwrap();
        names.insert(Namespace::new("x".repeat(PIECE)).unwrap());
        names.insert(Namespace::new(format!("x{}", "/".repeat(254))).unwrap());
        for name in &names {
            let path = file(&system, Some(name), VIEW);
            assert!(!path.exists(), "{name}");
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
            fs::write(file(&system, Some(name), LOCK), "").unwrap();
        }
        assert_eq!(with_view(&system), names);
        assert_eq!(file(&system, None, VIEW), system.path("/var/run/ipsecpolicy.conf"));
        assert!(file(&system, None, LOCK).as_os_str().as_bytes().ends_with(b"ipsecconf.lock"));
    }
}
