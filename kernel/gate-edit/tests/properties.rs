// SPDX-License-Identifier: MIT OR Apache-2.0

//! Random files and random edits: what is made can be recognised and taken out again.

mod common;

use gate_edit::edit::{Edit, Form, Place};
use gate_edit::file::{State, examine};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

const PATH: &str = "usr/src/uts/a.c";

/// Lines that contain each other's words, and what a scanner could stumble over.
const LINES: &[&str] = &[
    "a",
    "b",
    "a b",
    "\ta\t b",
    "a = b;",
    "\tb(a);",
    "",
    "{",
    "}",
    "/* a",
    "*/",
    "\"a",
    "'b'",
    "#include <a>",
    "#define\tM(a)\t\\",
    "\\",
    "// b",
    "f(b)",
    "f(a) { b; }",
    "struct s {",
    "} s_t;",
    "enum s { a, b };",
    "f();",
    "s = {",
    "int",
];

const ANCHORS: &[&str] =
    &["a", "b", "a b", "= b", "{", "}", "(a)", ";", "<a>", "*/", "ours", "\ta"];

const NAMES: &[&str] = &["f", "g", "s", "s_t", "M"];

/// A file: random lines, most of them in two functions.
fn file() -> impl Strategy<Value = String> {
    let lines = || prop::collection::vec(select(LINES), 0..8).prop_map(|lines| lines.join("\n"));
    let parts = (lines(), lines(), lines(), any::<bool>(), any::<bool>(), any::<bool>());
    parts.prop_map(|(top, f, g, functions, returns, newline)| {
        let mut text = top;
        if functions {
            text = format!(
                "{text}\nint\nf(int a)\n{{\n{f}\n}}\n\nvoid\ng(a, b)\n\tint a;\n{{\n{g}\n}}"
            );
        }
        if newline {
            text.push('\n');
        }
        if returns { text.replace('\n', "\r\n") } else { text }
    })
}

/// A text: lines as in the file.
fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(select(LINES), 1..3).prop_map(|lines| lines.join("\n"))
}

fn edit() -> impl Strategy<Value = Edit> {
    let forms = prop::collection::vec((select(ANCHORS), text()), 1..3);
    let keys = (select(Place::ALL.to_vec()), prop::option::of(select(NAMES)), 1..4_usize);
    let more = (prop::option::weighted(0.2, select(ANCHORS)), prop::bool::weighted(0.2));
    let edits =
        (forms, keys, more).prop_map(|(forms, (place, within, count), (until, optional))| Edit {
            source: String::new(),
            path: PATH.to_owned(),
            id: String::new(),
            hooks: vec!["H".to_owned()],
            why: "random".to_owned(),
            within: within.or((place == Place::AppendMember).then_some("s")).map(str::to_owned),
            forms: forms
                .into_iter()
                .map(|(anchor, text)| Form { anchor: anchor.to_owned(), text })
                .collect(),
            count,
            place,
            until: until.filter(|_| place == Place::After).map(str::to_owned),
            optional,
            file_optional: false,
            only_if: Vec::new(),
            why_not: None,
        });
    edits.prop_filter("a list may not have it", |edit| {
        let blank = edit.forms.iter().any(|form| form.text.trim().is_empty());
        let same = edit.forms.iter().any(|form| form.text == form.anchor);
        !blank && !(edit.place == Place::Replace && (same || edit.forms.len() > 1))
    })
}

/// Those edits that fit on their own, if need be with another count or in the whole file.
fn fitting(old: &str, edits: Vec<Edit>) -> Vec<Edit> {
    let fits = |edit: &Edit| match examine(PATH, old.as_bytes(), &[edit]) {
        State::Fits(made) => edit.optional || made.skipped.is_empty(),
        _ => false,
    };
    let mut found = Vec::new();
    for (index, mut edit) in edits.into_iter().enumerate() {
        edit.id = format!("E{index}");
        let everywhere = edit.within.clone().filter(|_| edit.place == Place::AppendMember);
        let variants = [edit.within.clone(), everywhere].into_iter().flat_map(|within| {
            let edit = Edit { within, ..edit.clone() };
            (1..6).map(move |count| Edit { count, ..edit.clone() })
        });
        found.extend([edit.clone()].into_iter().chain(variants).find(fits));
    }
    found
}

