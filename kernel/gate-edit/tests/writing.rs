// SPDX-License-Identifier: MIT OR Apache-2.0

//! Changes of files: all, or none.

mod common;

use common::Gate;
use gate_edit::write::{Change, commit};

fn change(path: &str, old: Option<&str>, new: Option<&str>) -> Change {
    let bytes = |text: Option<&str>| text.map(|text| text.as_bytes().to_vec());
    Change { path: path.to_owned(), old: bytes(old), new: bytes(new), mode: 0o644 }
}

#[test]
fn permissions_are_kept_and_files_are_replaced() {
    let gate = Gate::new("");
    gate.put("gate/a.c", "old");
    gate.mode("gate/a.c", 0o4751);
    std::fs::hard_link(gate.path("gate/a.c"), gate.path("old")).expect("a second name");
    let changes = [change("a.c", Some("old"), Some("new")), change("x/y/b.c", None, Some("b"))];
    commit(&gate.path("gate"), &changes).expect("written");
    let after = gate.snapshot();
    assert_eq!(after["a.c"].0, b"new");
    assert_eq!(after["a.c"].1 & 0o7777, 0o4751);
    assert_eq!(after["x/y/b.c"].1 & 0o777, 0o644);
    // It is another file: nobody can have seen a half of it.
    assert_eq!(gate.text("old"), "old");
}

#[test]
fn what_is_done_is_undone_if_something_fails() {
    let good = [
        change("a.c", Some("old"), Some("new")),
        change("x/y/new.c", None, Some("new")),
        change("gone.c", Some("gone"), None),
    ];
    let bad = [
        // It is a directory: renaming fails.
        change("dir", None, Some("new")),
        // Its parent is a file: making the temporary file fails.
        change("a.c/below.c", None, Some("new")),
        // It is not there: removing fails.
        change("none.c", Some("x"), None),
    ];
    for bad in bad {
        let gate = Gate::new("");
        gate.put("gate/a.c", "old");
        gate.put("gate/gone.c", "gone");
        gate.put("gate/dir/keep", "");
        gate.mode("gate/a.c", 0o600);
        let before = gate.snapshot();
        let changes: Vec<_> = good.iter().cloned().chain([bad]).collect();
        let error = commit(&gate.path("gate"), &changes).expect_err("it fails").to_string();
        assert!(error.ends_with("; nothing was changed"), "{error}");
        assert_eq!(gate.snapshot(), before, "{error}");
    }
}
