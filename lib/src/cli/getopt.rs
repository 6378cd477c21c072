// SPDX-License-Identifier: MIT OR Apache-2.0

//! POSIX getopt rules on top of one clap option table.
//!
//! clap is not getopt: it takes options behind operands, treats `-a -q` and `-a=x`
//! in its own way, and refuses what scripts have written for decades. So argv is
//! scanned here by getopt's rules, with the letters of the clap table, and clap gets
//! a vector that can only be read in one way (`-x=VALUE`, bare flags, `--`,
//! operands). The order of the options is kept beside it, for commands whose options
//! act from left to right.
//!
//! getopt knows no words as options. A table may have some without a letter: exactly
//! these words (`--plan`) are options, others are what they have always been.
//!
//! ```
//! use clap::{Arg, ArgAction, Command};
//! use illumos_ipsec::cli::getopt::scan;
//!
//! let table = Command::new("ipsecconf")
//!     .arg(Arg::new("add").short('a'))
//!     .arg(Arg::new("quiet").short('q').action(ArgAction::SetTrue))
//!     .arg(Arg::new("operands").num_args(0..));
//! let scanned = scan(table, ["-qa", "my.conf", "-"].map(Into::into))?;
//! assert_eq!(scanned.options, [('q', None), ('a', Some("my.conf".into()))]);
//! assert_eq!(scanned.operands, ["-"]);
//! # Ok::<(), illumos_ipsec::cli::getopt::GetoptError>(())
//! ```

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{ArgMatches, Command};

/// A scanned command line.
#[derive(Debug)]
pub struct Scanned {
    /// Options in the order in which they were given.
    pub options: Vec<(char, Option<OsString>)>,
    /// What follows the options.
    pub operands: Vec<OsString>,
    /// The same as clap sees it.
    pub matches: ArgMatches,
}

/// What getopt complains about.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetoptError {
    /// A letter that is no option.
    #[error("illegal option -- {}", char::from(*letter).escape_default())]
    Illegal {
        /// The byte found.
        letter: u8,
    },
    /// An option without its argument.
    #[error("option requires an argument -- {letter}")]
    NoArgument {
        /// The option.
        letter: char,
    },
}

/// Scans arguments (without the program name). The first operand ends the options,
/// as does `--`; a lone `-` is an operand.
///
/// # Panics
///
/// If the table cannot take what has been scanned: it needs an argument for operands.
pub fn scan(
    command: Command,
    args: impl IntoIterator<Item = OsString>,
) -> Result<Scanned, GetoptError> {
    let mut options = Vec::new();
    let mut flags = Vec::new();
    let mut args = args.into_iter().peekable();
    while let Some(word) = args.next_if(|word| is_option_word(word)) {
        if word == "--" {
            break;
        }
        if is_flag(&command, &word) {
            flags.push(word);
            continue;
        }
        scan_word(&command, &word, &mut args, &mut options)?;
    }
    let operands: Vec<OsString> = args.collect();
    let matches = command
        .no_binary_name(true)
        .try_get_matches_from(flags.into_iter().chain(unambiguous(&options, &operands)))
        .expect("the scanner passes only what the table has");
    Ok(Scanned { options, operands, matches })
}

fn is_option_word(word: &OsStr) -> bool {
    let bytes = word.as_bytes();
    bytes.len() > 1 && bytes[0] == b'-'
}

/// Is this one of the words that the table has?
fn is_flag(command: &Command, word: &OsStr) -> bool {
    let Some(name) = word.as_bytes().strip_prefix(b"--") else { return false };
    let known = |arg: &clap::Arg| arg.get_long().is_some_and(|long| long.as_bytes() == name);
    command.get_arguments().any(|arg| arg.get_short().is_none() && known(arg))
}

fn scan_word(
    command: &Command,
    word: &OsStr,
    rest: &mut impl Iterator<Item = OsString>,
    options: &mut Vec<(char, Option<OsString>)>,
) -> Result<(), GetoptError> {
    let bytes = word.as_bytes();
    let mut at = 1;
    while at < bytes.len() {
        let letter = char::from(bytes[at]);
        at += 1;
        let option = command
            .get_arguments()
            .find(|arg| arg.get_short() == Some(letter) && letter.is_ascii())
            .ok_or(GetoptError::Illegal { letter: bytes[at - 1] })?;
        if !option.get_action().takes_values() {
            options.push((letter, None));
            continue;
        }
        let value = if at < bytes.len() {
            OsString::from_vec(bytes[at..].to_vec())
        } else {
            rest.next().ok_or(GetoptError::NoArgument { letter })?
        };
        options.push((letter, Some(value)));
        break;
    }
    Ok(())
}

