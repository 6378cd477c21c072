// SPDX-License-Identifier: MIT OR Apache-2.0

//! Where texts go.

mod common;

use common::{HEAD, apply, apply_one, edit};

const CODE: &str = "\
#include <sys/one.h>
#include <sys/two.h>
/* #include <sys/three.h> */

#define	LIMIT\t\t7
#define	IS_UP(x)	\\
	((x)->flags == UP)

typedef struct box {
	int	b_side;
} box_t;

typedef enum { RED, } flat_t;
enum colour {
	BLUE,
	GREEN
};

static int
first(int a)
{
	if (a == LIMIT ||
	    a < 0)
		return (1);
	check(a,
	    LIMIT);
	return (0);
}

static int
second(int a)
{
	return (0);
}

static int table[] = {
	1,
};
";

/// Lines of the result that are not in the original, with the line above and below.
fn seen(new: &str) -> String {
    let (old, new): (Vec<_>, Vec<_>) = (CODE.lines().collect(), new.lines().collect());
    let front = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let back = old.iter().rev().zip(new.iter().rev()).take_while(|(a, b)| a == b).count();
    let back = back.min(old.len() - front).min(new.len() - front);
    let (from, to) = (front.saturating_sub(1), (new.len() - back + 1).min(new.len()));
    new[from..to].join("\n")
}

#[test]
fn each_place() {
    let rows: &[(&str, &str)] = &[
        (
            "in = 'first'\nanchor = 'a == LIMIT'\nplace = 'before'\ntext = \"\\tx();\\n\"",
            "{\n\tx();\n\tif (a == LIMIT ||",
        ),
        (
            "in = 'second'\nanchor = 'return (0)'\nplace = 'before'\ntext = '''\n\tx();\n\ty();\n'''",
            "{\n\tx();\n\ty();\n\treturn (0);",
        ),
        (
            "in = 'second'\nanchor = 'return (0)'\nplace = 'after'\ntext = '\tx();'",
            "\treturn (0);\n\tx();\n}",
        ),
        (
            "anchor = 'check(a,'\nplace = 'after'\nuntil = ');'\ntext = '\tx();'",
            "\t    LIMIT);\n\tx();\n\treturn (0);",
        ),
        (
            "in = 'second'\nanchor = 'return (0)'\nplace = 'after'\nuntil = ';'\ntext = '\tx();'",
            "\treturn (0);\n\tx();\n}",
        ),
        (
            "in = 'first'\nanchor = 'a < 0'\nplace = 'replace'\ntext = 'a < 0 || x(a)'",
            "\tif (a == LIMIT ||\n\t    a < 0 || x(a))\n\t\treturn (1);",
        ),
        (
            "in = 'first'\nanchor = 'a < 0'\nplace = 'replace'\ntext = \"\"\"a < 0 ||\n\t    x(a)\n\"\"\"",
            "\tif (a == LIMIT ||\n\t    a < 0 ||\n\t    x(a))\n\t\treturn (1);",
        ),
        (
            "in = 'LIMIT'\nanchor = '7'\nplace = 'replace'\ntext = '8'",
            "\n#define\tLIMIT\t\t8\n#define\tIS_UP(x)\t\\",
        ),
        (
            "in = 'IS_UP'\nanchor = '((x)'\nplace = 'replace'\ntext = '(ok(x) && (x)'",
            "#define\tIS_UP(x)\t\\\n\t(ok(x) && (x)->flags == UP)\n",
        ),
        (
            "anchor = 'sys/two.h'\nplace = 'include-after'\ntext = '#include <sys/ours.h>'",
            "#include <sys/two.h>\n#include <sys/ours.h>\n/* #include <sys/three.h> */",
        ),
        (
            "in = 'box_t'\nplace = 'append-member'\ntext = '\tint\tb_ours;'",
            "\tint\tb_side;\n\tint\tb_ours;\n} box_t;",
        ),
        (
            "in = 'box'\nplace = 'append-member'\ncount = 1\ntext = '\tint\tb_ours;'",
            "\tint\tb_side;\n\tint\tb_ours;\n} box_t;",
        ),
        ("in = 'table'\nplace = 'end'\ntext = '\t2,'", "\t1,\n\t2,\n};"),
        ("in = 'table'\nplace = 'start'\ntext = '\t0,'", "static int table[] = {\n\t0,\n\t1,"),
        ("in = 'second'\nplace = 'start'\ntext = '\tint b;'", "{\n\tint b;\n\treturn (0);"),
        ("in = 'second'\nplace = 'end'\ntext = '\t/* end */'", "\treturn (0);\n\t/* end */\n}"),
        ("place = 'start'\ntext = '/* top */'", "/* top */\n#include <sys/one.h>"),
        ("place = 'end'\ntext = '/* end */'", "};\n/* end */"),
        // The line with the type belongs to the function.
        (
            "in = 'second'\nanchor = 'static int'\nplace = 'before'\ntext = '/* ours */'",
            "\n/* ours */\nstatic int",
        ),
        // White space runs are one blank.
        (
            "anchor = '#define LIMIT 7'\nplace = 'after'\ntext = '#define\tOURS 8'",
            "#define\tLIMIT\t\t7\n#define\tOURS 8\n#define\tIS_UP(x)\t\\",
        ),
    ];
    for (keys, expected) in rows {
        match apply_one(CODE, keys) {
            Ok(new) => assert_eq!(seen(&new), *expected, "{keys}"),
            Err(error) => panic!("{keys}\n{error}"),
        }
    }
}

