// SPDX-License-Identifier: MIT OR Apache-2.0

//! The sessions in the guides for operators and in the README are run, and show what is
//! shown there. The tests that they name exist. Blocks of `text` are run if they begin with a
//! prompt, all of a guide in one lab; those of `text old` in a lab with an old kernel.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::MetadataExt;

use ipsec_usermode::KernelKind;
use system_tests::lab::Lab;
use system_tests::pages::read;

use super::examples::{Step, run, steps, words};

const GUIDES: [&str; 8] = [
    "docs/guide/tunnel.md",
    "docs/guide/moving.md",
    "docs/guide/protection.md",
    "docs/guide/troubleshooting.md",
    "docs/guide/ipsecconf.md",
    "docs/guide/policy-files.md",
    "docs/guide/namespaces.md",
    "docs/guide/ipseckey.md",
];

/// What commands say that fail with status 1.
const FAILURES: [&str; 6] = [
    ": error: ",
    "dladm: could not ",
    "dladm: warning: cannot set ",
    " is not valid: object not found",
    "ipseckey: Fatal error",
    "this kernel does not know namespaces",
];

/// The blocks of a text with their fences, which say what they are.
fn blocks(text: &str) -> Vec<(&str, String)> {
    let mut blocks = Vec::new();
    let mut open: Option<(&str, String)> = None;
    for line in text.lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(fence)) => open = Some((fence, String::new())),
            (None, None) => {}
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, block)), None) => {
                block.push_str(line);
                block.push('\n');
            }
        }
    }
    assert!(open.is_none(), "a block without an end");
    blocks
}

/// Whether a text shows this output. A line of three dots stands for any lines.
fn shows(shown: &str, output: &str) -> bool {
    let output = words(output).join(" ");
    let lines: Vec<&str> = shown.lines().collect();
    let pieces = lines.split(|line| line.trim() == "...");
    let pieces: Vec<String> = pieces.map(|piece| words(&piece.join(" ")).join(" ")).collect();
    let [first, middle @ .., last] = &pieces[..] else { return output == pieces.concat() };
    let Some(mut rest) = output.strip_prefix(first.as_str()) else { return false };
    for piece in middle {
        let Some((_, behind)) = rest.split_once(piece.as_str()) else { return false };
        rest = behind;
    }
    rest.ends_with(last.as_str())
}

/// The status that a command should have by what it shows.
fn status(step: &Step) -> i32 {
    let shown = step.shown.trim();
    // A shell gives that of the last command.
    let command = step.command.rsplit(" | ").next().unwrap_or_default();
    let last = shown.lines().last().unwrap_or_default();
    match command.split(' ').next().unwrap_or_default() {
        "grep" | "head" | "tail" | "sort" | "cat" => 0,
        "svcadm" => i32::from(shown.contains(" is in maintenance state: ")),
        "ipsec-lab" if shown.starts_with("drop: ") => 4,
        "ipsec-lab" if shown.starts_with("pass in clear: ") => 3,
        _ if FAILURES.iter().any(|failure| shown.contains(failure)) => 1,
        "ipsecconf" if command.contains(" --plan ") => {
            2 * i32::from(!last.starts_with("# 0 added, 0 removed, 0 in another order, "))
        }
        _ => 0,
    }
}

/// Runs the sessions of a text, each kind of kernel in its lab, and gives their number.
fn check(text: &str, blocks: &[(&str, String)]) -> usize {
    let mut ran = 0;
    for (fence, kind) in [("text", KernelKind::Modified), ("text old", KernelKind::Unmodified)] {
        let lab = Lab::with(kind, &[]);
        let _ = lab.ipsec_lab(&["boot"]).exits(0);
        // Files of keys should belong to root: who is not root is told so.
        let is_root = fs::metadata(lab.path()).expect("a lab").uid() == 0;
        for (_, block) in blocks.iter().filter(|(f, block)| *f == fence && block.starts_with("# "))
        {
            let steps = steps(block);
            for (step, done) in steps.iter().zip(run(&lab, &steps)) {
                assert_eq!(done.code, Some(status(step)), "{text}: {step:#?} {done:#?}");
                let both = done.stdout.clone() + &done.stderr;
                let insecure = |line: &&str| is_root || !line.contains("has insecure permissions");
                let both = both.lines().filter(insecure).collect::<Vec<_>>().join("\n");
                assert!(shows(&step.shown, &both), "{text}: {step:#?} {done:#?}");
                ran += 1;
            }
        }
    }
    ran
}

#[test]
fn sessions_of_the_guides_show_what_the_guides_show() {
    for guide in GUIDES {
        let text = read(guide);
        let ran = check(guide, &blocks(&text));
        assert!(ran >= 3, "{guide}: {ran} commands");
    }
    // The README starts the shell itself.
    let readme = read("README.md");
    let (_, session) = readme.split_once("## A first session\n").expect("a first session");
    let (session, _) = session.split_once("\n## ").expect("an end");
    let session = session.replace("\n$ cargo xtask shell\n", "\n");
    assert!(check("README.md", &blocks(&session)) >= 6);
}

/// A guide names a test as `tests/tests/FILE.rs::FUNCTION`.
#[test]
fn tests_that_the_guides_name_exist() {
    for guide in GUIDES {
        let text = read(guide);
        let named: BTreeSet<&str> =
            text.split('`').skip(1).step_by(2).filter(|word| word.contains(".rs")).collect();
        for name in &named {
            let (file, function) = name.split_once("::").unwrap_or((name, ""));
            let source = read(file);
            let test = format!("#[test]\nfn {function}(");
            assert!(function.is_empty() || source.contains(&test), "{guide}: no {name}");
        }
        assert!(guide != GUIDES[2] || named.len() >= 20, "{guide} names {} tests", named.len());
    }
}

#[test]
fn dots_stand_for_lines_and_nothing_else_may_differ() {
    assert!(shows("a b\nc\n", "a  b\n\nc"));
    assert!(!shows("a b\n", "a b\nc\n"));
    assert!(!shows("", "a\n"));
    assert!(shows("a\n...\nd\n", "a\nb\nc\nd\n"));
    assert!(shows("...\nb\n...\n", "a\nb\nc\n"));
    assert!(!shows("a\n...\nx\n", "a\nb\nc\nd\n"));
    assert!(!shows("b\n...\n", "a\nb\n"));
}
