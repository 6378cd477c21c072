// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system a case runs on.

use std::collections::BTreeMap;
use std::fs::{self, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use illumos_ipsec::policy::AlgDb;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::case::{Case, File, Step};
use super::peer::Peer;

/// When the recorded clock stood still.
const NOW: &str = "1700000000";
/// A user without any privilege.
const NOBODY: u32 = 65534;
/// A rule for the time zone of the recordings, for machines without a table of zones.
const NEW_YORK: &str = "EST5EDT,M3.2.0,M11.1.0";

/// What one run of ours did.
#[derive(Clone, Debug, Default)]
pub(super) struct Observed {
    pub(super) exit: Option<i32>,
    pub(super) stdout: String,
    pub(super) stderr: String,
    pub(super) sent: Vec<Vec<u8>>,
    pub(super) files: BTreeMap<String, Option<File>>,
}

/// Plays all runs of a case.
pub(super) fn play(case: &Case, program: &Path) -> io::Result<Vec<Observed>> {
    let dir = tempfile::tempdir()?;
    let root = dir.path().join("lab/root/etc/inet");
    let cwd = dir.path().join("cwd");
    let bin = dir.path().join("bin");
    for path in [&root, &cwd, &bin] {
        fs::create_dir_all(path)?;
    }
    fs::write(dir.path().join("lab/clock"), NOW)?;
    fs::write(root.join("ipsecalgs"), AlgDb::installed().to_text())?;
    fs::write(root.join("protocols"), include_str!("../../../golden/ipsecconf-env/protocols"))?;
    fs::write(root.join("hosts"), &case.setup.hosts)?;
    for (name, file) in &case.setup.files {
        write(&cwd.join(name), file)?;
    }
    for name in &case.setup.dirs {
        fs::create_dir(cwd.join(name))?;
    }
    case.steps.iter().map(|step| run(step, program, dir.path())).collect()
}

fn write(path: &Path, file: &File) -> io::Result<()> {
    fs::write(path, &file.content)?;
    let mode = u32::from_str_radix(&file.mode, 8).map_err(io::Error::other)?;
    fs::set_permissions(path, Permissions::from_mode(mode))
}

fn run(step: &Step, program: &Path, dir: &Path) -> io::Result<Observed> {
    let name = dir.join("bin").join(&step.argv[0]);
    if !name.exists() {
        std::os::unix::fs::symlink(program, &name)?;
    }
    let mut command = Command::new(&name);
    command
        .args(&step.argv[1..])
        .current_dir(dir.join("cwd"))
        .env_remove("SMF_FMRI")
        .env("LC_ALL", "C")
        .env("IPSEC_LAB", dir.join("lab"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for (name, value) in &step.env {
        let known =
            value != "America/New_York" || Path::new("/usr/share/zoneinfo").join(value).exists();
        command.env(name, if known { value } else { NEW_YORK });
    }
    let socket = dir.join("lab/pf_key");
    let _ = fs::remove_file(&socket);
    let condition = step.conditions.as_ref().map(ToString::to_string).unwrap_or_default();
    let mut sent = None;
    if condition.contains("EPERM") {
        // A socket that this user may not use.
        let peer = Peer::bind(&socket)?;
        fs::set_permissions(&socket, Permissions::from_mode(0o600))?;
        for path in [dir, &dir.join("lab"), &dir.join("lab/root"), &dir.join("cwd")] {
            fs::set_permissions(path, Permissions::from_mode(0o755))?;
        }
        if nix::unistd::geteuid().is_root() {
            command.uid(NOBODY);
        }
        drop(peer);
    } else if condition.is_empty() {
        let peer = Peer::bind(&socket)?;
        sent = Some(peer.play(&step.pf_key)?);
    }
    let mut child = command.spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        // It may have ended before it has read all of it.
        let _ = stdin.write_all(step.stdin.as_deref().unwrap_or_default().as_bytes());
    }
    let (stdout, stderr) = outputs(&mut child, step)?;
    let status = child.wait()?;
    if sent.is_some() {
        // If it has come and gone, nobody listens any more.
        let _ = Peer::release(&socket);
    }
    let stdout = as_recorded(&stdout, &child);
    let mut observed = Observed {
        exit: status.code().or_else(|| status.signal().map(|signal| -signal)),
        stdout,
        stderr,
        sent: sent.into_iter().flatten().collect(),
        files: BTreeMap::new(),
    };
    for name in step.files_after.iter().flatten().map(|(name, _)| name) {
        let path = dir.join("cwd").join(name);
        let file = fs::metadata(&path).ok().map(|status| File {
            content: fs::read_to_string(&path).unwrap_or_default(),
            mode: format!("{:04o}", status.permissions().mode() & 0o7777),
        });
        observed.files.insert(name.clone(), file);
    }
    Ok(observed)
}

/// Standard output and error. A monitor is interrupted when it has shown everything.
fn outputs(child: &mut Child, step: &Step) -> io::Result<(String, String)> {
    let mut stdout = child.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let mut stderr = child.stderr.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let errors = std::thread::spawn(move || {
        let mut text = Vec::new();
        stderr.read_to_end(&mut text).map(|_| text)
    });
    let mut text = Vec::new();
    if let Some(end) = shown_by_monitor(&step.stdout) {
        let mut buffer = [0; 4096];
        // Process ids have as many digits as they like.
        while as_recorded(&String::from_utf8_lossy(&text), child).len() < end {
            match stdout.read(&mut buffer)? {
                0 => break,
                len => text.extend_from_slice(&buffer[..len]),
            }
        }
        let pid = i32::try_from(child.id()).map_err(io::Error::other)?;
        // It may have ended already, which shows later.
        let _ = kill(Pid::from_raw(pid), Signal::SIGINT);
    }
    stdout.read_to_end(&mut text)?;
    let errors = errors.join().map_err(|_| io::Error::other("a reader has died"))??;
    let shown = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ok((shown(&text), shown(&errors)))
}

/// Output with the process id of the recorded process.
fn as_recorded(text: &str, child: &Child) -> String {
    text.replace(&format!("pid={}.", child.id()), "pid=4242.")
}

/// How much of the standard output a monitor has written before it is interrupted.
fn shown_by_monitor(expected: &str) -> Option<usize> {
    let start = expected.find(" monitoring the PF_KEY socket.\n")?;
    match expected.rfind("Read ") {
        Some(last) => Some(last + expected[last..].find("\n\n")? + 2),
        None => Some(start + expected[start..].find('\n')? + 1),
    }
}
