// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the command lines of subcommands have in common: long options and operands. All
//! tunnel subcommands share one table of options: what belongs to another one is recognised,
//! and then refused by its letter.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;

use illumos_ipsec::cli::getopt_long::{LongOption, OptionError, Scanned};
use illumos_ipsec::model::LINK_NAME_MAX;

use crate::failure::Failure;

pub(crate) const TUNNEL_OPTIONS: &[LongOption] = &[
    LongOption::value("output", 'o'),
    LongOption::value("tunnel-type", 'T'),
    LongOption::value("address", 'a'),
    LongOption::value("root-dir", 'R'),
    LongOption::flag("parsable", 'p'),
    LongOption::flag("parseable", 'p'),
    LongOption::flag("persistent", 'P'),
    LongOption::flag("temporary", 't'),
    LongOption::flag("secure", 'S'),
    LongOption::value("policy", POLICY),
    LongOption::value("policy-file", POLICY_FILE),
];

/// What has no letter of its own is known by one that cannot be typed.
pub(crate) const POLICY: char = '\u{1}';
pub(crate) const POLICY_FILE: char = '\u{2}';

pub(crate) const LINK_OPTIONS: &[LongOption] = &[
    LongOption::flag("statistics", 's'),
    LongOption::flag("continuous", 'S'),
    LongOption::value("interval", 'i'),
    LongOption::flag("parsable", 'p'),
    LongOption::flag("parseable", 'p'),
    LongOption::flag("extended", 'x'),
    LongOption::value("output", 'o'),
    LongOption::flag("persistent", 'P'),
    LongOption::flag("lacp", 'L'),
];

pub(crate) const PROPERTY_OPTIONS: &[LongOption] = &[
    LongOption::flag("temporary", 't'),
    LongOption::value("output", 'o'),
    LongOption::value("root-dir", 'R'),
    LongOption::value("prop", 'p'),
    LongOption::flag("parsable", 'c'),
    LongOption::flag("parseable", 'c'),
    LongOption::flag("persistent", 'P'),
];

pub(crate) const RENAME_OPTIONS: &[LongOption] = &[LongOption::value("root-dir", 'R')];

/// A long option whose letter the subcommand does not have.
pub(crate) fn of_a_sibling(letter: char, subcommand: &'static str) -> Failure {
    let option = match letter {
        POLICY => "--policy".to_owned(),
        POLICY_FILE => "--policy-file".to_owned(),
        letter => format!("-{letter}"),
    };
    Failure::option(OptionError::Unrecognized(option), subcommand)
}

/// A value that has to be text.
pub(crate) fn text(value: &OsStr) -> String {
    value.to_string_lossy().into_owned()
}

/// The one operand, the name of a tunnel. One that is too long is told apart from one that is
/// wrong.
pub(crate) fn tunnel_operand(scanned: &Scanned) -> Result<&OsStr, Failure> {
    let name = one(&scanned.operands)?;
    if name.as_bytes().len() > LINK_NAME_MAX {
        let text = format!("tunnel name is too long (at most {LINK_NAME_MAX} characters)");
        return Err(Failure::message(text));
    }
    Ok(name)
}

/// A name is looked up by as much as a link name can have.
pub(crate) fn cut(name: &OsStr) -> &[u8] {
    let bytes = name.as_bytes();
    &bytes[..bytes.len().min(LINK_NAME_MAX)]
}

/// Exactly one operand.
pub(crate) fn one(operands: &[OsString]) -> Result<&OsStr, Failure> {
    match operands {
        [operand] => Ok(operand),
        _ => Err(Failure::Usage),
    }
}
