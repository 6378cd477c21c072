// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab serve`: a server as a process.

use std::fs;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitCode;

use nix::sys::signal::Signal;

use super::kernel_args::KernelArgs;
use super::signals::Signals;
use super::{LabError, Options, Server};
use crate::{Config, KernelKind};

/// Options of `serve`.
pub(super) struct Args {
    pub(super) dir: PathBuf,
    pub(super) kernel: KernelArgs,
    /// End when standard input ends or has something to read.
    pub(super) until_eof: bool,
    /// Remove the directory at the end.
    pub(super) remove: bool,
}

/// Serves until a signal or, with `until_eof`, the parent process ends it.
pub(super) fn run(args: &Args) -> Result<ExitCode, LabError> {
    let outcome = serve(args);
    if args.remove && !matches!(outcome, Err(LabError::InUse { .. })) {
        fs::remove_dir_all(&args.dir)
            .map_err(|source| LabError::io("cannot remove", &args.dir, source))?;
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

fn serve(args: &Args) -> Result<(), LabError> {
    let failed = |source| LabError::io("cannot serve", &args.dir, source);
    // From here on a signal waits until the loop looks.
    let signals =
        Signals::catch(&[Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP]).map_err(failed)?;
    let kind = if args.kernel.unmodified { KernelKind::Unmodified } else { KernelKind::Modified };
    let config = Config { kind, ..Config::default() };
    let options = Options {
        trace: args.kernel.trace.clone(),
        trace_keys: args.kernel.trace_keys,
        addresses: args.kernel.addresses.clone(),
        ..Options::default()
    };
    let mut server = Server::bind(&args.dir, config, options)?;

    // Nobody may be there to read the line.
    let mut stdout = io::stdout();
    let _ = writeln!(stdout, "ipsec-lab: serving {}", args.dir.display());
    let _ = stdout.flush();

    let stdin = io::stdin();
    let mut stop = vec![signals.as_fd()];
    if args.until_eof {
        stop.push(stdin.as_fd());
    }
    server.run_until(&stop).map_err(failed)
}
