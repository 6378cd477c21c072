// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the manual pages say about options, and which ones the commands take.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use crate::in_repository;
use crate::lab::Lab;

/// A file of the repository.
#[must_use]
pub fn read(path: &str) -> String {
    fs::read_to_string(in_repository(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A manual page.
#[must_use]
pub fn page(name: &str) -> String {
    read(&format!("docs/man/{name}"))
}

/// The lines of a section of a page.
pub fn section<'a>(page: &'a str, title: &'a str) -> impl Iterator<Item = &'a str> {
    page.lines()
        .skip_while(move |line| line.strip_prefix(".Sh ") != Some(title))
        .skip(1)
        .take_while(|line| !line.starts_with(".Sh "))
}

/// The options behind `Fl` in lines of a page, as they are typed: `Fl tS`, `Fl -plan`,
/// `Fl a , -address`, `Fl -out | -in`.
pub fn flags<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for line in lines {
        let mut words = line.trim_start_matches('.').split(' ').peekable();
        while words.any(|word| word == "Fl") {
            while let Some(flag) = words.next() {
                match flag.starts_with('-') {
                    true => drop(found.insert(format!("-{flag}"))),
                    false => found.extend(flag.chars().map(|letter| format!("-{letter}"))),
                }
                let more = words.next_if(|word| [",", "|"].contains(word)).is_some();
                if !more || words.peek() == Some(&"Fl") {
                    break;
                }
            }
        }
    }
    found
}

/// What can be a short option.
pub fn letters() -> impl Iterator<Item = char> {
    ('0'..='9').chain('A'..='Z').chain('a'..='z')
}

/// The options of a list: `.It Fl`.
pub fn listed<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    flags(lines.filter(|line| line.starts_with(".It Fl ")))
}

/// A set of words.
pub fn set(words: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    words.into_iter().collect()
}

/// The options in a usage: `-x`, `--word`.
pub fn usage_options(text: &str) -> BTreeSet<String> {
    let separators = |c: char| c.is_whitespace() || "[]{}|,".contains(c);
    let option = |word: &&str| {
        word.strip_prefix("--").is_some_and(|rest| rest.len() > 1)
            || (word.len() == 2
                && word.starts_with('-')
                && word.as_bytes()[1].is_ascii_alphabetic())
    };
    text.split(separators).filter(option).map(str::to_owned).collect()
}

/// The synopsis of each subcommand: the lines from its name to the next one's.
pub fn synopses(page: &str, command: &str) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut current: Option<String> = None;
    for line in section(page, "SYNOPSIS") {
        if line == format!(".Nm {command}") || line == ".Nm" {
            current = None;
        } else if let Some(name) = line.strip_prefix(".Cm ").filter(|_| current.is_none()) {
            current = Some(name.to_owned());
            found.insert(name.to_owned(), Vec::new());
        } else if let Some(current) = &current {
            found.entry(current.clone()).or_default().push(line.to_owned());
        }
    }
    found
}

/// Which of these options a tunnel subcommand of `dladm` takes.
pub fn taken_by_dladm<'a>(
    lab: &'a Lab,
    subcommand: &'a str,
    options: impl Iterator<Item = String> + 'a,
) -> BTreeSet<String> {
    let taken = |option: &String| {
        let done = lab.dladm(&[subcommand, option]);
        let refused = format!("unrecognized option '{option}'");
        // Two of them take no options: what looks like one is the name of a link.
        let a_link = format!("object not found ({option})");
        if done.stderr.contains(&refused) || done.stderr.contains(&a_link) {
            return false;
        }
        // A long option of another subcommand is refused by its letter, once it has a value.
        let long = option.starts_with("--");
        !long || !lab.dladm(&[subcommand, option, "0"]).stderr.contains("unrecognized option")
    };
    options.filter(taken).collect()
}
