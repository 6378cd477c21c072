// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command: options, and what is said.

mod args;
mod run;

use std::process::ExitCode;

use args::Parsed;

/// Something does not fit, or could not be done.
const REFUSED: u8 = 1;
/// The command line makes no sense.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    match args::parse(std::env::args_os()) {
        Parsed::Options(options) => match run::run(&options) {
            Ok(()) => ExitCode::SUCCESS,
            Err(problems) => {
                for problem in problems {
                    eprintln!("gate-edit: {problem}");
                }
                ExitCode::from(REFUSED)
            }
        },
        Parsed::Help => {
            print!("{}", args::HELP);
            ExitCode::SUCCESS
        }
        Parsed::Wrong(message) => {
            eprintln!("gate-edit: {message}\n\n{}", args::USAGE);
            ExitCode::from(USAGE)
        }
    }
}
