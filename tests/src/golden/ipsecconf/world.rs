// SPDX-License-Identifier: MIT OR Apache-2.0

//! The system a case runs on.

use std::collections::HashMap;
use std::fs;
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};

use illumos_ipsec::model::TunnelName;
use illumos_ipsec::policy::AlgDb;
use illumos_ipsec::sys::standby::PROBE_HEAD;
use illumos_ipsec::wire::errno::Errno;
use illumos_ipsec::wire::policy::{Diagnostic, HEADER_LEN, Header, Message, update_algorithms};
use ipsec_usermode::lab::{Action, Interposer, Options, Running, Server};
use ipsec_usermode::{Config, IpsecState, Kernel, KernelKind};

use super::case::{
    Case, Fault, Sent, Step, Text, changes_kernel, masked, shown, shows_data, without_prose,
};
use super::outcome::Observed;

/// Files of the name services, as they were where the cases were recorded.
const FILES: &[(&str, &str)] = &[
    ("etc/hosts", include_str!("../../../golden/ipsecconf-env/hosts")),
    ("etc/networks", include_str!("../../../golden/ipsecconf-env/networks")),
    ("etc/protocols", include_str!("../../../golden/ipsecconf-env/protocols")),
    ("etc/services", include_str!("../../../golden/ipsecconf-env/services")),
    ("etc/inet/ipsecalgs", include_str!("../../../golden/ipsecconf-env/ipsecalgs")),
];
const HOSTNAME: &str = "gw.example.com";
const ALGORITHMS: &str = "/etc/inet/ipsecalgs";
const VIEW: &str = "var/run/ipsecpolicy.conf";
const LOCK: &str = "var/run/ipsecconf.lock";
/// A user without any privilege.
const NOBODY: u32 = 65534;

/// Plays all commands of a case.
pub(super) fn play(case: &Case, program: &Path, kernel: KernelKind) -> io::Result<Vec<Observed>> {
    let mut world = World::new(case, kernel)?;
    case.steps.iter().map(|step| world.run(step, program)).collect()
}

struct World {
    dir: tempfile::TempDir,
    server: Option<Running>,
    spy: Arc<Mutex<Spy>>,
}

impl World {
    fn new(case: &Case, kernel: KernelKind) -> io::Result<Self> {
        let dir = tempfile::tempdir()?;
        let spy = Arc::new(Mutex::new(Spy::default()));
        let options = Options {
            interposer: Some(Box::new(SharedSpy(Arc::clone(&spy)))),
            ..Options::default()
        };
        let lab = dir.path().join("lab");
        let config = Config::new(kernel, IpsecState::Loaded);
        let mut server = Server::bind(&lab, config, options).map_err(io::Error::other)?;
        fs::create_dir(dir.path().join("cwd"))?;
        let root = server.root();
        for (path, content) in FILES {
            fs::write(root.join(path), content)?;
        }
        for (path, content) in &case.system_files {
            let inside = root.join(path.trim_start_matches('/'));
            match content {
                Some(content) => fs::write(&inside, &content.0)?,
                // An empty file: without one the lab would use the machine's.
                None if path.starts_with("/etc") => fs::write(&inside, "")?,
                None => fs::remove_file(&inside)?,
            }
            if path.ends_with(".lock") {
                fs::set_permissions(&inside, fs::Permissions::from_mode(0o600))?;
            }
        }
        let keeps_default = case.steps.iter().any(|step| step.fault.default_algorithms);
        if let Some(content) = case.system_files.get(ALGORITHMS)
            && !keeps_default
        {
            let text = content.clone().unwrap_or_default();
            load_algorithms(server.kernel_mut(), &text.0)?;
        }
        Ok(Self { dir, server: Some(server.spawn()?), spy })
    }

    fn lab(&self) -> PathBuf {
        self.dir.path().join("lab")
    }

    fn root(&self) -> PathBuf {
        self.lab().join("root")
    }

