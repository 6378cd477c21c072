// SPDX-License-Identifier: MIT OR Apache-2.0

//! A server in a process of its own, and commands that use it.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::io::{self, BufRead, BufReader};
use std::os::unix::fs::symlink;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

use super::kernel_args::KernelArgs;
use super::{LAB_VARIABLE, LabError};

/// The commands of a lab: name, and the executable beside `ipsec-lab` that has it.
const COMMANDS: &[(&str, &str)] = &[
    ("ipsecconf", "ipsecconf"),
    ("dladm", "dladm"),
    ("ipseckey", "ipseckey"),
    ("tcpkey", "ipseckey"),
    ("ipadm", "ipsec-lab"),
    ("svcadm", "ipsec-lab"),
    ("svcs", "ipsec-lab"),
    ("svcprop", "ipsec-lab"),
    ("svccfg", "ipsec-lab"),
    ("ipsec-lab", "ipsec-lab"),
];

/// A running lab. The server ends, and a temporary directory goes, when this is
/// dropped, and also when this process is killed.
pub(super) struct Lab {
    dir: PathBuf,
    commands: Vec<&'static str>,
    server: Child,
    // The server ends when this does.
    alive: Option<ChildStdin>,
}

impl Lab {
    /// Starts a server in `dir`, or in a temporary directory, and waits until it answers.
    pub(super) fn start(dir: Option<&Path>, kernel: &KernelArgs) -> Result<Self, LabError> {
        let (dir, temporary) = match dir {
            Some(dir) => (dir.to_owned(), None),
            None => {
                let made = temporary_dir()?;
                (made.path().to_owned(), Some(made))
            }
        };
        let program = env::current_exe()
            .map_err(|source| LabError::io("cannot find", Path::new("ipsec-lab"), source))?;
        let mut command = Command::new(&program);
        // A process group of its own: the terminal's ^C is not for the server.
        command.arg("serve").arg(&dir).arg("--until-eof").process_group(0);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        if temporary.is_some() {
            command.arg("--remove");
        }
        if kernel.unmodified {
            command.arg("--unmodified");
        }
        if let Some(trace) = &kernel.trace {
            command.arg("--trace").arg(trace);
            if kernel.trace_keys {
                command.arg("--trace-keys");
            }
        }
        for address in &kernel.addresses {
            command.arg("--address").arg(address.to_string());
        }
        let mut server =
            command.spawn().map_err(|source| LabError::io("cannot run", &program, source))?;
        let alive = server.stdin.take();
        wait_until_ready(&mut server)?;
        // From here on the server removes it, which outlives this process, however that ends.
        temporary.map(TempDir::keep);
        let mut lab = Self { dir, commands: Vec::new(), server, alive };
        lab.dir = lab.dir.canonicalize().map_err(|e| LabError::io("cannot use", &lab.dir, e))?;
        lab.commands = link_commands(&lab.dir, &program)?;
        Ok(lab)
    }

    /// The directory that stands for `/`.
    pub(super) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// Names of the commands that the lab has.
    pub(super) fn commands(&self) -> &[&'static str] {
        &self.commands
    }

    /// A command that runs `program` in the lab.
    pub(super) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let program = program.as_ref();
        let bin = self.dir.join("bin");
        let ours = bin.join(program);
        let path = env::var_os("PATH").unwrap_or_else(|| "/usr/bin:/bin".into());
        let mut search = OsString::from(&bin);
        search.push(":");
        search.push(path);
        // `Command` searches the PATH of this process, not the one of its child.
        let mut command = if ours.exists() { Command::new(ours) } else { Command::new(program) };
        command.env(LAB_VARIABLE, &self.dir).env("PATH", search);
        command
    }
}

/// Puts `bin/` with the commands into the lab directory.
pub(super) fn link_commands(dir: &Path, program: &Path) -> Result<Vec<&'static str>, LabError> {
    let bin = dir.join("bin");
    let failed = |source| LabError::io("cannot fill", &bin, source);
    fs::create_dir_all(&bin).map_err(failed)?;
    let mut linked = Vec::new();
    for &(name, executable) in COMMANDS {
        let target = program.with_file_name(executable);
        let link = bin.join(name);
        match fs::remove_file(&link) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        if target.exists() {
            symlink(target, link).map_err(failed)?;
            linked.push(name);
        }
    }
    Ok(linked)
}

impl Drop for Lab {
    fn drop(&mut self) {
        drop(self.alive.take());
        let _ = self.server.wait();
    }
}

fn temporary_dir() -> Result<TempDir, LabError> {
    let made = tempfile::Builder::new().prefix("ipsec-lab.").tempdir();
    made.map_err(|source| LabError::io("cannot create a directory in", &env::temp_dir(), source))
}

fn wait_until_ready(server: &mut Child) -> Result<(), LabError> {
    let mut line = String::new();
    if let Some(stdout) = server.stdout.take() {
        let _ = BufReader::new(stdout).read_line(&mut line);
    }
    if line.contains("serving") {
        return Ok(());
    }
    let status = server.wait().map_or_else(|e| e.to_string(), |status| status.to_string());
    Err(LabError::NoServer(status))
}
