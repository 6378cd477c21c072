// SPDX-License-Identifier: MIT OR Apache-2.0

//! Running other programs.

use std::env;
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use clap::ArgMatches;

/// Why a task ends early.
pub(crate) enum Failure {
    /// The program that was run has said why; this is its exit status.
    Status(u8),
    /// This task has something to say.
    Said(String),
}

/// The outcome of a task.
pub(crate) type Outcome = Result<(), Failure>;

/// The root of the repository.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a package inside the workspace")
}

/// Cargo, in the root of the repository.
pub(crate) fn cargo<I: IntoIterator<Item: AsRef<OsStr>>>(args: I) -> Command {
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(args).current_dir(root());
    command
}

/// Builds packages of the workspace.
pub(crate) fn build(packages: &[&str]) -> Outcome {
    let mut command = cargo(["build", "--quiet"]);
    for package in packages {
        command.args(["--package", package]);
    }
    run(&mut command)
}

/// An executable of the workspace.
pub(crate) fn built(name: &str) -> Result<PathBuf, Failure> {
    // This program is in the directory in which the others are.
    let me = env::current_exe()
        .map_err(|error| Failure::Said(format!("cannot find this program: {error}")))?;
    Ok(me.with_file_name(name))
}

/// Runs a program to its end.
pub(crate) fn run(command: &mut Command) -> Outcome {
    let status = command.status().map_err(|error| cannot_run(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::Status(code(status))) }
}

/// Runs a program to its end, passes on what it writes to standard output, and looks at
/// each line of it.
pub(crate) fn run_reading(command: &mut Command, mut look: impl FnMut(&str)) -> Outcome {
    let mut child =
        command.stdout(Stdio::piped()).spawn().map_err(|error| cannot_run(command, &error))?;
    let mut lines = BufReader::new(child.stdout.take().expect("standard output is a pipe"));
    let mut stdout = io::stdout();
    let mut line = Vec::new();
    while lines.read_until(b'\n', &mut line).is_ok_and(|len| len > 0) {
        // Somebody who stops reading does not stop the program.
        let _ = stdout.write_all(&line);
        look(String::from_utf8_lossy(&line).trim_end());
        line.clear();
    }
    let status = child.wait().map_err(|error| cannot_run(command, &error))?;
    if status.success() { Ok(()) } else { Err(Failure::Status(code(status))) }
}

/// Becomes the program: its exit status and signals are those of this process.
pub(crate) fn replace(command: &mut Command) -> Outcome {
    let error = command.exec();
    Err(cannot_run(command, &error))
}

/// Arguments that a task passes on.
pub(crate) fn passed_on(args: &ArgMatches) -> impl Iterator<Item = &OsString> {
    args.get_many::<OsString>("arguments").into_iter().flatten()
}

/// As a shell reports it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

fn cannot_run(command: &Command, error: &std::io::Error) -> Failure {
    Failure::Said(format!("cannot run {}: {error}", command.get_program().display()))
}
