// SPDX-License-Identifier: MIT OR Apache-2.0

//! `-R`: the command is written down for the next boot of another root.

use std::ffi::{OsStr, OsString};
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use illumos_ipsec::cli::getopt_long::Scanned;
use illumos_ipsec::cli::plain;

use crate::context::Context;
use crate::failure::Failure;

/// Writes the command down. Options in any spelling of `-R` are left out, and each word
/// is quoted, since a shell reads the file.
pub(crate) fn record(context: &Context, root: &OsStr, scanned: &Scanned) -> Result<(), Failure> {
    let mut line = b"/sbin/dladm ".to_vec();
    for word in std::iter::once(OsStr::new(context.name)).chain(without_root(&scanned.permuted)) {
        line.extend(quoted(word.as_bytes()));
        line.push(b' ');
    }
    line.extend(b" # added by dladm(8)\n");

    let place = context.system.operand(root);
    let stored = place.join("etc/dladm/datalink.conf");
    let profile = place.join("var/svc/profile");
    let file = if stored.exists() { "upgrade_datalink" } else { "upgrade" };
    append(&profile.join(file), &line).map_err(|error| {
        let root = Path::new(root).display();
        Failure::message(format!("operation not supported on {root}: {}", plain(&error)))
    })
}

fn append(path: &Path, line: &[u8]) -> std::io::Result<()> {
    // One write: two commands at the same time do not mix their lines.
    OpenOptions::new().append(true).create(true).open(path)?.write_all(line)
}

fn without_root(words: &[OsString]) -> Vec<&OsStr> {
    let mut kept = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        let long = bytes.strip_prefix(b"--").filter(|long| !long.is_empty());
        if let Some(long) = long {
            let name = long.split(|byte| *byte == b'=').next().unwrap_or_default();
            if b"root-dir".starts_with(name) && long.first() == Some(&b'r') {
                if !long.contains(&b'=') {
                    words.next();
                }
                continue;
            }
        } else if bytes.first() == Some(&b'-')
            && let Some(at) = bytes.iter().position(|byte| *byte == b'R')
            && bytes[1..at].iter().all(|byte| b"tSpPc".contains(byte))
        {
            if at > 1 {
                kept.push(OsStr::from_bytes(&bytes[..at]));
            }
            if at + 1 == bytes.len() {
                words.next();
            }
            continue;
        }
        kept.push(word);
    }
    kept
}

/// A word as a shell reads it back. Plain ones stay as they are.
fn quoted(word: &[u8]) -> Vec<u8> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_-./:,=%@+".contains(byte);
    if !word.is_empty() && word.iter().all(plain) {
        return word.to_vec();
    }
    let mut out = vec![b'\''];
    for byte in word {
        match byte {
            b'\'' => out.extend(b"'\\''"),
            byte => out.push(*byte),
        }
    }
    out.push(b'\'');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_other_root_is_left_out_however_it_is_spelled() {
        for words in [
            vec!["-t", "-R", "/a", "tun0"],
            vec!["-t", "-R/a", "tun0"],
            vec!["-tR", "/a", "tun0"],
            vec!["-tR/a", "tun0"],
            vec!["-t", "--root-dir=/a", "tun0"],
            vec!["-t", "--root", "/a", "tun0"],
        ] {
            let words: Vec<OsString> = words.into_iter().map(OsString::from).collect();
            assert_eq!(without_root(&words), ["-t", "tun0"], "{words:?}");
        }
        let words: Vec<OsString> = ["-aremote=R", "-T", "ipv4"].map(OsString::from).to_vec();
        assert_eq!(without_root(&words), ["-aremote=R", "-T", "ipv4"]);
    }

    #[test]
    fn words_come_back_from_a_shell() {
        assert_eq!(quoted(b"local=10.1.1.1,remote=a"), b"local=10.1.1.1,remote=a");
        assert_eq!(quoted(b"a b"), b"'a b'");
        assert_eq!(quoted(b"it's"), b"'it'\\''s'");
        assert_eq!(quoted(b""), b"''");
    }
}
