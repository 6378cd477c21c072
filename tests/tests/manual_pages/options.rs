// SPDX-License-Identifier: MIT OR Apache-2.0

//! The options of the pages are those that the commands take.

use std::collections::{BTreeMap, BTreeSet};

use system_tests::lab::{Done, Lab};

use super::{page, section};

/// The options behind `Fl` in lines of a page, as they are typed: `Fl tS`, `Fl -plan`,
/// `Fl a , -address`, `Fl -out | -in`.
fn flags<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
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

fn letters() -> impl Iterator<Item = char> {
    ('0'..='9').chain('A'..='Z').chain('a'..='z')
}

/// The options of a list: `.It Fl`.
fn listed<'a>(lines: impl Iterator<Item = &'a str>) -> BTreeSet<String> {
    flags(lines.filter(|line| line.starts_with(".It Fl ")))
}

fn set(words: impl IntoIterator<Item = String>) -> BTreeSet<String> {
    words.into_iter().collect()
}

#[test]
fn ipsecconf_and_ipseckey_take_the_options_of_their_pages() {
    type Run = fn(&Lab, &[&str]) -> Done;
    let commands: [(&str, Run, &[&str]); 2] = [
        ("ipsecconf.8", |lab, args| lab.ipsecconf(args), &["--plan", "--keep-going"]),
        ("ipseckey.8", |lab, args| lab.ipseckey(args), &[]),
    ];
    for (name, run, long) in commands {
        let page = page(name);
        let described = listed(section(&page, "DESCRIPTION"));
        let lab = Lab::new();
        let illegal = |option: &str, letter: char| {
            let done = run(&lab, &[option]);
            done.stderr.contains(&format!("illegal option -- {letter}"))
        };
        assert!(illegal("-Z", 'Z') && illegal("--nothing", '-'), "{name}");
        let taken = letters().filter(|&letter| !illegal(&format!("-{letter}"), letter));
        let mut taken = set(taken.map(|letter| format!("-{letter}")));
        taken.extend(long.iter().filter(|word| !illegal(word, '-')).map(ToString::to_string));
        assert_eq!(described, taken, "{name}");
        // The synopsis and the usage have no others.
        let synopsis = flags(section(&page, "SYNOPSIS"));
        assert!(synopsis.is_subset(&described), "{name}: {synopsis:?}");
        assert_eq!(usage_options(&run(&lab, &["-Z"]).stderr).difference(&described).count(), 0);
    }
}

/// The options in a usage: `-x`, `--word`.
fn usage_options(text: &str) -> BTreeSet<String> {
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
fn synopses(page: &str, command: &str) -> BTreeMap<String, Vec<String>> {
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

#[test]
fn subcommands_of_dladm_take_the_options_of_the_page() {
    let page = page("dladm-iptun.8");
    let lab = Lab::new();
    let synopses = synopses(&page, "dladm");
    assert_eq!(synopses.len(), 12);
    let described = listed(section(&page, "DESCRIPTION"));
    let mut all = BTreeSet::new();
    for (subcommand, lines) in &synopses {
        if subcommand == "help" {
            continue;
        }
        let synopsis = flags(lines.iter().map(String::as_str));
        let taken = |option: &String| {
            let done = lab.dladm(&[subcommand, option]);
            let refused = format!("unrecognized option '{option}'");
            // Two of them take no options: what looks like one is the name of a link.
            let a_link = format!("object not found ({option})");
            !done.stderr.contains(&refused) && !done.stderr.contains(&a_link)
        };
        let longs = described.iter().filter(|option| option.starts_with("--")).cloned();
        let letters = set(letters().map(|letter| format!("-{letter}")).filter(taken));
        let longs = set(longs.filter(taken));
        let only = |long: bool| {
            let options = synopsis.iter().filter(move |option| option.starts_with("--") == long);
            set(options.cloned())
        };
        assert_eq!(letters, only(false), "{subcommand}");
        // Most long forms are left out of the synopsis.
        assert!(only(true).is_subset(&longs), "{subcommand} {longs:?}");
        all.extend(letters);
        all.extend(longs);
    }
    assert_eq!(all, described);
}

#[test]
fn subcommands_of_the_lab_take_the_options_of_the_page() {
    let page = page("ipsec-lab.8");
    let lab = Lab::new();
    let help = lab.ipsec_lab(&["--help"]).exits(0).stdout;
    // In the usage, a subcommand goes to the next line with `ipsec-lab`.
    let (usage, _) = help.split_once("\n\n").expect("a paragraph");
    let usages: BTreeMap<&str, BTreeSet<String>> = usage
        .split("ipsec-lab ")
        .skip(1)
        .map(|part| (part.split_whitespace().next().unwrap_or_default(), usage_options(part)))
        .collect();
    let synopses = synopses(&page, "ipsec-lab");
    assert_eq!(synopses.keys().collect::<Vec<_>>(), usages.keys().collect::<Vec<_>>());
    let mut all = set(["-h".to_owned(), "--help".to_owned()]);
    for (subcommand, lines) in &synopses {
        let synopsis = flags(lines.iter().map(String::as_str));
        assert_eq!(&synopsis, &usages[subcommand.as_str()], "{subcommand}");
        let known = |option: &str| {
            let done = lab.ipsec_lab(&[subcommand, option, "--no-such-option"]).exits(2);
            !done.stderr.contains(&format!("unexpected argument '{option}'"))
        };
        assert!(!known("--nothing"), "{subcommand}");
        for option in &synopsis {
            assert!(known(option), "{subcommand} {option}");
        }
        all.extend(synopsis);
    }
    assert_eq!(listed(section(&page, "DESCRIPTION")), all);
}
