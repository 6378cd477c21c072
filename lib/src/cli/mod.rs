// SPDX-License-Identifier: MIT OR Apache-2.0

//! What the commands share on their command line and their terminal.

pub mod diagnostics;
pub mod getopt;
pub mod getopt_long;
pub mod ofmt;
pub mod owner;
pub mod smf;

/// The text of a system error, without the number that Rust adds.
#[must_use]
pub fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    match text.find(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}
