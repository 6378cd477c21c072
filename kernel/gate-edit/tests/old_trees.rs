// SPDX-License-Identifier: MIT OR Apache-2.0

//! Edits for some checkouts only.

mod common;

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
