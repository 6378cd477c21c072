// SPDX-License-Identifier: MIT OR Apache-2.0

//! The options. They act from left to right.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File, OpenOptions};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use clap::{Arg, ArgAction, Command};
use illumos_ipsec::cli::getopt;
use illumos_ipsec::cli::owner::Who;
use illumos_ipsec::cli::plain;
use illumos_ipsec::sys::System;
use nix::fcntl::OFlag;
use nix::sys::stat::{Mode, umask};
use zeroize::Zeroizing;

use crate::exit::{End, usage};
use crate::program::Program;
use crate::say;
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
    /// The file, and how it was named.
    Read(File, OsString),
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
        say::complain(program, error);
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
                say::complain(program, "a namespace has been given already");
                return Err(End::Fatal);
            }
            ('N', _) => settings.who = who(program, &value)?,
            ('s', Files::Read(..)) | ('f' | 'c', Files::Save(_)) => {
                return Err(usage(program));
            }
            ('s', _) => files = Files::Save(value),
            _ => {
                check |= letter == 'c';
                let service = settings.service.is_some();
                let file = open(program, &system.operand(&value), &value, service)?;
                files = Files::Read(file, value);
            }
        }
    }
    settings.check = check;
    if settings.who == Who::Everybody && matches!(files, Files::Read(..)) {
        let text = "-N '*' is for dump, save, monitor and flush, not for files";
        say::complain(program, text);
        return Err(End::Fatal);
    }
    match files {
        Files::Save(path) => {
            let mut session = Session::open(&system, settings, Source::CommandLine)?;
            let result = crate::save::save_option(&mut session, &path);
            session.finish(result)
        }
        Files::Read(file, path) => {
            let text = read(program, file, &path)?;
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
        say::complain(program, format_args!("-N {shown}: {error}"));
        End::Fatal
    })
}

/// Opens a file of commands and looks at it: what is read later is what was looked at.
fn open(program: Program, path: &Path, shown: &OsStr, service: bool) -> Result<File, End> {
    let shown = Path::new(shown).display();
    // A pipe must not make us wait for its other end, nor a terminal become ours.
    let flags = OFlag::O_NONBLOCK | OFlag::O_NOCTTY;
    let opened = OpenOptions::new().read(true).custom_flags(flags.bits()).open(path);
    let status = match &opened {
        Ok(file) => file.metadata(),
        Err(_) => fs::metadata(path),
    };
    let Ok(status) = status else {
        say::print(program, format_args!("Invalid pathname: {shown}\n"));
        return Err(End::Fatal);
    };
    if !status.is_file() {
        say::print(program, format_args!("{shown} - Not a regular file\n"));
        return Err(End::Fatal);
    }
    let Ok(file) = opened else {
        say::print(program, format_args!("Unable to open configuration file: {shown}\n"));
        return Err(End::Fatal);
    };
    if status.uid() != 0 || status.mode() & 0o077 != 0 {
        if service {
            let text = format_args!("Config file {shown} has insecure permissions.\n");
            say::print(program, text);
            return Err(End::Fatal);
        }
        let text = "has insecure permissions, will be rejected in permanent config.";
        say::complain_plain(format_args!("Config file {shown} {text}"));
    }
    Ok(file)
}

fn read(program: Program, mut file: File, shown: &OsStr) -> Result<Zeroizing<Vec<u8>>, End> {
    let mut text = Zeroizing::new(Vec::new());
    match file.read_to_end(&mut text) {
        Ok(_) => Ok(text),
        Err(error) => {
            let shown = Path::new(shown).display();
            let error = plain(&error);
            let text = format_args!("Unable to read configuration file: {shown}: {error}\n");
            say::print(program, text);
            Err(End::Fatal)
        }
    }
}
