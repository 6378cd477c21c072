// SPDX-License-Identifier: MIT OR Apache-2.0

//! Options in short and long form as the link commands take them.
//!
//! Options may follow operands unless POSIXLY_CORRECT is set; long names may be cut as
//! long as one entry of the table fits; several commands share one table of long names,
//! so a command can be given a long option of which it does not know the letter.
//! Source: `spec/dladm-iptun.md` section 1.4.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// A long option and the letter that it stands for.
#[derive(Clone, Copy, Debug)]
pub struct LongOption {
    /// Name, without hyphens.
    pub name: &'static str,
    /// Letter.
    pub letter: char,
    /// Does it take a value?
    pub takes_value: bool,
}

impl LongOption {
    /// A flag.
    #[must_use]
    pub const fn flag(name: &'static str, letter: char) -> Self {
        Self { name, letter, takes_value: false }
    }

    /// An option with a value.
    #[must_use]
    pub const fn value(name: &'static str, letter: char) -> Self {
        Self { name, letter, takes_value: true }
    }
}

/// The options of a command.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Letters that are flags.
    pub flags: &'static str,
    /// Letters that take a value.
    pub values: &'static str,
    /// Long names.
    pub long: &'static [LongOption],
}

/// A scanned command line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scanned {
    /// Options in the order in which they were given.
    pub options: Vec<(char, OsString)>,
    /// Operands in their order.
    pub operands: Vec<OsString>,
    /// All words: options first, then operands.
    pub permuted: Vec<OsString>,
}

/// What is wrong with an option.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OptionError {
    /// There is no such option.
    #[error("unrecognized option '{0}'")]
    Unrecognized(String),
    /// More than one long name begins like this.
    #[error("ambiguous option '{0}'")]
    Ambiguous(String),
    /// An option without its value.
    #[error("option '{0}' requires a value")]
    NoValue(String),
    /// A flag with a value.
    #[error("option '{0}' takes no value")]
    NeedlessValue(String),
}

/// A step of the scan.
enum Found {
    Option(char, OsString),
    Error(OptionError),
}

/// Scans arguments, without the name of the program and the command. The options up to an
/// error are given with it, since they act from left to right.
#[must_use]
pub fn scan(options: &Options, args: &[OsString], posix: bool) -> (Scanned, Option<OptionError>) {
    let mut scanned = Scanned::default();
    let mut words = args.iter();
    let mut error = None;
    while let Some(word) = words.next() {
        let bytes = word.as_bytes();
        if bytes == b"--" {
            scanned.permuted.push(word.clone());
            scanned.operands.extend(words.by_ref().cloned());
            break;
        }
        if bytes.len() < 2 || bytes[0] != b'-' {
            scanned.operands.push(word.clone());
            if posix {
                scanned.operands.extend(words.by_ref().cloned());
                break;
            }
            continue;
        }
        scanned.permuted.push(word.clone());
        let mut next = || {
            let value = words.next()?;
            scanned.permuted.push(value.clone());
            Some(value.clone())
        };
        let found = match bytes.strip_prefix(b"--") {
            Some(long) => vec![scan_long(options, long, &mut next)],
            None => scan_short(options, &bytes[1..], &mut next),
        };
        for item in found {
            match item {
                Found::Option(letter, value) => scanned.options.push((letter, value)),
                Found::Error(found) => error = error.or(Some(found)),
            }
            if error.is_some() {
                break;
            }
        }
        if error.is_some() {
            break;
        }
    }
    scanned.permuted.extend(scanned.operands.iter().cloned());
    (scanned, error)
}

fn scan_short(
    options: &Options,
    letters: &[u8],
    next: &mut dyn FnMut() -> Option<OsString>,
) -> Vec<Found> {
    let mut found = Vec::new();
    for (at, byte) in letters.iter().enumerate() {
        let letter = char::from(*byte);
        let name = format!("-{}", letter.escape_default());
        if options.flags.contains(letter) {
            found.push(Found::Option(letter, OsString::new()));
        } else if options.values.contains(letter) {
            let rest = &letters[at + 1..];
            let value =
                if rest.is_empty() { next() } else { Some(OsString::from_vec(rest.to_vec())) };
            found.push(match value {
                Some(value) => Found::Option(letter, value),
                None => Found::Error(OptionError::NoValue(name)),
            });
            break;
        } else {
            found.push(Found::Error(OptionError::Unrecognized(name)));
            break;
        }
    }
    found
}

