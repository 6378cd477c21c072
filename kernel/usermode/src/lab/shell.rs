// SPDX-License-Identifier: MIT OR Apache-2.0

//! `ipsec-lab shell`: a private kernel, and a shell or one command that uses it.

use std::env;
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitCode, ExitStatus};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::LabError;
use super::kernel_args::KernelArgs;
use super::process::Lab;
use super::signals::Signals;
use super::smf;

/// Options of `shell`.
pub(super) struct Args {
    pub(super) command: Option<OsString>,
    pub(super) dir: Option<PathBuf>,
    pub(super) kernel: KernelArgs,
}

/// What a shell has to end after it has been told to.
const GRACE: Duration = Duration::from_secs(2);

/// Runs the shell; the exit status is its own, or 128 and the number of the signal
/// that has ended it.
pub(super) fn run(args: &Args) -> Result<ExitCode, LabError> {
    let lab = Lab::start(args.dir.as_deref(), &args.kernel)?;
    smf::at_start(&lab);
    let mut command = match &args.command {
        Some(text) => {
            let mut command = lab.command("/bin/sh");
            command.arg("-c").arg(text);
            command
        }
        None => {
            hint(&lab);
            let shell = env::var_os("SHELL").filter(|shell| !shell.is_empty());
            lab.command(shell.unwrap_or_else(|| "/bin/sh".into()))
        }
    };
    let status = wait_for(&mut command)
        .map_err(|source| LabError::io("cannot run", Path::new(command.get_program()), source))?;
    Ok(exit_code(status))
}

/// What one sees first in an interactive shell.
fn hint(lab: &Lab) {
    let (commands, root) = (lab.commands().join(" "), lab.root());
    let root = root.display();
    let text = format!(
        "A user-mode kernel for this shell alone; no command here talks to that of this machine.\n\
         \n\
         commands   {commands}\n\
         root       {root}\n\
         \u{20}          stands for / of the system: an operand such as\n\
         \u{20}          /etc/inet/ipsecinit.conf is looked up there first\n\
         leave      exit\n\n"
    );
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Runs a command to its end. Signals that would end this process go to the command.
fn wait_for(command: &mut Command) -> io::Result<ExitStatus> {
    let signals = Signals::catch(&[
        Signal::SIGCHLD,
        Signal::SIGTERM,
        Signal::SIGHUP,
        Signal::SIGINT,
        Signal::SIGQUIT,
    ])?;
    let mut child = signals.spawn(command)?;
    let mut deadline = None;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        match signals.next(deadline)? {
            None => child.kill()?,
            Some(arrived) => match arrived.signal {
                Signal::SIGCHLD => {}
                // ^C and ^\ have reached the command already.
                Signal::SIGINT | Signal::SIGQUIT if arrived.by_kernel => {}
                signal => {
                    send(&child, signal);
                    if matches!(signal, Signal::SIGTERM | Signal::SIGHUP) {
                        // An interactive shell takes no notice of SIGTERM.
                        send(&child, Signal::SIGHUP);
                        deadline.get_or_insert_with(|| Instant::now() + GRACE);
                    }
                }
            },
        }
    }
}

fn send(child: &Child, signal: Signal) {
    if let Ok(pid) = i32::try_from(child.id()) {
        let _ = kill(Pid::from_raw(pid), signal);
    }
}

/// As a shell reports it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = match (status.code(), status.signal()) {
        (Some(code), _) => code,
        (None, Some(signal)) => 128 + signal,
        (None, None) => 1,
    };
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}