#[test]
fn several_lines_can_match() {
    let new = apply_one(CODE, "anchor = 'LIMIT'\ncount = 3\nplace = 'before'\ntext = '/* x */'");
    assert_eq!(new.map(|new| new.matches("/* x */\n").count()), Ok(3));
    let new = apply_one(CODE, "anchor = 'LIMIT'\ncount = 3\nplace = 'replace'\ntext = 'MAX'");
    assert_eq!(new, Ok(CODE.replace("LIMIT", "MAX")));
}

#[test]
fn edits_at_one_place_stay_in_the_order_of_the_list() {
    let place = |id: &str, place: &str, anchor: &str| {
        edit(id, &format!("in='second'\nanchor='{anchor}'\nplace='{place}'\ntext='\t{id}();'"))
    };
    let list = [
        HEAD,
        &place("b1", "before", "return"),
        &place("a1", "after", "{"),
        &place("b2", "before", "return"),
        &place("a2", "after", "{"),
        // The anchor of this one is what the first ones stand at.
        &edit("r1", "in='second'\nanchor='return'\nplace='replace'\ntext='RETURN'"),
        &edit("r2", "in='second'\nanchor='0'\nplace='replace'\ntext='1'"),
    ]
    .concat();
    let new = apply("a.c", CODE, &list).map(|new| seen(&new));
    assert_eq!(new.as_deref(), Ok("{\n\ta1();\n\ta2();\n\tb1();\n\tb2();\n\tRETURN (1);\n}"));
}

#[test]
fn texts_may_contain_anchors() {
    // Anchors are looked for in the file as it was.
    let list = [
        HEAD,
        &edit("e1", "in='second'\nanchor='return (0)'\nplace='before'\ntext='\treturn (0); /* return (0) */'"),
        &edit("e2", "in='second'\nanchor='return (0)'\nplace='replace'\ntext='return (0), return (0)'"),
    ]
    .concat();
    let new = apply("a.c", CODE, &list).map(|new| seen(&new));
    let expected = "{\n\treturn (0); /* return (0) */\n\treturn (0), return (0);\n}";
    assert_eq!(new.as_deref(), Ok(expected));
}

#[test]
fn alternatives() {
    let keys = "anchor=['two(a, b)', 'two(a)']\nplace='replace'\ntext=['TWO(a, b)', 'TWO(a)']";
    for (old, new) in [("x two(a);\n", "x TWO(a);\n"), ("x two(a, b);\n", "x TWO(a, b);\n")] {
        assert_eq!(apply_one(old, keys).as_deref(), Ok(new));
    }
    let both = apply_one("two(a);\ntwo(a, b);\n", keys).expect_err("both match");
    assert!(both.contains("only one of them"), "{both}");
    let none = apply_one("two;\n", keys).expect_err("none matches");
    assert!(none.contains("\"two(a, b)\" matches nothing, anchor \"two(a)\""), "{none}");
    // One text for all anchors.
    let keys = "anchor=['new', 'old']\nplace='after'\ntext='ours'";
    assert_eq!(apply_one("a\nold\n", keys).as_deref(), Ok("a\nold\nours\n"));
}

/// Texts need not differ between definitions.
#[test]
fn the_same_text_in_many_functions() {
    let (mut old, mut list) = (String::new(), HEAD.to_owned());
    for n in 0..30 {
        let body = "\tcall(a);\n\treturn (a);\n";
        old.push_str(&format!("int\nf{n}(int a)\n{{\n{body}}}\n\n"));
        let call = "anchor='call(a)'\nplace='replace'\ntext='call(a, ns)'";
        let leave = "anchor='return'\nplace='before'\ntext='\tleave(ns);'";
        for (id, keys) in [("c", call), ("r", leave)] {
            list.push_str(&edit(&format!("{id}{n}"), &format!("in='f{n}'\n{keys}")));
        }
    }
    let new = old.replace("call(a)", "call(a, ns)").replace("\treturn", "\tleave(ns);\n\treturn");
    assert_eq!(apply("a.c", &old, &list).as_deref(), Ok(&*new));
}

#[test]
fn variables_of_make() {
    let list = format!(
        "[[file]]\npath = 'Makefile.files'\n{}",
        edit("M1", "in='B_OBJS'\nanchor='one.o'\nplace='replace'\ntext='one.o ours.o'")
    );
    let old = "A_OBJS +=\tone.o\nB_OBJS +=\tone.o \\\n\t\ttwo.o\n";
    let new = "A_OBJS +=\tone.o\nB_OBJS +=\tone.o ours.o \\\n\t\ttwo.o\n";
    assert_eq!(apply("Makefile.files", old, &list).as_deref(), Ok(new));
}

#[test]
fn line_endings_stay() {
    let after = "anchor='b'\nplace='after'\ntext='''\nx\ny'''";
    let rows: &[(&str, &str, &str)] = &[
        (after, "a\r\nb\r\n", "a\r\nb\r\nx\r\ny\r\n"),
        (after, "a\nb", "a\nb\nx\ny"),
        (after, "b", "b\nx\ny"),
        ("anchor='b'\nplace='before'\ntext='x'", "a\nb", "a\nx\nb"),
        ("anchor='b'\nplace='replace'\ntext=\"c\\nd\"", "a\r\nb", "a\r\nc\r\nd"),
        ("place='end'\ntext='x'", "a\nb", "a\nb\nx"),
        ("place='start'\ntext='x'", "a", "x\na"),
        ("place='start'\ntext='x'", "", "x\n"),
    ];
    for (keys, old, new) in rows {
        assert_eq!(apply_one(old, keys).as_deref(), Ok(*new), "{keys} {old:?}");
    }
}