fn references(edits: &[Edit]) -> Vec<&Edit> {
    edits.iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is made is recognised, and taken out to the last byte.
    #[test]
    fn there_and_back(old in file(), edits in prop::collection::vec(edit(), 1..6)) {
        let edits = fitting(&old, edits);
        let edits = references(&edits);
        if let State::Fits(made) = examine(PATH, old.as_bytes(), &edits) {
            if made.skipped.len() == edits.len() {
                prop_assert_eq!(&made.bytes, old.as_bytes());
            } else {
                let state = examine(PATH, &made.bytes, &edits);
                let expected = State::Edited { original: Ok(old.into_bytes()), skipped: made.skipped };
                prop_assert_eq!(state, expected);
            }
        }
    }

    /// Texts that are found nowhere else are never refused, and the state of a file of which a
    /// part is edited is seen.
    #[test]
    fn own_texts(
        old in file(),
        mut edits in prop::collection::vec(edit(), 1..6),
        some in subsequence((0..5_usize).collect::<Vec<_>>(), 0..5),
    ) {
        for (index, edit) in edits.iter_mut().enumerate() {
            for (number, form) in edit.forms.iter_mut().enumerate() {
                form.text = format!("ours{index}{number} {}", form.text);
            }
        }
        let mut edits = fitting(&old, edits);
        // Replaced parts may overlap; one of them is enough here.
        let first = edits.iter().position(|edit| edit.place == Place::Replace);
        let first = first.and_then(|index| edits.get(index)).map(|edit| edit.id.clone());
        edits.retain(|edit| edit.place != Place::Replace || Some(&edit.id) == first.as_ref());
        let all = references(&edits);
        let State::Fits(made) = examine(PATH, old.as_bytes(), &all) else {
            return Err(TestCaseError::fail("refused"));
        };
        let absent = |index: &usize| made.skipped.iter().any(|one| one.edit == *index);
        let present: Vec<usize> = (0..all.len()).filter(|index| !absent(index)).collect();
        let there: Vec<usize> = present.iter().copied().filter(|index| some.contains(index)).collect();
        if there.is_empty() || there.len() == present.len() {
            return Ok(());
        }
        let part: Vec<&Edit> = there.iter().map(|index| all[*index]).collect();
        let State::Fits(half) = examine(PATH, old.as_bytes(), &part) else {
            return Err(TestCaseError::fail("a part is refused"));
        };
        match examine(PATH, &half.bytes, &all) {
            State::Half { there: seen, missing } => {
                prop_assert_eq!(&seen, &there);
                prop_assert_eq!(missing.len(), all.len() - there.len());
            }
            // What is missing may be optional, and its place gone with what is there.
            State::Edited { skipped, .. } => {
                prop_assert!(skipped.len() + there.len() >= all.len());
            }
            state => return Err(TestCaseError::fail(format!("{state:?}"))),
        }
    }

    /// No file and no list make it panic.
    #[test]
    fn any_bytes(old in prop::collection::vec(select(&b"ab{}()\"'\\/*#\n\r\t; =,f"[..]), 0..60), edits in prop::collection::vec(edit(), 1..4)) {
        let edits = references(&edits);
        if let State::Fits(made) = examine(PATH, &old, &edits) && made.skipped.len() < edits.len() {
            let expected = State::Edited { original: Ok(old), skipped: made.skipped };
            prop_assert_eq!(examine(PATH, &made.bytes, &edits), expected);
        }
    }
}
