// SPDX-License-Identifier: MIT OR Apache-2.0

//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use gate_edit::copies::TARGETS;

pub(crate) const USAGE: &str = "usage: gate-edit [--edits DIR] [--files DIR] [--test-files DIR] [--check|--diff|--revert] GATE\n";

pub(crate) const HELP: &str = "\
usage: gate-edit [OPTIONS] GATE

Makes the edits of a list in GATE, a checkout of illumos-gate, and adds our own files; or says
why not. GATE is the directory that has usr/src in it.

  --check            say for each file whether all edits fit; write nothing
  --diff             print what would be changed as a unified diff; write nothing
  --revert           take the edits out and remove our files
  --edits DIR        the list: all *.toml files of DIR in byte order [kernel/illumos/edits]
  --files DIR        our files, copied to GATE/usr/src/uts [kernel/illumos/uts]
  --test-files DIR   our tests, copied to GATE/usr/src/test
                     [a directory 'test' beside the one of --files, if there is one]

A checkout that is edited already is left alone. Exit status: 0 done, or nothing to do;
1 refused, and nothing was changed unless the message names files that could not be restored;
2 wrong options.

kernel/illumos/edits/README.md describes the list.
";

/// What to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Apply,
    Check,
    Diff,
    Revert,
}

/// A command line that makes sense.
pub(crate) struct Options {
    pub(crate) mode: Mode,
    pub(crate) edits: PathBuf,
    /// Directories of our files, and where in the gate they go.
    pub(crate) files: Vec<(PathBuf, &'static str)>,
    pub(crate) gate: PathBuf,
}

/// What a command line asks for.
pub(crate) enum Parsed {
    Options(Options),
    Help,
    Wrong(String),
}

/// Modes and their options.
const MODES: &[(&str, Mode)] =
    &[("check", Mode::Check), ("diff", Mode::Diff), ("revert", Mode::Revert)];

pub(crate) fn parse(args: impl IntoIterator<Item = OsString>) -> Parsed {
    let path = |name: &'static str| Arg::new(name).value_parser(value_parser!(PathBuf));
    let mut command = Command::new("gate-edit")
        .disable_help_flag(true)
        .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help))
        .arg(path("edits").long("edits"))
        .arg(path("files").long("files"))
        .arg(path("test-files").long("test-files"))
        .arg(path("gate").required(true));
    for (name, _) in MODES {
        let others = MODES.iter().map(|(other, _)| *other).filter(|other| other != name);
        let flag = Arg::new(*name).long(*name).action(ArgAction::SetTrue);
        command = command.arg(flag.conflicts_with_all(others.collect::<Vec<_>>()));
    }
    match command.try_get_matches_from(args) {
        Ok(matches) => match options(&matches, repository()) {
            Ok(options) => Parsed::Options(options),
            Err(message) => Parsed::Wrong(message),
        },
        Err(error) if error.use_stderr() => {
            let text = error.to_string();
            let line = text.lines().next().unwrap_or_default();
            Parsed::Wrong(line.trim_start_matches("error: ").to_owned())
        }
        Err(_) => Parsed::Help,
    }
}

/// `kernel/illumos` of the repository from which this program was built, if it is still there.
fn repository() -> Option<PathBuf> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.parent().map(|kernel| kernel.join("illumos")).filter(|path| path.is_dir())
}

fn options(matches: &ArgMatches, repository: Option<PathBuf>) -> Result<Options, String> {
    let given = |name: &str| matches.get_one::<PathBuf>(name).cloned();
    let wanted = |name: &str, default: &str| {
        given(name)
            .or_else(|| repository.as_ref().map(|path| path.join(default)))
            .ok_or_else(|| format!("--{name} DIR is needed: the repository is not here any more"))
    };
    let edits = wanted("edits", "edits")?;
    let uts = wanted("files", TARGETS[0].0)?;
    let beside = uts.parent().map(|parent| parent.join(TARGETS[1].0)).filter(|path| path.is_dir());
    let mut files = vec![(uts, TARGETS[0].1)];
    files.extend(given("test-files").or(beside).map(|test| (test, TARGETS[1].1)));
    let mode = MODES.iter().find(|(name, _)| matches.get_flag(name)).map(|(_, mode)| *mode);
    let gate = given("gate").unwrap_or_default();
    Ok(Options { mode: mode.unwrap_or(Mode::Apply), edits, files, gate })
}
