// SPDX-License-Identifier: MIT OR Apache-2.0

//! Reading policy: files, directories of files, standard input.
//!
//! A directory stands for its `*.conf` and `tunnels/NAME.conf`, in this order, each in
//! byte order of the names. All sources of a command form one policy. What cannot be
//! used is a problem of its own, so that the others are still read and checked.

mod directory;
mod trust;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use illumos_ipsec::cli::plain;
use illumos_ipsec::model::{TunnelName, valid_link_name};
use illumos_ipsec::policy::{Problem, SourceText, Span};

use crate::context::Context;
use crate::prose;

pub use trust::distrust;

/// The policy that a command is about.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    /// In the order of the load. One that is refused has no text.
    pub texts: Vec<SourceText>,
    /// What is wrong with files as a whole.
    pub problems: Vec<Problem>,
    /// Sources that must not be used, and the tunnels that they are about.
    pub refused: BTreeMap<usize, BTreeSet<TunnelName>>,
    /// A file named on the command line is not there or cannot be read.
    pub missing: bool,
    /// Is it worth saying which entry comes from where?
    pub several: bool,
}

/// The directory that has a shard for each tunnel.
const TUNNELS: &str = "tunnels";
/// How the names of shards end.
const SUFFIX: &[u8] = b".conf";

/// Reads everything named on a command line.
pub(crate) fn read(context: &Context, operands: &[OsString]) -> Sources {
    let mut sources = Sources { several: operands.len() > 1, ..Sources::default() };
    for operand in operands {
        sources.operand(context, operand);
    }
    sources
}

impl Sources {
    fn operand(&mut self, context: &Context, operand: &OsStr) {
        let name = operand.to_string_lossy().into_owned();
        if operand == "-" {
            let mut text = Vec::new();
            let result = io::stdin().lock().read_to_end(&mut text);
            self.file(name, result.map(|_| text));
            return;
        }
        let path = context.system.operand(operand);
        if path.is_dir() {
            self.several = true;
            directory::read(self, context, &name, &path);
        } else if is_missing_directory(operand, &path) {
            self.several = true;
        } else if is_tunnel_shard(operand) {
            self.several = true;
            directory::read_shard(self, context, &name, &path);
        } else {
            let text = File::open(&path).and_then(|mut file| {
                let mut text = Vec::new();
                file.read_to_end(&mut text).map(|_| text)
            });
            match text {
                // A link to nothing is no wish to have no policy.
                Err(_) if context.service.is_some() && is_absent(&path) => {
                    prose::no_policy_file(&name);
                }
                text => self.file(name, text),
            }
        }
    }

    /// A file that was named by itself.
    fn file(&mut self, name: String, text: io::Result<Vec<u8>>) {
        match text {
            Ok(text) => self.texts.push(SourceText { name, text, tunnel: None }),
            Err(error) => {
                self.missing = true;
                let message = format!("cannot read the policy file: {}", plain(&error));
                self.refuse(SourceText { name, text: Vec::new(), tunnel: None }, Some(message));
            }
        }
    }

    /// Notes a source that must not be used; without a message that has been said. Its
    /// text only tells which tunnels it is about.
    fn refuse(&mut self, source: SourceText, message: Option<String>) {
        let at = self.texts.len();
        self.refused.insert(at, tunnels_named(&source));
        if let Some(message) = message {
            self.problems.push(Problem::error(Span::whole(at), message));
        }
        self.texts.push(SourceText { text: Vec::new(), ..source });
    }

    /// The tunnels that this source implies or names.
    pub(crate) fn tunnels_of(&self, source: usize) -> BTreeSet<TunnelName> {
        match self.refused.get(&source) {
            Some(tunnels) => tunnels.clone(),
            None => self.texts.get(source).map(tunnels_named).unwrap_or_default(),
        }
    }
}

/// A directory that is not there is as good as an empty one. That it would be a directory
/// shows in its name: it ends in `/` or in `.d`.
fn is_missing_directory(operand: &OsStr, path: &Path) -> bool {
    let name = operand.as_bytes();
    (name.ends_with(b"/") || name.ends_with(b".d")) && is_absent(path)
}

/// Is there nothing of this name, not even a link?
fn is_absent(path: &Path) -> bool {
    let found = fs::symlink_metadata(path);
    found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}

/// Is this the name of a file `tunnels/NAME.conf`?
fn is_tunnel_shard(operand: &OsStr) -> bool {
    let path = Path::new(operand);
    let parent = path.parent().and_then(Path::file_name);
    parent.is_some_and(|parent| parent == TUNNELS)
        && path.file_name().is_some_and(|name| name.as_bytes().ends_with(SUFFIX))
}

/// The tunnel that a file of this name is about.
fn tunnel_of(name: &OsStr) -> Result<TunnelName, String> {
    let stem = name.as_bytes().strip_suffix(SUFFIX).unwrap_or_default();
    match TunnelName::new(stem) {
        Ok(tunnel) if valid_link_name(stem) => Ok(tunnel),
        _ => Err(format!(
            "`{}` is no name of a link, expected 2 to 31 letters, digits, `_` and `.` that begin \
             with no digit and end with a number without leading zero",
            stem.escape_ascii()
        )),
    }
}

/// The tunnels of a source, whatever is wrong with its text: the one that it implies, and
/// every word behind the keyword.
fn tunnels_named(source: &SourceText) -> BTreeSet<TunnelName> {
    let mut tunnels: BTreeSet<TunnelName> = source.tunnel.iter().cloned().collect();
    let mut before: [&[u8]; 2] = [b"", b""];
    for line in source.text.split(|&b| b == b'\n') {
        let code = line.split(|&b| b == b'#').next().unwrap_or_default();
        for word in code.split(|b| is_blank(*b) || b"{}".contains(b)) {
            if word.is_empty() {
                continue;
            }
            // `negotiate tunnel` names none, and only a link can be open.
            let named = before[1] == b"tunnel" && before[0] != b"negotiate";
            if named && valid_link_name(word) {
                tunnels.extend(TunnelName::new(word));
            }
            before = [before[1], word];
        }
    }
    tunnels
}

/// What the policy language takes for a blank.
fn is_blank(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tunnels_are_found_in_texts_that_are_no_policy() {
        let text = b"{ tunnel vpn0 negotiate tunnel } ipsec { nonsense\n\
                     {tunnel\n  vpn1 negotiate tunnel raddr tunnel }} # tunnel no0\n tunnel";
        let source = SourceText {
            name: "x".into(),
            text: text.to_vec(),
            tunnel: TunnelName::new("own0").ok(),
        };
        let names: Vec<_> = tunnels_named(&source).iter().map(ToString::to_string).collect();
        assert_eq!(names, ["own0", "vpn0", "vpn1"]);
    }

    #[test]
    fn names_of_shards_are_names_of_links() {
        assert_eq!(tunnel_of(OsStr::new("vpn0.conf")).unwrap().to_string(), "vpn0");
        for name in ["vpn.conf", "0.conf", "a b0.conf", "v-0.conf", "vpn01.conf"] {
            assert!(tunnel_of(OsStr::new(name)).unwrap_err().contains("no name of a link"));
        }
        assert!(is_tunnel_shard(OsStr::new("/etc/inet/ipsecinit.d/tunnels/vpn0.conf")));
        assert!(is_tunnel_shard(OsStr::new("tunnels/x.conf")));
        assert!(!is_tunnel_shard(OsStr::new("tunnels/vpn0")));
        assert!(!is_tunnel_shard(OsStr::new("vpn0.conf")));
    }
}
