// SPDX-License-Identifier: MIT OR Apache-2.0

//! The options of the pages are those that the commands take.

use std::collections::{BTreeMap, BTreeSet};

use system_tests::lab::{Done, Lab};
use system_tests::pages::{
    flags, letters, listed, page, section, set, synopses, taken_by_dladm, usage_options,
};

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
        let longs = described.iter().filter(|option| option.starts_with("--")).cloned();
        let letters = letters().map(|letter| format!("-{letter}"));
        let letters = taken_by_dladm(&lab, subcommand, letters);
        let longs = taken_by_dladm(&lab, subcommand, longs);
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
    let page = page("ipsec-lab.1");
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
