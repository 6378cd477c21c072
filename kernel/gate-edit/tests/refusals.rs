// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is refused before any edit is looked at: options, checkouts that are none, and files that
//! cannot be edited.

mod common;

use std::os::unix::fs::symlink;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use common::{Gate, HEAD, edit};

const BEFORE: &str = "anchor='a'\nplace='before'\ntext='ours();'";

#[test]
fn our_own_files_are_not_edited() {
    let list =
        [HEAD, &edit("E1", BEFORE), &edit("E2", &format!("only-if='usr/src/uts/o.c'\n{BEFORE}"))];
    let gate = Gate::new(&list.concat());
    gate.put("ours/uts/a.c", "a\n");
    gate.put("ours/uts/o.c", "o\n");
    let said = gate.run(&["--check"]);
    assert_eq!(said.code, Some(1));
    for (path, id, key) in [("a.c", "E1", "path"), ("o.c", "E2", "only-if")] {
        let expected = format!(
            "usr/src/uts/{path}: edit {id}: {key} names one of our own files; expected a file of the gate"
        );
        assert!(said.err.contains(&expected), "{}", said.err);
    }
}

#[test]
fn links_are_not_replaced() {
    let gate = Gate::new(&format!("{HEAD}{}", edit("E1", BEFORE)));
    gate.put("gate/usr/src/uts/b.c", "a\n");
    symlink("b.c", gate.path("gate/usr/src/uts/a.c")).expect("a link");
    symlink("b.c", gate.path("ours/uts/x.c")).expect("a link");
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(1));
    assert!(said.err.contains("ours/uts/x.c: expected a file or a directory"), "{}", said.err);
    std::fs::remove_file(gate.path("ours/uts/x.c")).expect("removed");
    let said = gate.run(&[]);
    assert_eq!(
        (said.code, &*said.err),
        (Some(1), "gate-edit: usr/src/uts/a.c: no plain file; expected one to edit\n")
    );
}

#[test]
fn what_is_no_gate() {
    let gate = Gate::new(&format!("{HEAD}{}", edit("E1", BEFORE)));
    std::fs::remove_dir_all(gate.path("gate/usr")).expect("removed");
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("usr/src: no such directory; expected a checkout of illumos-gate"),
        "{}",
        said.err
    );
}

#[test]
fn options() {
    let rows: &[(&[&str], i32, &str)] = &[
        (&[], 2, "usage: gate-edit"),
        (&["--check", "--diff", "x"], 2, "cannot be used with"),
        (&["--bogus", "x"], 2, "--bogus"),
        (&["x", "y"], 2, "'y'"),
        (&["--edits", "/nonexistent", "x"], 1, "/nonexistent: No such file"),
        (&["--help"], 0, "--revert           take the edits out"),
    ];
    for (args, code, expected) in rows {
        let output = Command::new(cargo_bin!("gate-edit")).args(*args).output().expect("it starts");
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8_lossy(&text);
        assert_eq!(output.status.code(), Some(*code), "{args:?} {text}");
        assert!(text.contains(expected), "{args:?} {text}");
    }
}
