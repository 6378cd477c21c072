// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command and whole checkouts.

mod common;

use common::{Gate, HEAD, edit};

const OLD_A: &str = "int\nfirst(int a)\n{\n\treturn (a);\n}\n";
const NEW_A: &str = "int\nfirst(int a)\n{\n\tours(a);\n\treturn (a);\n}\n";
const OLD_B: &str = "struct box {\n\tint\tb_side;\n};\n";
const NEW_B: &str = "struct box {\n\tint\tb_side;\n\tint\tb_ours;\n};\n";

fn list() -> String {
    let a = edit("A1", "in='first'\nanchor='return'\nplace='before'\ntext='\tours(a);'");
    let b = edit("B1", "in='box'\nplace='append-member'\ntext='\tint\tb_ours;'");
    format!("{HEAD}{a}[[file]]\npath='usr/src/uts/b.h'\n{b}")
}

fn gate() -> Gate {
    let gate = Gate::new(&list());
    gate.put("gate/usr/src/uts/a.c", OLD_A);
    gate.put("gate/usr/src/uts/b.h", OLD_B);
    gate.put("ours/uts/common/ours.c", "/* ours */\n");
    gate.put("ours/test/suite/run.sh", "#!/bin/sh\n");
    gate.put("ours/uts/README.md", "stays here\n");
    gate.put("ours/uts/.hidden", "so does this\n");
    gate.mode("ours/test/suite/run.sh", 0o755);
    gate.mode("gate/usr/src/uts/a.c", 0o640);
    gate
}

