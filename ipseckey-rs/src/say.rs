// SPDX-License-Identifier: MIT OR Apache-2.0

//! What is said while there is no session: before it, and after its end.
//!
//! Nothing can be done about an output that is closed or full. The exit status tells that
//! the command failed.

use std::fmt::Display;
use std::io::{self, Write};

use crate::program::Program;

/// A line on standard output.
pub(crate) fn print(program: Program, text: impl Display) {
    let _ = writeln!(io::stdout(), "{}: {text}", program.name());
}

/// A line on standard error.
pub(crate) fn complain(program: Program, text: impl Display) {
    let _ = writeln!(io::stderr(), "{}: {text}", program.name());
}

/// The same without the name of the program.
pub(crate) fn complain_plain(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
