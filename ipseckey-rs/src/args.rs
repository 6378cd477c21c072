// SPDX-License-Identifier: MIT OR Apache-2.0

//! The options. They act from left to right.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, Command};
use illumos_ipsec::cli::getopt;
use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::sys::System;
use nix::sys::stat::{Mode, umask};

use crate::exit::{End, usage};
use crate::program::Program;
use crate::session::{Session, Settings, Source};

fn options() -> Command {
    let flag = |name, letter| Arg::new(name).short(letter).action(ArgAction::Count);
    let value = |name, letter| {
        let arg = Arg::new(name).short(letter).action(ArgAction::Append);
        arg.value_parser(clap::value_parser!(OsString))
    };
    Command::new("ipseckey")
        .args([flag("paranoid", 'p'), flag("numeric", 'n'), flag("verbose", 'v')])
        .args([value("file", 'f'), value("save", 's'), value("check", 'c')])
        .args([value("namespace", 'N')])
        .arg(Arg::new("operands").num_args(0..).value_parser(clap::value_parser!(OsString)))
        .disable_help_flag(true)
}

/// Where files are read from and saved to, as the options say.
enum Files {
    None,
    Read(OsString),
    Save(OsString),
}

/// Reads the options and does what they say.
pub(crate) fn run(
    program: Program,
    arguments: Vec<OsString>,
    service: Option<String>,
) -> Result<(), End> {
    // What is written is for the owner alone.
    umask(Mode::from_bits_truncate(0o377));
    let scanned = getopt::scan(options(), arguments).map_err(|error| {
        eprintln!("{}: {error}", program.name());
        usage(program)
    })?;
    let system = System::current();
    let mut settings = Settings { program, service, ..Settings::default() };
    let mut files = Files::None;
    let mut check = false;
    for (letter, value) in scanned.options {
        let value = value.unwrap_or_default();
        match (letter, &files) {
            ('n', _) => settings.numeric = true,
            ('v', _) => settings.verbose = true,
            ('p', _) => settings.paranoid = true,
            ('N', _) if settings.who != Who::Nameless => {
                eprintln!("{}: a namespace has been given already", program.name());
                return Err(End::Fatal);
            }
            ('N', _) => settings.who = who(program, &value)?,
            ('s', Files::Read(_)) | ('f' | 'c', Files::Save(_)) => {
                return Err(usage(program));
            }
            ('s', _) => files = Files::Save(value),
            _ => {
                check |= letter == 'c';
                let path = value;
                look_at(program, &system.operand(&path), &path, settings.service.is_some())?;
                files = Files::Read(path);
            }
        }
    }
    settings.check = check;
    if settings.who == Who::Everybody && matches!(files, Files::Read(_)) {
        eprintln!("{}: -N '*' is for dump, save, monitor and flush, not for files", program.name());
        return Err(End::Fatal);
    }
    match files {
        Files::Save(path) => {
            let mut session = Session::open(&system, settings, Source::CommandLine)?;
            let result = crate::save::save_option(&mut session, &path);
            session.finish(result)
        }
        Files::Read(path) => {
            let text = read(program, &system.operand(&path), &path)?;
            let mut session = Session::open(&system, settings, Source::File)?;
            let result = session.run_file(&text, &path);
            session.finish(result)
        }
        Files::None if scanned.operands.is_empty() => {
            let mut session = Session::open(&system, settings, Source::Interactive)?;
            let result = session.run_interactive();
            session.finish(result)
        }
        Files::None => {
            let words: Vec<Vec<u8>> =
                scanned.operands.iter().map(|word| word.as_bytes().to_vec()).collect();
            let mut session = Session::open(&system, settings, Source::CommandLine)?;
            let result = session.run_words(&words);
            session.finish(result)
        }
    }
}

/// The operand of `-N`.
fn who(program: Program, value: &OsStr) -> Result<Who, End> {
    Who::of_option(value.as_bytes()).map_err(|error| {
        let shown = value.as_bytes().escape_ascii();
        eprintln!("{}: -N {shown}: {error}", program.name());
        End::Fatal
    })
}

/// Looks at a file before anything is done with it.
fn look_at(program: Program, path: &Path, shown: &OsStr, service: bool) -> Result<(), End> {
    let name = program.name();
    let shown = Path::new(shown).display();
    let Ok(status) = fs::metadata(path) else {
        println!("{name}: Invalid pathname: {shown}\n");
        return Err(End::Fatal);
    };
    if !status.is_file() {
        println!("{name}: {shown} - Not a regular file\n");
        return Err(End::Fatal);
    }
    if fs::File::open(path).is_err() {
        println!("{name}: Unable to open configuration file: {shown}\n");
        return Err(End::Fatal);
    }
    if status.uid() != 0 || status.mode() & 0o077 != 0 {
        if service {
            println!("{name}: Config file {shown} has insecure permissions.\n");
            return Err(End::Fatal);
        }
        let text = "has insecure permissions, will be rejected in permanent config.";
        let _ = writeln!(io::stderr(), "Config file {shown} {text}");
    }
    Ok(())
}

fn read(
    program: Program,
    path: &PathBuf,
    shown: &OsStr,
) -> Result<zeroize::Zeroizing<Vec<u8>>, End> {
    fs::read(path).map(zeroize::Zeroizing::new).map_err(|error| {
        let shown = Path::new(shown).display();
        println!("{}: Unable to open configuration file: {shown}: {error}\n", program.name());
        End::Fatal
    })
}
