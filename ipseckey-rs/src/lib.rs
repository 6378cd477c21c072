// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipseckey(8)`: security associations by hand; under the name `tcpkey`, keys of TCP
//! signatures.
//!
//! ```text
//! argv -> args -> session: one command | a file | a terminal or pipe
//!     line: logical lines, words -> command -> add | find | dump | save | monitor | help
//! ```
//!
//! | module | what it is |
//! |---|---|
//! | `args` | the options, acting from left to right |
//! | `program` | the two names of the program |
//! | `session` | a run: settings, the kernel, what becomes of messages |
//! | `run` | where commands come from: command line, file, terminal or pipe |
//! | `exit` | exit statuses |
//! | `output` | standard output, and whether it has everything |
//! | `say` | what is said while there is no session |
//! | `line` | logical lines and words; which words are keys |
//! | `verb` | the words for commands |
//! | `command` | the commands and their SA types |
//! | `exchange` | requests, their answers and dumps |
//! | `keyword` | the keywords, one row each |
//! | `value` | numbers, algorithms, keys, addresses, labels |
//! | `add` | add and update: collecting keywords |
//! | `fields` | what they say an association is to be |
//! | `build` | the requests for it |
//! | `find` | delete and get |
//! | `flush` | flush, of one owner or of all |
//! | `flight` | requests of a file, several under way at once |
//! | `landing` | sending them, and speaking about their answers in order |
//! | `reply` | what the answers to add, update, delete and get say |
//! | `owner` | namespaces: whose associations a run is about |
//! | `show` | messages as text |
//! | `save` | associations as commands |
//! | `monitor` | what others do |
//! | `help` | help texts |
//! | `input` | lines of a pipe |
//! | `terminal` | editing lines |

mod add;
mod args;
mod build;
mod command;
mod exchange;
mod exit;
mod fields;
mod find;
mod flight;
mod flush;
mod help;
mod input;
mod keyword;
mod landing;
mod line;
mod monitor;
mod output;
mod owner;
mod program;
mod reply;
mod run;
mod save;
mod say;
mod session;
mod show;
mod terminal;
mod value;
mod verb;

use std::process::ExitCode;

use illumos_ipsec::sys::System;
use session::{Session, Settings, Source};

/// Runs the command with the arguments of this process.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = std::env::args_os();
    let program = program::Program::of(arguments.next().as_deref());
    let service = illumos_ipsec::cli::smf::service();
    let outcome = args::run(program, arguments.collect(), service.clone());
    exit::status(program, outcome, service.as_deref())
}

/// Reads commands as `-n -c FILE` does, without saying anything; true if there is nothing
/// wrong with them. For fuzzers.
#[must_use]
pub fn check_commands(text: &[u8]) -> bool {
    let settings = Settings { numeric: true, check: true, ..Settings::default() };
    let system = System::current();
    let Ok(mut session) = Session::open(&system, settings, Source::File) else {
        return false;
    };
    session.mute();
    session.run_file(text, "-".as_ref()).is_ok()
}

/// Shows a message as `-n monitor` does, with keys or without. For fuzzers.
#[must_use]
pub fn shown(message: &[u8], paranoid: bool) -> Vec<u8> {
    let settings = Settings { numeric: true, check: true, paranoid, ..Settings::default() };
    let system = System::current();
    let mut text = Vec::new();
    if let Ok(session) = Session::open(&system, settings, Source::File) {
        // What is wrong with a message is said on the side.
        let _ = session.look().message(&mut text, message);
    }
    text
}
