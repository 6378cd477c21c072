// SPDX-License-Identifier: MIT OR Apache-2.0

//! A made-up gate and a list for it, in a directory that goes away.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use gate_edit::edit::Edit;
use gate_edit::file::{State, examine};
use gate_edit::list;
use tempfile::TempDir;

/// Contents and permissions by path.
pub(crate) type Snapshot = BTreeMap<String, (Vec<u8>, u32)>;

/// What the command said.
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
}

pub(crate) struct Gate {
    dir: TempDir,
}

impl Gate {
    /// An empty gate with an empty directory of our files.
    pub(crate) fn new(list: &str) -> Self {
        let gate = Self { dir: TempDir::new().expect("a temporary directory") };
        for directory in ["gate/usr/src/uts", "ours/uts"] {
            fs::create_dir_all(gate.path(directory)).expect("directories");
        }
        gate.put("edits/list.toml", list);
        gate
    }

    pub(crate) fn path(&self, path: &str) -> PathBuf {
        self.dir.path().join(path)
    }

    pub(crate) fn put(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, text).expect("written");
    }

    pub(crate) fn mode(&self, path: &str, mode: u32) {
        fs::set_permissions(self.path(path), fs::Permissions::from_mode(mode)).expect("mode");
    }

    pub(crate) fn text(&self, path: &str) -> String {
        String::from_utf8(fs::read(self.path(path)).expect("read")).expect("UTF-8")
    }

    /// Runs the command with the directories of this gate.
    pub(crate) fn run(&self, args: &[&str]) -> Said {
        let output = Command::new(cargo_bin!("gate-edit"))
            .arg("--edits")
            .arg(self.path("edits"))
            .arg("--files")
            .arg(self.path("ours/uts"))
            .args(args)
            .arg(self.path("gate"))
            .output()
            .expect("it starts");
        let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
        Said { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut all = Snapshot::new();
        walk(&self.path("gate"), &self.path("gate"), &mut all);
        all
    }
}

fn walk(root: &Path, directory: &Path, all: &mut Snapshot) {
    for entry in fs::read_dir(directory).expect("a directory") {
        let path = entry.expect("an entry").path();
        let mode = fs::symlink_metadata(&path).expect("metadata").permissions().mode();
        let name = path.strip_prefix(root).expect("below").display().to_string();
        if path.is_dir() {
            all.insert(format!("{name}/"), (Vec::new(), mode));
            walk(root, &path, all);
        } else {
            all.insert(name, (fs::read(&path).expect("read"), mode));
        }
    }
}

/// The head of a list about one file, to which edits are added.
pub(crate) const HEAD: &str = "[[file]]\npath = \"usr/src/uts/a.c\"\n";

/// An edit with keys of its own.
pub(crate) fn edit(id: &str, keys: &str) -> String {
    format!("[[file.edit]]\nid = \"{id}\"\nhooks = [\"H1\"]\nwhy = \"a test\"\n{keys}\n")
}

pub(crate) fn parse(list: &str) -> Vec<Edit> {
    match list::parse(&[("list.toml".to_owned(), list.to_owned())]) {
        Ok(edits) => edits,
        Err(problems) => panic!("{problems:?}"),
    }
}

/// Edits a file and takes the edits out again; or says what is wrong.
pub(crate) fn apply(path: &str, old: &str, list: &str) -> Result<String, String> {
    let edits = parse(list);
    let edits: Vec<_> = edits.iter().collect();
    let made = match examine(path, old.as_bytes(), &edits) {
        State::Fits(made) => made,
        State::Refused(misfits) => {
            let text = |misfit: &gate_edit::make::Misfit| {
                format!("{}: {}", edits[misfit.edit].id, misfit.error)
            };
            return Err(misfits.iter().map(text).collect::<Vec<_>>().join("\n"));
        }
        state => return Err(format!("{state:?}")),
    };
    if made.skipped.len() < edits.len() {
        match examine(path, &made.bytes, &edits) {
            State::Edited { original: Ok(original), skipped } => {
                assert_eq!(String::from_utf8_lossy(&original), old);
                assert_eq!(skipped, made.skipped);
            }
            state => panic!("not recognised: {state:?}"),
        }
    }
    Ok(String::from_utf8(made.bytes).expect("UTF-8"))
}

/// The same with one edit of a C file.
pub(crate) fn apply_one(old: &str, keys: &str) -> Result<String, String> {
    apply("usr/src/uts/a.c", old, &format!("{HEAD}{}", edit("E1", keys)))
}