    fn run(&mut self, step: &Step, program: &Path) -> io::Result<Observed> {
        let cwd = self.dir.path().join("cwd");
        for (name, content) in &step.files {
            fs::write(cwd.join(name), &content.0)?;
        }
        let hostname = step.fault.hostname.as_deref().unwrap_or(HOSTNAME);
        fs::write(self.root().join("etc/nodename"), format!("{hostname}\n"))?;
        *self.spy.lock().expect("the spy never panics") =
            Spy { fault: step.fault.clone(), ..Spy::default() };

        let restore = self.take_privileges(step)?;
        let mut command = self.command(step, program)?;
        let mut child = loop {
            match command.spawn() {
                Err(error) if error.kind() == io::ErrorKind::ExecutableFileBusy => {}
                result => break result?,
            }
        };
        let mut stdin = child.stdin.take().expect("standard input is a pipe");
        // A command that does not read its input closes the pipe.
        match stdin.write_all(step.stdin.as_ref().map_or(b"", |text| &text.0)) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error),
            _ => drop(stdin),
        }
        let output = child.wait_with_output()?;
        restore()?;

        let stdout = Text(output.stdout);
        let view = fs::read(self.root().join(VIEW)).unwrap_or_default();
        let mut spy = self.spy.lock().expect("the spy never panics");
        Ok(Observed {
            exit: output.status.code(),
            stdout: if shows_data(&step.args) { stdout } else { without_prose(&stdout) },
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            sent: std::mem::take(&mut spy.sent),
            view: Text(shown(&view)),
        })
    }

    fn command(&self, step: &Step, program: &Path) -> io::Result<Command> {
        let unprivileged = step.fault.no_lock || step.fault.no_socket;
        let copy = self.dir.path().join("ipsecconf");
        let as_nobody = unprivileged && nix::unistd::geteuid().is_root();
        if as_nobody && !copy.exists() {
            // The build directory may be closed to others. A file that is still open for
            // writing, also in a process that another test has just forked, cannot be
            // run; a link is never open for writing.
            fs::hard_link(program, &copy).or_else(|_| fs::copy(program, &copy).map(drop))?;
        }
        let mut command = Command::new(if as_nobody { &copy } else { program });
        if as_nobody {
            command.uid(NOBODY).gid(NOBODY);
        }
        command
            .args(&step.args)
            .current_dir(self.dir.path().join("cwd"))
            .env_clear()
            .env("LC_ALL", "C")
            .env("IPSEC_LAB", self.lab())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if let Some(service) = &step.service {
            command.env("SMF_FMRI", service);
        }
        Ok(command)
    }

    /// Takes away what the command must not have, and gives back how to undo it.
    fn take_privileges(&self, step: &Step) -> io::Result<Box<dyn FnOnce() -> io::Result<()>>> {
        if !step.fault.no_lock && !step.fault.no_socket {
            return Ok(Box::new(|| Ok(())));
        }
        let mode = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode));
        let run = self.root().join("var/run");
        let socket = self.lab().join("pf_policy");
        let lock = self.root().join(LOCK);
        if lock.exists() {
            fs::remove_file(&lock)?;
        }
        if !nix::unistd::geteuid().is_root() {
            let (path, old) = if step.fault.no_lock { (run, 0o755) } else { (socket, 0o600) };
            mode(&path, 0)?;
            return Ok(Box::new(move || mode(&path, old)));
        }
        // Root may do everything, so the command runs as a user who may not.
        for path in [self.dir.path(), &self.lab(), &self.root()] {
            mode(path, 0o755)?;
        }
        if !step.fault.no_lock {
            mode(&run, 0o777)?;
        }
        Ok(Box::new(move || {
            if lock.exists() {
                fs::remove_file(&lock)?;
            }
            mode(&run, 0o755)
        }))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        // The server ends before its directory goes.
        drop(self.server.take());
    }
}

/// Gives a kernel the algorithms of an `ipsecalgs` file.
fn load_algorithms(kernel: &mut Kernel, text: &[u8]) -> io::Result<()> {
    let (algs, _) = AlgDb::parse(text);
    let conn = kernel.open_policy();
    kernel.request(conn, &update_algorithms(algs.algorithms(), &[2, 3]).encode());
    let reply = kernel.next_reply(conn).ok_or(io::ErrorKind::UnexpectedEof)?;
    kernel.close(conn);
    match Header::read(&reply).errno {
        Errno::OK => Ok(()),
        errno => Err(io::Error::other(format!("the kernel refuses the algorithms: {errno}"))),
    }
}

/// Notes what is sent, and answers in the kernel's place where a fault is wanted.
#[derive(Default)]
struct Spy {
    fault: Fault,
    seen: HashMap<u8, usize>,
    sent: Vec<Sent>,
}

struct SharedSpy(Arc<Mutex<Spy>>);

impl Interposer for SharedSpy {
    fn request(&mut self, _connection: u64, bytes: &[u8]) -> Action {
        let mut spy = self.0.lock().expect("the spy never panics");
        let kind = bytes.get(1).copied().unwrap_or_default();
        let nth = spy.seen.entry(kind).or_default();
        *nth += 1;
        let nth = *nth;
        let fault = spy.fault.reply.filter(|(k, n, ..)| (*k, *n) == (kind, nth));
        if changes_kernel(bytes) && !is_probe(bytes) {
            spy.sent.push(Sent { hex: masked(bytes), errno: 0 });
        }
        match fault {
            None => Action::Pass,
            Some((_, _, errno, diagnostic)) => Action::Reply(error_reply(bytes, errno, diagnostic)),
        }
    }
}

fn error_reply(request: &[u8], errno: u8, diagnostic: u16) -> Vec<u8> {
    let header = Header {
        errno: Errno(errno),
        diagnostic: Diagnostic(diagnostic),
        len: (HEADER_LEN / 8) as u16,
        ..Header::read(request)
    };
    header.bytes().to_vec()
}

/// Asking for the standby defect changes nothing that any traffic meets.
fn is_probe(request: &[u8]) -> bool {
    let head = TunnelName::new(PROBE_HEAD).expect("the name of the probe is a valid one");
    Message::decode(request)
        .ok()
        .and_then(|message| message.tun_name().map(|name| name.name() == head.as_bytes()))
        .unwrap_or(false)
}
