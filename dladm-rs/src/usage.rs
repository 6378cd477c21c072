// SPDX-License-Identifier: MIT OR Apache-2.0

//! Usage of the subcommands.

use std::io::{self, Write};

/// Subcommands and their arguments. Those without are for the boot alone.
const USAGE: &[(&str, &str)] = &[
    (
        "create-iptun",
        "[-tS] [-R root-dir] -T type [-a {local|remote}=addr[,...]] \
         [--policy properties | --policy-file file] link",
    ),
    (
        "modify-iptun",
        "[-t] [-R root-dir] [-a {local|remote}=addr[,...]] \
         [--policy properties | --policy-file file] link",
    ),
    ("delete-iptun", "[-t] [-R root-dir] link"),
    ("show-iptun", "[-P] [[-p] -o field[,...]] [link]"),
    ("up-iptun", "[link]"),
    ("down-iptun", "[link]"),
    ("show-link", "[-P] [-s [-i interval]] [[-p] -o field[,...]] [link]"),
    ("show-linkprop", "[-P] [[-c] -o field[,...]] [-p prop[,...]] [link]"),
    ("set-linkprop", "[-t] [-R root-dir] -p prop=value[,...] link"),
    ("reset-linkprop", "[-t] [-R root-dir] [-p prop[,...]] link"),
    ("rename-link", "[-R root-dir] link new-link"),
];

/// One line about one subcommand.
pub(crate) fn line(subcommand: &str) -> String {
    let known = USAGE.iter().find(|(name, _)| *name == subcommand);
    known.map_or_else(String::new, |(name, args)| format!("{name} {args}"))
}

/// All subcommands, on standard error.
pub(crate) fn print_all() {
    let mut text = String::from("usage: dladm subcommand args ...\n");
    for (name, args) in USAGE {
        text.push_str(&format!("    {name:<16} {args}\n"));
    }
    text.push_str("Other subcommands are those of the system's own dladm.\n");
    let _ = io::stderr().write_all(text.as_bytes());
}