fn scan_long(options: &Options, word: &[u8], next: &mut dyn FnMut() -> Option<OsString>) -> Found {
    let equals = word.iter().position(|byte| *byte == b'=');
    let (name, value) = match equals {
        Some(at) => (&word[..at], Some(OsStr::from_bytes(&word[at + 1..]).to_owned())),
        None => (word, None),
    };
    let shown = format!("--{}", String::from_utf8_lossy(name));
    let exact = options.long.iter().find(|long| long.name.as_bytes() == name);
    let mut fitting = options.long.iter().filter(|long| long.name.as_bytes().starts_with(name));
    let long = match (exact, fitting.next(), fitting.next()) {
        (Some(long), _, _) | (None, Some(long), None) => long,
        (None, Some(_), Some(_)) => return Found::Error(OptionError::Ambiguous(shown)),
        (None, None, _) => return Found::Error(OptionError::Unrecognized(shown)),
    };
    match (long.takes_value, value) {
        (false, Some(_)) => Found::Error(OptionError::NeedlessValue(shown)),
        (false, None) => Found::Option(long.letter, OsString::new()),
        (true, value) => match value.or_else(next) {
            Some(value) => Found::Option(long.letter, value),
            None => Found::Error(OptionError::NoValue(shown)),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: Options = Options {
        flags: "pP",
        values: "oT",
        long: &[
            LongOption::value("output", 'o'),
            LongOption::value("address", 'a'),
            LongOption::flag("parsable", 'p'),
            LongOption::flag("parseable", 'p'),
            LongOption::flag("persistent", 'P'),
        ],
    };

    fn run(args: &[&str], posix: bool) -> (String, Vec<OsString>, Option<OptionError>) {
        let args: Vec<OsString> = args.iter().map(OsString::from).collect();
        let (scanned, error) = scan(&OPTIONS, &args, posix);
        let text: Vec<String> = scanned
            .options
            .iter()
            .map(|(letter, value)| format!("{letter}{}", value.to_string_lossy()))
            .collect();
        (text.join(" "), scanned.operands, error)
    }

    #[test]
    fn accepted_forms() {
        for (args, options, operands) in [
            (vec!["-pPo", "link"], "p P olink", vec![]),
            (vec!["x", "-p", "y", "-Tipv4"], "p Tipv4", vec!["x", "y"]),
            (vec!["--out=link", "--persi"], "olink P", vec![]),
            (vec!["-o", "-p"], "o-p", vec![]),
            (vec!["-p", "--", "-P"], "p", vec!["-P"]),
            (vec!["--address", "v", "-"], "av", vec!["-"]),
        ] {
            let (got, rest, error) = run(&args, false);
            assert_eq!((got.as_str(), error), (options, None), "{args:?}");
            assert_eq!(rest, operands, "{args:?}");
        }
        let (options, operands, _) = run(&["-p", "x", "-P"], true);
        assert_eq!((options.as_str(), operands.len()), ("p", 2));
    }

    #[test]
    fn refused_forms() {
        let name = |text: &str| text.to_owned();
        for (args, error) in [
            (vec!["-z"], OptionError::Unrecognized(name("-z"))),
            (vec!["--nosuch=1"], OptionError::Unrecognized(name("--nosuch"))),
            (vec!["--pars"], OptionError::Ambiguous(name("--pars"))),
            (vec!["-po"], OptionError::NoValue(name("-o"))),
            (vec!["--output"], OptionError::NoValue(name("--output"))),
            (vec!["--persistent=yes"], OptionError::NeedlessValue(name("--persistent"))),
        ] {
            assert_eq!(run(&args, false).2, Some(error), "{args:?}");
        }
    }

    #[test]
    fn operands_go_last() {
        let args: Vec<OsString> = ["tun0", "-o", "x", "-p"].iter().map(OsString::from).collect();
        assert_eq!(scan(&OPTIONS, &args, false).0.permuted, ["-o", "x", "-p", "tun0"]);
    }
}