#[test]
fn apply_check_and_revert() {
    let gate = gate();
    let before = gate.snapshot();

    let said = gate.run(&["--check"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert_eq!(
        said.out,
        "usr/src/uts/a.c: fits, 1 edit\nusr/src/uts/b.h: fits, 1 edit\n\
         usr/src/uts/common/ours.c: would be added\nusr/src/test/suite/run.sh: would be added\n\
         all edits fit\n"
    );
    assert_eq!(gate.run(&["--diff"]).code, Some(0));
    let said = gate.run(&["--revert"]);
    assert_eq!((said.code, &*said.err), (Some(0), "gate-edit: not edited, nothing to do\n"));
    assert_eq!(gate.snapshot(), before);

    let said = gate.run(&[]);
    assert_eq!((said.code, &*said.err), (Some(0), ""));
    assert_eq!(
        said.out,
        "edited usr/src/uts/a.c\nedited usr/src/uts/b.h\n\
         added usr/src/uts/common/ours.c\nadded usr/src/test/suite/run.sh\n"
    );
    let edited = gate.snapshot();
    assert_eq!(edited["usr/src/uts/a.c"].0, NEW_A.as_bytes());
    assert_eq!(edited["usr/src/uts/b.h"].0, NEW_B.as_bytes());
    assert_eq!(edited["usr/src/test/suite/run.sh"].1 & 0o777, 0o755);
    // No more than that, and nothing temporary.
    let files: Vec<_> = edited.keys().filter(|name| !name.ends_with('/')).collect();
    assert_eq!(files.len(), 4, "{files:?}");

    let said = gate.run(&[]);
    assert_eq!((said.code, &*said.err), (Some(0), "gate-edit: already edited, nothing to do\n"));
    let said = gate.run(&["--check"]);
    assert_eq!(said.code, Some(0));
    assert!(said.out.ends_with("the tree is already edited\n"), "{}", said.out);
    let said = gate.run(&["--diff"]);
    assert_eq!((said.code, &*said.out), (Some(0), ""));
    assert_eq!(gate.snapshot(), edited);

    let said = gate.run(&["--revert"]);
    assert_eq!(said.code, Some(0), "{}", said.err);
    assert!(said.out.contains("restored usr/src/uts/a.c\n"), "{}", said.out);
    assert!(said.out.contains("removed usr/src/uts/common/ours.c\n"), "{}", said.out);
    // Contents, permissions, and no directory is left.
    assert_eq!(gate.snapshot(), before);
}

#[test]
fn diff() {
    let gate = gate();
    let said = gate.run(&["--diff"]);
    let expected = "\
diff --git a/usr/src/uts/a.c b/usr/src/uts/a.c
--- a/usr/src/uts/a.c
+++ b/usr/src/uts/a.c
@@ -1,5 +1,6 @@
 int
 first(int a)
 {
+\tours(a);
 \treturn (a);
 }
diff --git a/usr/src/uts/b.h b/usr/src/uts/b.h
--- a/usr/src/uts/b.h
+++ b/usr/src/uts/b.h
@@ -1,3 +1,4 @@
 struct box {
 \tint\tb_side;
+\tint\tb_ours;
 };
diff --git a/usr/src/uts/common/ours.c b/usr/src/uts/common/ours.c
new file mode 100644
--- /dev/null
+++ b/usr/src/uts/common/ours.c
@@ -0,0 +1 @@
+/* ours */
diff --git a/usr/src/test/suite/run.sh b/usr/src/test/suite/run.sh
new file mode 100755
--- /dev/null
+++ b/usr/src/test/suite/run.sh
@@ -0,0 +1 @@
+#!/bin/sh
";
    assert_eq!((said.code, &*said.out), (Some(0), expected));
}

#[test]
fn nothing_is_written_if_one_edit_does_not_fit() {
    let gate = gate();
    gate.put("gate/usr/src/uts/b.h", "struct other {\n};\n");
    gate.put(
        "edits/z.toml",
        format!("[[file]]\npath='usr/src/uts/c.c'\n{}", edit("C1", "place='end'\ntext='x'")),
    );
    let before = gate.snapshot();
    for mode in [&[][..], &["--check"], &["--diff"], &["--revert"]] {
        let said = gate.run(mode);
        assert_eq!(said.code, Some(1));
        // All problems, each with its reason.
        assert!(
            said.err.contains("usr/src/uts/b.h: edit B1: box is not defined here"),
            "{}",
            said.err
        );
        assert!(said.err.contains("list.toml:14 (hook H1): a test"), "{}", said.err);
        let missing = "usr/src/uts/c.c: no such file in the gate; expected by C1";
        assert!(said.err.contains(missing), "{}", said.err);
        assert_eq!(gate.snapshot(), before);
    }
    assert!(gate.run(&["--check"]).out.contains("usr/src/uts/a.c: fits, 1 edit\n"));
    assert!(gate.run(&["--check"]).out.contains("usr/src/uts/b.h: refused, 1 of 1 edit wrong\n"));
}

#[test]
fn half_edited_file() {
    let gate = gate();
    let more = edit("A2", "in='first'\nanchor='return'\nplace='replace'\ntext='return 1 +'");
    gate.put("edits/z.toml", format!("{HEAD}{more}"));
    gate.put("gate/usr/src/uts/a.c", NEW_A);
    let before = gate.snapshot();
    for mode in [&[][..], &["--check"], &["--diff"], &["--revert"]] {
        let said = gate.run(mode);
        assert_eq!(said.code, Some(1));
        let half = "usr/src/uts/a.c: half edited; there: A1; missing: A2";
        assert!(said.err.contains(half), "{}", said.err);
        assert_eq!(gate.snapshot(), before);
    }
    // The other way round: the anchor of the missing edit is gone.
    gate.put("gate/usr/src/uts/a.c", OLD_A.replace("return", "return 1 +"));
    let said = gate.run(&["--check"]);
    assert!(said.err.contains("half edited; there: A2; missing: A1"), "{}", said.err);
    assert!(said.out.contains("a.c: half edited, 1 edit there, 1 missing"), "{}", said.out);
}

#[test]
fn half_edited_tree() {
    let gate = gate();
    let before = gate.snapshot();
    gate.put("gate/usr/src/uts/a.c", NEW_A);
    gate.put("gate/usr/src/uts/common/ours.c", "/* ours */\n");
    let half = gate.snapshot();
    let said = gate.run(&[]);
    assert_eq!(said.code, Some(1));
    assert_eq!(
        said.err,
        "gate-edit: the tree is half edited; expected all edits and our files, or none\n    \
         there: usr/src/uts/a.c: A1\n    there: usr/src/uts/common/ours.c: our file\n    \
         missing: usr/src/uts/b.h: B1\n    missing: usr/src/test/suite/run.sh: our file\n"
    );
    assert_eq!(gate.run(&["--check"]).code, Some(1));
    assert_eq!(gate.snapshot(), half);
    // This is the way out.
    assert_eq!(gate.run(&["--revert"]).code, Some(0));
    assert_eq!(gate.snapshot(), before);
}

#[test]
fn another_file_where_ours_goes() {
    let gate = gate();
    assert_eq!(gate.run(&[]).code, Some(0));
    gate.put("gate/usr/src/uts/common/ours.c", "/* changed */\n");
    let before = gate.snapshot();
    for mode in [&[][..], &["--check"], &["--revert"]] {
        let said = gate.run(mode);
        assert_eq!(said.code, Some(1));
        let differs =
            "usr/src/uts/common/ours.c: differs from our file; expected the same, or no such file";
        assert!(said.err.contains(differs), "{}", said.err);
        assert_eq!(gate.snapshot(), before);
    }
}

#[test]
fn changes_by_others_stay() {
    let gate = gate();
    assert_eq!(gate.run(&[]).code, Some(0));
    gate.put("gate/usr/src/uts/a.c", NEW_A.replace("int a", "long a"));
    assert_eq!(gate.run(&["--revert"]).code, Some(0));
    assert_eq!(gate.text("gate/usr/src/uts/a.c"), OLD_A.replace("int a", "long a"));
}
