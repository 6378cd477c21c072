// SPDX-License-Identifier: MIT OR Apache-2.0

//! Development tasks, run as `cargo xtask TASK`.

mod bench;
mod ci;
mod demo;
mod dist;
mod golden;
mod illumos;
mod run;
mod shell;
mod test;
mod tools;

use std::process::ExitCode;

use clap::{Arg, ArgAction, Command};

use crate::run::Failure;

const USAGE: &str = "\
usage: cargo xtask TASK

  demo                        show and check the session of IPD 46
  shell [-c COMMAND]          a private user-mode kernel, and a shell or COMMAND
  test [ARGUMENTS]            all tests; ARGUMENTS go to cargo test
  golden TOOL --cases DIR     compare TOOL with recordings of the original
  bench [ARGUMENTS]           measure
  dist [--release] [--target TRIPLE]
                              stage the files of the packages, check the manifests
  illumos [STEP...]           check, clippy, link, inspect: the commands for illumos
  ci [--skip-test]            every step of the gate
";

fn main() -> ExitCode {
    let command = Command::new("xtask")
        .subcommand_required(true)
        .disable_help_subcommand(true)
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).global(true))
        .subcommand(demo::command())
        .subcommand(shell::command())
        .subcommand(test::command())
        .subcommand(golden::command())
        .subcommand(bench::command())
        .subcommand(dist::command())
        .subcommand(illumos::command())
        .subcommand(ci::command());
    let matches = match command.try_get_matches() {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            eprint!("xtask: {}\n\n{USAGE}", line.trim_start_matches("error: "));
            return ExitCode::from(2);
        }
        Err(_) => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
    };
    let outcome = match matches.subcommand() {
        Some(("demo", _)) => demo::run(),
        Some(("shell", args)) => shell::run(args),
        Some(("test", args)) => test::run(args),
        Some(("golden", args)) => golden::run(args),
        Some(("bench", args)) => bench::run(args),
        Some(("dist", args)) => dist::run(args),
        Some(("illumos", args)) => illumos::run(args),
        Some(("ci", args)) => ci::run(args),
        _ => unreachable!("clap accepts no other subcommand"),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Status(code)) => ExitCode::from(code),
        Err(Failure::Said(message)) => {
            eprintln!("xtask: {message}");
            ExitCode::FAILURE
        }
    }
}
