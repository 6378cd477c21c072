// SPDX-License-Identifier: MIT OR Apache-2.0

//! What can go wrong, and how it is said. Every failure exits with 1.

use std::ffi::OsStr;
use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use illumos_ipsec::cli::getopt_long::OptionError;

use crate::usage;

/// Why the command fails.
#[derive(Debug)]
pub(crate) enum Failure {
    /// A sentence.
    Message(String),
    /// A wrong option; the usage of the subcommand follows.
    Option(OptionError, &'static str),
    /// A wrong number of operands: the usage of everything.
    Usage,
    /// The same, but the usage of the subcommand alone.
    UsageOf(&'static str),
    /// All has been said already.
    Said,
}

impl Failure {
    pub(crate) fn message(text: impl Into<String>) -> Self {
        Self::Message(text.into())
    }

    /// What was tried, and why that failed.
    pub(crate) fn because(tried: &str, reason: impl Display) -> Self {
        Self::Message(format!("{tried}: {reason}"))
    }

    /// Names the link where the sentence does not.
    pub(crate) fn about(self, link: &OsStr) -> Self {
        match self {
            Self::Message(text) => Self::Message(format!("{text} ({})", link.to_string_lossy())),
            other => other,
        }
    }

    /// Says more.
    pub(crate) fn hint(self, hint: &str) -> Self {
        match self {
            Self::Message(text) => Self::Message(format!("{text}; {hint}")),
            other => other,
        }
    }

    /// Says it where the command fails for something else.
    pub(crate) fn say(&self) {
        if let Self::Message(text) = self {
            warn(text);
        }
    }

    pub(crate) fn option(error: OptionError, subcommand: &'static str) -> Self {
        Self::Option(error, subcommand)
    }
}

/// Says something on standard error, which may be closed.
fn say(text: &str) {
    let _ = io::stderr().write_all(text.as_bytes());
}

/// A warning: the command goes on.
pub(crate) fn warn(text: impl Display) {
    note(format_args!("warning: {text}"));
}

/// Says something beside the failure.
pub(crate) fn note(text: impl Display) {
    let program = std::env::args_os().next().unwrap_or_default();
    let program = std::path::Path::new(&program).file_name().unwrap_or_default();
    say(&format!("{}: {text}\n", program.to_string_lossy()));
}

/// Reports the outcome.
pub(crate) fn report(program: &str, outcome: Result<(), Failure>) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    match failure {
        Failure::Message(text) => say(&format!("{program}: {text}\n")),
        Failure::Option(error, subcommand) => {
            say(&format!("{program}: {error}\nusage: {}\n", usage::line(subcommand)));
        }
        Failure::Usage => usage::print_all(),
        Failure::UsageOf(subcommand) => {
            say(&format!("{program}: usage: {}\n", usage::line(subcommand)));
        }
        Failure::Said => {}
    }
    ExitCode::FAILURE
}
