// SPDX-License-Identifier: MIT OR Apache-2.0

use super::*;

const CODE: &str = r#"
/* in a comment: commented(void) { } */
extern int plain(int, char *);
void sink(const char *, ...) __PRINTLIKE(1);
static int later(int a,
    int b);

static int
plain(int a, char *b)
{
	if (a == '{' || b[0] == '"') {	/* } */
		other(a, "}{");
	}
#ifdef DEBUG
	if (a) {
#else
	if (b) {
#endif
		return (1);
	}
	return (plain_two(a));
}

old(a, b)
	int a;
	char *b;
{
	return (0);
}

int older(a)
int a;
{
	return (0);
}

static inline int one(void) { return (1); }

static void *
pointer(
    int a)	/* why */
{
}

boolean_t brace(int a) {
	return (B_TRUE);
}

#ifdef ONE
twice(int a)
#else
twice(int a, int b)
#endif
{
}
"#;

const TYPES: &str = r#"
typedef struct outer_s {
	struct inner {
		int x;
	} o_inner;
	union { int a; long b; } o_both;
} outer_t, *outer_p;

typedef struct far far_t;

struct far {
	struct outer_s *f_outer;	/* } */
};

enum colour { RED, GREEN };

typedef enum {
	ONE,
	TWO
} number_t;

struct outer_s variable = { 0 };
static int table[] = {
	1, { 2 },
	3
};
#define	CALL(x)			\
	do {			\
		f(x);		\
	} while (0)
#define	CALLER 1
# define SPACED(x) x
"#;

/// Lines, from 1, of all definitions.
fn lines(path: &str, text: &str, name: &str) -> Vec<(usize, usize)> {
    let source = Source::new(path, text.as_bytes());
    let found = source.find(name);
    found.iter().map(|definition| (definition.first + 1, definition.last + 1)).collect()
}

fn check(path: &str, text: &str, rows: &[(&str, &[&str])]) {
    let all: Vec<_> = text.lines().collect();
    for (name, expected) in rows {
        let found = lines(path, text, name);
        let edges: Vec<_> = found
            .iter()
            .map(|(first, last)| format!("{} ... {}", all[first - 1].trim(), all[last - 1].trim()))
            .collect();
        assert_eq!(edges, *expected, "{name}");
    }
}

#[test]
fn functions() {
    check(
        "a.c",
        CODE,
        &[
            ("plain", &["static int ... }"]),
            ("old", &["old(a, b) ... }"]),
            ("older", &["int older(a) ... }"]),
            (
                "one",
                &[
                    "static inline int one(void) { return (1); } ... static inline int one(void) { return (1); }",
                ],
            ),
            ("pointer", &["static void * ... }"]),
            ("brace", &["boolean_t brace(int a) { ... }"]),
            ("twice", &["twice(int a, int b) ... }"]),
            ("sink", &[]),
            ("later", &[]),
            ("other", &[]),
            ("commented", &[]),
            ("plai", &[]),
            ("if", &[]),
        ],
    );
    // All of the body, not up to an odd brace.
    assert_eq!(lines("a.c", CODE, "plain"), [(8, 22)]);
}

#[test]
fn types_and_variables() {
    check(
        "a.h",
        TYPES,
        &[
            ("outer_s", &["typedef struct outer_s { ... } outer_t, *outer_p;"]),
            ("outer_t", &["typedef struct outer_s { ... } outer_t, *outer_p;"]),
            ("outer_p", &[]),
            ("inner", &["struct inner { ... } o_inner;"]),
            ("o_inner", &[]),
            ("far", &["struct far { ... };"]),
            ("far_t", &["struct far { ... };"]),
            ("colour", &["enum colour { RED, GREEN }; ... enum colour { RED, GREEN };"]),
            ("number_t", &["typedef enum { ... } number_t;"]),
            (
                "variable",
                &["struct outer_s variable = { 0 }; ... struct outer_s variable = { 0 };"],
            ),
            ("table", &["static int table[] = { ... };"]),
            ("x", &[]),
        ],
    );
}

#[test]
fn macros() {
    check(
        "a.h",
        TYPES,
        &[
            ("CALL", &["#define\tCALL(x)\t\t\t\\ ... } while (0)"]),
            ("CALLER", &["#define\tCALLER 1 ... #define\tCALLER 1"]),
            ("SPACED", &["# define SPACED(x) x ... # define SPACED(x) x"]),
        ],
    );
}

#[test]
fn variables_of_make() {
    let text = "A_OBJS = a.o\n\nA_OBJS +=\tb.o \\\n\tc.o\nAA_OBJS += d.o # don't {\nC:= x\n";
    check(
        "uts/Makefile.files",
        text,
        &[
            ("A_OBJS", &["A_OBJS = a.o ... A_OBJS = a.o", "A_OBJS +=\tb.o \\ ... c.o"]),
            ("C", &["C:= x ... C:= x"]),
            ("B", &[]),
        ],
    );
    assert_eq!(lines("files.c", text, "A_OBJS"), []);
}

#[test]
fn broken_text_is_no_trouble() {
    for text in [
        "",
        "f(",
        "f(a)",
        "f(a)\n",
        "f()\n{",
        "struct f {",
        "struct f",
        "f = {",
        "#define f\\",
        "typedef struct f f",
        "enum",
        "f[=",
        "typedef struct { } f",
        "f()\n{}",
    ] {
        for name in ["f", "struct"] {
            for path in ["a.c", "Makefile"] {
                let source = Source::new(path, text.as_bytes());
                assert!(
                    source.find(name).iter().all(|found| found.last < source.text.len()),
                    "{text}"
                );
            }
        }
    }
}
