// SPDX-License-Identifier: MIT OR Apache-2.0

//! Edits for some checkouts only; files that cannot be edited; options.

mod common;

use std::os::unix::fs::symlink;
use std::process::Command;

use assert_cmd::cargo::cargo_bin;
use common::{Gate, HEAD, edit};

const BEFORE: &str = "anchor='a'\nplace='before'\ntext='ours();'";

#[test]
fn optional_edits() {
    let other = "anchor='gone'\noptional=true\nwhy-not='came later'\nplace='before'\ntext='x();'";
    let within = "in='f'\nanchor='a'\noptional=true\nplace='before'\ntext='y();'";
    let gate =
        Gate::new(&[HEAD, &edit("E1", BEFORE), &edit("E2", other), &edit("E3", within)].concat());
    gate.put("gate/usr/src/uts/a.c", "a\n");
    let before = gate.snapshot();
    let notes = "\
note: usr/src/uts/a.c: edit E2 (hook H1) left out: anchor \"gone\" matches nothing; expected 1
    came later
note: usr/src/uts/a.c: edit E3 (hook H1) left out: f is not defined here; \
expected a function, structure, union, enum, variable or macro
";
    let said = gate.run(&[]);
    assert_eq!((said.code, &*said.err), (Some(0), notes));
    assert_eq!(gate.text("gate/usr/src/uts/a.c"), "ours();\na\n");
    // It is complete without them.
    let said = gate.run(&["--check"]);
    assert_eq!((said.code, &*said.err), (Some(0), notes));
    assert!(said.out.starts_with("usr/src/uts/a.c: already edited, 1 edit\n"), "{}", said.out);
    assert_eq!(gate.run(&["--revert"]).code, Some(0));
    assert_eq!(gate.snapshot(), before);

    // In another tree they fit.
    gate.put("gate/usr/src/uts/a.c", "gone\na\n");
    assert_eq!(gate.run(&[]).code, Some(0));
    assert_eq!(gate.text("gate/usr/src/uts/a.c"), "x();\ngone\nours();\na\n");
    // Too many matches are wrong even so.
    gate.put("gate/usr/src/uts/a.c", "gone\ngone\na\n");
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("edit E2: anchor \"gone\" matches 2 lines (1, 2); expected 1"),
        "{}",
        said.err
    );
}

#[test]
fn optional_files_and_only_if() {
    let optional = "[[file]]\npath='usr/src/uts/b.c'\noptional=true\nwhy-not='b came later'\n";
    let only_if = "[[file]]\npath='usr/src/uts/a.c'\nonly-if='usr/src/uts/c.c'\nwhy-not='no c'\n";
    let list = [
        HEAD,
        &edit("A1", BEFORE),
        optional,
        &edit("B1", BEFORE),
        only_if,
        &edit("A2", "anchor='c'\nplace='end'\ntext='x'").replace("anchor='c'\n", ""),
    ]
    .concat();
    let gate = Gate::new(&list);
    gate.put("gate/usr/src/uts/a.c", "a\n");
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(
        said.err,
        "note: usr/src/uts/a.c: edit A2 (hook H1) left out: the gate has no usr/src/uts/c.c\n    no c\n\
         note: usr/src/uts/b.c: edit B1 (hook H1) left out: the gate has no such file\n    b came later\n"
    );
    assert_eq!(gate.text("gate/usr/src/uts/a.c"), "ours();\na\n");
    assert_eq!(gate.run(&["--revert"]).code, Some(0));

    gate.put("gate/usr/src/uts/b.c", "a\n");
    gate.put("gate/usr/src/uts/c.c", "");
    assert_eq!(gate.run(&[]).code, Some(0));
    assert_eq!(gate.text("gate/usr/src/uts/a.c"), "ours();\na\nx\n");
    assert_eq!(gate.text("gate/usr/src/uts/b.c"), "ours();\na\n");
}

#[test]
fn nothing_has_a_place() {
    let list = format!("{HEAD}{}", edit("E1", &format!("only-if='usr/none'\n{BEFORE}")));
    let gate = Gate::new(&list);
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(0));
    assert!(said.err.ends_with("no edit has a place here, nothing to do\n"), "{}", said.err);
    assert_eq!(gate.run(&["--check"]).out, "there is nothing to edit\n");
}

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