fn unambiguous(options: &[(char, Option<OsString>)], operands: &[OsString]) -> Vec<OsString> {
    let mut words = Vec::with_capacity(options.len() + operands.len() + 1);
    for (letter, value) in options {
        let mut word = OsString::from(format!("-{letter}"));
        if let Some(value) = value {
            word.push("=");
            word.push(value);
        }
        words.push(word);
    }
    words.push("--".into());
    words.extend(operands.iter().cloned());
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction};

    fn table() -> Command {
        Command::new("t")
            .disable_help_flag(true)
            .disable_version_flag(true)
            .arg(Arg::new("quiet").short('q').action(ArgAction::Count))
            .arg(Arg::new("plan").long("plan").action(ArgAction::Count))
            .arg(
                Arg::new("add")
                    .short('a')
                    .action(ArgAction::Append)
                    .value_parser(clap::value_parser!(OsString)),
            )
            .arg(Arg::new("operands").num_args(0..).value_parser(clap::value_parser!(OsString)))
    }

    fn scanned(args: &[&str]) -> Result<(String, Vec<OsString>), GetoptError> {
        let scanned = scan(table(), args.iter().map(OsString::from))?;
        let text = scanned
            .options
            .iter()
            .map(|(letter, value)| match value {
                Some(value) => format!("{letter}={} ", value.to_string_lossy()),
                None => format!("{letter} "),
            })
            .collect::<String>();
        let appended: Vec<_> =
            scanned.matches.get_many::<OsString>("add").into_iter().flatten().cloned().collect();
        let valued: Vec<_> =
            scanned.options.iter().filter_map(|(_, value)| value.clone()).collect();
        assert_eq!(appended, valued, "clap sees the same values");
        Ok((text.trim_end().to_owned(), scanned.operands))
    }

    #[test]
    fn words_of_letters_attached_values_and_operands() {
        for (args, options, operands) in [
            (vec!["-qa", "file"], "q a=file", vec![]),
            (vec!["-afile", "-q"], "a=file q", vec![]),
            (vec!["-a", "-q"], "a=-q", vec![]),
            (vec!["-a=x"], "a==x", vec![]),
            (vec!["-a", ""], "a=", vec![]),
            (vec!["-q", "word", "-q"], "q", vec!["word", "-q"]),
            (vec!["-", "-q"], "", vec!["-", "-q"]),
            (vec!["-q", "--", "-q"], "q", vec!["-q"]),
            (vec!["-a", "--", "-q"], "a=-- q", vec![]),
            (vec!["-qq"], "q q", vec![]),
            (vec!["-q", "--plan", "-a", "--plan", "--", "--plan"], "q a=--plan", vec!["--plan"]),
        ] {
            let (got, rest) = scanned(&args).unwrap();
            assert_eq!(got, options, "{args:?}");
            assert_eq!(rest, operands, "{args:?}");
        }
    }

    #[test]
    fn words_of_the_table_are_options_and_no_others() {
        let given = ["--plan", "-q", "--plan"].map(OsString::from);
        assert_eq!(scan(table(), given).unwrap().matches.get_count("plan"), 2);
        for word in ["--pla", "--plans", "--plan=1"] {
            assert_eq!(scanned(&[word]), Err(GetoptError::Illegal { letter: b'-' }), "{word}");
        }
    }

    #[test]
    fn complaints() {
        assert_eq!(scanned(&["-z"]), Err(GetoptError::Illegal { letter: b'z' }));
        assert_eq!(scanned(&["--help"]), Err(GetoptError::Illegal { letter: b'-' }));
        assert_eq!(scanned(&["-qa"]), Err(GetoptError::NoArgument { letter: 'a' }));
        assert_eq!(scanned(&["-\u{e9}"]), Err(GetoptError::Illegal { letter: 0xc3 }));
    }
}
