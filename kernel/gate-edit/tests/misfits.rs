// SPDX-License-Identifier: MIT OR Apache-2.0

//! Edits that do not fit a file, and what is said about them.

mod common;

use common::{HEAD, apply, apply_one, edit};

const CODE: &str = "\
struct flat { int x; };
enum colour {
	RED,
	BLUE
};
#define	LIMIT	7
static int
one(int a)
{
	call(a);
	if (a  >	0)
		call(a);
	return (1 + 1);
}
void two(void) { call(0); }
#ifdef X
int three(int a)
{
}
#else
int three(int a, int b)
{
}
#endif
";

#[test]
fn each_misfit_says_where_and_what_was_expected() {
    let rows: &[(&str, &str)] = &[
        (
            "in='one'\nanchor='gone'\nplace='before'\ntext='x'",
            "E1: in one: anchor \"gone\" matches nothing; expected 1",
        ),
        (
            "in='one'\nanchor='call'\nplace='before'\ntext='x'",
            "E1: in one: anchor \"call\" matches 2 lines (10, 12); expected 1 (outside of it: line 15)",
        ),
        (
            "anchor='call'\ncount=2\nplace='before'\ntext='x'",
            "E1: anchor \"call\" matches 3 lines (10, 12, 15); expected 2",
        ),
        (
            "in='four'\nanchor='call'\nplace='before'\ntext='x'",
            "E1: four is not defined here; expected a function, structure, union, enum, variable or macro",
        ),
        (
            "anchor='call(0)'\nplace='after'\nuntil='gone'\ntext='x'",
            "E1: until \"gone\" matches nothing from line 15 on",
        ),
        (
            "in='one'\nanchor='if'\nplace='after'\nuntil='call(0)'\ntext='x'",
            "E1: in one: until \"call(0)\" matches nothing from line 11 on",
        ),
        (
            "anchor='a > 0'\nplace='replace'\ntext='x'",
            "E1: line 11: anchor \"a > 0\" has other white space there; expected the same, \
             so that what is replaced can be put back",
        ),
        (
            "in='one'\nanchor='1'\nplace='replace'\ntext='2'",
            "E1: line 13: anchor \"1\" is there more than once; expected once, to replace it",
        ),
        (
            "in='one'\nplace='append-member'\ntext='int x;'",
            "E1: one in line 7 is no structure, union or enum; expected one for append-member",
        ),
        (
            "in='flat'\nplace='append-member'\ntext='int y;'",
            "E1: flat: line 1 has more than the brace; expected a line for it, or an anchor",
        ),
        (
            "in='two'\nplace='start'\ntext='int y;'",
            "E1: two: line 15 has more than the brace; expected a line for it, or an anchor",
        ),
        (
            "in='LIMIT'\nplace='end'\ntext='x'",
            "E1: LIMIT in line 6 has no braces; expected a function, type or variable for this place",
        ),
        (
            "in='colour'\nplace='append-member'\ntext='\tGREEN'",
            "E1: colour: no comma before the brace in line 5; replace the last entry instead",
        ),
        (
            "in='three'\nplace='end'\ntext='x'",
            "E1: three is defined in lines 17, 21; expected one definition for this place",
        ),
        (
            "anchor='one'\nplace='include-after'\ntext='x'",
            "E1: anchor \"one\" matches nothing; expected 1",
        ),
    ];
    for (keys, expected) in rows {
        assert_eq!(apply_one(CODE, keys).expect_err(keys), *expected, "{keys}");
    }
}

#[test]
fn both_branches_of_ifdef_are_looked_at() {
    let new = apply_one(CODE, "in='three'\nanchor='int b'\nplace='replace'\ntext='int c'");
    assert_eq!(new, Ok(CODE.replace("int b", "int c")));
}

#[test]
fn two_edits_of_the_same_bytes() {
    let list = [
        HEAD,
        &edit("E1", "anchor='return (1'\nplace='replace'\ntext='x'"),
        &edit("E2", "anchor='(1 + 1)'\nplace='replace'\ntext='y'"),
    ]
    .concat();
    let error = apply("a.c", CODE, &list).expect_err("they overlap");
    assert_eq!(error, "E2: changes the same part of a line as edit E1");
}

#[test]
fn all_misfits_are_reported() {
    let list = [
        HEAD,
        &edit("E1", "anchor='gone'\nplace='before'\ntext='x'"),
        &edit("E2", "in='one'\nanchor='return'\nplace='before'\ntext='x'"),
        &edit("E3", "in='four'\nplace='end'\ntext='y'"),
    ]
    .concat();
    let error = apply("a.c", CODE, &list).expect_err("two are wrong");
    let ids: Vec<_> = error.lines().map(|line| &line[..2]).collect();
    assert_eq!(ids, ["E1", "E3"]);
}

/// What could not be found again is not made.
#[test]
fn doubtful_texts() {
    // After that, nobody could tell which 'b' was an 'a'.
    let error = apply_one("a b\n", "anchor='a'\nplace='replace'\ntext='b'").expect_err("doubt");
    assert!(error.starts_with("E1: could not be told from what is in the file already"), "{error}");
    // The other edits of the file are not blamed.
    let list = [
        HEAD,
        &edit("E1", "anchor='c'\nplace='before'\ntext='x'"),
        &edit("E2", "anchor='a'\nplace='replace'\ntext='b'"),
    ]
    .concat();
    let error = apply("a.c", "a b\nc\n", &list).expect_err("doubt");
    assert!(error.starts_with("E2: could not be told"), "{error}");
    assert_eq!(error.lines().count(), 1, "{error}");
    // The same line elsewhere is no reason for doubt: only one is at its place.
    let old = "\tbreak;\ncase A:\n\tx;\n\tbreak;\ncase B:\n";
    let new = apply_one(old, "anchor='case A'\nplace='after'\ntext='\tbreak;'");
    assert_eq!(new, Ok(old.replace("A:\n", "A:\n\tbreak;\n")));
}
