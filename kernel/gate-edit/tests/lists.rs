// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is wrong with a list, with file and position.

mod common;

use common::{Gate, HEAD, edit, parse};
use gate_edit::edit::Place;
use gate_edit::list;

/// What is said about a list of one file.
fn problems(text: &str) -> Vec<String> {
    match list::parse(&[("l.toml".to_owned(), text.to_owned())]) {
        Ok(edits) => panic!("{edits:?}"),
        Err(problems) => problems.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn a_complete_edit() {
    let keys = "in='f'\nanchor=['a', 'b']\ncount=2\nplace='after'\nuntil=';'\ntext='''\n\tx;\n'''\n\
                optional=true\nonly-if='usr/b'\nwhy-not='too old'";
    let head = "[[file]]\npath='usr/a.c'\nonly-if='usr/c'\noptional=true\n";
    let [edit] = &parse(&format!("{head}{}", edit("E1", keys)))[..] else { panic!("one edit") };
    assert_eq!(
        (edit.path.as_str(), edit.id.as_str(), edit.source.as_str()),
        ("usr/a.c", "E1", "list.toml:6")
    );
    assert_eq!((edit.place, edit.count, edit.within.as_deref()), (Place::After, 2, Some("f")));
    assert_eq!(
        edit.forms.iter().map(|f| (&*f.anchor, &*f.text)).collect::<Vec<_>>(),
        [("a", "\tx;"), ("b", "\tx;")]
    );
    assert_eq!(edit.only_if, ["usr/c", "usr/b"]);
    assert!(edit.optional && edit.file_optional);
    assert_eq!(edit.why_not.as_deref(), Some("too old"));
}

#[test]
fn what_is_no_list() {
    let rows: &[(&str, &str)] = &[
        ("x = ", "l.toml:1:5: "),
        ("\n[[files]]\n", "l.toml:2:3: unknown field `files`, expected `file`"),
        ("[[file]]\n", "l.toml:1:1: missing field `path`"),
        (
            "[[file]]\npath='a'\n[[file.edit]]\nid='E'\nbogus=1\n",
            "l.toml:5:1: unknown field `bogus`",
        ),
        (
            "[[file]]\npath='a'\n[[file.edit]]\nid='E'\nplace='above'\n",
            "l.toml:5:7: unknown variant `above`",
        ),
        (
            "[[file]]\npath='a'\n[[file.edit]]\nid='E'\nanchor=1\n",
            "l.toml:5:8: invalid type: integer `1`, expected a string or a list of strings",
        ),
        (
            "[[file]]\npath='a'\n[[file.edit]]\nid='E'\ncount=-1\n",
            "l.toml:5:7: invalid value: integer `-1`",
        ),
    ];
    for (text, expected) in rows {
        let problems = problems(text);
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert!(problems[0].starts_with(expected), "{text}: {problems:?}");
    }
}

#[test]
fn what_does_not_go_together() {
    let rows: &[(&str, &str)] = &[
        ("place='before'\ntext='x'", "place = \"before\" needs an anchor"),
        ("anchor=[]\nplace='before'\ntext='x'", "place = \"before\" needs an anchor"),
        ("anchor=''\nplace='before'\ntext='x'", "\"\"; expected text within one line"),
        ("anchor=\"a\\nb\"\nplace='before'\ntext='x'", "\"a\\nb\"; expected text within one line"),
        ("anchor='a'\nuntil=' '\nplace='after'\ntext='x'", "\" \"; expected text within one line"),
        ("anchor='a'\nuntil='b'\nplace='before'\ntext='x'", "place = \"before\" takes no until"),
        ("anchor='a'\ncount=0\nplace='before'\ntext='x'", "count = 0; expected 1 or more"),
        ("anchor='a'\nplace='before'\ntext='\t'", "text is empty"),
        ("anchor='a'\nplace='before'\ntext=\"a\\r\\nb\"", "text has a carriage return"),
        (
            "anchor='a'\nin='f()'\nplace='before'\ntext='x'",
            "in is no name; expected that of a function, type, variable or macro",
        ),
        ("place='append-member'\ntext='x'", "place = \"append-member\" needs in"),
        (
            "in='f'\nanchor='a'\nplace='append-member'\ntext='x'",
            "place = \"append-member\" takes no anchor",
        ),
        (
            "in='f'\ncount=2\nplace='end'\ntext='x'",
            "place = \"end\" is one place; expected no count",
        ),
        (
            "in='f'\nanchor='a'\nplace='include-after'\ntext='x'",
            "place = \"include-after\" takes no in",
        ),
        (
            "anchor=['a','b']\nplace='before'\ntext=['x','y','z']",
            "3 texts for 2 anchors; expected one, or one for each",
        ),
        ("anchor='a'\nplace='replace'\ntext='a'", "text and anchor are the same"),
        (
            "anchor=['a','b']\nplace='replace'\ntext='x'",
            "place = \"replace\" with several anchors; expected as many different texts, so that it can be taken out again",
        ),
        (
            "anchor='a'\nonly-if='../x'\nplace='before'\ntext='x'",
            "only-if = \"../x\"; expected a path below the gate",
        ),
    ];
    for (keys, expected) in rows {
        let list = format!("{HEAD}{}", edit("E1", keys));
        assert_eq!(problems(&list), [format!("l.toml:4: edit E1: {expected}")], "{keys}");
    }
}

#[test]
fn files_and_names() {
    let good = "anchor='a'\nplace='before'\ntext='x'";
    for path in ["/usr/a.c", "../a.c", "usr/../../a.c", "", "usr/"] {
        let list = format!("[[file]]\npath = '{path}'\n{}", edit("E1", good));
        assert_eq!(
            problems(&list),
            [format!("l.toml:2: path = {path:?}; expected a path below the gate")]
        );
    }
    assert_eq!(problems(HEAD), ["l.toml:2: usr/src/uts/a.c: no edit; expected [[file.edit]]"]);
    let twice = format!("{HEAD}{}{}", edit("E1", good), edit("E1", good));
    assert_eq!(problems(&twice), ["l.toml:11: id = \"E1\" is taken, see l.toml:4"]);
    let blank = format!("{HEAD}{}", edit("E 1", good));
    assert_eq!(
        problems(&blank),
        ["l.toml:4: edit E 1: id = \"E 1\"; expected a name without blanks"]
    );
    let vague = format!("{HEAD}[[file.edit]]\nid='E1'\nhooks=[]\nwhy=' '\n{good}\n");
    assert_eq!(problems(&vague).len(), 2);
}

#[test]
fn directories_of_lists() {
    let gate =
        Gate::new(&format!("{HEAD}{}", edit("E2", "anchor='a'\nplace='before'\ntext='two();'")));
    gate.put(
        "edits/b.toml",
        format!("{HEAD}{}", edit("E1", "anchor='a'\nplace='before'\ntext='one();'")),
    );
    gate.put("edits/README.md", "not a list");
    gate.put("edits/.b.toml", "nor this");
    gate.put("gate/usr/src/uts/a.c", "a\n");
    assert_eq!(gate.run(&[]).code, Some(0));
    // In byte order of the names of the lists.
    assert_eq!(gate.text("gate/usr/src/uts/a.c"), "one();\ntwo();\na\n");

    // All problems of all lists.
    gate.put("edits/b.toml", "x = ");
    gate.put("edits/c.toml", "y = ");
    let said = gate.run(&["--check"]);
    assert_eq!(
        (said.code, said.err.lines().filter(|line| line.contains(".toml:1:5: ")).count()),
        (Some(1), 2),
        "{}",
        said.err
    );

    let empty = Gate::new("");
    let said = empty.run(&[]);
    assert_eq!(said.code, Some(1));
    assert!(
        said.err.contains("no edits; expected *.toml files with [[file]] tables"),
        "{}",
        said.err
    );
}
