// SPDX-License-Identifier: MIT OR Apache-2.0

//! Running a method as SMF does.

use std::env;
use std::ffi::OsString;
use std::fmt;
use std::io;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

use super::manifest::{Method, Service};
use super::repository::Repository;
use super::{LabError, RESTARTER, exec, log};
use crate::lab::LAB_VARIABLE;
use crate::lab::signals::Signals;

/// How a method has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ended {
    Exited(i32),
    Killed(i32),
    TimedOut(u64),
    /// It has not run: its command line cannot be made.
    NotRun(String),
}

/// What an ended method means to the restarter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    Done,
    /// Try again.
    Failed,
    /// Trying again would not help.
    Hopeless,
}

impl Ended {
    /// Source: `spec/smf.md` section 2.
    pub(super) fn meaning(&self) -> Meaning {
        match self {
            Self::Exited(0 | 94) => Meaning::Done,
            Self::Exited(95 | 96 | 99 | 100) | Self::NotRun(_) => Meaning::Hopeless,
            Self::Exited(_) | Self::Killed(_) | Self::TimedOut(_) => Meaning::Failed,
        }
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => {
                write!(f, "exited with status {code}")?;
                match code {
                    95 => f.write_str(" (fatal)"),
                    96 => f.write_str(" (configuration error)"),
                    99 => f.write_str(" (not run under SMF)"),
                    100 => f.write_str(" (privilege missing)"),
                    _ => Ok(()),
                }
            }
            Self::Killed(signal) => write!(f, "was ended by signal {signal}"),
            Self::TimedOut(seconds) => write!(f, "did not end within {seconds} seconds"),
            Self::NotRun(why) => write!(f, "cannot be run: {why}"),
        }
    }
}

/// Runs the method to its end. What it says, and how it ends, goes to the log.
pub(super) fn run(
    repository: &Repository,
    signals: &Signals,
    service: &Service,
    method: &Method,
) -> Result<Ended, LabError> {
    let path = log::path(&repository.root(), service);
    let failed = |source| LabError::io("cannot write", &path, source);
    let mut log = log::open(&path).map_err(failed)?;
    let properties = repository.properties(service);
    let ended = match exec::expand(&method.exec, &method.name, service, &properties) {
        Err(why) => Ended::NotRun(format!("exec is '{}': {why}", method.exec)),
        // A transient service has no processes that could be killed.
        Ok(line) if matches!(line.trim(), ":true" | ":kill") => Ended::Exited(0),
        Ok(line) => {
            let what = format!("Executing {} method (\"{line}\").", method.name);
            log::note(&mut log, repository.now(), &what).map_err(failed)?;
            let mut command = command(repository.lab(), service, method, &line);
            let output = || log.try_clone().map(Stdio::from).map_err(failed);
            command.stdout(output()?).stderr(output()?);
            wait(signals, &mut command, method.timeout_seconds)
                .map_err(|source| LabError::io("cannot run", Path::new(&line), source))?
        }
    };
    let what = format!("Method \"{}\" {ended}.", method.name);
    log::note(&mut log, repository.now(), &what).map_err(failed)?;
    Ok(ended)
}

fn command(lab: &Path, service: &Service, method: &Method, line: &str) -> Command {
    let mut search = OsString::from(lab.join("bin"));
    search.push(":");
    search.push(env::var_os("PATH").unwrap_or_else(|| "/usr/sbin:/usr/bin:/bin".into()));
    let shell = exec::shell(&search);
    let mut command = Command::new(&shell);
    command.arg("-c").arg(exec::located(line, &shell, lab));
    command.env_clear().env("PATH", search).env(LAB_VARIABLE, lab);
    command.env("SMF_FMRI", &service.fmri).env("SMF_METHOD", &method.name);
    command.env("SMF_RESTARTER", RESTARTER).env("SMF_ZONENAME", "global");
    if let Some(zone) = env::var_os("TZ") {
        command.env("TZ", zone);
    }
    command.current_dir("/").stdin(Stdio::null());
    // All of the method is ended when its time is up, and nothing of it by a terminal.
    command.process_group(0);
    command
}

fn wait(signals: &Signals, command: &mut Command, limit: Option<u64>) -> io::Result<Ended> {
    let deadline = limit.map(|seconds| Instant::now() + Duration::from_secs(seconds));
    let mut child = signals.spawn(command)?;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(ended(status));
        }
        if signals.next(deadline)?.is_none() {
            if let Ok(group) = i32::try_from(child.id()) {
                // It fails only if they have just ended.
                let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
            }
            child.wait()?;
            return Ok(Ended::TimedOut(limit.unwrap_or_default()));
        }
    }
}

fn ended(status: ExitStatus) -> Ended {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ended::Exited(code),
        (None, signal) => Ended::Killed(signal.unwrap_or_default()),
    }
}
