// SPDX-License-Identifier: MIT OR Apache-2.0

//! `cargo xtask test`: every test of the workspace.

use std::ffi::OsString;

use clap::{Arg, ArgMatches, Command, value_parser};

use crate::run::{Outcome, cargo, passed_on, run as run_to_end, run_reading};
use crate::tools::{TEST_TOOLS, require};

pub(crate) fn command() -> Command {
    Command::new("test").arg(arguments())
}

/// Whatever follows the task, for the program that it runs.
pub(crate) fn arguments() -> Arg {
    Arg::new("arguments")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
}

pub(crate) fn run(args: &ArgMatches) -> Outcome {
    let arguments: Vec<_> = passed_on(args).collect();
    test(&arguments)
}

/// Tests run the commands, so these are built first: `cargo test` does not build the
/// programs of a package without tests of its own.
pub(crate) fn test(arguments: &[&OsString]) -> Outcome {
    require(TEST_TOOLS)?;
    run_to_end(&mut cargo(["build", "--workspace", "--bins"]))?;
    let mut totals = Totals::default();
    let outcome =
        run_reading(cargo(["test", "--workspace", "--no-fail-fast"]).args(arguments), |line| {
            totals.add(line)
        });
    let Totals { passed, failed, ignored } = totals;
    println!("\n{passed} passed, {failed} failed, {ignored} skipped");
    outcome
}

/// Cargo counts each test program alone.
#[derive(Default, Debug, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    ignored: u64,
}

impl Totals {
    /// Adds a line like `test result: ok. 12 passed; 0 failed; 1 ignored; …`.
    fn add(&mut self, line: &str) {
        let Some((_, counts)) =
            line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". "))
        else {
            return;
        };
        for count in counts.split("; ") {
            let Some((number, what)) = count.split_once(' ') else {
                continue;
            };
            let number = number.parse::<u64>().unwrap_or(0);
            match what {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.ignored += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn totals_of_several_programs() {
        let mut totals = Totals::default();
        for line in [
            "running 3 tests",
            "test result: ok. 12 passed; 0 failed; 1 ignored; 0 measured; 4 filtered out; \
             finished in 0.01s",
            "test result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured; 0 filtered out",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 14, failed: 1, ignored: 1 });
    }
}
